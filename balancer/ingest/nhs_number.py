"""NHS numbers: ten digits, the last of which checks the others (modulus 11). The test range 999 is as good as any."""

from __future__ import annotations

import numpy as np
import pandas as pd

LENGTH = 10
_WEIGHTS = np.arange(10, 1, -1)
_MODULUS = 11


def plain(numbers: pd.Series[str]) -> pd.Series[str]:
    """Return the numbers without the blanks and hyphens that people group them by."""
    return numbers.str.replace(r"[\s-]", "", regex=True)


def valid(numbers: pd.Series[str]) -> pd.Series[bool]:
    """Tell of each plain number whether it can be one; ten times the same digit is a placeholder."""
    good = numbers.str.fullmatch(r"[0-9]{10}") & ~numbers.str.fullmatch(r"([0-9])\1{9}")
    digits = np.array([list(number) for number in numbers[good]], dtype=np.int64).reshape(-1, LENGTH)
    check = (_MODULUS - (digits[:, :-1] @ _WEIGHTS) % _MODULUS) % _MODULUS  # 10: no number begins like that
    good = good.copy()
    good[good] = check == digits[:, -1]
    return good


def plain_one(number: str) -> str | None:
    """Return one number plain; nothing if it can be none."""
    found = plain(pd.Series([number], dtype=str))
    return str(found.iloc[0]) if valid(found).all() else None

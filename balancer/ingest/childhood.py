"""Who is a child on the day of the examination. The date of birth itself is read here and kept nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from balancer.ingest.feed_file import Paediatric

UNREADABLE = "unreadable"
_NEVER = pd.Timestamp.max


@dataclass(frozen=True, slots=True, kw_only=True)
class Childhood:
    """Of each row, whether the patient is a child or that could not be read; ``words`` is what may be kept."""

    child: pd.Series[bool]
    unreadable: pd.Series[bool]
    words: pd.Series[str]


def childhood(born: pd.Series[str], acquired: pd.Series[pd.Timestamp], rule: Paediatric) -> Childhood:
    """Judge a column of birth dates, or of the words that an earlier judgement kept; an empty cell is no child's."""
    under, over = f"under {rule.under_years}", f"{rule.under_years} or over"
    on = pd.Series(pd.NaT, index=born.index, dtype="datetime64[us]")
    for style in rule.date_formats:
        on = on.fillna(pd.to_datetime(born, format=style, errors="coerce").astype(on.dtype))
    examined = acquired.dt.tz_localize(None).fillna(_NEVER)
    child = (born == under) | (on > examined - pd.DateOffset(years=rule.under_years))
    unreadable = on.isna() & ~born.isin(["", under, over])
    words = pd.Series(over, index=born.index, dtype=str).mask(child, under).mask(born == "", "")
    return Childhood(child=child, unreadable=unreadable, words=words.mask(unreadable, UNREADABLE))

"""Codes of the network's own, subspecialties above all, as words."""

from __future__ import annotations

import re
from typing import Final

# What has so few letters is short for something: MSK.
_ABBREVIATION: Final = 3
_YOU: Final = re.compile(r"\b([Yy])ou(r?)\b")


def in_words(code: str) -> str:
    """Return a code of the network's as words: `head_neck` as `Head neck`, one of three letters as what it shortens."""
    return code.upper() if len(code) <= _ABBREVIATION else code.replace("_", " ").capitalize()


def within_sentence(code: str) -> str:
    """Return the same within a sentence: `head neck`, `MSK`."""
    words = in_words(code)
    return words if words.isupper() else words.lower()


def said_of_them(words: str) -> str:
    """Return what is said to a reporter as it is said of them, to whoever looks at their list."""
    return _YOU.sub(lambda found: f"{'T' if found[1] == 'Y' else 't'}he{'ir' if found[2] else 'y'}", words)

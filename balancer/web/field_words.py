"""Codes of the network's own, subspecialties above all, as words."""

from __future__ import annotations

from typing import Final

# What has so few letters is short for something: MSK.
_ABBREVIATION: Final = 3


def in_words(code: str) -> str:
    """Return a code of the network's as words: `head_neck` as `Head neck`, one of three letters as what it shortens."""
    return code.upper() if len(code) <= _ABBREVIATION else code.replace("_", " ").capitalize()


def within_sentence(code: str) -> str:
    """Return the same within a sentence: `head neck`, `MSK`."""
    words = in_words(code)
    return words if words.isupper() else words.lower()

"""Words as people write them, reduced to what they mean: capitals, blanks and (for names) punctuation do not count."""

from __future__ import annotations

import re
import unicodedata

_BLANKS = re.compile(r"\s+")
_NOT_WORDS = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """Return ``text`` without capitals and without needless blanks."""
    return _BLANKS.sub(" ", text).strip().casefold()


def folded_name(text: str) -> str:
    """Return the name of an examination reduced to its words: ``CT Abdomen & pelvis`` is ``ct abdomen and pelvis``."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("&", " and ")
    return _NOT_WORDS.sub(" ", plain).strip()

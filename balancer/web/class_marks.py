"""How classes of urgency are marked: one blue in steps of lightness, because a class is an order, and a letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from balancer.domain.policy import Policy

# Steps of the one hue in the style sheet, darkest first.
TONES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMark:
    """What marks a class: its letter, its name in words, its tone from 0 (darkest)."""

    code: str
    letter: str
    name: str
    tone: int


def class_marks(policy: Policy) -> Mapping[str, ClassMark]:
    """Return the mark of each class of the policy, by code.

    A class whose name is one word has that word's first letter, so that S is screening and not suspected cancer, which
    is C; then each of the others has the first of its name's that none has yet. Where there is none, a digit.
    """
    names = {priority.code: priority.code.replace("_", " ").capitalize() for priority in policy.priorities}
    letters: dict[str, str] = {}
    for code, name in sorted(names.items(), key=lambda item: " " in item[1]):
        digit = str(list(names).index(code) + 1)
        letters[code] = next((one for one in _letters(name) if one not in letters.values()), digit)
    steps = max(len(names), TONES)
    return {
        code: ClassMark(code=code, letter=letters[code], name=name, tone=min(place * TONES // steps, TONES - 1))
        for place, (code, name) in enumerate(names.items())
    }


def mark_of(marks: Mapping[str, ClassMark], code: str) -> ClassMark:
    """Return the mark of a class; of one that the policy has lost, the lightest with a question mark."""
    found = marks.get(code)
    if found is not None:
        return found
    return ClassMark(code=code, letter="?", name=code.replace("_", " ").capitalize(), tone=TONES - 1)


def _letters(name: str) -> Iterable[str]:
    """Yield the letters of a name in the order in which they stand for it: of its words first, then all."""
    yield from (word[0].upper() for word in name.split())
    yield from (letter.upper() for letter in name if letter.isalpha())

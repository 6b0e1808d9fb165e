"""What people have said a trust's words mean, beside the description of its feed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from balancer.domain.errors import InvalidValueError

_LONGEST = 200


class WordKind(StrEnum):
    """What kind of word it is: an examination's code or name, a class of urgency, or a site."""

    EXAM_CODE = "exam_code"
    EXAM_NAME = "exam_name"
    PRIORITY = "priority"
    SITE = "site"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedWord:
    """A word of a feed's and what it means: an examination of the catalogue, a class of the policy, a site's name.

    Raises
    ------
    InvalidValueError
        If the word or its meaning is empty, or longer than anybody writes.
    """

    feed: str
    kind: WordKind
    word: str
    meaning: str

    def __post_init__(self) -> None:
        for name, text in (("word", self.word), ("meaning", self.meaning)):
            if not text.strip():
                raise InvalidValueError(name, "must not be empty")
            if len(text) > _LONGEST:
                raise InvalidValueError(name, f"is longer than {_LONGEST} characters")

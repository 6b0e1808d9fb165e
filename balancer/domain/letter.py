"""What is to be told somebody outside: a letter, which an outlet sends until it is taken or given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class LetterState(StrEnum):
    """What has become of a letter.

    ``waiting``: it is to be sent, now or again. ``sent``: whom it is for has taken it. ``dead``: it was given up, and
    waits for a person to put it back.
    """

    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What one outlet is to say, once.

    Letters of one ``key`` are sent one after the other, in the order in which they were written; those of different
    keys do not wait for each other. ``subject`` is what it speaks of: a letter is not sent once a later one of the same
    subject has been. ``what`` is a word for people. ``trust`` and ``study_id`` say of whose study it speaks, if it is
    of one. ``body`` is the outlet's own, and all that it needs to say the same again.
    """

    key: str
    subject: str
    what: str
    body: Mapping[str, Any]
    trust: str | None = None
    study_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """For how long an outlet tries: so often, each time after a longer wait, and never beyond an age.

    Attributes
    ----------
    tries
        How often whoever a letter is for may fail to take it.
    hours
        How old it may grow, whatever the cause.
    first_seconds, longest_seconds
        The wait after the first failure, and the longest.
    """

    tries: int = 20
    hours: float = 72.0
    first_seconds: float = 1.0
    longest_seconds: float = 300.0

    def wait_after(self, tries: int, chance: float) -> float:
        """Return for how many seconds to wait after so many failures: doubled each time, and a part of it by chance.

        ``chance`` is from 0 to 1, and anew each time: many that failed together do not come back together.
        """
        whole = min(self.longest_seconds, self.first_seconds * 2 ** min(max(tries, 1) - 1, 20))
        return float(whole * (0.5 + 0.5 * chance))

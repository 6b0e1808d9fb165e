"""The one tree of errors.

::

    BalancerError
    +-- InvalidValueError     a value that breaks its own rule (also a ValueError)
    +-- InputRefusedError     input with faults, every one of them listed
    +-- PlanRejectedError     the referee found a broken rule; nothing was published
    +-- NotFoundError         no such thing in the store
    |   +-- NothingLoadedError  there is nothing yet to look for it in
    +-- ConflictError         the state changed under the caller
    |   +-- ClaimedError      somebody else has the read open
    |   +-- VersionError      the thing is of another version than the caller has seen
    |   +-- UntimelyError     a value that is right in itself and too late, or no news, by now (also invalid)
    +-- NotAllowedError       whoever asks may not do this
    +-- GoneError             what the caller holds on to is no longer kept
    +-- BooksError            a batch's books do not balance; nothing of it was taken
    +-- UndeliveredError      whom a letter is for did not take it; it is sent again
        +-- UnreachableError  nobody is there at all: other letters to the same would fare no better
        +-- UnsendableError   it will never be taken as it is

Outcomes that are expected (a read left unallocated, a quarantined row, a run that hit its time limit) are values, not
errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class BalancerError(Exception):
    """Root of everything Balancer raises on purpose."""


class InvalidValueError(BalancerError, ValueError):
    """A domain value was asked to break its own rule; ``field`` names the attribute at fault."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of an input: where it stands and what is wrong, for the person who has to mend it."""

    file: str
    reason: str
    line: int | None = None
    column: str | None = None

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{where}: {self.column}: {self.reason}" if self.column else f"{where}: {self.reason}"


class InputRefusedError(BalancerError):
    """An input was refused as a whole; ``faults`` lists everything wrong with it, in file and line order."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class PlanRejectedError(BalancerError):
    """The referee found broken rules in a plan; ``findings`` lists them and nothing was published."""

    def __init__(self, findings: Iterable[str]) -> None:
        self.findings = tuple(findings)
        super().__init__("the referee rejected the plan:\n" + "\n".join(self.findings))


class NotFoundError(BalancerError):
    """The store holds no such thing."""


class NothingLoadedError(NotFoundError):
    """The store holds no network yet: what was asked for cannot be told before one has been loaded."""


class ConflictError(BalancerError):
    """The state changed under the caller; nothing was done."""


class UntimelyError(ConflictError, InvalidValueError):
    """A value that is right in itself cannot be meant now: its time has passed, or it would change nothing."""


class VersionError(ConflictError):
    """The thing is of another version than the one that the caller has seen; nothing was done."""


class ClaimedError(ConflictError):
    """Somebody else has the read open: the message says who, by name and number; ``reporter_id`` is the number."""

    def __init__(self, message: str, reporter_id: str) -> None:
        self.reporter_id = reporter_id
        super().__init__(message)


class GoneError(BalancerError):
    """What the caller's cursor stands on is no longer kept; they begin again from the whole."""


class BooksError(BalancerError):
    """A batch's books do not balance: rows or studies would be lost, so nothing of it was taken."""


class NotAllowedError(BalancerError):
    """Whoever asks is known and may not do this; nothing was done."""


class UndeliveredError(BalancerError):
    """Whom a letter is for did not take it; the message says why, without anything that names a patient or a study."""


class StrangeAnswerError(UndeliveredError):
    """What was answered is no answer to the letter: whatever comes next on that line may not be one either."""


class UnreachableError(UndeliveredError):
    """Nobody is there: no letter of the outlet can be sent now."""


class UnsendableError(UndeliveredError):
    """The letter will never be taken as it is: a person must look at it."""

"""What happens to a plan while people work from it: studies and people come and go, reads are claimed, done and pinned.

Every event says ``at`` which instant it became true. Nothing here knows a plan; ``optimise.replan`` mends one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware
from balancer.domain.study import ReadKey, Study, StudyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """Nothing happened but the clock: what should have been read by ``at`` and was not is still to be read."""

    at: datetime

    def __post_init__(self) -> None:
        require_aware(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyArrived:
    """A study that nobody knew of waits for a report: an emergency, or any other."""

    at: datetime
    study: Study

    def __post_init__(self) -> None:
        require_aware(self.at, "at")
        if self.study.acquired_at > self.at:
            raise InvalidValueError("acquired_at", "a study cannot arrive before it is acquired")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyWithdrawn:
    """A study needs no report any more, whatever was still to be read of it."""

    at: datetime
    study: StudyKey

    def __post_init__(self) -> None:
        require_aware(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadClaimed:
    """A reporter has opened a read and keeps it (H8)."""

    at: datetime
    read: ReadKey
    reporter_id: str

    def __post_init__(self) -> None:
        require_aware(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReleased:
    """The reporter who had claimed a read gives it back."""

    at: datetime
    read: ReadKey

    def __post_init__(self) -> None:
        require_aware(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCompleted:
    """A read is done, by whomever it was done; the study's other reads, if any, are still to do, by others (H9)."""

    at: datetime
    read: ReadKey
    reporter_id: str

    def __post_init__(self) -> None:
        require_aware(self.at, "at")
        if not self.reporter_id:
            raise InvalidValueError("reporter_id", "somebody must have completed the read")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPinned:
    """Somebody decides who reads it (H7); ``None`` lifts the pin."""

    at: datetime
    read: ReadKey
    reporter_id: str | None

    def __post_init__(self) -> None:
        require_aware(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLost:
    """A rostered session does not take place, or what is left of it."""

    at: datetime
    session_id: str

    def __post_init__(self) -> None:
        require_aware(self.at, "at")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterUnavailable:
    """A reporter reports nothing from ``since`` until ``until``; sessions are cut to what is left of them.

    A read that the reporter has claimed stays claimed: whoever takes it away says so with ``ReadReleased``.
    """

    at: datetime
    reporter_id: str
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        for field in ("at", "since", "until"):
            require_aware(getattr(self, field), field)
        if self.until <= self.since:
            raise InvalidValueError("until", "must lie after since")


Event = (
    TimePassed
    | StudyArrived
    | StudyWithdrawn
    | ReadClaimed
    | ReadReleased
    | ReadCompleted
    | ReadPinned
    | SessionLost
    | ReporterUnavailable
)
"""Anything that can happen to a plan."""

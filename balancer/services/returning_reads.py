"""Whom a read goes back to that is read again: whoever read it before, if they can do it in time, else whoever may.

An addendum is best written by whoever wrote the report. That is a pin for as long as it costs nobody's patient their
time: not if no session of theirs comes before the study is due, and not once a run has found no room for it with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from balancer.domain.instant import reading_seconds
from balancer.domain.life import ReadState
from balancer.domain.plan import UnallocatedReason
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING, Reporter
from balancer.domain.reporter import Session as RosteredSession
from balancer.domain.study import Study
from balancer.services.claim_read import why_outside
from balancer.store.queue import QueuedRead

_NO_ROOM = UnallocatedReason.PINNED_REPORTER_UNAVAILABLE.value


class Returning:
    """Who could do what by when, in a problem in which nothing goes back to anybody yet."""

    def __init__(self, problem: AllocationProblem) -> None:
        self._problem = problem
        self._people = {person.reporter_id: person for person in problem.reporters}

    def back(self, study: Study, reads: Sequence[QueuedRead]) -> Study:
        """Return a study with its reads that are read again kept for whoever read them before, as far as they can.

        Where they cannot, they are its prior reporter all the same: with them it is cheapest.
        """
        pins = [study.pinned(place) for place in range(1, study.reads + 1)]
        before = None
        for place, read in enumerate(reads):
            author = read.read_before_by
            if author is None or author in study.excluded or author not in self._people:
                continue
            before = before or author
            others = {*pins, *study.claimed_by, *_elsewhere(reads, place)}
            if pins[place] is None and author not in others and self._is_theirs(read, author, study):
                pins[place] = author
        if before is None:
            return study
        while pins and pins[-1] is None:
            pins.pop()
        return replace(study, pinned_to=tuple(pins), prior_reporter=before)

    def _is_theirs(self, read: QueuedRead, author: str, study: Study) -> bool:
        """Tell whether its author can do a read in time that nobody else has and that has not found them full."""
        waits = read.state is ReadState.UNALLOCATED and read.reason != _NO_ROOM
        on_their_list = read.state is ReadState.ALLOCATED and read.reporter_id == author
        return (waits or on_their_list) and self._can_in_time(self._people[author], study)

    def _can_in_time(self, person: Reporter, study: Study) -> bool:
        now = self._problem.now
        if why_outside(study, person, now):
            return False
        until = self._waited_for_until(study)
        return any(
            _ends_at(session, person, study, now) <= min(until, session.end)
            for session in _of(person, self._problem.sessions)
            if session.takes(study)
        )

    def _waited_for_until(self, study: Study) -> datetime:
        """Return until when its author is waited for: until it is due; if it is late, as long as a new one might take.

        Its clock is the first one all the same: the plan knows how late it is.
        """
        due, now = self._problem.due_at(study), self._problem.now
        return due if due > now else self._problem.policy.priority(study.priority).due_at(now, self._problem.calendar)


def _elsewhere(reads: Sequence[QueuedRead], place: int) -> Collection[str | None]:
    """Return who has the other reads of a study, which are not for one person (H9)."""
    return {read.reporter_id for number, read in enumerate(reads) if number != place}


def _of(person: Reporter, sessions: Iterable[RosteredSession]) -> Iterable[RosteredSession]:
    return (item for item in sessions if item.reporter_id == person.reporter_id and item.activity == REPORTING)


def _ends_at(session: RosteredSession, person: Reporter, study: Study, now: datetime) -> datetime:
    """Return when a read would end that came first in a session."""
    seconds = reading_seconds(study.minutes, person.speed, session.productivity)
    return max(session.start, now, study.ready_at or now) + timedelta(seconds=seconds)

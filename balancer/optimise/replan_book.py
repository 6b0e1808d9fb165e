"""What events do to a problem, in domain values: the studies and sessions that there are, kept up to date.

A book is cheap to copy, so that events that contradict it are refused before anything has changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from balancer.domain.errors import InvalidValueError
from balancer.domain.events import (
    Event,
    ReadClaimed,
    ReadCompleted,
    ReadPinned,
    ReadReleased,
    ReporterUnavailable,
    SessionLost,
    StudyArrived,
    StudyWithdrawn,
)
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING, Session
from balancer.domain.study import ReadKey, Study, StudyKey


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyChange:
    """One study is another now; ``None`` is none. ``done`` is the number (from 1) of the read that is no more."""

    before: Study | None
    after: Study | None
    done: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionChange:
    """What is left of one session: nothing, a piece, or two."""

    before: Session
    after: tuple[Session, ...]


Change = StudyChange | SessionChange


class Book:
    """The studies and sessions of a problem as events change them."""

    def __init__(self, problem: AllocationProblem) -> None:
        self.problem = problem
        self.now = problem.now
        self.studies = {study.key: study for study in problem.studies}
        self.sessions = {session.session_id: session for session in problem.sessions}
        self._reporters = frozenset(reporter.reporter_id for reporter in problem.reporters)
        self._trusts = frozenset(trust.code for trust in problem.trusts)
        self._priorities = frozenset(priority.code for priority in problem.policy.priorities)

    def copy(self) -> Book:
        """Return a book that can be changed without changing this one."""
        twin = object.__new__(Book)
        twin.__dict__.update(self.__dict__)
        twin.studies, twin.sessions = dict(self.studies), dict(self.sessions)
        return twin

    def as_problem(self) -> AllocationProblem:
        """Return the problem as it is now."""
        return replace(
            self.problem, now=self.now, studies=tuple(self.studies.values()), sessions=tuple(self.sessions.values())
        )

    def take(self, event: Event) -> list[Change]:
        """Enter an event and return what it changes.

        Raises
        ------
        InvalidValueError
            If it names what is not there, lies before ``now``, or contradicts the book.
        """
        if event.at < self.now:
            raise InvalidValueError("at", f"{event.at.isoformat()} lies before now, {self.now.isoformat()}")
        changes = list(self._changes(event))
        self.now = event.at
        return changes

    def _changes(self, event: Event) -> Iterator[Change]:
        match event:
            case StudyArrived():
                yield self._arrived(event.study)
            case StudyWithdrawn():
                yield StudyChange(before=self._gone(event.study), after=None)
            case ReadClaimed():
                yield self._claimed(event.read, event.reporter_id)
            case ReadReleased():
                yield self._released(event.read)
            case ReadCompleted():
                yield self._completed(event.read, event.reporter_id)
            case ReadPinned():
                yield self._pinned(event.read, event.reporter_id)
            case SessionLost():
                yield self._lost(event.session_id)
            case ReporterUnavailable():
                self._require_reporter(event.reporter_id)
                yield from self._cut(event.reporter_id, event.since, event.until)

    def _arrived(self, study: Study) -> StudyChange:
        if study.key in self.studies:
            raise InvalidValueError("accession_number", f"{study.trust} {study.accession_number} is here already")
        if study.priority not in self._priorities:
            raise InvalidValueError("priority", f"the policy has no class {study.priority!r}")
        if study.trust not in self._trusts:
            raise InvalidValueError("trust", f"unknown trust {study.trust!r}")
        for named in (*study.pinned_to, *study.claimed_by):
            if named:
                self._require_reporter(named)
        self.studies[study.key] = study
        return StudyChange(before=None, after=study)

    def _gone(self, key: StudyKey) -> Study:
        if key not in self.studies:
            raise InvalidValueError("accession_number", f"{key.trust} {key.accession_number} is not waiting")
        return self.studies.pop(key)

    def _study_of(self, read: ReadKey) -> Study:
        study = self.studies.get(StudyKey(read.trust, read.accession_number))
        if study is None or not 1 <= read.read <= study.reads:
            raise InvalidValueError("read", f"{read.trust} {read.accession_number} read {read.read} is not waiting")
        return study

    def _restated(self, before: Study, after: Study, done: int | None = None) -> StudyChange:
        self.studies[after.key] = after
        return StudyChange(before=before, after=after, done=done)

    def _claimed(self, read: ReadKey, reporter_id: str) -> StudyChange:
        self._require_reporter(reporter_id)
        study = self._study_of(read)
        holder = study.claimed(read.read)
        if holder is not None and holder != reporter_id:
            raise InvalidValueError("reporter_id", f"the read is claimed by {holder} already")
        return self._restated(study, replace(study, claimed_by=_named(study.claimed_by, read.read, reporter_id)))

    def _released(self, read: ReadKey) -> StudyChange:
        study = self._study_of(read)
        if study.claimed(read.read) is None:
            raise InvalidValueError("read", "nobody has claimed it")
        return self._restated(study, replace(study, claimed_by=_named(study.claimed_by, read.read, None)))

    def _completed(self, read: ReadKey, reporter_id: str) -> StudyChange:
        study = self._study_of(read)
        if study.reads == 1:
            return StudyChange(before=self._gone(study.key), after=None)
        left = replace(
            study,
            reads=study.reads - 1,
            excluded=study.excluded | {reporter_id},
            pinned_to=_without(study.pinned_to, read.read),
            published_to=_without(study.published_to, read.read),
            claimed_by=_without(study.claimed_by, read.read),
        )
        return self._restated(study, left, done=read.read)

    def _pinned(self, read: ReadKey, reporter_id: str | None) -> StudyChange:
        if reporter_id is not None:
            self._require_reporter(reporter_id)
        study = self._study_of(read)
        return self._restated(study, replace(study, pinned_to=_named(study.pinned_to, read.read, reporter_id)))

    def _lost(self, session_id: str) -> SessionChange:
        if session_id not in self.sessions:
            raise InvalidValueError("session_id", f"there is no session {session_id!r}")
        return SessionChange(before=self.sessions.pop(session_id), after=())

    def _cut(self, reporter_id: str, since: datetime, until: datetime) -> Iterator[SessionChange]:
        for session in list(self.sessions.values()):
            is_theirs = session.reporter_id == reporter_id and session.activity == REPORTING
            if not is_theirs or session.end <= since or until <= session.start:
                continue
            pieces = _pieces(session, since, until, self.sessions)
            self._put(session, pieces)
            yield SessionChange(before=session, after=pieces)

    def _put(self, session: Session, pieces: tuple[Session, ...]) -> None:
        rows: dict[str, Session] = {}
        for name, kept in self.sessions.items():
            rows.update({piece.session_id: piece for piece in pieces} if name == session.session_id else {name: kept})
        self.sessions = rows

    def _require_reporter(self, reporter_id: str) -> None:
        if reporter_id not in self._reporters:
            raise InvalidValueError("reporter_id", f"{reporter_id!r} is not a listed reporter")


def _pieces(session: Session, since: datetime, until: datetime, taken: dict[str, Session]) -> tuple[Session, ...]:
    """Return what is left of a session; the later of two pieces gets a name of its own.

    Two pieces share ``max_reads`` by their length, for together they may not hold more than the session could.
    """
    early = replace(session, end=since) if session.start < since else None
    late = replace(session, start=until) if until < session.end else None
    if early is None or late is None:
        return tuple(piece for piece in (early, late) if piece is not None)
    number = 2
    while (name := f"{session.session_id}~{number}") in taken:
        number += 1
    late = replace(late, session_id=name)
    if session.max_reads is not None:
        lengths = (early.end - early.start), (late.end - late.start)
        share = int(session.max_reads * (lengths[1] / (lengths[0] + lengths[1])))
        early, late = replace(early, max_reads=session.max_reads - share), replace(late, max_reads=share)
    return early, late


def _named(names: tuple[str | None, ...], read: int, name: str | None) -> tuple[str | None, ...]:
    """Return a list in read order with one entry replaced, without empty entries at its end."""
    rows = [*names, *[None] * (read - len(names))]
    rows[read - 1] = name
    while rows and rows[-1] is None:
        rows.pop()
    return tuple(rows)


def _without(names: tuple[str | None, ...], read: int) -> tuple[str | None, ...]:
    return names[: read - 1] + names[read:]

"""Why a read has no place (section 5): the first of the seven reasons that holds in this plan.

What the words of the contract are taken to mean, in their order:

* ``claimed_reporter_unavailable``: the read is claimed. (That it fits neither session of the claimant is H8.)
* ``pinned_reporter_unavailable``: the read is pinned and cannot be put with that reporter in this plan: a rule forbids
  it, there is no session, or no session has room. A pinned read that would fit is ``deferred``.
* ``no_entitled_reporter``: nobody is entitled for the trust at ``now`` and not excluded.
* ``no_skilled_reporter``: none of those has the skill and the modality.
* ``no_session``: none of those has a session that counts, whose restrictions (and ``max_reads`` above 0) take the
  study, and in which the read could be alone: from ``ready_at``, before the entitlement ends, to the session's end.
* ``no_capacity``: in none of those sessions can the read be inserted anywhere with the others kept in their order,
  without breaking a rule: max_reads, H8's order, H9, the session's end, another read's entitlement.
* ``deferred``: it can.

A plan's instants are whole seconds, so a read has the time from the first whole second in a session, or at or after
``ready_at``, to the last whole second in the session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from balancer.domain.instant import reading_seconds
from balancer.domain.plan import UnallocatedReason
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study, StudyKey
from balancer.optimise.referee.case import Case, Finding, Placed, first_second, last_second, named

_FOREVER = 1 << 60  # seconds

Reason = UnallocatedReason
Scope = tuple[str, str, str]


def wrong_reasons(case: Case) -> Iterator[Finding]:
    """Yield every unallocated read whose reason is not the first that holds."""
    desk = _Desk(case)
    for row in case.plan.unallocated:
        study = case.studies.get(StudyKey(row.trust, row.accession_number))
        if study is None or not 1 <= row.read <= study.reads:
            continue  # H10 says so
        true = desk.reason(study, row.read)
        if row.reason is not true:
            yield Finding(rule="reason", where=named(row.key), what=f"says {row.reason.value}; it is {true.value}")


def claimed_read_fits(case: Case, session: Session, study: Study, read: int) -> bool:
    """Tell whether an unallocated claimed read could be in ``session``, one of its claimant's first two (H8).

    H1, H2, H3, H6, H7 and H9 hold for it, H4 does not; it competes for time with the claimed reads placed there only,
    for unclaimed ones give way.
    """
    reporter = case.reporters[session.reporter_id]
    pinned = study.pinned(read)
    if pinned is not None and pinned != reporter.reporter_id:
        return False
    if not _may_read(case, reporter, study) or not _can_read(reporter, study):
        return False
    if reporter.reporter_id in case.readers_of.get(study.key, ()):
        return False
    claimed = [item for item in case.by_session.get(session.session_id, ()) if item.is_claimed]
    return _Room.of(session, claimed, first=0).takes(study, reporter)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Room:
    """Where a session has time left. Whole seconds since the epoch; one entry for each place a read could be inserted.

    Inserted at a place, a read can start at ``earliest`` and must end by ``latest``, or those behind it would be
    pushed past the session's end or their reporter's entitlement. ``widest`` is the largest difference.
    """

    earliest: Sequence[int]
    latest: Sequence[int]
    widest: int
    productivity: float

    @classmethod
    def of(cls, session: Session, items: Sequence[Placed], *, first: int) -> _Room:
        """Return the room among ``items``, in order; nothing goes before the place numbered ``first``."""
        earliest = [_begin(session.start), *(_begin(item.row.end) for item in items)]
        latest = [_end(session.end)]
        for item in reversed(items):
            latest.append(min(latest[-1] - item.seconds, _last_start(item.reporter, item.study)))
        latest.reverse()
        earliest, latest = earliest[first:], latest[first:]
        widest = max(end - start for start, end in zip(earliest, latest, strict=True))
        return cls(earliest=earliest, latest=latest, widest=widest, productivity=session.productivity)

    def takes(self, study: Study, reporter: Reporter) -> bool:
        """Tell whether the read can be inserted somewhere."""
        seconds = reading_seconds(study.minutes, reporter.speed, self.productivity)
        if seconds > self.widest:
            return False
        ready, last = _ready(study), _last_start(reporter, study)
        return any(
            max(start, ready) <= last and max(start, ready) + seconds <= end
            for start, end in zip(self.earliest, self.latest, strict=True)
        )


def _begin(instant: datetime) -> int:
    return int(first_second(instant).timestamp())


def _end(instant: datetime) -> int:
    return int(last_second(instant).timestamp())


def _ready(study: Study) -> int:
    return 0 if study.ready_at is None else _begin(study.ready_at)


def _last_start(reporter: Reporter, study: Study) -> int:
    """Return the last whole second at which the reporter's entitlement lets the read start (H1)."""
    until = reporter.entitled_until(study.trust) if study.trust in reporter.trusts else None
    return _FOREVER if until is None else _begin(until) - 1


def _may_read(case: Case, reporter: Reporter, study: Study) -> bool:
    """Tell whether H1 (at ``now``) and H6 hold."""
    return _is_entitled(reporter, study.trust, case.problem.now) and reporter.reporter_id not in study.excluded


def _is_entitled(reporter: Reporter, trust: str, now: datetime) -> bool:
    if trust not in reporter.trusts:
        return False
    until = reporter.entitled_until(trust)
    return until is None or now < until


def _can_read(reporter: Reporter, study: Study) -> bool:
    """Tell whether H2 and H3 hold."""
    in_scope = not reporter.modalities or study.modality in reporter.modalities
    return in_scope and reporter.level(study.subspecialty, study.modality) >= 1


def _accepts(session: Session, study: Study) -> bool:
    """Tell whether the session's restrictions take the study (H4)."""
    return (
        (not session.trusts or study.trust in session.trusts)
        and (not session.subspecialties or study.subspecialty in session.subspecialties)
        and (not session.modalities or study.modality in session.modalities)
        and (not session.priorities or study.priority in session.priorities)
        and session.max_reads != 0
    )


@dataclass(slots=True)
class _Desk:
    """Works out reasons; remembers who could read what, and where sessions have room."""

    case: Case
    entitled: dict[str, list[Reporter]] = field(default_factory=dict)
    skilled: dict[Scope, list[Reporter]] = field(default_factory=dict)
    rooms: dict[str, _Room] = field(default_factory=dict)
    alike: dict[tuple[str, str, str, str, float], Reason] = field(default_factory=dict)

    def reason(self, study: Study, read: int) -> Reason:
        """Return the first reason that holds."""
        if study.claimed(read) is not None:
            return Reason.CLAIMED_REPORTER_UNAVAILABLE
        pinned = study.pinned(read)
        if pinned is not None:
            return self._of_pinned(study, self.case.reporters[pinned])
        if study.excluded or study.ready_at is not None or study.key in self.case.readers_of:
            return self._of_unpinned(study)
        # studies alike in all that matters here have the same reason
        alike = (study.trust, study.subspecialty, study.modality, study.priority, study.minutes)
        if alike not in self.alike:
            self.alike[alike] = self._of_unpinned(study)
        return self.alike[alike]

    def _of_unpinned(self, study: Study) -> Reason:
        entitled = self._entitled(study.trust)
        if all(reporter.reporter_id in study.excluded for reporter in entitled):
            return Reason.NO_ENTITLED_REPORTER
        skilled = [r for r in self._skilled(study) if r.reporter_id not in study.excluded]
        if not skilled:
            return Reason.NO_SKILLED_REPORTER
        alone = False
        for reporter in skilled:
            for session in self._sessions(study, reporter):
                alone = True
                if self._fits(session, study, reporter):
                    return Reason.DEFERRED
        return Reason.NO_CAPACITY if alone else Reason.NO_SESSION

    def _of_pinned(self, study: Study, reporter: Reporter) -> Reason:
        if _may_read(self.case, reporter, study) and _can_read(reporter, study):
            for session in self._sessions(study, reporter):
                if self._fits(session, study, reporter):
                    return Reason.DEFERRED
        return Reason.PINNED_REPORTER_UNAVAILABLE

    def _entitled(self, trust: str) -> list[Reporter]:
        """Return who passes H1 at ``now``."""
        if trust not in self.entitled:
            now = self.case.problem.now
            self.entitled[trust] = [r for r in self.case.problem.reporters if _is_entitled(r, trust, now)]
        return self.entitled[trust]

    def _skilled(self, study: Study) -> list[Reporter]:
        """Return who of those also passes H2 and H3."""
        scope = (study.trust, study.subspecialty, study.modality)
        if scope not in self.skilled:
            self.skilled[scope] = [r for r in self._entitled(study.trust) if _can_read(r, study)]
        return self.skilled[scope]

    def _sessions(self, study: Study, reporter: Reporter) -> Iterator[Session]:
        """Yield the reporter's counted sessions that take the study and could hold the read if it were alone."""
        ready, last = _ready(study), _last_start(reporter, study)
        for session in self.case.sessions_of.get(reporter.reporter_id, ()):
            if _accepts(session, study):
                start = max(_begin(session.start), ready)
                seconds = reading_seconds(study.minutes, reporter.speed, session.productivity)
                if start <= last and start + seconds <= _end(session.end):
                    yield session

    def _fits(self, session: Session, study: Study, reporter: Reporter) -> bool:
        items = self.case.by_session.get(session.session_id, ())
        if session.max_reads is not None and len(items) + 1 > session.max_reads:
            return False
        if reporter.reporter_id in self.case.readers_of.get(study.key, ()):
            return False
        if session.session_id not in self.rooms:
            # claimed reads stand in front, and nothing unclaimed goes before them (H8)
            claimed = sum(item.is_claimed for item in items)
            self.rooms[session.session_id] = _Room.of(session, items, first=claimed)
        return self.rooms[session.session_id].takes(study, reporter)

"""Time goes on: every hour the open studies are shared out afresh and reporters work through what they were given.

A method is anything that makes a plan of a problem. Between two plans each reporter takes the reads of the session
under way in plan order; a read takes its expected time x what was drawn for it, whoever does it, and one that is begun
is finished. Who was given what is ``published_to`` in the next hour's problem.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from balancer.domain.instant import reading_seconds
from balancer.domain.plan import Allocation, Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study, StudyKey
from balancer.simulate.arrivals import HOUR, Weeks


class Method(Protocol):
    """A way to share out work."""

    def __call__(self, problem: AllocationProblem) -> Plan:
        """Return a plan that keeps every hard rule."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a study: ``completed_at`` is the end of its last read, ``None`` if it is still open."""

    study: Study
    due_at: datetime
    ceiling_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How the weeks went.

    ``published`` counts, over all hours, studies x reporters who held them and who could have been changed; ``churned``
    those that were. ``read_seconds`` is by reporter.
    """

    fates: tuple[Fate, ...]
    published: int
    churned: int
    read_seconds: Mapping[str, float]


def run_weeks(
    weeks: Weeks, method: Method, *, watch: Callable[[AllocationProblem, Plan], None] | None = None
) -> Course:
    """Return how the weeks go if ``method`` shares out the work every hour; ``watch`` sees every plan."""
    floor = _Floor(weeks)
    for number in range(24 * weeks.stretch.days):
        now = weeks.stretch.start + number * HOUR
        floor.take_in(now)
        problem = floor.problem(now)
        plan = method(problem)
        if watch is not None:
            watch(problem, plan)
        floor.publish(plan)
        floor.work_through(problem, plan, until=now + HOUR)
    return floor.course()


@dataclass(slots=True)
class _Floor:
    """The state: who waits, who is busy, what is done."""

    weeks: Weeks
    arrived: int = 0
    open: dict[StudyKey, Study] = field(default_factory=dict)
    done: dict[StudyKey, list[datetime]] = field(default_factory=dict)
    busy_until: dict[str, datetime] = field(default_factory=dict)
    read_seconds: dict[str, float] = field(default_factory=dict)
    published: int = 0
    churned: int = 0

    def take_in(self, now: datetime) -> None:
        """Add what has arrived by ``now``."""
        studies = self.weeks.studies
        while self.arrived < len(studies) and studies[self.arrived].acquired_at <= now:
            self.open[studies[self.arrived].key] = studies[self.arrived]
            self.arrived += 1

    def problem(self, now: datetime) -> AllocationProblem:
        """Return what there is to share out at ``now``; whoever is reading is free when that read ends."""
        weeks = self.weeks
        return AllocationProblem(
            now=now,
            policy=weeks.policy,
            trusts=weeks.trusts,
            examinations=weeks.examinations,
            reporters=weeks.reporters,
            sessions=tuple(self._sessions(now)),
            studies=tuple(self.open.values()),
        )

    def _sessions(self, now: datetime) -> Iterator[Session]:
        last = now + timedelta(hours=self.weeks.policy.horizon_hours)
        for session in self.weeks.sessions:
            start = max(session.start, self.busy_until.get(session.reporter_id, session.start))
            if max(start, now) < session.end and session.start < last:
                yield session if start == session.start else replace(session, start=start)

    def publish(self, plan: Plan) -> None:
        """Tell everybody; count who loses a study that was published to them."""
        given: dict[StudyKey, list[str | None]] = {key: [None] * study.reads for key, study in self.open.items()}
        for row in plan.allocations:
            given[StudyKey(row.trust, row.accession_number)][row.read - 1] = row.reporter_id
        for key, names in given.items():
            study = self.open[key]
            self.published += len(study.publishers)
            self.churned += len(study.publishers - set(names))
            self.open[key] = replace(study, published_to=tuple(names) if any(names) else ())

    def work_through(self, problem: AllocationProblem, plan: Plan, *, until: datetime) -> None:
        """Let every reporter begin what the plan has for them before ``until``, in its order."""
        sessions = {session.session_id: session for session in problem.counted_sessions() if session.start < until}
        reporters = {reporter.reporter_id: reporter for reporter in problem.reporters}
        of_session: dict[str, list[Allocation]] = {name: [] for name in sessions}
        for row in plan.allocations:
            if row.session_id in of_session:
                of_session[row.session_id].append(row)
        taken: dict[StudyKey, list[int]] = {}
        for session in sorted(sessions.values(), key=lambda s: (s.start, s.session_id)):
            rows = sorted(of_session[session.session_id], key=lambda row: row.position)
            for row in self._read(session, reporters[session.reporter_id], rows, until):
                taken.setdefault(StudyKey(row.trust, row.accession_number), []).append(row.read)
        for key, reads in taken.items():
            self._strike_out(key, reads, plan)

    def _read(
        self, session: Session, reporter: Reporter, rows: list[Allocation], until: datetime
    ) -> Iterator[Allocation]:
        """Yield the reads that are begun before ``until`` and should end within the session; they are then done."""
        free = session.start
        for row in rows:
            key = StudyKey(row.trust, row.accession_number)
            study = self.open[key]
            start = max(free, study.ready_at) if study.ready_at else free
            expected = reading_seconds(study.minutes, reporter.speed, session.productivity)
            expires_at = reporter.entitled_until(study.trust)
            if start >= until or start + timedelta(seconds=expected) > session.end:
                return
            if expires_at is not None and start >= expires_at:
                return
            ends = self.done.setdefault(key, [])
            seconds = max(1.0, round(expected * self.weeks.pace[key][len(ends)]))
            free = start + timedelta(seconds=seconds)
            ends.append(free)
            self.busy_until[session.reporter_id] = free
            self.read_seconds[session.reporter_id] = self.read_seconds.get(session.reporter_id, 0.0) + seconds
            yield row

    def _strike_out(self, key: StudyKey, reads: list[int], plan: Plan) -> None:
        """Leave of a study what is still to be read, by somebody else."""
        study = self.open.pop(key)
        if len(reads) == study.reads:
            return
        left = [read for read in range(1, study.reads + 1) if read not in reads]
        readers = {
            row.reporter_id
            for row in plan.allocations
            if StudyKey(row.trust, row.accession_number) == key and row.read in reads
        }
        pinned = tuple(study.pinned(read) for read in left)
        given = [study.published_to[read - 1] if study.published_to else None for read in left]
        self.open[key] = replace(
            study,
            reads=len(left),
            excluded=study.excluded | readers,
            pinned_to=pinned if any(pinned) else (),
            published_to=tuple(given) if any(given) else (),
        )

    def course(self) -> Course:
        """Return what became of everything that had arrived."""
        policy, reference = self.weeks.policy, self.problem(self.weeks.stretch.end)
        fates = []
        for study in self.weeks.studies[: self.arrived]:
            ends = self.done.get(study.key, [])
            fates.append(
                Fate(
                    study=study,
                    due_at=reference.due_at(study),
                    ceiling_at=policy.priority(study.priority).ceiling_at(study.acquired_at),
                    completed_at=max(ends) if study.key not in self.open else None,
                )
            )
        return Course(
            fates=tuple(fates), published=self.published, churned=self.churned, read_seconds=self.read_seconds
        )

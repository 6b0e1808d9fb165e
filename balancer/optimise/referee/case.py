"""The case before the referee: a plan's rows next to the study, reporter and session that each one names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.instant import reading_seconds
from balancer.domain.plan import Allocation, Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import ReadKey, Study, StudyKey

# Checkers allow 1 s on an instant (section 2).
TOLERANCE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing wrong with a plan: the rule (``H1`` to ``H10``, ``reason`` or ``figure``), where, and what."""

    rule: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.where}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One row of the plan whose study, reporter and session are all known; ``seconds`` is d(i, r, s)."""

    row: Allocation
    study: Study
    reporter: Reporter
    session: Session
    seconds: int

    @property
    def where(self) -> str:
        """The read, for people."""
        return named(self.row.key)

    @property
    def is_claimed(self) -> bool:
        """Whether somebody has claimed this read (H8)."""
        return self.study.claimed(self.row.read) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A problem and a plan, indexed once.

    ``sessions`` are those that count, cut to the horizon; ``placed`` leaves out rows that name something unknown
    (``rules`` reports those); ``by_session`` is in position order; ``completed_at`` is C of every study.
    """

    problem: AllocationProblem
    plan: Plan
    studies: Mapping[StudyKey, Study]
    reporters: Mapping[str, Reporter]
    sessions: Mapping[str, Session]
    sessions_of: Mapping[str, tuple[Session, ...]]
    placed: tuple[Placed, ...]
    by_session: Mapping[str, tuple[Placed, ...]]
    readers_of: Mapping[StudyKey, tuple[str, ...]]
    due_at: Mapping[StudyKey, datetime]
    completed_at: Mapping[StudyKey, datetime]

    @classmethod
    def of(cls, problem: AllocationProblem, plan: Plan) -> Case:
        """Return the case; nothing in ``plan`` is taken on trust."""
        studies = {study.key: study for study in problem.studies}
        reporters = {reporter.reporter_id: reporter for reporter in problem.reporters}
        counted = sorted(problem.counted_sessions(), key=lambda session: (session.reporter_id, session.start))
        sessions = {session.session_id: session for session in counted}
        sessions_of: dict[str, list[Session]] = defaultdict(list)
        for session in counted:
            sessions_of[session.reporter_id].append(session)
        placed = tuple(_placed(plan, studies, reporters, sessions))
        by_session: dict[str, list[Placed]] = defaultdict(list)
        readers_of: dict[StudyKey, list[str]] = defaultdict(list)
        for item in placed:
            by_session[item.session.session_id].append(item)
            readers_of[item.study.key].append(item.reporter.reporter_id)
        return cls(
            problem=problem,
            plan=plan,
            studies=studies,
            reporters=reporters,
            sessions=sessions,
            sessions_of={name: tuple(own) for name, own in sessions_of.items()},
            placed=placed,
            by_session={
                name: tuple(sorted(items, key=lambda item: (item.row.position, item.row.start)))
                for name, items in by_session.items()
            },
            readers_of={name: tuple(readers) for name, readers in readers_of.items()},
            due_at={study.key: problem.due_at(study) for study in problem.studies},
            completed_at=_completions(problem, placed),
        )


def _placed(
    plan: Plan, studies: Mapping[StudyKey, Study], reporters: Mapping[str, Reporter], sessions: Mapping[str, Session]
) -> Iterator[Placed]:
    for row in plan.allocations:
        study = studies.get(StudyKey(row.trust, row.accession_number))
        reporter, session = reporters.get(row.reporter_id), sessions.get(row.session_id)
        if study is None or not 1 <= row.read <= study.reads or reporter is None or session is None:
            continue
        seconds = reading_seconds(study.minutes, reporter.speed, session.productivity)
        yield Placed(row=row, study=study, reporter=reporter, session=session, seconds=seconds)


def _completions(problem: AllocationProblem, placed: tuple[Placed, ...]) -> dict[StudyKey, datetime]:
    """Return C of every study: the latest end of its reads; a read without a place ends at now + H + beyond_hours."""
    ends: dict[StudyKey, dict[int, datetime]] = defaultdict(dict)
    for item in placed:
        of_study = ends[item.study.key]
        of_study[item.row.read] = max(item.row.end, of_study.get(item.row.read, item.row.end))
    completed = {}
    for study in problem.studies:
        of_study = ends.get(study.key, {})
        latest = [problem.beyond_at] if len(of_study) < study.reads else []
        completed[study.key] = max([*latest, *of_study.values()])
    return completed


def first_second(instant: datetime) -> datetime:
    """Return the first whole second at or after ``instant``: the earliest that a plan can name."""
    return instant if instant.microsecond == 0 else last_second(instant) + timedelta(seconds=1)


def last_second(instant: datetime) -> datetime:
    """Return the last whole second at or before ``instant``."""
    return instant.replace(microsecond=0)


def named(key: ReadKey) -> str:
    """Return a read for people: trust, accession number, read."""
    return f"{key.trust} {key.accession_number} read {key.read}"

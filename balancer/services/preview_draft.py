"""Show what a draft would do: the plan in force is mended as it would be if the draft were published, and compared.

Mended, and not planned anew: so every difference is the draft's, and it is what happens at once when it is published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from balancer import __version__
from balancer.domain.errors import ConflictError
from balancer.domain.instruction import InstructionState
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING
from balancer.domain.run_changes import MoveReason, RunMove, moves_of
from balancer.domain.states import RunState
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.services.build_problem import Gathered, gather
from balancer.services.follow_changes import has_changed, what_happened
from balancer.services.mend_worklists import tell_plan
from balancer.services.open_live import Live, open_live
from balancer.services.without_numbers import without_numbers
from balancer.store import drafts, previews, queue, run_records, runs
from balancer.store.database import Database
from balancer.store.tables import RunRow
from balancer.store.tables_drafts import PreviewLoadRow

_MOST_FINDINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A plan with what it takes to compare it: its problem, and which of a study's reads it counts from 1."""

    plan: Plan
    problem: AllocationProblem
    numbers: Mapping[StudyKey, tuple[int, ...]]

    def own(self, key: ReadKey) -> ReadKey:
        """Return a read of the plan by its own number."""
        return key._replace(read=self.numbers[_study(key)][key.read - 1])

    def given(self) -> dict[ReadKey, str]:
        """Return whom each read that has a place is given to, by own number."""
        return {self.own(row.key): row.reporter_id for row in self.plan.allocations}

    def reads(self) -> set[ReadKey]:
        """Return every read of the plan's problem, by own number."""
        keys = [row.key for row in self.plan.allocations] + [row.key for row in self.plan.unallocated]
        return {self.own(key) for key in keys}


def preview_next(db: Database, now: datetime) -> int | None:
    """Make the first preview that is asked for, and return the number of its run; ``None`` if none is.

    Nothing is published. A run that fails, or whose lists the referee rejects, says so. Before any run has been
    published there is nothing to compare with, and the preview fails.
    """
    with db.transaction() as session:
        begun = previews.begin(session, now)
    if begun is None:
        return None
    run_id, draft_id = begun
    try:
        _preview(db, run_id, draft_id, now)
    except Exception as error:
        _fail(db, run_id, now, error)
        raise
    return run_id


def _preview(db: Database, run_id: int, draft_id: int, now: datetime) -> None:
    with db.session() as session:
        staged = drafts.of_draft(session, draft_id, InstructionState.STAGED)
        about = {row.study_id for row in staged if row.study_id is not None}
        keys = set(queue.study_keys(session, about).values())
    live = open_live(db, now)
    if live is None:
        raise ConflictError("no run has been published yet: there is nothing to compare with")
    before = _mended(live, gather(db, now, only=()), (), now)
    gathered = gather(db, now, draft_id, only=about)
    if has_changed(live, gathered):  # the draft is about people or their sessions, which an open plan cannot take in
        reopened = open_live(db, now, draft_id, anew=about)
        live = reopened if reopened is not None else live
    after = _mended(live, gathered, keys, now)
    findings = _judge(after)
    if findings:
        _reject(db, run_id, now, findings)
        return
    _keep(db, run_id, before, after, [row.id or 0 for row in staged], live, now)


def _mended(live: Live, gathered: Gathered, asked: Collection[StudyKey], now: datetime) -> _Shown:
    """Tell an open plan what has happened, let it be mended, and return it as it is then."""
    happened = what_happened(live, gathered, asked, max(now, live.plan.now), asked=asked)
    if happened.events:
        tell_plan(live, happened, gathered.numbers)
    numbers = {key: tuple(of_study) for key, of_study in live.numbers.items()}
    return _Shown(plan=live.plan.plan(), problem=live.plan.problem, numbers=numbers)


def _judge(shown: _Shown) -> list[str]:
    from balancer.optimise.referee import judge  # noqa: PLC0415 - as ``open_live``

    return [str(finding) for finding in judge(shown.problem, shown.plan).findings]


def _keep(  # noqa: PLR0913, PLR0917 - what is kept of what
    db: Database, run_id: int, before: _Shown, after: _Shown, staged: list[int], live: Live, now: datetime
) -> None:
    moves = list(_moves(before, after))
    with db.transaction() as session:
        run = runs.own_run(session, run_id, 0)
        ids = queue.study_ids(session, {_study(move.read) for move in moves})
        run_records.add_moves(session, run_id, moves, ids)
        previews.keep(session, run_id, before.plan.summary.late, staged, _loads(run_id, before, after))
        runs.keep_summary(run, after.plan.summary)
        run.policy_id, run.code_version = live.policy_id, __version__
        _end(run, RunState.PREVIEWED, now)


def _moves(before: _Shown, after: _Shown) -> Iterator[RunMove]:
    """Yield every read that the draft gives to somebody else, or takes out of the queue."""
    had, left = before.given(), after.reads()
    studies = tuple(_as_published(study, after, had) for study in after.problem.studies)
    for move in moves_of(replace(after.problem, studies=studies), after.plan):
        yield replace(move, read=after.own(move.read))
    for read, reporter_id in sorted(had.items()):
        if read not in left:
            yield RunMove(read=read, was=reporter_id, becomes=None, reason=MoveReason.TAKEN_OUT)


def _as_published(study: Study, after: _Shown, had: Mapping[ReadKey, str]) -> Study:
    """Return a study as if the plan without the draft were published."""
    reads = (after.own(ReadKey(*study.key, number)) for number in range(1, study.reads + 1))
    return replace(study, published_to=tuple(had.get(read) for read in reads))


def _loads(run_id: int, before: _Shown, after: _Shown) -> list[PreviewLoadRow]:
    available = _available(before.problem), _available(after.problem)
    planned = _planned(before.plan), _planned(after.plan)
    return [
        PreviewLoadRow(
            run_id=run_id,
            reporter_id=name,
            available_before=available[0].get(name, 0.0),
            available_after=available[1].get(name, 0.0),
            planned_before=planned[0].get(name, 0.0),
            planned_after=planned[1].get(name, 0.0),
        )
        for name in sorted(available[0].keys() | available[1].keys())
    ]


def _available(problem: AllocationProblem) -> dict[str, float]:
    """Return how long everybody reports within the horizon, in minutes."""
    found: dict[str, float] = defaultdict(float)
    for item in problem.counted_sessions():
        if item.activity == REPORTING:
            found[item.reporter_id] += (item.end - item.start).total_seconds() / 60.0
    return found


def _planned(plan: Plan) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for row in plan.allocations:
        found[row.reporter_id] += (row.end - row.start).total_seconds() / 60.0
    return found


def _reject(db: Database, run_id: int, now: datetime, findings: list[str]) -> None:
    with db.transaction() as session:
        run = runs.own_run(session, run_id, 0)
        run.error = without_numbers(session, "\n".join(["the referee rejected the plan:", *findings[:_MOST_FINDINGS]]))
        _end(run, RunState.REJECTED, now)


def _fail(db: Database, run_id: int, now: datetime, error: Exception) -> None:
    with db.transaction() as session:
        run = runs.own_run(session, run_id, 0)
        run.error = without_numbers(session, f"{type(error).__name__}: {error}")
        _end(run, RunState.FAILED, now)


def _end(run: RunRow, state: RunState, now: datetime) -> None:
    run.state, run.stage, run.finished_at = state, "", now


def _study(key: ReadKey) -> StudyKey:
    return StudyKey(key.trust, key.accession_number)

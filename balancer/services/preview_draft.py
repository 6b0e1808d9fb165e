"""Show what a draft would do: the plan in force is mended as it would be if the draft were published, and compared.

Mended, and not planned anew: so every difference is the draft's, and it is what happens at once when it is published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from balancer import __version__
from balancer.domain.effects import completions, figures, turned
from balancer.domain.errors import ConflictError
from balancer.domain.instruction import InstructionState
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING
from balancer.domain.run_changes import MoveReason, RunMove, moves_of
from balancer.domain.states import RunState
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.services.build_problem import gather
from balancer.services.follow_changes import has_changed
from balancer.services.mended_lists import study_of
from balancer.services.open_live import Live, open_live
from balancer.services.plan_in_force import PlanInForce, mended, mended_as_it_stands
from balancer.services.without_numbers import without_numbers
from balancer.store import drafts, previews, queue, run_records, runs
from balancer.store.database import Database
from balancer.store.tables import RunRow
from balancer.store.tables_drafts import PreviewLoadRow

_MOST_FINDINGS = 20
# As many studies are named that become late, or are in time again; the late ones come first.
_MOST_TURNED = 200


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
    before = mended_as_it_stands(db, live, now)
    gathered = gather(db, now, draft_id, only=about)
    if has_changed(live, gathered):  # the draft is about people or their sessions, which an open plan cannot take in
        reopened = open_live(db, now, draft_id, anew=about)
        live = reopened if reopened is not None else live
    after = mended(live, gathered, keys, now)
    findings = _judge(after)
    if findings:
        _reject(db, run_id, now, findings)
        return
    _keep(db, run_id, before, after, [row.id or 0 for row in staged], keys, live, now)


def _judge(shown: PlanInForce) -> list[str]:
    from balancer.optimise.referee import judge  # noqa: PLC0415 - as ``open_live``

    return [str(finding) for finding in judge(shown.problem, shown.plan).findings]


def _keep(  # noqa: PLR0913, PLR0917 - what is kept of what
    db: Database,
    run_id: int,
    before: PlanInForce,
    after: PlanInForce,
    staged: list[int],
    about: Collection[StudyKey],
    live: Live,
    now: datetime,
) -> None:
    moves = list(_moves(before, after))
    was, becomes = completions(before.problem, before.plan), completions(after.problem, after.plan)
    shown = turned(was, becomes)[:_MOST_TURNED]
    left = {study_of(row.key) for row in after.plan.unallocated}
    told = {key: becomes[key] for key in about if key in becomes and key not in left}
    with db.transaction() as session:
        run = runs.own_run(session, run_id, 0)
        ids = queue.study_ids(session, {*(study_of(move.read) for move in moves), *(one.key for one in shown), *told})
        run_records.add_moves(session, run_id, moves, ids)
        previews.keep(session, run_id, before.plan.summary.late, staged, _loads(run_id, before, after))
        previews.keep_effects(
            session,
            run_id,
            before=figures(was, before.plan, before.problem.now),
            after=figures(becomes, after.plan, after.problem.now),
            turned={ids[one.key]: (one.before, one.after) for one in shown},
            about={ids[key]: completion for key, completion in told.items()},
        )
        runs.keep_summary(run, after.plan.summary)
        run.policy_id, run.code_version = live.policy_id, __version__
        _end(run, RunState.PREVIEWED, now)


def _moves(before: PlanInForce, after: PlanInForce) -> Iterator[RunMove]:
    """Yield every read that the draft gives to somebody else, or takes out of the queue."""
    had, left = before.given(), after.reads()
    studies = tuple(_as_published(study, after, had) for study in after.problem.studies)
    for move in moves_of(replace(after.problem, studies=studies), after.plan):
        yield replace(move, read=after.own(move.read))
    for read, reporter_id in sorted(had.items()):
        if read not in left:
            yield RunMove(read=read, was=reporter_id, becomes=None, reason=MoveReason.TAKEN_OUT)


def _as_published(study: Study, after: PlanInForce, had: Mapping[ReadKey, str]) -> Study:
    """Return a study as if the plan without the draft were published."""
    reads = (after.own(ReadKey(*study.key, number)) for number in range(1, study.reads + 1))
    return replace(study, published_to=tuple(had.get(read) for read in reads))


def _loads(run_id: int, before: PlanInForce, after: PlanInForce) -> list[PreviewLoadRow]:
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

"""Explain reads that somebody has asked about: the plan in force is opened once, and each is worked out in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from balancer.domain import addition
from balancer.domain.errors import ConflictError
from balancer.domain.explanation import AllocatedExplanation, Alternative, UnallocatedExplanation
from balancer.domain.placement import Placement
from balancer.domain.read_explained import Addition, Displaced, Other, ReadExplained, Remedied
from balancer.domain.reasons import reasons
from balancer.domain.study import ReadKey, StudyKey
from balancer.services.mended_lists import study_of
from balancer.services.open_live import Live, open_live
from balancer.services.plan_in_force import PlanInForce, mended_as_it_stands
from balancer.services.without_numbers import without_numbers
from balancer.store import explanations, queue
from balancer.store.database import Database
from balancer.store.explanations import Asked

if TYPE_CHECKING:
    from balancer.optimise.explain_read import OpenPlan

_ALTERNATIVES: Final = 5
_MOST_DISPLACED: Final = 20
_SHAPE: Final = TypeAdapter(ReadExplained)
_NO_PART: Final = (
    "it takes no part in the plan as it stands: it waits for another read of the study, or has left the queue"
)


def explain_waiting(db: Database, now: datetime) -> int:
    """Work out every explanation that is asked for, and return how many were made or failed; nothing else is changed.

    What fails for one read is kept with it and goes no further. Before a plan has been published there is nothing to
    explain, and each says so.
    """
    with db.transaction() as session:
        asked = explanations.begin(session)
    if not asked:
        return 0
    try:
        live = _live(db, now)
        plan = mended_as_it_stands(db, live, now)
        opened = _opened(plan)
    except Exception as error:
        for one in asked:
            _fail(db, one, error)
        raise
    for one in asked:
        _explain(db, one, plan, opened, live.base_run)
    return len(asked)


def explained(found: Mapping[str, Any]) -> ReadExplained:
    """Return an explanation as it was kept."""
    return _SHAPE.validate_python(found)


def _live(db: Database, now: datetime) -> Live:
    live = open_live(db, now)
    if live is None:
        raise ConflictError("no run has been published yet: there is nothing to explain")
    return live


def _opened(plan: PlanInForce) -> OpenPlan:
    from balancer.optimise.explain_read import open_plan  # noqa: PLC0415 - takes seconds; only who explains needs it

    return open_plan(plan.problem, plan.plan)


def _explain(db: Database, asked: Asked, plan: PlanInForce, opened: OpenPlan, run_id: int) -> None:
    try:
        found = _found(db, asked, plan, opened)
    except Exception as error:  # noqa: BLE001 - it is kept with the read, for whoever has asked
        _fail(db, asked, error)
        return
    with db.transaction() as session:
        kept = _SHAPE.dump_python(found, mode="json")
        explanations.keep(session, asked.read_id, run_id=run_id, now=plan.problem.now, found=kept)


def _found(db: Database, asked: Asked, plan: PlanInForce, opened: OpenPlan) -> ReadExplained:
    from balancer.optimise.explain_read import explain  # noqa: PLC0415 - as ``_opened``

    key = plan.counted(ReadKey(asked.trust, asked.accession_number, asked.number))
    if key is None or key not in opened.read_of:
        raise ConflictError(_NO_PART)
    one = explain(opened, key, count=_ALTERNATIVES)
    named = {study_of(move.key) for other in one.alternatives for move in other.moves}
    with db.session() as session:
        ids = queue.study_ids(session, named)
    return _as_kept(one, plan, ids)


def _as_kept(
    one: AllocatedExplanation | UnallocatedExplanation, plan: PlanInForce, ids: Mapping[StudyKey, int]
) -> ReadExplained:
    parts = {name: getattr(one.clinical, name) for name in ("breach", "late", "wait", "over")}
    placed = one if isinstance(one, AllocatedExplanation) else None
    unplaced = one if isinstance(one, UnallocatedExplanation) else None
    return ReadExplained(
        placement=None if placed is None else placed.placement,
        due_at=one.due_at,
        completed_at=one.completed_at,
        plan_total=one.plan_total,
        cost=parts | {name: points for name, points in one.cost.as_dict().items() if name != "clinical"},
        able=one.able,
        reasons=() if placed is None else _reasons(placed, plan),
        others=tuple(
            _other(other, other.placement, one, plan, ids) for other in one.alternatives if other.placement is not None
        ),
        refusals=one.refusals,
        not_placed=None if unplaced is None else unplaced.reason,
        remedies=() if unplaced is None else tuple(map(_remedied, unplaced.remedies)),
        left_out=None if placed is None or placed.left_out is None else placed.left_out.difference,
    )


def _reasons(one: AllocatedExplanation, plan: PlanInForce) -> tuple[Any, ...]:
    reporter = next(person for person in plan.problem.reporters if person.reporter_id == one.placement.reporter_id)
    theirs = {study_of(row.key) for row in plan.plan.allocations if row.reporter_id == reporter.reporter_id}
    patients = {study.patient_id for study in plan.problem.studies if study.key in theirs - {one.study.key}}
    others = bool(one.study.patient_id) and one.study.patient_id in patients
    return reasons(one, reporter, plan.problem.policy.weights, has_others_of_patient=others)


def _other(
    other: Alternative,
    place: Placement,
    one: AllocatedExplanation | UnallocatedExplanation,
    plan: PlanInForce,
    ids: Mapping[StudyKey, int],
) -> Other:
    reporter = next(person for person in plan.problem.reporters if person.reporter_id == place.reporter_id)
    before = plan.plan.summary.terms.as_dict()
    return Other(
        placement=place,
        level=reporter.level(one.study.subspecialty, one.study.modality),
        at_home=reporter.home_trust == one.study.trust,
        difference=other.difference,
        anyway=other.anyway,
        terms={name: points - before[name] for name, points in other.terms.as_dict().items()},
        displaced=tuple(_displaced(other, ids))[:_MOST_DISPLACED],
    )


def _displaced(other: Alternative, ids: Mapping[StudyKey, int]) -> Sequence[Displaced]:
    return [
        Displaced(
            study_id=ids[study_of(move.key)],
            was=None if move.before is None else move.before.reporter_id,
            becomes=None if move.after is None else move.after.reporter_id,
        )
        for move in other.moves
        if study_of(move.key) in ids
    ]


def _remedied(remedy: addition.Remedy) -> Remedied:
    return Remedied(additions=tuple(map(_addition, remedy.additions)), difference=remedy.difference)


def _addition(one: addition.Addition) -> Addition:
    return Addition(
        placement=one.placement,
        until=one.until,
        minutes=one.minutes,
        is_extra_session=one.is_extra_session,
        entitled_for=one.entitled_for,
        level=None if one.level is None else int(one.level),
        in_scope=one.in_scope,
        more_reads=one.more_reads,
        released=one.released,
    )


def _fail(db: Database, asked: Asked, error: Exception) -> None:
    said = str(error) if isinstance(error, ConflictError) else f"{type(error).__name__}: {error}"
    with db.transaction() as session:
        explanations.fail(session, asked.read_id, without_numbers(session, said))

"""Put everybody's list back as it was, as far as that still can be: what undoing a draft and a run have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.life import UNPLANNED, ReadState
from balancer.domain.plan import Allocation, plan_of_places
from balancer.domain.study import ReadKey, StudyKey
from balancer.services.publish_worklists import put_on_lists
from balancer.services.still_entitled import StillEntitled
from balancer.store import queue, reads, runs
from balancer.store.database import Session
from balancer.store.policies import current_policy_row
from balancer.store.reads import Standing
from balancer.store.tables import WorklistItemRow

DECIDED_SINCE = "somebody has decided about it since"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What could not be put back, and why: a read and who had it, or an earlier decision."""

    why: str
    read_id: int | None = None
    reporter_id: str | None = None
    instruction_id: int | None = None

    def as_kept(self) -> dict[str, object]:
        """Return it as a row keeps it."""
        return {name: getattr(self, name) for name in self.__slots__}


def restore_lists(  # noqa: PLR0913 - what is restored, but for what, on whose word
    session: Session,
    before: list[tuple[str, WorklistItemRow]],
    decided: Collection[int],
    *,
    stage: str,
    by: Actor,
    now: datetime,
) -> list[Left]:
    """Put lists back as far as they can be, by a run of its own kind; return what cannot, by what then stands.

    ``before`` is what stood on them. What stood on none and was given a place by what is undone is on none again:
    beside what is put back it would fill a session twice. What came since keeps its place. The caller has taken the
    turn of runs and locked the reads. ``decided`` are studies about which somebody has decided since: their reads stay
    where they are. Nothing of it is published if anything fails.
    """
    standing = reads.locked_plannable(session)
    keys = queue.study_keys(session, {item.study_id for _, item in before} | {item.study_id for item in standing})
    why_not = _why_not(session, before, decided, now)
    plan = plan_of_places(
        now, [_row(name, item, keys) for name, item in before if (item.study_id, item.read) not in why_not]
    )
    placed = {row.key for row in plan.allocations}
    on_none = _newly_placed(session, before, standing, decided)
    run = runs.add_restoring(session, now=now, stage=stage, policy_id=current_policy_row(session).id)
    put_on_lists(
        session,
        run,
        plan,
        now,
        people=sorted({name for name, _ in before} | queue.who_has_a_list(session)),
        left_out=_without_a_place(session, [*standing, *on_none], placed, keys),
        numbers={},
        by=by,
    )
    run.stage = ""
    found = reads.standings(session, {item.study_id for _, item in before})
    return [
        Left(read_id=now_stands.id, reporter_id=name, why=why_not.get(place) or _as_it_stands(now_stands))
        for name, item in before
        for place in [(item.study_id, item.read)]
        for now_stands in [found[place]]
        if now_stands.reporter_id != name or now_stands.state not in {ReadState.ALLOCATED, ReadState.CLAIMED}
    ]


def _why_not(
    session: Session, before: Collection[tuple[str, WorklistItemRow]], decided: Collection[int], now: datetime
) -> dict[tuple[int, int], str]:
    """Return what is not put back whatever else holds: decided about since, or beyond what its reporter may report."""
    reads_of = reads.standings(session, {item.study_id for _, item in before})
    entitled = StillEntitled(session, {item.study_id for _, item in before}, now)
    found: dict[tuple[int, int], str] = {}
    for name, item in before:
        place = item.study_id, item.read
        why = DECIDED_SINCE if item.study_id in decided else entitled.why_not(reads_of[place], name)
        if why:
            found[place] = why
    return found


def _newly_placed(
    session: Session,
    before: Collection[tuple[str, WorklistItemRow]],
    standing: Iterable[Standing],
    decided: Collection[int],
) -> list[Standing]:
    """Return the reads that were on nobody's list and were put on one by what is undone, as they stood before it."""
    were = {(item.study_id, item.read) for _, item in before}
    followed = queue.lists_that_followed(session, {item.worklist_id for _, item in before})
    given = {(item.study_id, item.read) for _, item in queue.items_of_lists(session, followed)} - were
    found = [
        item
        for item in standing
        if item.state is ReadState.ALLOCATED and (item.study_id, item.number) in given and item.study_id not in decided
    ]
    reasons = queue.last_reasons(session, {item.study_id for item in found})
    return [
        replace(item, state=ReadState.UNALLOCATED, reason=reasons.get((item.study_id, item.number), UNPLANNED))
        for item in found
    ]


def _without_a_place(
    session: Session, standing: Iterable[Standing], placed: Collection[ReadKey], keys: Mapping[int, StudyKey]
) -> dict[ReadKey, str]:
    """Return why reads that are on nobody's list, and were not, have no place: for the reason that a run gave them.

    One that no run has seen since it came, was handed back or is to be read again says so itself, and keeps saying it.
    """
    waiting = [item for item in standing if item.state is ReadState.UNALLOCATED]
    given = queue.last_reasons(session, {item.study_id for item in waiting})
    by_a_run = [item for item in waiting if item.reason and item.reason == given.get((item.study_id, item.number))]
    reasons = {ReadKey(*keys[item.study_id], item.number): item.reason for item in by_a_run}
    return {key: why for key, why in reasons.items() if key not in placed}


def _as_it_stands(standing: Standing) -> str:
    if standing.state is ReadState.CLAIMED:
        return "somebody else has it open"
    if standing.state in {ReadState.UNALLOCATED, ReadState.ALLOCATED}:
        return "whoever had it may not be given it any more"
    return f"it is {standing.state}"


def _row(name: str, item: WorklistItemRow, keys: Mapping[int, StudyKey]) -> Allocation:
    key = keys[item.study_id]
    return Allocation(
        trust=key.trust,
        accession_number=key.accession_number,
        read=item.read,
        reporter_id=name,
        session_id=item.session_id,
        position=item.position,
        start=item.planned_start,
        end=item.planned_end,
        due_at=item.due_at,
    )

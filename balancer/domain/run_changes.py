"""How a plan differs from what its reporters had when it was made, read by read, and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING
from balancer.domain.study import ReadKey, Study, StudyKey


class MoveReason(StrEnum):
    """Why a plan changes whose a read is.

    ``new``: nobody had it. ``not_offered``: whoever had it may not read the study, or is pinned away from it.
    ``not_rostered``: whoever had it has no session within the horizon. ``no_place``: the plan has no place for it, and
    ``detail`` says why. ``better``: the plan as a whole costs less so, the price of taking it away included.
    ``taken_out``: a decision takes it out of the queue.
    """

    NEW = "new"
    NOT_OFFERED = "not_offered"
    NOT_ROSTERED = "not_rostered"
    NO_PLACE = "no_place"
    BETTER = "better"
    TAKEN_OUT = "taken_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMove:
    """A read that a plan gives to somebody else than had it; ``None`` is nobody."""

    read: ReadKey
    was: str | None
    becomes: str | None
    reason: MoveReason
    detail: str = ""


def moves_of(problem: AllocationProblem, plan: Plan) -> tuple[RunMove, ...]:
    """Return every read whose reporter a plan changes, in the order of the problem's studies."""
    given = {row.key: row.reporter_id for row in plan.allocations}
    without = {row.key: row.reason.value for row in plan.unallocated}
    rostered = {item.reporter_id for item in problem.counted_sessions() if item.activity == REPORTING}
    studies = {study.key: study for study in problem.studies}
    return tuple(_moves(studies, given, without, rostered))


def _moves(
    studies: Mapping[StudyKey, Study], given: Mapping[ReadKey, str], without: Mapping[ReadKey, str], rostered: set[str]
) -> Iterator[RunMove]:
    for key, study in studies.items():
        for number in range(1, study.reads + 1):
            read = ReadKey(key.trust, key.accession_number, number)
            was = study.published_to[number - 1] if number <= len(study.published_to) else None
            becomes = given.get(read)
            if was != becomes:
                reason = _reason(study, number, was, becomes, rostered)
                yield RunMove(read=read, was=was, becomes=becomes, reason=reason, detail=without.get(read, ""))


def _reason(study: Study, number: int, was: str | None, becomes: str | None, rostered: set[str]) -> MoveReason:
    if was is None:
        return MoveReason.NEW
    pinned = study.pinned_to[number - 1] if number <= len(study.pinned_to) else None
    if was in study.excluded or (pinned is not None and pinned != was):
        return MoveReason.NOT_OFFERED
    if was not in rostered:
        return MoveReason.NOT_ROSTERED
    return MoveReason.NO_PLACE if becomes is None else MoveReason.BETTER

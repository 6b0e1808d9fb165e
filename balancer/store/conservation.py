"""Conservation: every read that is asked for is in exactly one state, with whoever that state says has it.

What cannot be by the table's own shape (two states at once) is not looked for; what two tables must agree on is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlmodel import Session, and_, col, exists, func, or_, select

from balancer.domain.life import ReadState
from balancer.domain.states import StudyState
from balancer.store.tables import StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_life import ClaimRow, ReadRow
from balancer.store.worklists import on_item


class Fault(StrEnum):
    """How the books can fail to balance.

    ``missing``: a source asks for more reads of a study than there are. ``no_owner``: nobody is named whom the state
    needs. ``on_no_list``: allocated to somebody whose current list does not have it. ``claim_without_read`` and
    ``read_without_claim``: a read and the claims do not agree on who has it open.
    """

    MISSING = "missing"
    NO_OWNER = "no_owner"
    ON_NO_LIST = "on_no_list"
    CLAIM_WITHOUT_READ = "claim_without_read"
    READ_WITHOUT_CLAIM = "read_without_claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCount:
    """How many reads (of ``missing``: studies) of a trust have a fault."""

    trust: str
    fault: Fault
    number: int


def faults(session: Session) -> list[FaultCount]:
    """Return what does not balance, by trust; a statement for each fault, whatever the number of reads."""
    return [
        FaultCount(trust=trust, fault=fault, number=number)
        for fault, statement in _CHECKS.items()
        for trust, number in session.exec(statement())
    ]


def _reads(*conditions: Any) -> Any:
    return (
        select(StudyRow.trust, func.count())
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .where(StudyRow.state == StudyState.OPEN, *conditions)
        .group_by(StudyRow.trust)
        .order_by(StudyRow.trust)
    )


def _missing() -> Any:
    known = (
        select(func.count())
        .where(col(ReadRow.study_id) == col(StudyRow.id), col(ReadRow.confirmed_at).is_(None))
        .scalar_subquery()
    )
    return (
        select(StudyRow.trust, func.count())
        .where(StudyRow.state == StudyState.OPEN, known < StudyRow.reads)
        .group_by(StudyRow.trust)
        .order_by(StudyRow.trust)
    )


def _no_owner() -> Any:
    state = col(ReadRow.state)
    person = state.in_([ReadState.ALLOCATED, ReadState.CLAIMED]) & col(ReadRow.reporter_id).is_(None)
    nobody = (state == ReadState.UNALLOCATED) & (col(ReadRow.reason) == "")
    office = state.in_([ReadState.PARKED, ReadState.SENT_OUT]) & (
        (col(ReadRow.owner) == "") | col(ReadRow.until).is_(None)
    )
    rule = (state == ReadState.EXCLUDED) & ((col(ReadRow.owner) == "") | (col(ReadRow.reason) == ""))
    return _reads(or_(person, nobody, office, rule))


def _on_no_list() -> Any:
    listed = (
        exists()
        .where(on_item(WorklistItemRow))
        .where(col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .where(col(WorklistRow.superseded_at).is_(None))
        .where(col(WorklistRow.reporter_id) == col(ReadRow.reporter_id))
    )
    return _reads(ReadRow.state == ReadState.ALLOCATED, ~listed)


def _its_claim() -> Any:
    return and_(
        col(ClaimRow.read_id) == col(ReadRow.id),
        col(ClaimRow.ended_at).is_(None),
        col(ClaimRow.reporter_id) == col(ReadRow.reporter_id),
    )


def _read_without_claim() -> Any:
    return _reads(ReadRow.state == ReadState.CLAIMED, ~exists().where(_its_claim()))


def _claim_without_read() -> Any:
    live = exists().where(col(ClaimRow.read_id) == col(ReadRow.id)).where(col(ClaimRow.ended_at).is_(None))
    return (
        select(StudyRow.trust, func.count())
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .where(live, ReadRow.state != ReadState.CLAIMED)
        .group_by(StudyRow.trust)
        .order_by(StudyRow.trust)
    )


_CHECKS: dict[Fault, Callable[[], Any]] = {
    Fault.MISSING: _missing,
    Fault.NO_OWNER: _no_owner,
    Fault.ON_NO_LIST: _on_no_list,
    Fault.READ_WITHOUT_CLAIM: _read_without_claim,
    Fault.CLAIM_WITHOUT_READ: _claim_without_read,
}

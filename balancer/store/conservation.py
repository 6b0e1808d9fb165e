"""Conservation: every read that is asked for is in exactly one state, with whoever that state says has it.

What cannot be by the table's own shape (two states at once) is not looked for; what two tables must agree on is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlmodel import Session, and_, case, col, exists, func, or_, select, union_all

from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ON_A_LIST, ReadKind, ReadState
from balancer.domain.states import BatchKind, BatchState, StudyState
from balancer.store.tables import BatchRow, StudyRow, WorklistItemRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ClaimRow, ExceptionRow, ReadRow
from balancer.store.worklists import with_place


class Fault(StrEnum):
    """How the books can fail to balance.

    ``missing``: a source asks for more reads of a study than there are, or what followed its readings has gone.
    ``not_followed_up``: a provisional report is not to be verified by anybody, or what was to follow readings went with
    its study and the reporting office was never told. ``no_owner``: nobody is named whom the
    state needs. ``on_no_list``: allocated to somebody whose current list does not have it. ``claim_without_read`` and
    ``read_without_claim``: a read and the claims do not agree on who has it open. ``same_reader``: two reads of a study
    are with one reporter (``same_readers``).
    """

    MISSING = "missing"
    NOT_FOLLOWED_UP = "not_followed_up"
    NO_OWNER = "no_owner"
    ON_NO_LIST = "on_no_list"
    CLAIM_WITHOUT_READ = "claim_without_read"
    READ_WITHOUT_CLAIM = "read_without_claim"
    SAME_READER = "same_reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultCount:
    """How many reads (of ``missing`` and ``same_reader``: studies) of a trust have a fault."""

    trust: str
    fault: Fault
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SameReader:
    """A study of which one reporter has two reads."""

    trust: str
    study_id: int
    reporter_id: str


def faults(session: Session) -> list[FaultCount]:
    """Return what does not balance, by trust; a statement for each fault, whatever the number of reads."""
    return [
        FaultCount(trust=trust, fault=fault, number=number)
        for fault, statement in _CHECKS.items()
        for trust, number in session.exec(statement())
    ]


def same_readers(session: Session) -> list[SameReader]:
    """Return the open studies of which one reporter has two reads, on their list or open (H9), by number.

    That somebody has opened a read may be a system's or a manager's word, whoever has the others: it is a fact, what is
    only planned gives way to it with the next lists, and of two that are open the trust's reporting office has been
    told. So a read that is open counts if the list in force of whoever opened it has it beside the other, and two that
    are open if nobody has been told.
    """
    found = session.exec(_same_readers().order_by(col(StudyRow.id), col(ReadRow.reporter_id)))
    return [SameReader(trust=trust, study_id=study, reporter_id=reporter) for trust, study, reporter in found]


def _same_readers() -> Any:
    allocated = col(ReadRow.state) == ReadState.ALLOCATED
    open_in_order = (col(ReadRow.state) == ReadState.CLAIMED) & col(WorklistItemRow.study_id).is_not(None)
    told = exists().where(
        col(ExceptionRow.kind) == ExceptionKind.SAME_READER,
        col(ExceptionRow.read_id) == col(ReadRow.id),
        or_(col(ExceptionRow.resolved_at).is_(None), col(ExceptionRow.opened_at) >= col(ReadRow.since)),
    )
    given, kept, known = (
        func.sum(case((condition, 1), else_=0))
        for condition in (allocated, allocated | open_in_order, told.correlate(ReadRow))
    )
    theirs = col(ReadRow.state).in_(sorted(ON_A_LIST)) & col(ReadRow.reporter_id).is_not(None)
    # hardly ever any: the places of all reads are not looked for
    several = (
        select(ReadRow.study_id, ReadRow.reporter_id)
        .where(theirs)
        .group_by(col(ReadRow.study_id), col(ReadRow.reporter_id))
        .having(func.count() > 1)
        .subquery()
    )
    held = (
        select(StudyRow.trust, StudyRow.id, ReadRow.reporter_id)
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .join(several, (several.c.study_id == ReadRow.study_id) & (several.c.reporter_id == ReadRow.reporter_id))
    )
    return (
        with_place(held)
        .where(StudyRow.state == StudyState.OPEN, theirs)
        .group_by(col(StudyRow.trust), col(StudyRow.id), col(ReadRow.reporter_id))
        .having(or_((given > 0) & (kept > 1), (given == 0) & (known == 0)))
    )


def _same_reader() -> Any:
    found = _same_readers().subquery()
    return select(found.c.trust, func.count()).group_by(found.c.trust).order_by(found.c.trust)


def _reads(*conditions: Any) -> Any:
    return (
        select(StudyRow.trust, func.count())
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .where(StudyRow.state == StudyState.OPEN, *conditions)
        .group_by(StudyRow.trust)
        .order_by(StudyRow.trust)
    )


def miscounted(session: Session, trust: str, batch_id: int) -> set[int]:
    """Return the studies that a batch has seen waiting at a trust of which more or fewer reads are left than asked for.

    A read withdrawn while the source was silent is one too few once it is listed again, though nothing about the study
    has changed; one that was claimed when the source asked for fewer is one too many once it is released.
    """
    # each study's reads are counted by themselves: to count by group SQLite goes through all studies there ever were
    seen = (StudyRow.state == StudyState.OPEN, StudyRow.trust == trust, StudyRow.last_batch_id == batch_id)
    left = _known_reads(ReadRow.state != ReadState.WITHDRAWN)
    asked = select(StudyRow.id).where(*seen, or_(left != StudyRow.reads, _has_lost_follow_up()))
    return {study_id for study_id in session.exec(asked) if study_id is not None}


def _has_lost_follow_up() -> Any:
    """Return the condition that a read of a study that followed its readings, and is wanted, has been withdrawn."""
    return (
        exists()
        .where(col(ReadRow.study_id) == col(StudyRow.id), col(ReadRow.state) == ReadState.WITHDRAWN)
        .where(col(FollowUpRow.read_id) == col(ReadRow.id), col(FollowUpRow.wanted))
        .correlate(StudyRow)
    )


def missing(session: Session) -> dict[str, int]:
    """Return of how many open studies there are fewer reads than their source asks for, by trust, where there are any.

    A withdrawn read counts for one only as long as its source is silent on the study: the last extract of the study's
    feed did not hold it, or whoever has it open has not been told otherwise.
    """
    return dict(session.exec(_missing()).all())


def _missing() -> Any:
    withdrawn = ReadRow.state == ReadState.WITHDRAWN
    standing, gone = _known_reads(~withdrawn), _known_reads(withdrawn)
    newest = (
        select(BatchRow.feed, func.max(BatchRow.id).label("id"))
        .where(BatchRow.kind == BatchKind.EXTRACT, BatchRow.state == BatchState.APPLIED)
        .group_by(BatchRow.feed)
        .subquery()
    )
    told = (
        select(ReadRow.study_id)
        .join(ClaimRow, col(ClaimRow.read_id) == col(ReadRow.id))
        .where(col(ClaimRow.ended_at).is_(None), col(ClaimRow.withdrawn_at).is_not(None))
    )
    is_listed = (col(StudyRow.last_batch_id) >= func.coalesce(newest.c.id, 0)) & col(StudyRow.id).not_in(told)
    return (
        select(StudyRow.trust, func.count())
        .outerjoin(newest, newest.c.feed == col(StudyRow.feed))
        .where(
            StudyRow.state == StudyState.OPEN,
            or_(
                (standing < StudyRow.reads) & or_(is_listed, standing + gone < StudyRow.reads),
                _has_lost_follow_up() & is_listed,
            ),
        )
        .group_by(StudyRow.trust)
        .order_by(StudyRow.trust)
    )


def _known_reads(*conditions: Any) -> Any:
    """Return how many reads of a study there are that its source has not counted out."""
    of_study = (
        col(ReadRow.study_id) == col(StudyRow.id),
        col(ReadRow.confirmed_at).is_(None),
        ReadRow.kind == ReadKind.INTERPRETATION,
    )
    return select(func.count()).where(*of_study, *conditions).correlate(StudyRow).scalar_subquery()


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
    # with their places at once: to look for each read's by itself takes five times as long
    return with_place(_reads(ReadRow.state == ReadState.ALLOCATED, col(WorklistItemRow.study_id).is_(None)))


def _its_claim() -> Any:
    return and_(
        col(ClaimRow.read_id) == col(ReadRow.id),
        col(ClaimRow.ended_at).is_(None),
        col(ClaimRow.reporter_id) == col(ReadRow.reporter_id),
    )


def _read_without_claim() -> Any:
    return _reads(ReadRow.state == ReadState.CLAIMED, ~exists().where(_its_claim()))


def _claim_without_read() -> Any:
    # from the claims that are open, one of a read: from the reads it would be all there ever were
    return (
        select(StudyRow.trust, func.count())
        .select_from(ClaimRow)
        .join(ReadRow, col(ReadRow.id) == col(ClaimRow.read_id))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(col(ClaimRow.ended_at).is_(None), ReadRow.state != ReadState.CLAIMED)
        .group_by(StudyRow.trust)
        .order_by(StudyRow.trust)
    )


def _not_followed_up() -> Any:
    """Return how many provisional reports nobody is to verify, and follow-ups of closed studies nobody was told of."""
    verified = exists().where(col(FollowUpRow.of_read_id) == col(ReadRow.id), col(FollowUpRow.wanted))
    unverified = (
        select(StudyRow.trust)
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .where(
            StudyRow.state == StudyState.OPEN,
            ReadRow.state == ReadState.DONE,
            col(ReadRow.provisional),
            ~verified.correlate(ReadRow),
        )
    )
    told = (
        exists()
        .where(col(ExceptionRow.read_id) == col(ReadRow.id), col(ExceptionRow.kind) == ExceptionKind.NOT_FOLLOWED_UP)
        .correlate(ReadRow)
    )
    # whoever has one open is told, and so is the office when they end it; what a rule leaves out needs no follow-up
    waits = col(ReadRow.state).not_in([ReadState.DONE, ReadState.EXCLUDED, ReadState.CLAIMED, ReadState.WITHDRAWN])
    went = and_(col(ReadRow.state) == ReadState.WITHDRAWN, col(StudyRow.state) == StudyState.WITHDRAWN)
    untold = (
        select(StudyRow.trust)
        .select_from(FollowUpRow)
        .join(ReadRow, col(ReadRow.id) == col(FollowUpRow.read_id))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(FollowUpRow.wanted, StudyRow.state != StudyState.OPEN, or_(waits, went), ~told)
    )
    # two questions: asked as one it would be of all reads of all studies there ever were
    found = union_all(unverified, untold).subquery()
    return select(found.c.trust, func.count()).group_by(found.c.trust).order_by(found.c.trust)


_CHECKS: dict[Fault, Callable[[], Any]] = {
    Fault.MISSING: _missing,
    Fault.NOT_FOLLOWED_UP: _not_followed_up,
    Fault.NO_OWNER: _no_owner,
    Fault.ON_NO_LIST: _on_no_list,
    Fault.READ_WITHOUT_CLAIM: _read_without_claim,
    Fault.CLAIM_WITHOUT_READ: _claim_without_read,
    Fault.SAME_READER: _same_reader,
}

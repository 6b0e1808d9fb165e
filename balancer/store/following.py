"""What a plan that is kept in memory must hear of: which studies' reads have moved, and whose list is which."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, col, or_, select

from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ReadState
from balancer.domain.states import StudyState
from balancer.domain.study import ReadKey, StudyKey
from balancer.store.chunks import chunks
from balancer.store.tables import StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_assignments import AssignmentHeadRow, AssignmentRow, ChangeFeedRow
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_life import ReadRow

Decision = tuple[int, int | None]


class Entry(NamedTuple):
    """A read on a current list, known by its own number, with the session and the time it is planned in."""

    key: ReadKey
    session_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentList:
    """Somebody's current list: the number of its version in the store, and what stands on it, in order."""

    worklist_id: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A study of which a read has moved; ``unplaced``: nobody has one of its reads."""

    study_id: int
    key: StudyKey
    priority: str
    unplaced: bool


def last_change(session: Session) -> int:
    """Return the number of the last change of any read."""
    return session.exec(select(ChangeFeedRow.sequence)).one()


def moved_since(session: Session, sequence: int) -> list[int]:
    """Return the study of each read that has changed after the change of that number."""
    # by trust, for there is an index of each trust's changes
    trusts = session.exec(select(AssignmentHeadRow.trust).where(AssignmentHeadRow.sequence > sequence)).all()
    statement = select(AssignmentRow.study_id).where(
        col(AssignmentRow.trust).in_(trusts), AssignmentRow.sequence > sequence
    )
    return list(session.exec(statement)) if trusts else []


def decisions(session: Session) -> frozenset[Decision]:
    """Return the instructions that are in force: the number of each, and of the study that it is about, if it is."""
    statement = select(InstructionRow.id, InstructionRow.study_id)
    found = session.exec(statement.where(InstructionRow.state == InstructionState.IN_FORCE))
    return frozenset((number or 0, study_id) for number, study_id in found)


def of_classes(session: Session, study_ids: Collection[int], priorities: Collection[str]) -> list[Waiting]:
    """Return those of the studies that are open and of one of these classes, by their source or perhaps by a person.

    Who has been asked for sooner or corrected may be of a class that only a look at the whole study tells.
    """
    found = []
    steered = select(InstructionRow.study_id).where(
        InstructionRow.state == InstructionState.IN_FORCE,
        col(InstructionRow.kind).in_([InstructionKind.EXPEDITE, InstructionKind.STUDY]),
        col(InstructionRow.study_id).is_not(None),
    )
    for chunk in chunks(sorted(study_ids)):
        free = select(ReadRow.study_id).where(col(ReadRow.study_id).in_(chunk), ReadRow.state == ReadState.UNALLOCATED)
        unplaced = set(session.exec(free))
        statement = select(StudyRow.id, StudyRow.trust, StudyRow.accession_number, StudyRow.priority).where(
            col(StudyRow.id).in_(chunk),
            StudyRow.state == StudyState.OPEN,
            or_(col(StudyRow.priority).in_(priorities), col(StudyRow.id).in_(steered)),
        )
        found += [
            Waiting(
                study_id=study_id or 0, key=StudyKey(trust, number), priority=priority, unplaced=study_id in unplaced
            )
            for study_id, trust, number, priority in session.exec(statement)
        ]
    return found


def put_forward_since(session: Session, at: datetime, priorities: Collection[str]) -> set[tuple[int, int]]:
    """Return the reads that stand sooner on their list than they did at ``at``, by study and number.

    Only of studies that are of one of these classes, or that a person has asked for sooner or corrected: whatever else
    stands sooner has followed after them.
    """
    new = select(WorklistRow.reporter_id, WorklistRow.id, WorklistRow.version).where(
        col(WorklistRow.superseded_at).is_(None), WorklistRow.published_at > at
    )
    found: set[tuple[int, int]] = set()
    for reporter_id, worklist_id, version in session.exec(new).all():
        # one after the other, back from the newest: heads of lists are kept for good, and few were mended meanwhile
        earlier = select(WorklistRow.id).where(WorklistRow.reporter_id == reporter_id, WorklistRow.version < version)
        then = session.exec(
            earlier.where(WorklistRow.published_at <= at).order_by(col(WorklistRow.version).desc()).limit(1)
        ).first()
        were, are = _starts(session, then), _starts(session, worklist_id)
        found |= {place for place, start in are.items() if place in were and start < were[place]}
    urgent = {item.study_id for item in of_classes(session, {study_id for study_id, _ in found}, priorities)}
    return {place for place in found if place[0] in urgent}


def _starts(session: Session, worklist_id: int | None) -> dict[tuple[int, int], datetime]:
    """Return when the reads of a list are planned, by study and number."""
    items = select(WorklistItemRow.study_id, WorklistItemRow.read, WorklistItemRow.planned_start)
    of_list = session.exec(items.where(WorklistItemRow.worklist_id == worklist_id))
    return {(study_id, number): start for study_id, number, start in of_list}


def current_lists(session: Session) -> dict[str, CurrentList]:
    """Return everybody's current list, by reporter: what was published, whatever has become of it since."""
    heads = dict(
        session.exec(
            select(WorklistRow.id, WorklistRow.reporter_id).where(col(WorklistRow.superseded_at).is_(None))
        ).all()
    )
    found: dict[int, list[Entry]] = {worklist_id or 0: [] for worklist_id in heads}
    columns = (
        *(WorklistItemRow.worklist_id, StudyRow.trust, StudyRow.accession_number, WorklistItemRow.read),
        *(WorklistItemRow.session_id, WorklistItemRow.planned_start, WorklistItemRow.planned_end),
    )
    statement = (
        select(*columns)  # type: ignore[call-overload]  # more columns than it has overloads for
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .join(StudyRow, col(StudyRow.id) == col(WorklistItemRow.study_id))
        .where(col(WorklistRow.superseded_at).is_(None))
        .order_by(col(WorklistItemRow.worklist_id), col(WorklistItemRow.place))
    )
    for worklist_id, trust, number, read, session_id, start, end in session.exec(statement):
        if worklist_id in found:
            entry = Entry(key=ReadKey(trust, number, read), session_id=session_id, start=start, end=end)
            found[worklist_id].append(entry)
    return {
        reporter_id: CurrentList(worklist_id=worklist_id or 0, entries=tuple(found[worklist_id or 0]))
        for worklist_id, reporter_id in heads.items()
    }


def current_versions(session: Session, reporter_ids: Collection[str]) -> dict[str, int]:
    """Return the number in the store of the current list of each of these reporters who has one."""
    statement = select(WorklistRow.reporter_id, WorklistRow.id).where(
        col(WorklistRow.superseded_at).is_(None), col(WorklistRow.reporter_id).in_(sorted(reporter_ids))
    )
    return {reporter_id: worklist_id or 0 for reporter_id, worklist_id in session.exec(statement)}

"""Reads that follow others: what they follow, how long they take and when they are due."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlmodel import Session, col, select, update

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.follow_up import Reading
from balancer.domain.life import PLANNABLE, UNPLANNED, ReadKind, ReadState
from balancer.store import assignments, audit
from balancer.store.chunks import chunks
from balancer.store.listed import ListedRead
from balancer.store.reads import SUBJECT
from balancer.store.reads_that_count import counts
from balancer.store.tables import StudyRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow

_NO_SYNC = {"synchronize_session": False}


def readings(session: Session, study: StudyRow) -> list[Reading]:
    """Return the reads of a study as far as follow-ups depend on them; whoever asks must see all of them.

    Of a study that has come back after it was withdrawn, readings done before count only if its source names their
    reader among those who have done theirs.
    """
    statement = (
        select(ReadRow, FollowUpRow)
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .where(ReadRow.study_id == study.id)
        .order_by(col(ReadRow.number))
    )
    found = session.exec(statement, execution_options={"populate_existing": True}).all()
    numbers = {row.id: row.number for row, _ in found}
    return [
        _reading(row, follows, None if follows is None else numbers.get(follows.of_read_id))
        for row, follows in found
        if counts(row, study)
    ]


def reads_of(session: Session, study: StudyRow) -> list[ReadRow]:
    """Return every read of a study in the order of their numbers; whoever asks must see all of them."""
    return list(session.exec(select(ReadRow).where(ReadRow.study_id == study.id).order_by(col(ReadRow.number))))


def _reading(row: ReadRow, follows: FollowUpRow | None, of: int | None) -> Reading:
    return Reading(
        number=row.number,
        state=row.state,
        kind=row.kind,
        done_at=row.done_at,
        outcome=row.outcome,
        provisional=row.provisional,
        of=of,
        wanted=follows is None or follows.wanted,
        # what its source alone has reported was done and confirmed in one, and nobody has said what it came to
        here=row.done_at is None or row.confirmed_at != row.done_at or row.outcome is not None,
    )


def add_follow_up(  # noqa: PLR0913 - what follows what, on whose word
    session: Session, study: StudyRow, kind: ReadKind, follows: FollowUpRow, *, by: Actor, now: datetime
) -> int:
    """Add a read that follows others, which no plan has seen; return its number outside."""
    numbers = session.exec(select(ReadRow.number).where(ReadRow.study_id == study.id)).all()
    row = ReadRow(
        study_id=study.id or 0,
        number=max(numbers, default=0) + 1,
        kind=kind,
        state=ReadState.UNALLOCATED,
        reason=UNPLANNED,
        since=now,
    )
    session.add(row)
    session.flush()
    follows.read_id = row.id or 0
    session.add(follows)
    session.flush()
    assignments.moved(session, [row.study_id], now)
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=by.subject,
            action="read.follow",
            subject_kind=SUBJECT,
            subject_id=str(row.id),
            became=row.state,
            detail={"kind": kind.value, "of": follows.of_read_id},
        ),
    )
    return row.id or 0


def no_longer_wanted(session: Session, read_id: int) -> None:
    """Enter that what a read follows no longer needs it."""
    ended = update(FollowUpRow).where(col(FollowUpRow.read_id) == read_id).values(wanted=False)
    session.exec(ended, execution_options=_NO_SYNC)


def moot(session: Session, study_ids: Collection[int]) -> set[int]:
    """Return those reads of these studies that follow others and are no longer wanted, by their number outside."""
    found: set[int] = set()
    for chunk in chunks(sorted(study_ids)):
        statement = select(FollowUpRow.read_id).join(ReadRow, col(ReadRow.id) == col(FollowUpRow.read_id))
        found.update(session.exec(statement.where(~col(FollowUpRow.wanted), col(ReadRow.study_id).in_(chunk))))
    return found


def waiting(session: Session) -> dict[int, FollowUpRow]:
    """Return what every read that takes part in runs and follows others has of its own, by its number outside."""
    statement = select(FollowUpRow).join(ReadRow, col(ReadRow.id) == col(FollowUpRow.read_id))
    return {row.read_id: row for row in session.exec(statement.where(col(ReadRow.state).in_(sorted(PLANNABLE))))}


def of_reads(session: Session, read_ids: Collection[int]) -> dict[int, FollowUpRow]:
    """Return what those of these reads that follow others have of their own."""
    found: dict[int, FollowUpRow] = {}
    for chunk in chunks(sorted(set(read_ids))):
        rows = session.exec(select(FollowUpRow).where(col(FollowUpRow.read_id).in_(chunk)))
        found.update((row.read_id, row) for row in rows)
    return found


def followed(session: Session, reads: Sequence[ReadRow | ListedRead]) -> dict[int, list[ReadRow]]:
    """Return the readings that each of these reads follows, by its number: whose they are and what they came to."""
    rows = of_reads(session, [read.id or 0 for read in reads if read.kind is not ReadKind.INTERPRETATION])
    studies = {read.study_id for read in reads if read.id in rows}
    done: dict[int, list[ReadRow]] = defaultdict(list)
    for chunk in chunks(sorted(studies)):
        images = (ReadRow.kind == ReadKind.INTERPRETATION, ReadRow.state == ReadState.DONE)
        for row in session.exec(select(ReadRow).where(col(ReadRow.study_id).in_(chunk), *images)):
            done[row.study_id].append(row)
    return {
        read.id or 0: [row for row in done[read.study_id] if rows[read.id or 0].of_read_id in {None, row.id}]
        for read in reads
        if read.id in rows
    }

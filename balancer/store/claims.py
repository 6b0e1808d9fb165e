"""Claims: who has opened which read, on what system's word, and until when without a sign of life."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime

from sqlmodel import Session, col, exists, func, select, update

from balancer.domain.life import THEIRS, ReadEvent
from balancer.domain.outcome import Outcome
from balancer.store.chunks import chunks
from balancer.store.reads_that_count import counting
from balancer.store.scope import as_it_stands, reach_of, sighted
from balancer.store.tables import ReporterRow, StudyRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ClaimRow, CompletionRow, ReadRow
from balancer.store.tables_workitems import WorkitemRow

_NO_SYNC = {"synchronize_session": False}
_LIVE = col(ClaimRow.ended_at).is_(None)


def live_claim(session: Session, read_id: int) -> ClaimRow | None:
    """Return the claim of a read that has not ended, if there is one; nobody else changes it until we are done."""
    statement = select(ClaimRow).where(ClaimRow.read_id == read_id, _LIVE).with_for_update()
    return session.exec(statement, execution_options={"populate_existing": True}).first()


def take_turn(session: Session, reporter_id: str) -> None:
    """Wait for whatever else a reporter is opening for themselves; until the transaction ends it waits for this.

    After the lock of the read, and nobody who holds that of a reporter waits for a read.
    """
    mine = select(ReporterRow.reporter_id).where(ReporterRow.reporter_id == reporter_id)
    session.exec(mine.with_for_update(key_share=True)).first()


def open_claims(session: Session, reporter_id: str) -> int:
    """Return how many reads a reporter has open."""
    return session.exec(select(func.count()).where(ClaimRow.reporter_id == reporter_id, _LIVE)).one()


def add_claim(session: Session, claim: ClaimRow) -> ClaimRow:
    """Add a claim; the database lets no second one live."""
    session.add(claim)
    session.flush()
    return claim


def end_claim(session: Session, read_id: int, event: ReadEvent, *, now: datetime) -> None:
    """Enter that the claim of a read has ended."""
    ended = update(ClaimRow).where(col(ClaimRow.read_id) == read_id, _LIVE).values(ended_at=now, ended_by=event)
    session.exec(ended, execution_options=_NO_SYNC)


def had_claimed(session: Session, read_id: int, reporter_id: str) -> bool:
    """Tell whether a reporter ever claimed a read."""
    claimed = select(ClaimRow.id).where(ClaimRow.read_id == read_id, ClaimRow.reporter_id == reporter_id)
    return session.exec(claimed.limit(1)).first() is not None


@contextmanager
def seeing_what_they_opened(session: Session, read_id: int, reporter_id: str) -> Iterator[None]:
    """Let a session whose caller once opened a read see it until the block ends, though it is read blind.

    It may be somebody else's by now, and then it is hidden from them as long as another reading waits; what they have
    to say of it must find it all the same. They are not to be told whose it is.
    """
    if reach_of(session).blind_to != reporter_id:
        yield
        return
    with sighted(session):
        opened = had_claimed(session, read_id, reporter_id)
    with sighted(session) if opened else nullcontext():
        yield


def last_of(session: Session, read_id: int, reporter_id: str | None = None) -> ClaimRow | None:
    """Return the last claim of a read, or of a reporter's of it; ``None`` if there never was one."""
    claimed = select(ClaimRow).where(ClaimRow.read_id == read_id)
    if reporter_id is not None:
        claimed = claimed.where(ClaimRow.reporter_id == reporter_id)
    return session.exec(claimed.order_by(col(ClaimRow.id).desc()).limit(1)).first()


def last_of_workitem(session: Session, read_id: int, sequence: int) -> ClaimRow | None:
    """Return the last claim that was made under a workitem of a read that may have ended; ``None`` if none was."""
    those = select(WorkitemRow.sequence, WorkitemRow.ended_at).where(WorkitemRow.read_id == read_id)
    ends = dict(session.exec(those.where(col(WorkitemRow.sequence).in_([sequence - 1, sequence]))).all())
    claimed = select(ClaimRow).where(ClaimRow.read_id == read_id)
    began, ended = ends.get(sequence - 1), ends.get(sequence)
    if began is not None:
        claimed = claimed.where(ClaimRow.claimed_at >= began)
    if ended is not None:  # what was claimed at that instant was claimed under the next: it was taken over
        claimed = claimed.where(ClaimRow.claimed_at < ended)
    return session.exec(claimed.order_by(col(ClaimRow.id).desc()).limit(1)).first()


def is_said_again(session: Session, read_id: int, reporter_id: str) -> bool:
    """Tell whether a reporter's completion of a read was accepted once, and they have not claimed the read since.

    Of a read that is to be done again, that is no news.
    """
    of_reporter = select(func.max(CompletionRow.completed_at)).where(
        CompletionRow.read_id == read_id, CompletionRow.reporter_id == reporter_id, col(CompletionRow.accepted)
    )
    accepted_at = session.exec(of_reporter).one()
    if accepted_at is None:
        return False
    since = select(ClaimRow.id).where(ClaimRow.read_id == read_id, ClaimRow.reporter_id == reporter_id)
    return session.exec(since.where(ClaimRow.claimed_at > accepted_at).limit(1)).first() is None


def was_taken_over(session: Session, read_id: int, reporter_id: str) -> bool:
    """Tell whether a reporter's last claim of a read was ended by a manager."""
    last = select(ClaimRow.ended_by).where(ClaimRow.read_id == read_id, ClaimRow.reporter_id == reporter_id)
    return session.exec(last.order_by(col(ClaimRow.id).desc()).limit(1)).first() is ReadEvent.TAKE_OVER


def has_another(session: Session, row: ReadRow, reporter_id: str) -> bool:
    """Tell whether a reporter has another read of the same study open, or has done it; also one that is hidden.

    One that they did before the study came back is another matter.
    """
    another = (
        select(ReadRow.id)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(
            ReadRow.study_id == row.study_id,
            ReadRow.id != row.id,
            ReadRow.reporter_id == reporter_id,
            col(ReadRow.state).in_(sorted(THEIRS)),
            counting(),
        )
    )
    with as_it_stands(session) as whole:
        return whole.exec(another.limit(1)).first() is not None


def lapsed(session: Session, now: datetime) -> list[int]:
    """Return the reads whose claims have outlived their leases, by number."""
    statement = select(ClaimRow.read_id).where(_LIVE, col(ClaimRow.lease_until) <= now)
    return list(session.exec(statement.order_by(col(ClaimRow.read_id))))


def silent_since(session: Session, before: datetime) -> list[ClaimRow]:
    """Return the live claims that no heartbeat can be expected of and that were made before then."""
    old = select(ClaimRow).where(_LIVE, col(ClaimRow.lease_until).is_(None), ClaimRow.claimed_at < before)
    return list(session.exec(old.order_by(col(ClaimRow.read_id))))


def silent_and_withdrawn(session: Session, before: datetime) -> list[int]:
    """Return the reads open by the word of systems that send no heartbeats, of studies withdrawn before then."""
    over = select(ClaimRow.read_id).where(_LIVE, col(ClaimRow.lease_until).is_(None))
    return list(session.exec(over.where(col(ClaimRow.withdrawn_at) <= before).order_by(col(ClaimRow.read_id))))


def live(session: Session) -> list[ClaimRow]:
    """Return every claim that has not ended, the oldest first."""
    return list(session.exec(select(ClaimRow).where(_LIVE).order_by(col(ClaimRow.claimed_at), col(ClaimRow.id))))


def has_ended_since(session: Session, read_id: int, reporter_id: str, since: datetime) -> bool:
    """Tell whether a claim of a read by this reporter has ended after then."""
    ended = select(ClaimRow.id).where(ClaimRow.read_id == read_id, ClaimRow.reporter_id == reporter_id)
    return session.exec(ended.where(col(ClaimRow.ended_at) > since).limit(1)).first() is not None


def add_completion(session: Session, completion: CompletionRow) -> None:
    """Keep that a reporter said a read is done, whatever comes of it."""
    session.add(completion)


def add_outcome(session: Session, read_id: int, reporter_id: str, outcome: Outcome) -> None:
    """Add what a reporter's last accepted completion of a read came to, which it did not say."""
    theirs = select(CompletionRow).where(
        CompletionRow.read_id == read_id, CompletionRow.reporter_id == reporter_id, col(CompletionRow.accepted)
    )
    last = session.exec(theirs.order_by(col(CompletionRow.id).desc()).limit(1)).first()
    if last is not None:
        last.outcome = outcome


def completions(session: Session, read_id: int) -> list[CompletionRow]:
    """Return everybody's word that a read is done, oldest first."""
    statement = select(CompletionRow).where(CompletionRow.read_id == read_id)
    return list(session.exec(statement.order_by(col(CompletionRow.id))))


def note_withdrawn(session: Session, study_ids: Collection[int], *, now: datetime) -> None:
    """Enter in the live claims of these studies that their source no longer asks for them."""
    for chunk in chunks(sorted(study_ids)):
        of_studies = select(ReadRow.id).where(col(ReadRow.study_id).in_(chunk))
        told = update(ClaimRow).where(
            _LIVE, col(ClaimRow.withdrawn_at).is_(None), col(ClaimRow.read_id).in_(of_studies)
        )
        session.exec(told.values(withdrawn_at=now), execution_options=_NO_SYNC)


def tell_withdrawn(session: Session, read_id: int, *, now: datetime) -> None:
    """Enter in the live claim of a read that nobody asks for it any more."""
    told = update(ClaimRow).where(_LIVE, col(ClaimRow.withdrawn_at).is_(None), col(ClaimRow.read_id) == read_id)
    session.exec(told.values(withdrawn_at=now), execution_options=_NO_SYNC)


def note_seen(session: Session, batch_id: int) -> None:
    """Enter in the live claims of the studies a batch has seen that their source asks for them after all.

    Not of what followed readings and is no longer wanted: that is no matter of its source.
    """
    # looked up from the claims, which are few: a network has a million studies that some batch has seen
    its_study = (col(ReadRow.id) == col(ClaimRow.read_id), col(StudyRow.id) == col(ReadRow.study_id))
    is_seen = exists().where(*its_study, col(StudyRow.last_batch_id) == batch_id).correlate(ClaimRow)
    is_moot = exists().where(col(FollowUpRow.read_id) == col(ClaimRow.read_id), ~col(FollowUpRow.wanted))
    told = (_LIVE, col(ClaimRow.withdrawn_at).is_not(None))
    asked = update(ClaimRow).where(*told, is_seen, ~is_moot.correlate(ClaimRow))
    session.exec(asked.values(withdrawn_at=None), execution_options=_NO_SYNC)

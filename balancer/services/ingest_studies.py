"""Take in an extract: what is new, changed, gone, left out or unreadable, in one transaction whose books balance."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.domain.feed import FeedKind, ParsedExtract
from balancer.domain.states import BatchKind, BatchState
from balancer.ingest.feed_file import MOST_WITHDRAWN
from balancer.services.batch_books import open_batch, outcome_of, settle, take_extracted_at
from balancer.services.keep_reads import BatchAbout, keep_reads
from balancer.services.outcomes import BatchOutcome
from balancer.services.storable import storable
from balancer.services.take_extract import Taking
from balancer.store import batches, intake, runs, sources
from balancer.store.database import Database, Session
from balancer.store.studies import open_count
from balancer.store.tables import BatchRow, FeedRow


class Described(Protocol):
    """What describes a source; only its name is needed here, the rest is in the store."""

    @property
    def name(self) -> str:
        """The source's name."""
        ...


def ingest_extract(  # noqa: PLR0913 - what came, when, and how it is looked at
    db: Database,
    feed: Described,
    parsed: ParsedExtract,
    now: datetime,
    *,
    file_name: str = "",
    most_closed: float = MOST_WITHDRAWN,
) -> BatchOutcome:
    """Take in one extract of ``feed``, received at ``now``; nothing of it is kept if anything fails.

    The same file twice changes nothing. What an extract brings (new, changed, reopened studies) is always taken. What
    it takes away is not taken at its word: open studies that a snapshot no longer holds are withdrawn, and those a
    rule now excludes leave the queue, unless

    * somebody has claimed a read of the study, or a quarantined row could be it (``could_be``): it stays;
    * the extract is older than the last one taken: the whole file is ``refused``;
    * nothing could be read, no row was accepted, the extract does not say when it was made or says the future, or it
      would close more than ``most_closed`` of the feed's open studies: the batch is ``held``, nothing is closed, and
      a person releases or discards it.

    Raises
    ------
    BooksError
        If rows or studies would get lost between the books' columns: nothing is kept.
    NotFoundError
        If the feed, or a policy, has not been loaded.
    """
    if parsed.feed != feed.name:
        raise InvalidValueError("feed", f"the extract is of {parsed.feed!r}, not of {feed.name!r}")
    with db.transaction() as session:
        row = sources.locked_feed(session, feed.name)
        row.last_received_at = now
        known = batches.same_file(session, feed.name, parsed.digest)
        if known is not None and not _worth_another_look(known, parsed):
            if known.is_last or row.kind is FeedKind.DELTA:
                return _again(row, known.row, parsed, now)
            if not parsed.problem and not _is_newer(row, parsed):
                return _refuse(session, row, parsed, file_name, now, "a newer file has been taken since this one was")
        if not parsed.problem and is_older(row, parsed):
            reason = f"was extracted at {parsed.extracted_at}, before the last one taken ({row.last_extracted_at})"
            return _refuse(session, row, parsed, file_name, now, reason)
        batch = open_batch(session, row, parsed, file_name, now)
        return Taking(session, row, batch, storable(parsed), now).take(most_closed)


def take_again(db: Database, feed: Described, digest: str, now: datetime, *, file_name: str) -> BatchOutcome | None:
    """Enter that a file which was taken lies there still, if it does; ``None`` if it must be read to know.

    It is the same if content and name are, and if it is the last one taken (of a feed of changes: if it was ever).
    """
    with db.transaction() as session:
        row = sources.locked_feed(session, feed.name)
        known = batches.same_file(session, feed.name, digest)
        if known is None or known.row.state is BatchState.REFUSED or not known.row.rows_read:
            return None
        if known.row.file_name != file_name or not (known.is_last or row.kind is FeedKind.DELTA):
            return None
        row.last_received_at = known.row.last_received_at = now
        known.row.times_received += 1
        return outcome_of(known.row, BatchState.UNCHANGED)


def release_held_batch(db: Database, batch_id: int, now: datetime, *, by: str) -> BatchOutcome:
    """Close what a held batch would have closed, on the word of ``by``; its outcome is a batch of its own.

    Studies that a later batch has seen, or that somebody has claimed meanwhile, stay open; whoever has one open of
    which the batch says that it waits no longer is told, as with a file that is believed at once. A run is asked for.

    Raises
    ------
    ConflictError
        If the batch is not held (any more), or there is nothing in it to release.
    """
    with db.transaction() as session:
        held, row = _held(session, batch_id)
        if not held.waiting:
            raise ConflictError(f"batch {batch_id} would close nothing: it can only be discarded")
        _resolve(held, BatchState.RELEASED, now, by)
        batch = BatchRow(
            feed=row.name,
            kind=BatchKind.RELEASE,
            file_name=held.file_name,
            digest="",
            extracted_at=held.extracted_at,
            received_at=now,
            last_received_at=now,
            state=BatchState.APPLIED,
            of_batch=batch_id,
            reason=f"batch {batch_id} released",
        )
        session.add(batch)
        session.flush()
        held_back = intake.held_closures(session, batch_id)
        open_then = batches.open_though_held(session, batch_id)
        free = intake.unclaimed(session, held_back.keys(), beside=open_then)
        # again, now that their reads are locked: claims end, and others begin
        silent_on = batches.open_though_held(session, batch_id) & (open_then | held_back.keys())
        closures = {study_id: rule for study_id, rule in held_back.items() if study_id in free}
        intake.forget_closures(session, batch_id)
        before = open_count(session, row.trust)
        intake.close_studies(session, closures, now=now)
        about = BatchAbout(feed=row, batch_id=batch.id or 0, extracted_at=held.extracted_at, now=now)
        keep_reads(session, about, closures.keys(), silent_on=silent_on)
        if held.extracted_at is not None:
            take_extracted_at(row, held.extracted_at, now)
        excluded = sum(1 for rule in closures.values() if rule)
        counts = {"withdrawn": len(closures) - excluded, "excluded_since": excluded}
        runs.request_run(session, now=now, reason=f"batch {batch_id} released")
        return settle(session, row, batch, counts, open_before=before, touched=closures.keys() | silent_on)


def discard_held_batch(db: Database, batch_id: int, now: datetime, *, by: str) -> None:
    """Forget what a held batch would have closed, on the word of ``by``; what it brought stays.

    Raises
    ------
    ConflictError
        If the batch is not held (any more).
    """
    with db.transaction() as session:
        held, _ = _held(session, batch_id)
        _resolve(held, BatchState.DISCARDED, now, by)
        intake.forget_closures(session, batch_id)


def _worth_another_look(known: batches.KnownFile, parsed: ParsedExtract) -> bool:
    """Tell whether a file that nothing could be read of before can be read today: its description was mended."""
    unread = known.row.state is not BatchState.REFUSED and known.row.rows_read == 0
    return unread and not parsed.problem and parsed.rows_read > 0


def _is_newer(row: FeedRow, parsed: ParsedExtract) -> bool:
    if parsed.extracted_at is None:
        return False
    return row.last_extracted_at is None or parsed.extracted_at > row.last_extracted_at


def is_older(row: FeedRow, parsed: ParsedExtract) -> bool:
    """Tell whether an extract was made before the last one that was taken of its feed."""
    if parsed.extracted_at is None or row.last_extracted_at is None:
        return False
    return parsed.extracted_at < row.last_extracted_at


def _again(row: FeedRow, batch: BatchRow, parsed: ParsedExtract, now: datetime) -> BatchOutcome:
    """Enter that the very same content came again: it changes nothing, but it may say that it still holds."""
    batch.times_received += 1
    batch.last_received_at = now
    if not parsed.problem and parsed.studies and parsed.extracted_at is not None:
        take_extracted_at(row, parsed.extracted_at, now)
    return outcome_of(batch, BatchState.UNCHANGED)


def _refuse(  # noqa: PLR0913, PLR0917 - a batch's own facts
    session: Session, row: FeedRow, parsed: ParsedExtract, file_name: str, now: datetime, reason: str
) -> BatchOutcome:
    """Enter a file of which nothing is taken."""
    batch = open_batch(session, row, parsed, file_name, now)
    batch.state, batch.reason = BatchState.REFUSED, reason
    return settle(session, row, batch, {}, open_before=open_count(session, row.trust), touched=())


def _held(session: Session, batch_id: int) -> tuple[BatchRow, FeedRow]:
    """Return a held batch and its feed, whose trust is locked."""
    batch = batches.batch(session, batch_id)
    row = sources.locked_feed(session, batch.feed)
    session.refresh(batch)  # another person may have decided while we waited for the lock
    if batch.state is not BatchState.HELD:
        raise ConflictError(f"batch {batch_id} is not held: it is {batch.state}")
    return batch, row


def _resolve(batch: BatchRow, state: BatchState, now: datetime, by: str) -> None:
    batch.state, batch.resolved_at, batch.resolved_by = state, now, by

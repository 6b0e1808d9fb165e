"""Say what a feed's word means, and read its quarantined rows again at once: all of it or nothing, tried first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.feed import Books
from balancer.domain.feed_word import FeedWord
from balancer.domain.states import QuarantineState
from balancer.domain.study import StudyKey
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.taught_words import key_of, require_known, taught
from balancer.services.described_feed import described_feed
from balancer.services.outcomes import BatchOutcome
from balancer.services.replay_quarantine import replay_feed
from balancer.store import audit, feed_words, quarantine, studies
from balancer.store.database import Database, Session

_NO_SHIFT = timedelta()
_NO_BOOKS = Books(**dict.fromkeys(Books.__dataclass_fields__, 0))


@dataclass(frozen=True, slots=True, kw_only=True)
class MendedRow:
    """A row that can be taken: the study it becomes, of which class, and when that is due."""

    row_id: int
    study_id: int
    accession_number: str
    exam_code: str
    priority: str
    acquired_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StillRow:
    """A row that still cannot be taken, and why not now."""

    row_id: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """What comes of a word: the rows that are taken, those that end otherwise, those that stay; the batch's books.

    ``ended`` rows are left out by a rule, the same study again, or overtaken by what is known already.
    ``quarantined_before`` and ``quarantined_after`` count the feed's rows that wait.
    """

    feed: str
    batch_id: int
    taken: Sequence[MendedRow]
    ended: int
    still: Sequence[StillRow]
    books: Books
    quarantined_before: int
    quarantined_after: int
    open_after: int


class _TriedError(Exception):
    """Ends a transaction that was only to be tried."""


def mend_rows(  # noqa: PLR0913 - which word, on whose say, read how and when
    db: Database,
    network: NetworkFolder,
    word: FeedWord,
    key: bytes,
    now: datetime,
    *,
    by: Actor,
    reason: str,
    shift: timedelta = _NO_SHIFT,
    only_try: bool = False,
) -> Mending:
    """Enter what a word means, and read every quarantined row of its feed again; one transaction.

    With ``only_try`` everything is done and then undone: the answer is what would have come of it, on the live queue.
    Later files of the feed are read with the word too. If anything was taken, a run is asked for.

    Raises
    ------
    NotFoundError
        If the network describes no such feed, or it is out of reach.
    InvalidValueError
        If the network does not have what the word is said to mean.
    """
    feed = described_feed(db, network, word.feed)
    require_known(word, network)
    found: Mending | None = None
    try:
        with db.transaction() as session:
            before = quarantine.open_rows(session, feed.name)
            _enter(session, word, key_of(word.kind, word.word, feed), by, now, reason)
            described = taught(feed, feed_words.current_words(session, feed.name), network)
            outcome = replay_feed(session, network, described, key, now, shift)
            session.flush()
            session.expire_all()
            found = _mending(session, feed, [row.id or 0 for row in before], outcome)
            _end(only_try=only_try)
    except _TriedError:
        pass
    assert found is not None  # noqa: S101 - whatever else goes wrong is raised
    return found


def _end(*, only_try: bool) -> None:
    if only_try:
        raise _TriedError


def _enter(  # noqa: PLR0913, PLR0917 - who says what of which word
    session: Session, word: FeedWord, key: str, by: Actor, now: datetime, reason: str
) -> None:
    row, was = feed_words.add_word(session, word, key, by=by.subject, now=now, reason=reason)
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=by.subject,
            action="feed_word.said",
            subject_kind="feed_word",
            subject_id=str(row.id),
            was=was,
            became=word.meaning,
            why=reason,
            detail={"feed": word.feed, "kind": word.kind.value, "word": word.word},
        ),
    )


def _mending(session: Session, feed: FeedDescription, before: Sequence[int], outcome: BatchOutcome | None) -> Mending:
    rows = [quarantine.quarantined_row(session, row_id) for row_id in before]
    replayed = [row for row in rows if row.state is QuarantineState.REPLAYED]
    taken = [found for row in replayed if (found := _taken(session, row.id or 0, feed.trust, row.accession_number))]
    still = [row for row in rows if row.state is QuarantineState.OPEN]
    return Mending(
        feed=feed.name,
        batch_id=0 if outcome is None else outcome.batch_id,
        taken=taken,
        ended=len(rows) - len(still) - len(taken),
        still=[StillRow(row_id=row.id or 0, reason=row.reason, detail=row.detail) for row in still],
        books=_NO_BOOKS if outcome is None else outcome.books,
        quarantined_before=len(rows),
        quarantined_after=len(still),
        open_after=studies.open_count(session, feed.trust),
    )


def _taken(session: Session, row_id: int, trust: str, accession_number: str | None) -> MendedRow | None:
    """Return the study that a row became; a row that ended otherwise became none."""
    if accession_number is None:
        return None
    row = studies.open_study_row(session, StudyKey(trust, accession_number))
    if row is None:
        return None
    return MendedRow(
        row_id=row_id,
        study_id=row.id or 0,
        accession_number=row.accession_number,
        exam_code=row.exam_code,
        priority=row.priority,
        acquired_at=row.acquired_at,
        due_at=row.due_at,
    )

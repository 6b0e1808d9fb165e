"""What people have said a feed's words mean, each until it is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.feed_word import FeedWord, WordKind
from balancer.store.tables_feed_words import FeedWordRow


def current_words(session: Session, feed: str) -> list[FeedWord]:
    """Return the words of a feed that hold."""
    return [
        FeedWord(feed=row.feed, kind=row.kind, word=row.word, meaning=row.meaning)
        for row in current_rows(session)
        if row.feed == feed
    ]


def current_rows(session: Session) -> Sequence[FeedWordRow]:
    """Return every word within reach that holds, newest first."""
    still = select(FeedWordRow).where(col(FeedWordRow.ended_at).is_(None))
    return session.exec(still.order_by(col(FeedWordRow.id).desc())).all()


def word_row(session: Session, word_id: int) -> FeedWordRow:
    """Return one word; ``NotFoundError`` if there is none."""
    row = session.get(FeedWordRow, word_id)
    if row is None:
        raise NotFoundError(f"there is no word {word_id}")
    return row


def add_word(  # noqa: PLR0913 - which word, who says so, when and why
    session: Session, word: FeedWord, key: str, *, by: str, now: datetime, reason: str
) -> tuple[FeedWordRow, str]:
    """Enter what a word means from now on; return it, and what it meant until now (nothing if nobody had said)."""
    before = _current(session, word.feed, word.kind, key)
    if before is not None:
        end_word(before, by=by, now=now)
        session.flush()
    row = FeedWordRow(
        feed=word.feed,
        kind=word.kind,
        key=key,
        word=word.word,
        meaning=word.meaning,
        reason=reason,
        said_by=by,
        said_at=now,
    )
    session.add(row)
    session.flush()
    return row, "" if before is None else before.meaning


def end_word(row: FeedWordRow, *, by: str, now: datetime) -> None:
    """Enter that a word no longer means what was said; ``ConflictError`` if it no longer did."""
    if row.ended_at is not None:
        raise ConflictError(f"{row.ended_by} has taken back what {row.word!r} means already")
    row.ended_at, row.ended_by = now, by


def _current(session: Session, feed: str, kind: WordKind, key: str) -> FeedWordRow | None:
    same = select(FeedWordRow).where(FeedWordRow.feed == feed, FeedWordRow.kind == kind, FeedWordRow.key == key)
    return session.exec(same.where(col(FeedWordRow.ended_at).is_(None))).first()

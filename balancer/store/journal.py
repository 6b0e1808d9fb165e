"""The journal: every step of every read, in the order of commits, so that whoever tells others leaves none out.

The change feed keeps one row a read, and says how it stands; a claim and its release between two questions are not
told. Here each has its entry, written where the feed's number is given (``assignments``). That a plan's times drift is
no step: they do with every run, for every read, and whoever wants them asks (docs/adr/0021).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, delete, func, insert, select

from balancer.domain.errors import GoneError
from balancer.domain.life import ReadState
from balancer.domain.states import JournalKind
from balancer.store.changes import Mark
from balancer.store.chunks import chunks
from balancer.store.tables import StudyRow
from balancer.store.tables_assignments import ChangeFeedRow
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_life import ReadRow
from balancer.store.where_reads_stand import Key
from balancer.store.workitems import with_current

_NO_SYNC: dict[str, Any] = {"execution_options": {"synchronize_session": False}}


class Own(NamedTuple):
    """What a read says of itself: its number, where it stands, whose it is, which of its workitems shows it.

    ``has_images``: the Study Instance UID of its study is known.
    """

    read_id: int
    state: ReadState
    reporter_id: str | None
    has_images: bool
    workitem: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Some of the journal, in order; ``mark`` is where whoever has them is then, ``more`` that others follow."""

    items: tuple[JournalRow, ...]
    mark: Mark
    more: bool


def mark(session: Session) -> Mark:
    """Return the end of the journal as it is now: whoever begins here hears of everything that commits from now on."""
    feed = _feed(session)
    return Mark(incarnation=feed.incarnation, sequence=feed.sequence)


def since(session: Session, cursor: Mark, *, limit: int) -> Steps:
    """Return what has been entered after the cursor, the oldest first, at most ``limit`` entries.

    Raises
    ------
    GoneError
        If something after it has been forgotten, or numbers were given anew: whoever asks must begin again from how
        everything stands.
    """
    feed = _feed(session)
    if cursor.incarnation != feed.incarnation or not feed.journal_floor <= cursor.sequence <= feed.sequence:
        raise GoneError("the journal does not reach back to there: begin again from how everything stands")
    statement = select(JournalRow).where(JournalRow.sequence > cursor.sequence).order_by(col(JournalRow.sequence))
    found = session.exec(statement.limit(limit + 1)).all()
    items, more = tuple(found[:limit]), len(found) > limit
    # not the feed's number: what committed between the two looks has not been looked at
    reached = items[-1].sequence if items else cursor.sequence
    return Steps(items=items, mark=Mark(incarnation=feed.incarnation, sequence=reached), more=more)


def among(session: Session, sequences: Collection[int]) -> list[JournalRow]:
    """Return those of these entries that the session may see, the oldest first."""
    found: list[JournalRow] = []
    for chunk in chunks(sorted(sequences)):
        statement = select(JournalRow).where(col(JournalRow.sequence).in_(chunk))
        found.extend(session.exec(statement.order_by(col(JournalRow.sequence))).all())
    return found


def forget(session: Session, feed: ChangeFeedRow, before: datetime) -> None:
    """Forget what is older; the caller has the turn."""
    old = col(JournalRow.at) < before
    highest = session.exec(select(func.max(JournalRow.sequence)).where(old)).one()
    if highest is not None:
        feed.journal_floor = max(feed.journal_floor, highest)
        session.exec(delete(JournalRow).where(old), **_NO_SYNC)


def own(session: Session, study_ids: Collection[int]) -> dict[Key, Own]:
    """Return what every read of these studies says of itself, by study and number."""
    found: dict[Key, Own] = {}
    has_images = col(StudyRow.study_instance_uid).is_not(None)
    columns: Any = (ReadRow.study_id, ReadRow.number, ReadRow.id, ReadRow.state, ReadRow.reporter_id, has_images)
    for chunk in chunks(sorted(study_ids)):
        reads = select(*columns).select_from(ReadRow).join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        statement = with_current(reads).where(col(ReadRow.study_id).in_(chunk))
        found.update(((row[0], row[1]), Own(*row[2:])) for row in session.exec(statement))
    return found


def enter(session: Session, entries: Iterable[Mapping[str, Any]]) -> None:
    """Enter these steps; the caller has the turn, and has numbered them."""
    rows = list(entries)
    if rows:
        session.exec(insert(JournalRow), params=rows)


def entry(  # noqa: PLR0913, PLR0917 - what happened to what, and how it was before
    key: Key, trust: str, sequence: int, at: datetime, before: Any, after: Own, *, gone: bool
) -> Mapping[str, Any]:
    """Return the entry of a read that has moved; ``before`` is what the change feed had of it, if anything."""
    return {
        **_entry(key, trust, sequence, at, after),
        "kind": JournalKind.MOVED,
        "gone": gone,
        "workitem_before": None if before is None else before.workitem,
        "state_before": None if before is None else ReadState(before.state),
        "reporter_before": None if before is None else before.reporter_id,
        "had_images": None if before is None else before.has_images,
        "said": {},
    }


def saying(  # noqa: PLR0913, PLR0917 - what is said of what
    key: Key, trust: str, sequence: int, at: datetime, as_it_is: Own, kind: JournalKind, said: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the entry of something that is said of a read, which stays as it is."""
    same = {"workitem_before": as_it_is.workitem, "state_before": as_it_is.state}
    return {
        **_entry(key, trust, sequence, at, as_it_is),
        **same,
        "kind": kind,
        "gone": False,
        "reporter_before": as_it_is.reporter_id,
        "had_images": as_it_is.has_images,
        "said": dict(said),
    }


def _entry(key: Key, trust: str, sequence: int, at: datetime, after: Own) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "trust": trust,
        "study_id": key[0],
        "read": key[1],
        "at": at,
        **after._asdict(),
    }


def _feed(session: Session) -> ChangeFeedRow:
    return session.get_one(ChangeFeedRow, 1, populate_existing=True)

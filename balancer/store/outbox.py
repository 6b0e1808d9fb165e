"""The outbox: letters are written in the transaction that moves their outlet's cursor, and kept until they are taken.

So none is lost and none is written twice, whenever a process dies. One that was taken just before it died is sent
again, the same to the letter: whoever it is for recognises it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, func, insert, select, update

from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.letter import Letter, LetterState
from balancer.domain.states import StudyState
from balancer.store.changes import Mark
from balancer.store.chunks import chunks
from balancer.store.pages import Cut, Page, cursor
from balancer.store.tables import StudyRow
from balancer.store.tables_outbox import LetterRow, OutletRow, ToldRow

# As long as the journal: what was told can be looked up for as long as what happened.
KEPT = timedelta(days=7)
_NO_SYNC: dict[str, Any] = {"execution_options": {"synchronize_session": False}}
_NEWEST_FIRST = "letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutletStatus:
    """An outlet, how many of its letters wait and since when the oldest does, how many were given up."""

    row: OutletRow
    waiting: int
    oldest_at: datetime | None
    dead: int


# --- where an outlet is ----------------------------------------------------------------------------------------------


def cursor_of(session: Session, outlet: str) -> Mark | None:
    """Return up to where an outlet has written letters; ``None`` if it is new."""
    row = session.get(OutletRow, outlet, populate_existing=True)
    return None if row is None else Mark(incarnation=row.incarnation, sequence=row.sequence)


def move_cursor(session: Session, outlet: str, mark: Mark, now: datetime) -> None:
    """Enter that an outlet has written its letters up to there; a new one begins so."""
    row = session.get(OutletRow, outlet, populate_existing=True)
    if row is None:
        session.add(OutletRow(name=outlet, incarnation=mark.incarnation, sequence=mark.sequence, moved_at=now))
    else:
        row.incarnation, row.sequence, row.moved_at = mark.incarnation, mark.sequence, now
    session.flush()


def note_reached(session: Session, outlet: str) -> None:
    """Enter that an outlet reaches whom it speaks to again."""
    row = session.get_one(OutletRow, outlet, populate_existing=True)
    row.failing_since, row.error = None, ""


def note_failing(session: Session, outlet: str, error: str, now: datetime) -> None:
    """Enter that an outlet reaches nobody, and why."""
    row = session.get_one(OutletRow, outlet, populate_existing=True)
    row.failing_since, row.error = row.failing_since or now, error


def outlets(session: Session) -> list[OutletStatus]:
    """Return every outlet there ever was, by name, with what it has to say."""
    columns: Any = (LetterRow.outlet, LetterRow.state, func.count(), func.min(LetterRow.made_at))
    unsent = select(*columns).where(col(LetterRow.state) != LetterState.SENT)
    found = {
        (name, state): (number, oldest)
        for name, state, number, oldest in session.exec(unsent.group_by(LetterRow.outlet, LetterRow.state))
    }
    none: tuple[int, datetime | None] = (0, None)
    statuses = []
    for row in session.exec(select(OutletRow).order_by(col(OutletRow.name))):
        waiting, oldest_at = found.get((row.name, LetterState.WAITING), none)
        dead, _ = found.get((row.name, LetterState.DEAD), none)
        statuses.append(OutletStatus(row=row, waiting=waiting, oldest_at=oldest_at, dead=dead))
    return statuses


# --- letters ---------------------------------------------------------------------------------------------------------


def write(session: Session, outlet: str, letters: Iterable[Letter], now: datetime) -> None:
    """Put letters at the end of an outlet's queue."""
    queued = {"outlet": outlet, "state": LetterState.WAITING, "tries": 0, "made_at": now, "next_at": now, "error": ""}
    rows = [{**queued, **{field.name: getattr(letter, field.name) for field in fields(letter)}} for letter in letters]
    if rows:  # one after the other: their numbers are their order
        session.exec(insert(LetterRow), params=[{**row, "body": dict(row["body"])} for row in rows])


def due(session: Session, outlet: str, now: datetime, *, limit: int) -> Sequence[LetterRow]:
    """Return the first waiting letter of each key, if it may be sent by now; the oldest first."""
    earlier = aliased(LetterRow)
    is_behind = exists().where(
        col(earlier.outlet) == col(LetterRow.outlet),
        col(earlier.state) == LetterState.WAITING,
        col(earlier.key) == col(LetterRow.key),
        col(earlier.id) < col(LetterRow.id),
    )
    waiting = select(LetterRow).where(
        LetterRow.outlet == outlet, LetterRow.state == LetterState.WAITING, LetterRow.next_at <= now, ~is_behind
    )
    return session.exec(waiting.order_by(col(LetterRow.id)).limit(limit)).all()


def next_due_at(session: Session, outlet: str) -> datetime | None:
    """Return when the first of an outlet's waiting letters may be sent, ``None`` if none waits."""
    waiting = select(func.min(LetterRow.next_at))
    return session.exec(waiting.where(LetterRow.outlet == outlet, LetterRow.state == LetterState.WAITING)).one()


def take(session: Session, letter_id: int, now: datetime) -> None:
    """Enter that a letter has been taken by whom it is for."""
    row = _waiting(session, letter_id)
    if row is not None:
        row.state, row.ended_at, row.error = LetterState.SENT, now, ""
        session.get_one(OutletRow, row.outlet, populate_existing=True).taken_at = now


def put_off(session: Session, letter_id: int, error: str, *, next_at: datetime) -> None:
    """Enter that a letter was not taken, and when it is sent again."""
    row = _waiting(session, letter_id)
    if row is not None:
        row.tries, row.next_at, row.error = row.tries + 1, next_at, error


def give_up(session: Session, letter_id: int, error: str, now: datetime) -> None:
    """Give a letter up. What its outlet has told of its subject is uncertain from then on."""
    row = _waiting(session, letter_id)
    if row is not None:
        row.tries, row.state, row.ended_at, row.error = row.tries + 1, LetterState.DEAD, now, error
        _doubt(session, row.outlet, [row.subject])


def give_up_old(session: Session, outlet: str, before: datetime, now: datetime) -> int:
    """Give up every waiting letter that was written before then; return how many those are."""
    old = select(LetterRow).where(
        LetterRow.outlet == outlet, LetterRow.state == LetterState.WAITING, LetterRow.made_at < before
    )
    rows = session.exec(old).all()
    for row in rows:
        row.state, row.ended_at, row.error = LetterState.DEAD, now, row.error or "it has grown too old"
    _doubt(session, outlet, {row.subject for row in rows})
    return len(rows)


def has_old(session: Session, outlet: str, before: datetime) -> bool:
    """Tell whether an outlet has waiting letters that were written before then."""
    old = select(LetterRow.id).where(
        LetterRow.outlet == outlet, LetterRow.state == LetterState.WAITING, LetterRow.made_at < before
    )
    return session.exec(old.limit(1)).first() is not None


def put_back(session: Session, letter_id: int, now: datetime) -> LetterRow:
    """Let a letter that was given up be sent again, in its old place among those of its key.

    Raises
    ------
    NotFoundError
        If there is none of that number.
    ConflictError
        If it has not been given up, or a later one about the same has been written since: that says how things stand.
    """
    row = session.exec(select(LetterRow).where(LetterRow.id == letter_id).with_for_update()).first()
    if row is None:
        raise NotFoundError(f"there is no letter {letter_id}")
    if row.state is not LetterState.DEAD:
        raise ConflictError(f"the letter is {row.state}: only one that was given up can be put back")
    later = select(LetterRow.id).where(
        LetterRow.outlet == row.outlet, LetterRow.subject == row.subject, col(LetterRow.id) > letter_id
    )
    if session.exec(later.limit(1)).first() is not None:
        raise ConflictError("a later letter about the same has been written: this one would say what no longer holds")
    row.state, row.tries, row.ended_at = LetterState.WAITING, 0, None
    row.made_at = row.next_at = now  # its patience begins anew
    return row


def letters(
    session: Session, cut: Cut, *, outlet: str | None = None, state: LetterState | None = None
) -> Page[tuple[LetterRow, StudyRow | None]]:
    """Return a page of letters, each with the study that it is about, newest first."""
    statement = select(LetterRow, StudyRow).outerjoin(StudyRow, col(StudyRow.id) == col(LetterRow.study_id))
    counted = select(func.count()).select_from(LetterRow)
    for column, wanted in ((LetterRow.outlet, outlet), (LetterRow.state, state)):
        if wanted is not None:
            statement, counted = statement.where(column == wanted), counted.where(column == wanted)
    total = session.exec(counted).one()
    after = cut.after(_NEWEST_FIRST, 1)
    if after is not None:
        statement = statement.where(col(LetterRow.id) < after[0])
    rows = session.exec(statement.order_by(col(LetterRow.id).desc()).limit(cut.limit + 1)).all()
    more, rows = len(rows) > cut.limit, rows[: cut.limit]
    return Page(
        items=tuple((row, study) for row, study in rows),
        total=total,
        next_cursor=cursor(_NEWEST_FIRST, rows[-1][0].id) if more else None,
    )


def letter(session: Session, letter_id: int) -> tuple[LetterRow, StudyRow | None]:
    """Return one letter and the study that it is about; ``NotFoundError`` if there is none."""
    statement = select(LetterRow, StudyRow).outerjoin(StudyRow, col(StudyRow.id) == col(LetterRow.study_id))
    found = session.exec(statement.where(LetterRow.id == letter_id)).first()
    if found is None:
        raise NotFoundError(f"there is no letter {letter_id}")
    return found


def purge(session: Session, now: datetime) -> None:
    """Forget letters that were taken, or given up, long ago, and what was told that no other is held against."""
    old = (col(LetterRow.state) != LetterState.WAITING, col(LetterRow.ended_at) < now - KEPT)
    session.exec(delete(LetterRow).where(*old), **_NO_SYNC)
    _forget_told(session)


def has_old_ended(session: Session, now: datetime) -> bool:
    """Tell whether there is anything to purge."""
    old = (col(LetterRow.state) != LetterState.WAITING, col(LetterRow.ended_at) < now - KEPT)
    return session.exec(select(LetterRow.id).where(*old).limit(1)).first() is not None


def _waiting(session: Session, letter_id: int) -> LetterRow | None:
    statement = select(LetterRow).where(LetterRow.id == letter_id, LetterRow.state == LetterState.WAITING)
    return session.exec(statement.with_for_update().execution_options(populate_existing=True)).first()


# --- what was told ---------------------------------------------------------------------------------------------------


def told(session: Session, outlet: str, subjects: Iterable[str] | None = None) -> dict[str, dict[str, Any]]:
    """Return what an outlet last wrote of these subjects, or of every one, as far as it is kept."""
    columns: Any = (ToldRow.subject, ToldRow.said)
    statement = select(*columns).where(ToldRow.outlet == outlet)
    if subjects is None:
        return dict(session.exec(statement).all())
    found: dict[str, dict[str, Any]] = {}
    for chunk in chunks(sorted(set(subjects))):
        found.update(session.exec(statement.where(col(ToldRow.subject).in_(chunk))).all())
    return found


def tell(session: Session, outlet: str, said: Mapping[str, Mapping[str, Any]]) -> None:
    """Enter what an outlet writes of subjects, which is certain again; the row of the outlet must be there."""
    known = told(session, outlet, said)
    rows = {
        subject: {"outlet": outlet, "subject": subject, "said": dict(words), "uncertain": False}
        for subject, words in said.items()
    }
    changed = [row for subject, row in rows.items() if subject in known]
    added = [row for subject, row in rows.items() if subject not in known]
    if changed:
        session.exec(update(ToldRow), params=changed)
    if added:
        session.exec(insert(ToldRow), params=added)


def uncertain(session: Session, outlet: str) -> set[str]:
    """Return the subjects of which a letter was given up, and nothing has been written since."""
    return set(session.exec(select(ToldRow.subject).where(ToldRow.outlet == outlet, col(ToldRow.uncertain))))


def _forget_told(session: Session) -> None:
    """Forget what was told of studies that wait for no report, once no letter about them is kept.

    What is uncertain stays until it is certain, however long whoever it is for is away.
    """
    about = exists().where(col(LetterRow.outlet) == col(ToldRow.outlet), col(LetterRow.subject) == col(ToldRow.subject))
    columns: Any = (ToldRow.outlet, ToldRow.subject)
    subjects: dict[str, list[str]] = defaultdict(list)
    for outlet, subject in session.exec(select(*columns).where(~col(ToldRow.uncertain), ~about)):
        subjects[outlet].append(subject)
    for outlet, told_of in subjects.items():
        for chunk in chunks(sorted(told_of)):
            open_ones = select(StudyRow.id).where(StudyRow.state == StudyState.OPEN)
            still = session.exec(open_ones.where(col(StudyRow.id).in_(list(map(int, chunk)))))
            over = set(chunk) - set(map(str, still))
            which = (col(ToldRow.outlet) == outlet, col(ToldRow.subject).in_(over), ~col(ToldRow.uncertain))
            session.exec(delete(ToldRow).where(*which), **_NO_SYNC)


def _doubt(session: Session, outlet: str, subjects: Iterable[str]) -> None:
    for chunk in chunks(sorted(set(subjects))):
        which = (col(ToldRow.outlet) == outlet, col(ToldRow.subject).in_(chunk))
        session.exec(update(ToldRow).where(*which).values(uncertain=True), **_NO_SYNC)

"""Studies: filtered, sorted and paged, each with what the current plan says of its reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, literal
from sqlmodel import Session, col, exists, or_, select

from balancer.domain.errors import InvalidValueError, NotFoundError
from balancer.domain.life import ON_A_LIST
from balancer.domain.states import StudyState
from balancer.domain.study import StudyKey
from balancer.store.counts import count
from balancer.store.pages import Cut, Page, beyond, cursor
from balancer.store.runs import current_run
from balancer.store.tables import StudyRow, UnallocatedRow, WorklistItemRow, WorklistRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.worklists import on_item

_SORTS: dict[str, Any] = {
    "due_at": StudyRow.due_at,
    "acquired_at": StudyRow.clock_started_at,
    "last_seen_at": StudyRow.last_seen_at,
    "accession_number": StudyRow.accession_number,
}
SORTS = tuple(sign + name for name in _SORTS for sign in ("", "-"))
# What holds of studies of which a person has decided otherwise than their feed says: by column, then by study.
Held = Mapping[str, Mapping[int, Any]]
AS_SAID: Held = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFilter:
    """Which studies to show; ``None`` means whatever.

    ``accession_number`` is the whole of it. ``late``: due already, or planned to end after it is due. ``text`` is
    looked for in accession number, the trust's patient number and exam code. ``reporter_id``: a read of it is on that
    reporter's list.
    """

    trust: str | None = None
    accession_number: str | None = None
    priority: str | None = None
    state: StudyState | None = StudyState.OPEN
    modality: str | None = None
    subspecialty: str | None = None
    late: bool | None = None
    text: str | None = None
    reporter_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadStatus:
    """Where one read of a study stands, and what the current plan says of it.

    ``follows``: what it has of its own if it is no reading of the images.
    """

    row: ReadRow
    follows: FollowUpRow | None = None
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    late: bool = False
    unallocated_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStatus:
    """A study and its reads, in read order."""

    study: StudyRow
    reads: tuple[ReadStatus, ...]


def studies(  # noqa: PLR0913 - which, how many, by when, in which order, as what
    session: Session, which: StudyFilter, cut: Cut, *, now: datetime, sort: str = "due_at", held: Held = AS_SAID
) -> Page[StudyStatus]:
    """Return a page of studies in the order of ``sort`` (one of ``SORTS``; ``-`` means falling).

    They are looked for and put in order as what they are ``held`` to be, unless closed ones are asked for; the rows say
    what their feeds say.

    Raises
    ------
    InvalidValueError
        If there is no such order, or the cursor belongs to another.
    """
    if which.state not in {None, StudyState.OPEN}:
        held = AS_SAID  # of what is over little is decided, and there is a year of it to put in order
    descending, name = sort.startswith("-"), sort.removeprefix("-")
    if name not in _SORTS:
        raise InvalidValueError("sort", f"{sort!r} is not one of {', '.join(SORTS)}")
    statement = select(StudyRow).where(*_conditions(which, now, held))
    total = count(session, statement)
    order = (_as_it_holds(_SORTS[name], held), col(StudyRow.id))
    text_order = name == "accession_number"
    after = _after_number(session, cut, sort) if text_order else cut.after_instant(sort, 2)
    if after is not None:
        statement = statement.where(beyond(order, after, descending=descending))
    directed = [column.desc() if descending else column for column in order]
    found = session.exec(statement.order_by(*directed).limit(cut.limit + 1)).all()
    rows = found[: cut.limit]
    following = None
    if len(found) > cut.limit:
        # a cursor stands in the next request's address: it names no accession number
        last, column = rows[-1], _SORTS[name].key
        stands = held.get(column, {}).get(last.id or 0, getattr(last, column))
        following = cursor(sort, *(() if text_order else (stands.isoformat(),)), last.id)
    return Page(items=tuple(with_reads(session, rows)), total=total, next_cursor=following)


def _after_number(session: Session, cut: Cut, sort: str) -> list[Any] | None:
    """Return the accession number and id of the last study of the page before, which its cursor knows by id only."""
    found = cut.after(sort, 1)
    if found is None:
        return None
    row = session.get(StudyRow, found[0])
    if row is None:
        raise InvalidValueError("cursor", "belongs to another list")
    return [row.accession_number, row.id]


def study(session: Session, key: StudyKey) -> StudyStatus:
    """Return one study, whatever its state; ``NotFoundError`` if there is none."""
    statement = select(StudyRow).where(StudyRow.trust == key.trust, StudyRow.accession_number == key.accession_number)
    row = session.exec(statement).first()
    if row is None:
        raise NotFoundError("there is no such study")
    return with_reads(session, [row])[0]


def open_study_row(session: Session, key: StudyKey) -> StudyRow | None:
    """Return an open study's own row; ``None`` if it is not open, or there is none."""
    same = select(StudyRow).where(StudyRow.trust == key.trust, StudyRow.accession_number == key.accession_number)
    return session.exec(same.where(StudyRow.state == StudyState.OPEN)).first()


def open_count(session: Session, trust: str) -> int:
    """Return how many studies of a trust wait for a report."""
    return count(session, select(StudyRow.id).where(StudyRow.trust == trust, StudyRow.state == StudyState.OPEN))


def _as_it_holds(column: Any, held: Held) -> Any:
    """Return a column of studies with what holds of some of them in its place."""
    values = held.get(column.key, {})
    if not values:
        return col(column)
    known = [(col(StudyRow.id) == number, literal(value, column.type)) for number, value in values.items()]
    return case(*known, else_=column)


def _conditions(which: StudyFilter, now: datetime, held: Held) -> list[ColumnElement[bool]]:
    conditions: list[Any] = []
    for column, wanted in (
        (StudyRow.trust, which.trust),
        (StudyRow.accession_number, which.accession_number),
        (StudyRow.priority, which.priority),
        (StudyRow.state, which.state),
        (StudyRow.modality, which.modality),
        (StudyRow.subspecialty, which.subspecialty),
    ):
        if wanted is not None:
            conditions.append(_as_it_holds(column, held) == wanted)
    if which.late is not None:
        late = or_(_as_it_holds(StudyRow.due_at, held) < now, _on_a_list(col(WorklistItemRow.late)))
        conditions.append(late if which.late else ~late)
    if which.reporter_id is not None:
        theirs = (col(ReadRow.reporter_id) == which.reporter_id) & col(ReadRow.state).in_(sorted(ON_A_LIST))
        conditions.append(exists().where(col(ReadRow.study_id) == col(StudyRow.id)).where(theirs))
    if which.text:
        columns = (StudyRow.accession_number, StudyRow.local_patient_id, StudyRow.exam_code)
        conditions.append(or_(*(col(column).icontains(which.text, autoescape=True) for column in columns)))
    return conditions


def _on_a_list(condition: Any) -> ColumnElement[bool]:
    """Return the condition that a current list holds a read of the study for which ``condition`` holds."""
    return (
        exists()
        .where(col(WorklistItemRow.study_id) == col(StudyRow.id))
        .where(col(WorklistItemRow.worklist_id) == col(WorklistRow.id))
        .where(col(WorklistRow.superseded_at).is_(None))
        .where(condition)
    )


def with_reads(session: Session, rows: Sequence[StudyRow]) -> list[StudyStatus]:
    """Return the rows with their reads: a few more statements, whatever their number."""
    ids = [row.id for row in rows]
    plans = _plans(session, ids)
    reads: dict[int, list[ReadStatus]] = defaultdict(list)
    of_studies = select(ReadRow, FollowUpRow).outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
    of_studies = of_studies.where(col(ReadRow.study_id).in_(ids))
    for read, follows in session.exec(of_studies.order_by(col(ReadRow.study_id), col(ReadRow.number))):
        plan = plans.get((read.study_id, read.number), {})
        reads[read.study_id].append(ReadStatus(row=read, follows=follows, **plan))
    return [StudyStatus(study=row, reads=tuple(reads[row.id or 0])) for row in rows]


def _plans(session: Session, ids: Sequence[int | None]) -> dict[tuple[int, int], dict[str, Any]]:
    """Return what the current plan says of these studies' reads, by study and number."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for item in session.exec(
        select(WorklistItemRow)
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .join(ReadRow, on_item(WorklistItemRow))
        .where(
            col(WorklistRow.superseded_at).is_(None),
            col(WorklistItemRow.study_id).in_(ids),
            col(WorklistRow.reporter_id) == col(ReadRow.reporter_id),
        )
    ):
        found[item.study_id, item.read] = {
            "planned_start": item.planned_start,
            "planned_end": item.planned_end,
            "late": item.late,
        }
    current = current_run(session)
    if current is not None:
        left = select(UnallocatedRow).where(UnallocatedRow.run_id == current.id, col(UnallocatedRow.study_id).in_(ids))
        for row in session.exec(left):
            found.setdefault((row.study_id, row.read), {})["unallocated_reason"] = row.reason
    return found


def named_in(session: Session, text: str) -> list[tuple[int, str, str]]:
    """Return the studies whose accession numbers stand in ``text``, as (number, trust, accession number).

    The longest first: one number may be part of another. It looks at every study there is, for errors only.
    """
    there = literal(text).contains(col(StudyRow.accession_number))
    found = session.exec(select(StudyRow.id, StudyRow.trust, StudyRow.accession_number).where(there))
    return sorted(((row[0] or 0, row[1], row[2]) for row in found), key=lambda item: (-len(item[2]), item))

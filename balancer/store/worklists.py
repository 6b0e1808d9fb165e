"""Worklists: the current version of each reporter's list, its reads in the order they should be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlmodel import Session, case, col, func, or_, select

from balancer.domain.errors import NotFoundError
from balancer.domain.life import ON_A_LIST, ReadState
from balancer.domain.states import RunKind, StudyState
from balancer.store.listed import ListedRead, ListedStudy, Place, columns_of
from balancer.store.scope import at_every_trust, reach_of, seeing_readings, unlimited
from balancer.store.tables import ReporterRow, RunRow, SessionRow, StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_assignments import WorklistRevisionRow
from balancer.store.tables_life import ReadRow


class WorklistItem(NamedTuple):
    """A read on a list, with its study as it stands now; its session has no times if the roster has lost it since.

    ``late``: the plan ends it after it is due. ``still_open`` is false once its source no longer lists the study.
    """

    item: Place
    study: ListedStudy
    read: ListedRead
    session_start: datetime | None = None
    session_end: datetime | None = None

    @property
    def claimed_by(self) -> str | None:
        """Who has opened the read."""
        return self.read.reporter_id if self.read.state is ReadState.CLAIMED else None

    @property
    def still_open(self) -> bool:
        """Whether the read is still to be done."""
        return self.study.state is StudyState.OPEN and self.read.state is not ReadState.WITHDRAWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Worklist:
    """A version of a reporter's list; ``withheld`` counts what is still on it, at trusts out of reach."""

    version: WorklistRow
    mark: ListMark
    items: tuple[WorklistItem, ...]
    withheld: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorklistSummary:
    """A reporter's current list in figures; ``late`` counts reads planned to end after they are due.

    All figures are of what is still on it, as the list itself shows it, and for a caller who reports of what is not
    read blind: how long it was would tell them who has a reading that it hides. ``items`` are at any trust.
    """

    reporter_id: str
    name: str
    home_trust: str
    version: int
    run_id: int
    published_at: datetime
    items: int
    late: int
    first_start: datetime | None
    last_end: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMark:
    """Which version of a list is the current one, and when what it shows last changed otherwise.

    ``mended``: it was made for something that could not wait for the next run.
    """

    worklist_id: int
    published_at: datetime
    revision: int
    mended: bool


def list_marks(session: Session, reporter_id: str | None = None) -> dict[str, ListMark]:
    """Return the mark of every current list, or of one reporter's, by reporter; equal marks mean equal lists."""
    columns: Any = (WorklistRow.reporter_id, WorklistRow.id, WorklistRow.published_at, *_MARKED_BY)
    statement = _current(select(*columns))
    if reporter_id is not None:
        statement = statement.where(WorklistRow.reporter_id == reporter_id)
    return {whose: _mark(*marked) for whose, *marked in session.exec(statement)}


_MARKED_BY: Any = (WorklistRevisionRow.revision, RunRow.kind)


def _current(statement: Any) -> Any:
    """Return a statement over the current list of everybody, with what marks it."""
    return (
        statement.join(RunRow, col(RunRow.id) == col(WorklistRow.run_id))
        .outerjoin(WorklistRevisionRow, col(WorklistRevisionRow.reporter_id) == col(WorklistRow.reporter_id))
        .where(col(WorklistRow.superseded_at).is_(None))
    )


def _mark(worklist_id: int | None, published_at: datetime, revision: int | None, kind: RunKind) -> ListMark:
    return ListMark(
        worklist_id=worklist_id or 0,
        published_at=published_at,
        revision=revision or 0,
        mended=kind is RunKind.MENDING,
    )


def worklist(session: Session, reporter_id: str) -> Worklist:
    """Return the current version of a reporter's list; it is empty if there is nothing for them.

    What has left it since (done, handed back, parked, opened by somebody else) is left out; what its source has
    withdrawn is shown as that, for whoever was about to read it.

    Raises
    ------
    NotFoundError
        If there is no such reporter, or no list of theirs has been published yet.
    """
    version, mark = _version(session, reporter_id)
    statement = (
        _listed()
        .where(WorklistItemRow.worklist_id == version.id, still_listed(reporter_id))
        .order_by(col(WorklistItemRow.place))
    )
    items = tuple(map(_item, session.exec(statement)))
    return Worklist(version=version, mark=mark, items=items, withheld=_withheld(session, version, len(items)))


_PLACE = columns_of(Place, WorklistItemRow)
_STUDY = columns_of(ListedStudy, StudyRow)
_READ = columns_of(ListedRead, ReadRow)
_TO_STUDY, _TO_READ = len(_PLACE), len(_PLACE) + len(_STUDY)


@cache
def _listed() -> Any:
    """Return the statement over what lists show of their reads: to say so many columns takes as long as to ask."""
    columns: Any = (*_PLACE, *_STUDY, *_READ, SessionRow.start, SessionRow.end)
    return (
        select(*columns)
        .select_from(WorklistItemRow)
        .join(StudyRow, col(StudyRow.id) == col(WorklistItemRow.study_id))
        .join(ReadRow, on_item(WorklistItemRow))
        .outerjoin(SessionRow, col(SessionRow.session_id) == col(WorklistItemRow.session_id))
    )


def _item(row: Any) -> WorklistItem:
    place, study, read = row[:_TO_STUDY], row[_TO_STUDY:_TO_READ], row[_TO_READ:-2]
    return WorklistItem(Place(*place), ListedStudy(*study), ListedRead(*read), *row[-2:])


def _withheld(session: Session, version: WorklistRow, shown: int) -> int:
    """Return how many reads are still on a list and at trusts out of reach.

    What is hidden because it is read blind does not count: it would tell whose the reading is.
    """
    if reach_of(session).is_everywhere:
        return 0
    statement = (
        select(func.count(col(ReadRow.id)))
        .join(WorklistItemRow, on_item(WorklistItemRow))
        .where(WorklistItemRow.worklist_id == version.id, still_listed(version.reporter_id))
    )
    with unlimited(session) as whole:
        every = whole.exec(statement).one()
    if every == shown:
        return 0
    with seeing_readings(session) as seeing:
        return every - seeing.exec(statement).one()


def _version(session: Session, reporter_id: str) -> tuple[WorklistRow, ListMark]:
    """Return the current version itself with its mark; ``NotFoundError`` as ``worklist``."""
    statement = _current(select(WorklistRow, *_MARKED_BY)).where(WorklistRow.reporter_id == reporter_id)
    found = session.exec(statement).first()
    if found is not None:
        version, *marked_by = found
        return version, _mark(version.id, version.published_at, *marked_by)
    if session.get(ReporterRow, reporter_id) is None:
        raise NotFoundError("there is no such reporter")
    raise NotFoundError("no worklist has been published for this reporter yet")


def on_item(item: type[WorklistItemRow]) -> Any:
    """Return the condition that a read is the one of a worklist's item."""
    return (col(ReadRow.study_id) == col(item.study_id)) & (col(ReadRow.number) == col(item.read))


def with_place(statement: Any) -> Any:
    """Return a statement over reads with the item that each has on the current list of whoever it is with, if any."""
    current = (
        (col(WorklistRow.reporter_id) == col(ReadRow.reporter_id))
        & col(WorklistRow.superseded_at).is_(None)
        & col(ReadRow.state).in_(sorted(ON_A_LIST))
    )
    item = (col(WorklistItemRow.worklist_id) == col(WorklistRow.id)) & on_item(WorklistItemRow)
    return statement.outerjoin(WorklistRow, current).outerjoin(WorklistItemRow, item)


def still_listed(reporter_id: Any) -> Any:
    """Return the condition that a read is still this reporter's, or has been withdrawn on their list."""
    theirs = col(ReadRow.state).in_(sorted(ON_A_LIST)) & (col(ReadRow.reporter_id) == reporter_id)
    return or_(theirs, col(ReadRow.state) == ReadState.WITHDRAWN)


def worklists(session: Session, *, home_trust: str | None = None) -> list[WorklistSummary]:
    """Return every current list in figures, in the order of the reporters; a few statements, whatever the number.

    With ``home_trust``, those of reporters whose home it is.
    """
    figures = _figures(session)
    left = _left(session, figures)
    found = session.exec(
        select(WorklistRow, ReporterRow)
        .join(ReporterRow, col(ReporterRow.reporter_id) == col(WorklistRow.reporter_id))
        .where(
            col(WorklistRow.superseded_at).is_(None),
            *([] if home_trust is None else [ReporterRow.home_trust == home_trust]),
        )
        .order_by(col(ReporterRow.ordinal), col(ReporterRow.reporter_id))
    )
    return [
        _summary(
            version,
            person,
            left.get(version.id or 0, 0),
            figures.get(version.id or 0, _Figures()),
        )
        for version, person in found
    ]


class _Figures(NamedTuple):
    """Of a list within reach: how many reads are on it and late, when the first begins and the last ends."""

    items: int = 0
    late: int = 0
    first_start: datetime | None = None
    last_end: datetime | None = None


def _figures(session: Session) -> dict[int, _Figures]:
    """Return the figures of every current list, by its number."""
    columns: Any = (
        WorklistItemRow.worklist_id,
        func.count(),
        func.sum(case((col(WorklistItemRow.late), 1), else_=0)),
        func.min(col(WorklistItemRow.planned_start)),
        func.max(col(WorklistItemRow.planned_end)),
    )
    return {number: _Figures(*figures) for number, *figures in session.exec(_by_list(select(*columns)))}


def _left(session: Session, within: Mapping[int, _Figures]) -> dict[int, int]:
    """Return how much is left of every current list, at any trust; ``within`` is what is left of it within reach."""
    if reach_of(session).is_everywhere:
        return {number: figures.items for number, figures in within.items()}
    counted = select(WorklistItemRow.worklist_id, func.count())
    with at_every_trust(session) as wide:
        return dict(wide.exec(_by_list(counted)).all())


def _by_list(statement: Any) -> Any:
    """Return a statement over the reads that are still on every current list.

    Nobody's name is on what has been let go, so it is hidden no more: whose list it was on must not come back with it.
    """
    return (
        statement.join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .join(ReadRow, on_item(WorklistItemRow))
        .where(col(WorklistRow.superseded_at).is_(None), still_listed(col(WorklistRow.reporter_id)))
        .group_by(col(WorklistItemRow.worklist_id))
    )


def _summary(version: WorklistRow, person: ReporterRow, items: int, figures: _Figures) -> WorklistSummary:
    return WorklistSummary(
        reporter_id=version.reporter_id,
        name=person.name,
        home_trust=person.home_trust,
        version=version.version,
        run_id=version.run_id,
        published_at=version.published_at,
        items=items,
        late=figures.late,
        first_start=figures.first_start,
        last_end=figures.last_end,
    )

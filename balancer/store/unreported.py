"""The studies that wait for a report: counted for figures and listed behind them, by the same conditions.

What people have decided is laid over what feeds say: a study counts, is late and is listed by what holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, case, extract, false, literal, type_coerce
from sqlmodel import Session, and_, col, func, not_, or_, select

from balancer.domain.age import Age
from balancer.domain.becoming_late import PARKED, PLANNED_LATE, BecomingLate, LateRead, together
from balancer.domain.life import ReadState
from balancer.domain.policy import Policy
from balancer.domain.states import StudyState
from balancer.store.chunks import chunks
from balancer.store.counts import count
from balancer.store.how_studies_stand import WAITING, has_read_in, stands
from balancer.store.scope import seeing_readings
from balancer.store.studies import StudyStatus, with_reads
from balancer.store.tables import ExaminationRow, StudyRow, WorklistItemRow
from balancer.store.tables_life import ReadRow
from balancer.store.which_unreported import (
    Counted,
    LaidOver,
    Lateness,
    UnreportedFilter,
    WaitingNoMore,
    WaitingRead,
)
from balancer.store.worklists import with_place

# Those of them that no plan finishes, whatever it says.
_NOWHERE: Final = (ReadState.UNALLOCATED, ReadState.PARKED)
# Nothing waits for longer; a ceiling beyond is none, and would leave the calendar.
_A_CENTURY_HOURS: Final = 876_600.0
# The names of the columns that a list can be sorted by.
SORTS: Final = ("due", "waiting", "exam", "class", "trust", "subspecialty")


class Unreported:
    """The queue at ``now``: its columns as they hold, and the conditions by which it is counted and listed."""

    def __init__(self, policy: Policy, laid: Mapping[int, LaidOver], now: datetime) -> None:
        self.now = now
        self._policy, self._laid = policy, laid
        self.priority = self._held("priority")
        self.due_at = self._held("due_at")
        self.subspecialty = self._held("subspecialty")
        self._modality = self._held("modality")
        self._exam = self._held("exam_code")

    def _held(self, name: str) -> ColumnElement[Any]:
        """Return a column as it holds."""
        column = col(getattr(StudyRow, name))
        if not self._laid:
            return column  # type: ignore[return-value]
        # of the column's own type: an instant would come back without its zone, and go in by the server's
        kind = StudyRow.__table__.c[name].type  # type: ignore[attr-defined]  # a table class has one
        decided = {number: literal(getattr(laid, name), kind) for number, laid in self._laid.items()}
        return type_coerce(case(decided, value=col(StudyRow.id), else_=column), kind)

    def due_of(self, study_id: int, said: datetime) -> datetime:
        """Return when a study is due, by which it is counted and sorted; ``said`` if nothing is laid over it."""
        laid = self._laid.get(study_id)
        return said if laid is None else laid.due_at

    # --- conditions --------------------------------------------------------------------------------------------------

    def conditions(self, which: UnreportedFilter) -> list[ColumnElement[bool]]:
        """Return the conditions of the studies that are meant."""
        found = [col(StudyRow.state) == StudyState.OPEN, stands(which.standing)]
        for column, wanted in (
            (col(StudyRow.trust), which.trust),
            (self.priority, which.priority),
            (self.subspecialty, which.subspecialty),
            (self._modality, which.modality),
            (self._exam, which.exam),
        ):
            if wanted is not None:
                found.append(column == wanted)
        if which.age is not None:
            found.append(self.is_of_age(which.age))
        if which.due is not None:
            found += [self.due_at >= which.due.start, self.due_at < which.due.end]
        if which.only is not None:
            found.append(col(StudyRow.id).in_(sorted(which.only)) if which.only else false())
        return [*found, *self._lateness(which)]

    def _lateness(self, which: UnreportedFilter) -> list[ColumnElement[bool]]:
        """Return the conditions about what is or becomes late, and why.

        Of ``only`` these studies somebody else knows that they become late: by another plan than the published one,
        which may well do them in time.
        """
        found: list[ColumnElement[bool]] = []
        if which.late is Lateness.NOW:
            found.append(or_(self.is_of_age(Age.LATE), self.is_of_age(Age.OVER)))
        if which.within is not None:
            found.append(self.due_at < self.now + timedelta(hours=which.within))
        becomes = which.only is None and (which.late is Lateness.PLANNED or which.within is not None)
        if becomes:
            found.append(self._on_time_now())
        # a study's reads are looked at once it is known that the rest holds of it
        of_study = list(found)
        if becomes:
            found.append(self._not_done_by_due(None, of_study))
        if which.reason is not None:
            found.append(self._not_done_by_due(which.reason, of_study))
        return found

    def is_of_age(self, age: Age) -> ColumnElement[bool]:
        """Return the condition that studies are in one of the four parts of their way."""
        over = self._over_ceiling()
        if age is Age.OVER:
            return over
        late = self.due_at < self.now
        if age is Age.LATE:
            return and_(late, not_(over))
        second = self._in_second_half()
        return and_(not_(late), not_(over), second if age is Age.SECOND else not_(second))

    def _age(self) -> ColumnElement[str]:
        """Return in which of the four parts studies are: the first of these that holds, as ``is_of_age`` has it."""
        return case(
            (self._over_ceiling(), Age.OVER.value),
            (self.due_at < self.now, Age.LATE.value),
            (self._in_second_half(), Age.SECOND.value),
            else_=Age.FIRST.value,
        )

    def _in_second_half(self) -> ColumnElement[bool]:
        """Return the condition that more than half of the time until studies are due has passed."""
        begun, due = extract("epoch", col(StudyRow.clock_started_at)), extract("epoch", self.due_at)
        # twice the present in seconds is more than four bytes hold
        return begun + due < literal(2 * int(self.now.timestamp()), BigInteger())

    def _over_ceiling(self) -> ColumnElement[bool]:
        """Return the condition that studies have waited for longer than their class's ceiling."""
        return or_(
            false(),
            *(
                and_(
                    self.priority == priority.code,
                    col(StudyRow.clock_started_at)
                    < self.now - timedelta(hours=min(priority.ceiling_hours, _A_CENTURY_HOURS)),
                )
                for priority in self._policy.priorities
            ),
        )

    def _on_time_now(self) -> ColumnElement[bool]:
        return and_(self.due_at >= self.now, not_(self._over_ceiling()))

    def _not_done_by_due(self, reason: str | None, of_study: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
        """Return the condition that a read of the study is not done before it is due, by the published plan.

        One that somebody has open is being read; one that a provider has is planned elsewhere. ``of_study`` are
        conditions that hold of the study anyway.
        """
        state = col(ReadRow.state)
        wanted = {
            None: self._ends_too_late_or_nowhere(),
            PLANNED_LATE: self._ends_too_late(),
            PARKED: state == ReadState.PARKED,
        }.get(reason, and_(state == ReadState.UNALLOCATED, col(ReadRow.reason) == reason))
        # all of them at once: to look for the place of each read of each study by itself takes three times as long
        theirs = select(ReadRow.study_id).join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        late = with_place(theirs).where(StudyRow.state == StudyState.OPEN, *of_study, wanted)
        return col(StudyRow.id).in_(late.correlate(None))

    def _ends_too_late_or_nowhere(self) -> ColumnElement[bool]:
        """Return the condition that no plan finishes a read before it is due; reads are ``with_place``."""
        return or_(col(ReadRow.state).in_(sorted(_NOWHERE)), self._ends_too_late())

    def _ends_too_late(self) -> ColumnElement[bool]:
        """Return the condition that the list of whoever has a read ends it after it is due, or does not have it."""
        end = col(WorklistItemRow.planned_end)
        return and_(col(ReadRow.state) == ReadState.ALLOCATED, or_(end.is_(None), end > self.due_at))

    # --- figures -----------------------------------------------------------------------------------------------------

    def counted(self, session: Session) -> list[Counted]:
        """Return how many studies stand where, by trust and class; one statement."""
        kind: tuple[Any, ...] = (StudyRow.trust, self.priority, self._age())
        statement = (
            select(*kind, func.count(), func.min(col(StudyRow.clock_started_at)))  # type: ignore[call-overload]
            .where(*self.conditions(UnreportedFilter()))
            .group_by(*kind)
            .order_by(StudyRow.trust)
        )
        with seeing_readings(session) as seeing:
            return _counted(seeing.exec(statement).all())

    def waiting_no_more(self, session: Session) -> WaitingNoMore:
        """Return how many studies none of whose reads is still to be done here stand where; one statement."""
        done = func.count(case((has_read_in((ReadState.DONE,)), 1)))
        statement = select(done, func.count()).select_from(StudyRow)
        gone = statement.where(StudyRow.state == StudyState.OPEN, not_(has_read_in(WAITING)))
        with seeing_readings(session) as seeing:
            reported, every = seeing.exec(gone).one()
        return WaitingNoMore(reported=reported, not_here=every - reported)

    def count(self, session: Session, which: UnreportedFilter) -> int:
        """Return how many studies are meant: as many as their list has."""
        with seeing_readings(session) as seeing:
            return count(seeing, select(StudyRow.id).where(*self._conditions_for(session, which)))

    def becoming_late(self, session: Session, hours: int) -> list[BecomingLate]:
        """Return what becomes late within so many hours by the published plan, each study once; one statement."""
        state = col(ReadRow.state)
        why = case(
            (state == ReadState.PARKED, PARKED),
            (state == ReadState.UNALLOCATED, col(ReadRow.reason)),
            else_=PLANNED_LATE,
        )
        columns: Any = (
            *(StudyRow.id, StudyRow.trust, self.priority, self.subspecialty, StudyRow.minutes, self.due_at),
            why,
        )
        statement = (
            with_place(select(*columns).join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id)))
            .where(*self._due_within(hours), self._ends_too_late_or_nowhere())
            .order_by(self.due_at, col(StudyRow.id))
        )
        with seeing_readings(session) as seeing:
            return together(LateRead(*row) for row in seeing.exec(statement))

    def waiting_reads(self, session: Session, hours: int) -> list[WaitingRead]:
        """Return the reads to be done here of what is on time now and due within so many hours; one statement."""
        columns: Any = (
            *(StudyRow.id, ReadRow.number, ReadRow.state, ReadRow.reason, StudyRow.trust, StudyRow.accession_number),
            *(self.priority, self.subspecialty, StudyRow.minutes, self.due_at),
        )
        here = col(ReadRow.state).in_(sorted(set(WAITING) - {ReadState.SENT_OUT}))
        statement = (
            select(*columns)
            .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
            .where(*self._due_within(hours), here)
            .order_by(self.due_at, col(StudyRow.id), col(ReadRow.number))
        )
        names = tuple(WaitingRead.__dataclass_fields__)
        with seeing_readings(session) as seeing:
            return [WaitingRead(**dict(zip(names, row, strict=True))) for row in seeing.exec(statement)]

    def _due_within(self, hours: int) -> list[ColumnElement[bool]]:
        until = self.now + timedelta(hours=hours)
        return [col(StudyRow.state) == StudyState.OPEN, self._on_time_now(), self.due_at < until]

    # --- the list behind them ----------------------------------------------------------------------------------------

    def page(
        self, session: Session, which: UnreportedFilter, *, sort: str = "due", offset: int = 0, limit: int
    ) -> tuple[list[StudyStatus], int]:
        """Return some of the studies that are meant, in the order of ``sort`` (``-`` means falling), and how many."""
        key = sort.removeprefix("-")
        falls = sort.startswith("-") != (key == "waiting")  # who waits longest came first
        order = self._orders(key)
        directed = [column.desc() if falls else column.asc() for column in (*order, col(StudyRow.id))]
        with seeing_readings(session) as seeing:
            statement = select(StudyRow).where(*self._conditions_for(session, which))
            total = count(seeing, statement)
            rows = seeing.exec(statement.order_by(*directed).offset(offset).limit(limit)).all()
        return [status for chunk in chunks(rows) for status in with_reads(session, chunk)], total

    def _orders(self, key: str) -> Sequence[ColumnElement[Any]]:
        name = select(ExaminationRow.name).where(col(ExaminationRow.code) == self._exam).scalar_subquery()
        ranks = {priority.code: place for place, priority in enumerate(self._policy.priorities)}
        found: dict[str, Sequence[Any]] = {
            "waiting": (col(StudyRow.clock_started_at),),
            "exam": (name, self.due_at),
            "class": (case(ranks, value=self.priority, else_=len(ranks)), self.due_at),
            "trust": (col(StudyRow.trust), self.due_at),
            "subspecialty": (self.subspecialty, self.due_at),
        }
        return found.get(key, (self.due_at,))

    def _conditions_for(self, session: Session, which: UnreportedFilter) -> list[ColumnElement[bool]]:
        """Return the conditions for a caller: whose list a study is on is looked up as the caller may see it."""
        found = self.conditions(which)
        if which.reporter_id is not None:
            theirs = select(ReadRow.study_id).where(
                ReadRow.reporter_id == which.reporter_id, col(ReadRow.state).in_(sorted(WAITING))
            )
            numbers = sorted(set(session.exec(theirs)))
            found.append(col(StudyRow.id).in_(numbers) if numbers else false())
        return found


def _counted(rows: Iterable[tuple[str, str, str, int, datetime]]) -> list[Counted]:
    """Return counts by trust, class and age as one of each trust and class."""
    ages: dict[tuple[str, str], dict[Age, int]] = defaultdict(lambda: dict.fromkeys(Age, 0))
    oldest: dict[tuple[str, str], datetime] = {}
    for trust, priority, age, count_of, since in rows:
        ages[trust, priority][Age(age)] = count_of
        oldest[trust, priority] = min(since, oldest.get((trust, priority), since))
    return [
        Counted(trust=trust, priority=priority, oldest_at=oldest[trust, priority], ages=of_age)
        for (trust, priority), of_age in ages.items()
    ]

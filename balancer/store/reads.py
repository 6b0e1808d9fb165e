"""Reads: where each stands, and the one way in which that changes.

Whoever changes a read locks its row first (``locked_read``, ``locked_reads``; rows in the order of their numbers, so
that nobody waits in a circle) and then changes it by ``move`` or ``move_all``, whose UPDATE holds only for the version
that was seen. The locks leave room for rows that refer to a read. Each change is in the audit trail of the same
transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, bindparam, or_
from sqlmodel import Session, col, insert, select, update

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.life import PLANNABLE, UNPLANNED, ReadEvent, ReadKind, ReadState, require_transition
from balancer.domain.outcome import Outcome
from balancer.domain.states import StudyState
from balancer.store import assignments, audit, ledger, scope, workitems
from balancer.store.chunks import chunks, is_among
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow

SUBJECT = "read"
_READ = ReadRow.__table__  # type: ignore[attr-defined]  # a table class has one
_CHANGES = (
    *("state", "reporter_id", "owner", "reason", "until", "done_at", "confirmed_at"),
    *("outcome", "provisional", "again", "read_before_by"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a read stands, as it was seen: what many are changed from at once."""

    id: int
    study_id: int
    number: int
    state: ReadState
    reporter_id: str | None
    owner: str
    reason: str
    until: datetime | None
    version: int
    done_at: datetime | None
    confirmed_at: datetime | None
    kind: ReadKind = ReadKind.INTERPRETATION
    outcome: Outcome | None = None
    provisional: bool = False
    again: str = ""
    read_before_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What happens to a read: the event, where it leads, and the columns it changes beside the state."""

    read: Standing
    event: ReadEvent
    to: ReadState
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_silent(self) -> bool:
        """Whether it only changes the reason of a read that stays where it is: nothing that an audit asks about."""
        moved = self.to is not self.read.state
        return not moved and self.columns.get("reporter_id", self.read.reporter_id) == self.read.reporter_id


_STANDING = tuple(Standing.__dataclass_fields__)
# What a read keeps from state to state unless its move says otherwise.
_KEPT = ("confirmed_at", "again", "read_before_by")
# What a read has of its own in a state; everything else is blank.
_BLANK: Mapping[str, Any] = {
    "reporter_id": None,
    "owner": "",
    "reason": "",
    "until": None,
    "done_at": None,
    "outcome": None,
    "provisional": False,
}


def read(session: Session, read_id: int) -> ReadRow:
    """Return a read; ``NotFoundError`` if there is none."""
    row = session.get(ReadRow, read_id)
    if row is None:
        raise _not_found(session, read_id)
    return row


def locked_read(session: Session, read_id: int) -> tuple[ReadRow, StudyRow]:
    """Return a read and its study; nobody else changes any read of the study until the transaction ends.

    The other reads too, because what may become of one depends on whose the others are: two readings, two readers.
    Those, too, that are hidden from the session's caller.

    Raises
    ------
    NotFoundError
        If there is none, or it is out of reach.
    """
    of_study = select(_READ.c.study_id).where(_READ.c.id == read_id).scalar_subquery()
    statement = select(_READ.c.id).where(_READ.c.study_id == of_study).order_by(_READ.c.id)
    session.connection().execute(statement.with_for_update(of=_READ, key_share=True))
    one = select(ReadRow).where(ReadRow.id == read_id)
    row = session.exec(one, execution_options={"populate_existing": True}).first()
    if row is None:
        raise _not_found(session, read_id)
    return row, session.get_one(StudyRow, row.study_id, populate_existing=True)


def _not_found(session: Session, read_id: int) -> NotFoundError:
    """Return what to say of a read that is not there; to a reporter, whose list may be older than the last publish.

    A reading that has gone to a colleague may be hidden from them now (``blind``), and is then not there either.
    """
    if scope.reach_of(session).own is None:
        return NotFoundError(f"there is no read {read_id}")
    return NotFoundError(f"read {read_id} is not, or no longer, on your list: look at your list again")


def study_of(session: Session, study_id: int) -> StudyRow:
    """Return a study by its internal number, which must exist."""
    return session.get_one(StudyRow, study_id)


class StudyScope(NamedTuple):
    """What of a study says who may report it."""

    id: int
    trust: str
    modality: str
    subspecialty: str
    excluded: Sequence[str]


def scopes_of(session: Session, study_ids: Collection[int]) -> dict[int, StudyScope]:
    """Return what says who may report each of these studies, by internal number, as far as they are within reach."""
    columns: Any = tuple(getattr(StudyRow, name) for name in StudyScope._fields)
    found: dict[int, StudyScope] = {}
    for chunk in chunks(sorted(study_ids)):
        for row in session.exec(select(*columns).where(col(StudyRow.id).in_(chunk))):
            found[row[0]] = StudyScope(*row)
    return found


def standing_of(row: ReadRow) -> Standing:
    """Return where a read stands."""
    return Standing(**{name: getattr(row, name) for name in _STANDING})


def locked_reads(session: Session, study_ids: Collection[int]) -> dict[int, list[Standing]]:
    """Return every read of these studies, by study and number; nobody else changes them until the transaction ends.

    Every one, whoever asks: what is decided about a study must see the readings that its decider may not be shown.
    """
    with scope.as_it_stands(session) as whole:
        return _locked_reads(whole, study_ids)


def _locked_reads(session: Session, study_ids: Collection[int]) -> dict[int, list[Standing]]:
    numbers: list[int] = []
    for chunk in chunks(sorted(study_ids)):
        numbers += [number or 0 for number in session.exec(select(ReadRow.id).where(col(ReadRow.study_id).in_(chunk)))]
    found: dict[int, list[Standing]] = defaultdict(list)
    # the numbers first, for the locks must be taken in their order however many statements that takes
    for chunk in chunks(sorted(numbers)):
        for standing in _locked(session, _standings().where(col(ReadRow.id).in_(chunk))):
            found[standing.study_id].append(standing)
    for of_study in found.values():
        of_study.sort(key=lambda item: item.number)
    return found


def standings(session: Session, study_ids: Collection[int]) -> dict[tuple[int, int], Standing]:
    """Return where every read of these studies stands, by study and number."""
    found: dict[tuple[int, int], Standing] = {}
    for chunk in chunks(sorted(study_ids)):
        for row in session.exec(_standings().where(col(ReadRow.study_id).in_(chunk))):
            item = Standing(**dict(zip(_STANDING, row, strict=True)))
            found[item.study_id, item.number] = item
    return found


def locked_places(session: Session, places: Collection[tuple[int, int]]) -> list[Standing]:
    """Return the reads, each named as (study, number), that take part in runs; nobody else changes them meanwhile."""
    named = is_among(session, ReadRow.study_id, sorted({study_id for study_id, _ in places}))
    reads = session.exec(select(ReadRow.id, ReadRow.study_id, ReadRow.number).where(named))
    numbers = sorted(read_id or 0 for read_id, *place in reads if tuple(place) in places)
    statement = _standings().join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    waiting = statement.where(StudyRow.state == StudyState.OPEN, col(ReadRow.state).in_(sorted(PLANNABLE)))
    return _locked(session, waiting.where(is_among(session, ReadRow.id, numbers)))


def locked_plannable(session: Session, *, beside: Collection[int] = ()) -> list[Standing]:
    """Return every read that takes part in runs; nobody else changes them until the transaction ends.

    Every read of the studies ``beside`` is returned and held too, whatever has become of it.

    Those are meant, too, that came to take part while this waited for somebody who had one of the others: a statement
    of PostgreSQL's does not see what was committed after it began, so it is asked again until nothing else is meant.
    """
    statement = _standings().join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    takes_part = and_(col(StudyRow.state) == StudyState.OPEN, col(ReadRow.state).in_(sorted(PLANNABLE)))
    meant = or_(takes_part, col(StudyRow.id).in_(sorted(beside))) if beside else takes_part
    waiting = statement.where(meant)
    while True:
        found = _locked(session, waiting)
        # by number only: everybody who writes waits for this
        numbers = select(ReadRow.id).join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id)).where(meant)
        if {item.id for item in found} == set(session.exec(numbers)):
            return found


def _standings() -> Any:
    return select(*(getattr(ReadRow, name) for name in _STANDING))


def _locked(session: Session, statement: Any) -> list[Standing]:
    rows = session.exec(statement.order_by(col(ReadRow.id)).with_for_update(of=ReadRow, key_share=True))
    return [Standing(**dict(zip(_STANDING, row, strict=True))) for row in rows]


def away_beyond(session: Session, now: datetime) -> list[int]:
    """Return the reads whose time of being parked, or with a provider, is over, by number."""
    away = col(ReadRow.state).in_([ReadState.PARKED, ReadState.SENT_OUT])
    statement = select(ReadRow.id).where(away, col(ReadRow.until) <= now)
    return [read_id or 0 for read_id in session.exec(statement.order_by(col(ReadRow.id)))]


def allocated_since(session: Session, at: datetime) -> set[tuple[int, int]]:
    """Return the reads that were put on the list they are on after ``at``, by study and number."""
    statement = select(ReadRow.study_id, ReadRow.number).where(ReadRow.state == ReadState.ALLOCATED)
    return set(session.exec(statement.where(col(ReadRow.since) > at)).all())


def add_reads(
    session: Session,
    numbers: Iterable[tuple[int, int]],
    *,
    now: datetime,
    again: Mapping[tuple[int, int], tuple[str, str | None]] | None = None,
) -> None:
    """Add reads, each given as (study, number), that no plan has seen.

    ``again`` says of one that is read once more why that is, and who read it before.
    """
    returning = again or {}
    rows = [
        {
            "study_id": study_id,
            "number": number,
            "kind": ReadKind.INTERPRETATION,
            "state": ReadState.UNALLOCATED,
            "owner": "",
            "reason": returning.get((study_id, number), (UNPLANNED, None))[0],
            "version": 1,
            "since": now,
            "again": returning.get((study_id, number), ("", None))[0],
            "read_before_by": returning.get((study_id, number), ("", None))[1],
        }
        for study_id, number in numbers
    ]
    if rows:
        session.exec(insert(ReadRow), params=rows)


def move(  # noqa: PLR0913 - what happens to what, on whose word, when and why
    session: Session,
    row: ReadRow,
    event: ReadEvent,
    to: ReadState,
    *,
    by: Actor,
    now: datetime,
    why: str = "",
    detail: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Ensure that what ``event`` means has happened to a read, once.

    ``columns`` are those of the new state; what belongs to the old one is blanked.

    Raises
    ------
    ConflictError
        If the table of transitions does not have it, or the read changed since it was seen.
    """
    given = Move(read=standing_of(row), event=event, to=to, columns=columns)
    move_all(session, [given], by=by, now=now, why=why, detail=detail)
    session.refresh(row)


def move_all(  # noqa: PLR0913
    session: Session,
    moves: Sequence[Move],
    *,
    by: Actor,
    now: datetime,
    why: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Do many moves at once, all or none.

    Raises
    ------
    ConflictError
        As ``move``: the caller's transaction must not commit.
    """
    if not moves:
        return
    for item in moves:
        require_transition(item.read.state, item.event, item.to)
    session.flush()
    changed = session.connection().execute(_CONDITIONAL, [_parameters(item, now) for item in moves])
    if changed.rowcount != len(moves):
        raise ConflictError("the read has changed since it was looked at")
    workitems.moved(session, map(_moved, moves), now)
    assignments.moved(session, [item.read.study_id for item in moves], now)
    ledger.book(session, _having(moves, ReadEvent.COMPLETE), now)
    ledger.take_back(session, _having(moves, ReadEvent.DISPUTE), now)
    for item in moves:
        if not item.is_silent:
            audit.append(session, _entry(item, by, now, why, detail))


def _having(moves: Sequence[Move], event: ReadEvent) -> list[int]:
    """Return the reads to which this happens."""
    return [item.read.id for item in moves if item.event is event]


_CONDITIONAL = (
    update(_READ)
    .where(_READ.c.id == bindparam("seen_id"), _READ.c.version == bindparam("seen_version"))
    .where(_READ.c.state == bindparam("seen_state", type_=_READ.c.state.type))
    .values(
        **{name: bindparam(f"new_{name}", type_=_READ.c[name].type) for name in _CHANGES},
        version=_READ.c.version + 1,
        since=bindparam("now", type_=_READ.c.since.type),
    )
)


def _parameters(item: Move, now: datetime) -> dict[str, Any]:
    kept = {name: getattr(item.read, name) for name in _KEPT} | {**_BLANK, **item.columns, "state": item.to}
    seen = {"seen_id": item.read.id, "seen_version": item.read.version, "seen_state": item.read.state}
    return {**seen, "now": now, **{f"new_{name}": kept[name] for name in _CHANGES}}


def _moved(item: Move) -> workitems.Moved:
    return workitems.Moved(item.read.id, item.read.state, item.event, item.to, item.read.reporter_id)


def _entry(item: Move, by: Actor, now: datetime, why: str, detail: Mapping[str, Any] | None) -> AuditEntry:
    people = {"from": item.read.reporter_id, "to": item.columns.get("reporter_id")}
    facts = {**(detail or {}), **{name: who for name, who in people.items() if who}}
    return AuditEntry(
        at=now,
        actor=by.subject,
        action=f"read.{item.event}",
        subject_kind=SUBJECT,
        subject_id=str(item.read.id),
        was=item.read.state,
        became=item.to,
        why=why or str(item.columns.get("reason", "")),
        detail=facts,
    )


def say_outcome(session: Session, row: ReadRow, outcome: Outcome, *, by: Actor, now: datetime) -> None:
    """Enter what a read that is done came to; the caller has locked it."""
    row.outcome = outcome
    row.version += 1
    session.flush()
    assignments.outcome_said(session, (row.study_id, row.number), now)
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=by.subject,
            action="read.outcome",
            subject_kind=SUBJECT,
            subject_id=str(row.id),
            was=row.state,
            became=row.state,
            detail={"outcome": outcome.value},
        ),
    )


def confirm(session: Session, read_ids: Collection[int], *, now: datetime) -> None:
    """Enter that these reads' source has said that they are done."""
    for chunk in chunks(sorted(read_ids)):
        confirmed = update(ReadRow).where(col(ReadRow.id).in_(chunk), col(ReadRow.state) == ReadState.DONE)
        changed = confirmed.values(confirmed_at=now, version=ReadRow.version + 1)
        session.exec(changed, execution_options={"synchronize_session": False})


def doubt_confirmed(session: Session, read_ids: Collection[int]) -> None:
    """Enter that the source's word that these reads were done here came too early: something is still to follow them.

    What its source alone has reported was done and confirmed in one, and stays so.
    """
    for chunk in chunks(sorted(read_ids)):
        here = col(ReadRow.confirmed_at).is_not(None) & (col(ReadRow.confirmed_at) != col(ReadRow.done_at))
        doubted = update(ReadRow).where(col(ReadRow.id).in_(chunk), col(ReadRow.state) == ReadState.DONE, here)
        changed = doubted.values(confirmed_at=None, version=ReadRow.version + 1)
        session.exec(changed, execution_options={"synchronize_session": False})

"""Blind double reading: nobody who might read a study learns who else does, or with what outcome, before they have.

It is a limit like those of trusts (``scope``): in the session of a caller who reports, in whatever role they ask, the
other readings of a study are not there for as long as one of its readings is still to be done by somebody else. So no
route has to think of it. A use case does: what must hold whoever asks (two readings, two readers) is looked at without
limits, and what decides about whole queues is done by a reach that sees every reading (``Reach.seeing_readings``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, and_, column, exists, or_, table, true
from sqlmodel import Session, col, select

from balancer.domain.actor import Reach
from balancer.domain.instruction import Instruction
from balancer.domain.life import ReadKind, ReadState
from balancer.store.chunks import chunks
from balancer.store.tables import Row, WorklistItemRow
from balancer.store.tables_drafts import PreviewLoadRow
from balancer.store.tables_explanations import ExplanationRow
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_life import ClaimRow, CompletionRow, ReadRow, ReturnRow
from balancer.store.tables_runs import ProposedRow
from balancer.store.tables_workitems import WorkitemRow

# A reading in one of these states will be nobody's.
_OVER: Final = tuple(state.value for state in (ReadState.DONE, ReadState.WITHDRAWN, ReadState.EXCLUDED))
# Out of the queue on somebody's word.
_AWAY: Final = frozenset({ReadState.PARKED, ReadState.SENT_OUT, ReadState.EXCLUDED})
_IMAGES: Final = ReadKind.INTERPRETATION.value
_READS: Final[Table] = ReadRow.__table__  # type: ignore[attr-defined]  # a table class has one
_ITEMS: Final[Table] = WorklistItemRow.__table__  # type: ignore[attr-defined]
_PROPOSED: Final[Table] = ProposedRow.__table__  # type: ignore[attr-defined]
_LOADS: Final[Table] = PreviewLoadRow.__table__  # type: ignore[attr-defined]
# Reads by another name: where a statement calls the table by an alias, a limit on it is rewritten for that alias, and
# what it says of other reads must not be.
_OTHERS: Final = table(
    "reads", *(column(name) for name in ("id", "study_id", "number", "kind", "state", "reporter_id"))
)


def _shown(reads: Any, reporter_id: str) -> ColumnElement[bool]:
    """Return the condition that a reporter may see who has a read, and with what outcome.

    It is nobody's or theirs, or no reading of the images, or no other reading of its study is still to be done.
    """
    return or_(
        reads.c.reporter_id.is_(None),
        reads.c.reporter_id == reporter_id,
        reads.c.kind != _IMAGES,
        ~_another_waits(reads),
    )


def _another_waits(reads: Any) -> ColumnElement[bool]:
    """Return the condition that another reading of a read's study is still to be done."""
    other = _OTHERS.alias("other_reading")
    return exists().where(
        other.c.study_id == reads.c.study_id,
        other.c.id != reads.c.id,
        other.c.kind == _IMAGES,
        other.c.state.not_in(_OVER),
    )


def _read(reach: Reach) -> ColumnElement[bool]:
    return _shown(_READS, reach.blind_to or "")


def _item(reach: Reach) -> ColumnElement[bool]:
    read = _OTHERS.alias("listed_read")
    hidden = exists().where(
        read.c.study_id == _ITEMS.c.study_id, read.c.number == _ITEMS.c.read, ~_shown(read, reach.blind_to or "")
    )
    return ~hidden


def _proposed(reach: Reach) -> ColumnElement[bool]:
    """Return the limit of reads in a plan that waits: for whom a reading is meant is not told while another waits."""
    me = reach.blind_to or ""
    read = _OTHERS.alias("proposed_read")
    meant = exists().where(
        read.c.study_id == _PROPOSED.c.study_id, read.c.number == _PROPOSED.c.read, _is_read_beside_another(read)
    )
    return or_(_PROPOSED.c.reporter_id.is_(None), _PROPOSED.c.reporter_id == me, ~meant)


def _told_of(row: type[Row], *names: str) -> Callable[[Reach], ColumnElement[bool]]:
    """Return the limit of rows that keep whose a read was: while another reading waits, nobody's and one's own.

    That nobody has the read now opens nothing here: who had it, and let it go, is the first reader all the same.
    """
    limited: Table = row.__table__  # type: ignore[attr-defined]

    def limit(reach: Reach) -> ColumnElement[bool]:
        me = reach.blind_to or ""
        read = _OTHERS.alias("told_of")
        own = and_(*(or_(limited.c[name].is_(None), limited.c[name] == me) for name in names))
        shown = or_(own, ~_is_read_beside_another(read))
        return exists().where(read.c.id == limited.c.read_id, _shown(read, me), shown)

    return limit


def _told_whole(row: type[Row]) -> Callable[[Reach], ColumnElement[bool]]:
    """Return the limit of rows that name anybody whom a read may be given to: none while another reading waits."""
    limited: Table = row.__table__  # type: ignore[attr-defined]

    def limit(reach: Reach) -> ColumnElement[bool]:
        read = _OTHERS.alias("told_whole")
        shown = and_(_shown(read, reach.blind_to or ""), ~_is_read_beside_another(read))
        return exists().where(read.c.id == limited.c.read_id, shown)

    return limit


def _load(reach: Reach) -> ColumnElement[bool]:
    """Return the limit of how full a preview has people: one's own alone.

    The sums are of everything that a plan gives somebody, and were kept as such: held against what may be seen of it
    they would tell who has a hidden reading, or gets it.
    """
    return _LOADS.c.reporter_id == (reach.blind_to or "")


BLIND: Mapping[type[Row], Callable[[Reach], ColumnElement[bool]]] = {
    ReadRow: _read,
    WorklistItemRow: _item,
    ProposedRow: _proposed,
    PreviewLoadRow: _load,
    ClaimRow: _told_of(ClaimRow, "reporter_id"),
    CompletionRow: _told_of(CompletionRow, "reporter_id"),
    ReturnRow: _told_of(ReturnRow, "reporter_id"),
    ExplanationRow: _told_whole(ExplanationRow),
    WorkitemRow: _told_of(WorkitemRow, "reporter_id"),
    JournalRow: _told_of(JournalRow, "reporter_id", "reporter_before"),
}
"""What is hidden from a caller who reports. Exceptions stay, so that they are seen to; what they say of whom is cut."""


def hidden(session: Session, read_ids: Collection[int]) -> set[int]:
    """Return those of these reads of which the session's caller may not be told anything now."""
    seen: set[int] = set()
    for chunk in chunks(sorted(set(read_ids))):
        seen.update(filter(None, session.exec(select(ReadRow.id).where(col(ReadRow.id).in_(chunk)))))
    return set(read_ids) - seen


def untold(session: Session, reach: Reach, read_ids: Collection[int]) -> set[int]:
    """Return those of these reads of which a caller may not be told what somebody wrote of them, and may name anybody.

    That nobody has a reading now opens nothing while another waits: words that were written before still name whoever
    had it.
    """
    if reach.blind_to is None:
        return hidden(session, read_ids)
    return hidden(session, read_ids) | _beside_another(session, read_ids)


def away_unsaid(session: Session, reach: Reach, reads: Iterable[ReadRow]) -> set[int]:
    """Return those of these reads that somebody has taken out of the queue for a reason that a caller is not told.

    The reason is in somebody's words, which may name whoever had the reading.
    """
    if reach.blind_to is None:
        return set()
    return _beside_another(session, {row.id or 0 for row in reads if row.state in _AWAY})


def is_read_blind(session: Session, reach: Reach, study_id: int) -> bool:
    """Tell whether a caller may not be told who reads a study: they report, and a second reading is still to be done.

    Then an error that says why somebody may not have a reading would tell who has the other.
    """
    return study_id in _read_blind(session, reach, [study_id])


def _read_blind(session: Session, reach: Reach, study_ids: Collection[int]) -> set[int]:
    if reach.blind_to is None:
        return set()
    read = _OTHERS.alias("blind_read")
    found: set[int] = set()
    for chunk in chunks(sorted(set(study_ids))):
        asked = select(read.c.study_id).where(read.c.study_id.in_(chunk), _is_read_beside_another(read)).distinct()
        found.update(session.connection().execute(asked).scalars())
    return found


def not_to_be_named(session: Session, reach: Reach, meant: Iterable[tuple[int | None, str | None]]) -> set[int]:
    """Return those reads of which a caller may not be told for whom somebody has meant them (read, reporter).

    Whoever a reading is pinned to is likely to read it, though nobody has it yet.
    """
    me = reach.blind_to
    others = {read_id for read_id, name in meant if read_id is not None and name not in {None, me}}
    if me is None or not others:
        return set()
    return _beside_another(session, others)


def _beside_another(session: Session, read_ids: Collection[int]) -> set[int]:
    """Return which of these reads are readings of a study of which another reading is still to be done."""
    read = _OTHERS.alias("beside_another")
    found: set[int] = set()
    for chunk in chunks(sorted(set(read_ids))):
        asked = select(read.c.id).where(read.c.id.in_(chunk), _is_read_beside_another(read))
        # not limited by row class: that other readings are hidden is what is asked about
        found.update(session.connection().execute(asked).scalars())
    return found


def decisions_not_told(session: Session, reach: Reach, decisions: Iterable[Instruction]) -> frozenset[int]:
    """Return those decisions of which a caller may not be told for whom they are, nor why: the reading is blind.

    One that names no read, as a bar does, is about every reading of its study. One that names no reporter, as to park a
    reading does, may name one in words.
    """
    given = [item for item in decisions if reach.blind_to is not None and item.reporter_id != reach.blind_to]
    unnamed = _beside_another(session, {item.read_id for item in given if item.read_id is not None})
    given = [item for item in given if item.read_id is not None or item.reporter_id is not None]
    studies = {item.study_id for item in given if item.read_id is None and item.study_id is not None}
    blind = _read_blind(session, reach, studies)
    return frozenset(
        item.id for item in given if item.read_id in unnamed or (item.read_id is None and item.study_id in blind)
    )


def may_be_named(reach: Reach, read_id: Any, name: Any) -> ColumnElement[bool]:
    """Return the condition that a caller may be told for whom a read is meant, by the columns that say so.

    As ``not_to_be_named``, for what is looked for by name: a filter tells as well as a column, and so does a count.
    """
    if reach.blind_to is None:
        return true()
    return or_(read_id.is_(None), name.is_(None), name == reach.blind_to, ~beside_another(read_id))


def may_be_barred(reach: Reach, study_id: Any, read_id: Any, name: Any) -> ColumnElement[bool]:
    """Return the condition that a caller may be told whom a decision about a whole study names, as ``may_be_named``."""
    if reach.blind_to is None:
        return true()
    unnamed = or_(read_id.is_not(None), study_id.is_(None), name.is_(None), name == reach.blind_to)
    return or_(unnamed, ~is_of_blind_study(study_id))


def is_of_blind_study(study_id: Any) -> ColumnElement[bool]:
    """Return the condition that a column names a study that is read by two, of whom one is still to read it."""
    read = _OTHERS.alias("barred_read")
    return exists().where(read.c.study_id == study_id, _is_read_beside_another(read))


def beside_another(read_id: Any) -> ColumnElement[bool]:
    """Return the condition that a column names a reading of a study of which another reading is still to be done."""
    read = _OTHERS.alias("read_beside")
    return exists().where(read.c.id == read_id, _is_read_beside_another(read))


def _is_read_beside_another(read: Any) -> ColumnElement[bool]:
    """Return the condition that a read is a reading of a study of which another reading is still to be done."""
    return and_(read.c.kind == _IMAGES, _another_waits(read))

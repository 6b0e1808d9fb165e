"""The change feed's writing side: one function, called in the transaction of whatever moved a read.

A change that commits late must not slip in behind a cursor that has passed it. So numbers are given in the order of
commits: whoever has moved a read holds the feed's one row from before looking at it until the transaction ends. A
sequence of the database would not do: it numbers in the order of asking (docs/adr/0012).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, and_, exists
from sqlmodel import Session, col, delete, func, insert, or_, select, update

from balancer.domain.life import ReadKind
from balancer.domain.states import JournalKind, StudyState
from balancer.store import journal, runs, scope
from balancer.store.bulk import change_rows
from balancer.store.chunks import is_among
from balancer.store.tables import StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_assignments import AssignmentHeadRow, AssignmentRow, ChangeFeedRow, WorklistRevisionRow
from balancer.store.tables_life import ReadRow
from balancer.store.where_reads_stand import (
    DRIFTS,
    Key,
    Scope,
    Standing,
    closed_states,
    current_places,
    other_times,
    where_reads_stand,
)

_NO_SYNC: dict[str, Any] = {"execution_options": {"synchronize_session": False}}
_MOVED, _REPLANNED = "studies of which reads have moved", "studies on lists that are new"
_TOUCHED = "whether what all lists show beside reads and studies may be something else"
_DECIDED = "whether anything that a person decided has begun to hold, or has ended"
_LEFT, _OUTCOMES = "patients whose studies are another's now", "reads of which it was said later what they came to"
_COMPARED = tuple(field.name for field in fields(Standing))
# What drifts is for whoever asks; the journal tells what has happened to a read.
_TOLD = tuple(name for name in _COMPARED if name not in DRIFTS)
_KNOWN = ("study_id", "read", "trust", "gone", *_COMPARED)


def moved(session: Session, study_ids: Iterable[int], at: datetime) -> None:
    """Remember that reads of these studies have moved: ``Database.transaction`` notes them before it commits."""
    session.info.setdefault(_MOVED, {}).update(dict.fromkeys(study_ids, at))


def replanned(session: Session, study_ids: Iterable[int], at: datetime) -> None:
    """Remember that lists with reads of these studies are new: those that have not ``moved`` have new times at most."""
    session.info.setdefault(_REPLANNED, {}).update(dict.fromkeys(study_ids, at))


def decided(session: Session) -> None:
    """Remember that an instruction has begun to hold, or has ended: whoever follows is to look at them again."""
    session.info[_DECIDED] = True


def left(session: Session, patients: Iterable[str]) -> None:
    """Remember that studies were these patients' until now: lists of theirs that show them as priors are others."""
    session.info.setdefault(_LEFT, set()).update(patients)


def outcome_said(session: Session, key: Key, at: datetime) -> None:
    """Remember that it was said of a read that is done, and stays so, what it came to."""
    session.info.setdefault(_OUTCOMES, {})[key] = at


def touch_worklists(session: Session) -> None:
    """Remember that what lists show beside reads and studies (people, sessions, names) may have changed on all of them.

    What follows still locks what it needs: the turn is taken as the transaction ends.
    """
    session.info[_TOUCHED] = True


def note_moved(session: Session) -> None:
    """Enter what has been remembered in this transaction: a run, reads as ``note_studies``, of some only new times.

    What has been decided has a number of its own, whether or not it moves a read: numbers come in the order of commits,
    and nothing else of an instruction does.
    """
    runs.enter_asked(session)
    if session.info.pop(_DECIDED, False):
        with scope.unlimited(session) as whole:
            take_turn(whole).sequence += 1
    waiting, planned = session.info.pop(_MOVED, {}), session.info.pop(_REPLANNED, {})
    patients, outcomes = session.info.pop(_LEFT, set()), session.info.pop(_OUTCOMES, {})
    if waiting or planned:
        with scope.as_it_stands(session) as whole:
            at = max([*waiting.values(), *planned.values()])
            _note(whole, Scope(study_ids=waiting), at, drifted=planned.keys() - waiting)
    if outcomes:
        with scope.as_it_stands(session) as whole:
            _note_outcomes(whole, outcomes.keys(), max(outcomes.values()))
    if patients:
        with scope.as_it_stands(session) as whole:
            # a study that is theirs no longer does not lead to them: they are asked for by name
            _touch(whole, is_among(whole, StudyRow.patient_id, sorted(patients)))
    if session.info.pop(_TOUCHED, False):
        with scope.unlimited(session) as whole:
            _touch_all(whole)


def note_studies(session: Session, study_ids: Collection[int], at: datetime) -> int:
    """Enter into the change feed whatever has changed of these studies' reads; return how many reads have.

    Call it last in the transaction that changed them, with nothing but the audit after it: from here until the commit
    nobody else moves a read, and whoever waits for the turn sees this change. Nothing need be said of what changed:
    lists, claims and studies are looked at, and what is as it was is left alone.
    """
    if not study_ids:
        return 0
    runs.enter_asked(session)
    with scope.as_it_stands(session) as whole:
        return _note(whole, Scope(study_ids=set(study_ids)), at)


def note_all(session: Session, at: datetime) -> int:
    """Enter whatever has changed of any read, as ``note_studies``; for changes in bulk."""
    session.info.pop(_MOVED, None)
    runs.enter_asked(session)
    with scope.unlimited(session) as whole:
        which = Scope(trusts=set(whole.exec(select(AssignmentHeadRow.trust))))
        return _note(whole, which, at)


def note_new_lists(session: Session, at: datetime) -> int:
    """Enter what new lists of everybody's have changed, as ``note_studies``: reads that moved, and new times of others.

    Nobody need be told that theirs shows something else: all of them are new. A plan moves some reads and shifts the
    times of nearly all, and everybody who writes waits meanwhile: the database compares and numbers those by itself.
    """
    waiting = session.info.pop(_MOVED, {})
    runs.enter_asked(session)
    with scope.unlimited(session) as whole:
        moves = _note(whole, Scope(study_ids=set(waiting)), at, lists_are_new=True)
        return moves + _note_times(whole, at)


def begin_feeds(session: Session, trusts: Iterable[str]) -> None:
    """Ensure that each of these trusts has a head; those that have one keep it."""
    known = set(session.exec(select(AssignmentHeadRow.trust)))
    session.add_all(AssignmentHeadRow(trust=trust) for trust in trusts if trust not in known)
    session.flush()


def void_cursors(session: Session) -> None:
    """Make every cursor in the world void, as must be done once a backup is restored: numbers are given anew."""
    take_turn(session).incarnation = token_hex(8)


def forget_gone(session: Session, before: datetime) -> None:
    """Forget tombstones older than that; a cursor from before them must begin again with a snapshot."""
    take_turn(session)
    old = (col(AssignmentRow.gone), col(AssignmentRow.changed_at) < before)
    counted = select(AssignmentRow.trust, func.max(AssignmentRow.sequence)).where(*old)
    for trust, highest in session.exec(counted.group_by(col(AssignmentRow.trust))).all():
        head = session.get_one(AssignmentHeadRow, trust, populate_existing=True)
        head.floor = max(head.floor, highest)
    session.exec(delete(AssignmentRow).where(*old), **_NO_SYNC)


def note_said(session: Session, key: Key, kind: JournalKind, said: Mapping[str, Any], at: datetime) -> None:
    """Enter into the journal what is said of a read that stays as it is; after the read's lock, before the audit."""
    runs.enter_asked(session)
    with scope.unlimited(session) as whole:
        feed = take_turn(whole)
        feed.sequence += 1
        study_id, _ = key
        trust, own = _trusts(whole, [study_id])[study_id], journal.own(whole, [study_id])[key]
        journal.enter(whole, [journal.saying(key, trust, feed.sequence, at, own, kind, said)])


def forget_steps(session: Session, before: datetime) -> None:
    """Forget entries of the journal older than that; whoever has not had them must begin again."""
    journal.forget(session, take_turn(session), before)


def take_turn(session: Session) -> ChangeFeedRow:
    """Return the feed's row once nobody else has the turn; it is ours until the transaction ends."""
    runs.enter_asked(session)
    session.flush()
    # one that the session has read before may have moved on since
    statement = select(ChangeFeedRow).with_for_update().execution_options(populate_existing=True)
    return session.exec(statement).one()


def _note(
    session: Session, which: Scope, at: datetime, *, lists_are_new: bool = False, drifted: Collection[int] = ()
) -> int:
    # first the turn, then the look: what committed while we waited is seen
    feed = take_turn(session)
    known = _known(session, which)
    true = where_reads_stand(session, which)
    changed = {key: standing for key, standing in true.items() if not _is(known.get(key), standing)}
    changed.update(_ended(session, {key for key, row in known.items() if key not in true and not row.gone}))
    for row in _drifted(session, drifted):
        known[row.study_id, row.read] = row
        changed[row.study_id, row.read] = _at_its_new_time(row)
    if changed:
        _write(session, feed, changed, known, at)
        if not lists_are_new:
            of_itself = {key[0] for key, standing in changed.items() if _is_other(known.get(key), standing)}
            _revise(session, _showing(session, {study_id for study_id, _ in changed}, of_itself), feed.sequence)
        session.flush()
    return len(changed)


def _note_outcomes(session: Session, keys: Collection[Key], at: datetime) -> None:
    """Number anew reads that are done and say something else now, and revise lists with what follows them.

    No other list shows what a read came to; whoever reads its study blind is not to learn that anything was said.
    """
    feed, study_ids = take_turn(session), sorted({study_id for study_id, _ in keys})
    columns: Any = [getattr(AssignmentRow, name) for name in _KNOWN]
    rows = session.exec(select(*columns).where(is_among(session, AssignmentRow.study_id, study_ids))).all()
    known = {(row.study_id, row.read): row for row in rows if (row.study_id, row.read) in keys}
    same = {key: Standing(**{name: getattr(row, name) for name in _COMPARED}) for key, row in known.items()}
    if same:
        _write(session, feed, same, known, at, steps_of=same.keys())
    of_item = (col(ReadRow.study_id) == col(WorklistItemRow.study_id), col(ReadRow.number) == col(WorklistItemRow.read))
    follows = exists().where(*of_item, col(ReadRow.kind) != ReadKind.INTERPRETATION)
    _touch(session, and_(is_among(session, StudyRow.id, study_ids), follows))


def _note_times(session: Session, at: datetime) -> int:
    """Number anew every read that current lists plan at another time than the feed says; return how many there are."""
    feed, lists = take_turn(session), current_places().subquery()
    key: Any = (col(AssignmentRow.study_id), col(AssignmentRow.read))
    order = (lists.c.planned_start.is_(None), lists.c.planned_start, *key)
    drifted = other_times(lists, *key, func.row_number().over(order_by=order).label("place")).subquery()
    times = {name: drifted.c[f"{name}_now"] for name in DRIFTS}
    renumbered = (
        update(AssignmentRow)
        .where(key[0] == drifted.c.study_id, key[1] == drifted.c.read)
        .values(**times, sequence=feed.sequence + drifted.c.place, changed_at=at)
    )
    changed: int = session.exec(renumbered, **_NO_SYNC).rowcount
    if changed:
        later = col(AssignmentRow.sequence) > feed.sequence
        last = select(AssignmentRow.trust, func.max(AssignmentRow.sequence)).where(later)
        heads = session.exec(last.group_by(col(AssignmentRow.trust))).all()
        session.exec(update(AssignmentHeadRow), params=[{"trust": trust, "sequence": to} for trust, to in heads])
        feed.sequence += changed
        session.flush()
    return changed


def _known(session: Session, which: Scope) -> dict[Key, Any]:
    """Return what the feed says of the reads meant; of studies long closed it says nothing new."""
    columns = [getattr(AssignmentRow, name) for name in _KNOWN]
    statement = select(*columns).join(StudyRow, col(StudyRow.id) == col(AssignmentRow.study_id))
    alive = or_(~col(AssignmentRow.gone), col(StudyRow.state) == StudyState.OPEN)
    rows = [row for condition in which.conditions(session) for row in session.exec(statement.where(condition, alive))]
    return {(row.study_id, row.read): row for row in rows}


def _drifted(session: Session, study_ids: Collection[int]) -> Iterable[Any]:
    """Return what the feed says of those reads of these studies that lists plan at other times, with these."""
    if not study_ids:
        return ()
    ids = sorted(study_ids)
    lists = current_places().where(is_among(session, WorklistItemRow.study_id, ids)).subquery()
    statement = other_times(lists, *(getattr(AssignmentRow, name) for name in _KNOWN))
    return session.exec(statement.where(is_among(session, AssignmentRow.study_id, ids))).all()  # type: ignore[no-any-return]


def _at_its_new_time(row: Any) -> Standing:
    told: dict[str, Any] = {name: getattr(row, name) for name in _TOLD}
    return Standing(**told, **{name: getattr(row, f"{name}_now") for name in DRIFTS})


def _is(row: Any, standing: Standing, compared: Iterable[str] = _COMPARED) -> bool:
    return row is not None and all(getattr(row, name) == getattr(standing, name) for name in compared)


def _is_other(row: Any, standing: Standing) -> bool:
    """Tell whether what the study itself says is another: what lists show of it beside reads of other studies."""
    return row is None or row.gone or standing.state.is_gone or row.study_digest != standing.study_digest


def _ended(session: Session, keys: Collection[Key]) -> dict[Key, Standing]:
    study_ids = {study_id for study_id, _ in keys}
    closed, own = closed_states(session, study_ids), journal.own(session, study_ids)
    return {key: replace(closed[key[0]], workitem=own[key].workitem) for key in keys}


def _write(  # noqa: PLR0913 - what has changed, from what, when
    session: Session,
    feed: ChangeFeedRow,
    changed: Mapping[Key, Standing],
    known: Mapping[Key, Any],
    at: datetime,
    *,
    steps_of: Collection[Key] = (),
) -> None:
    """Give each change the next number; of one transaction's changes, what is planned first comes first.

    The journal has a step of each whose standing is another, and ``steps_of`` others.
    """
    told = {key for key, standing in changed.items() if key in steps_of or not _is(known.get(key), standing, _TOLD)}
    own = journal.own(session, {study_id for study_id, _ in told})
    trusts = _trusts(session, {key[0] for key in changed if key not in known})
    added: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    # most of a plan's changes: everybody who writes waits for these, so no more of a row is written than has changed
    drifted: list[dict[str, Any]] = []
    steps: list[Mapping[str, Any]] = []
    heads: dict[str, int] = {}
    for key in _in_order(changed):
        feed.sequence += 1
        before, standing = known.get(key), changed[key]
        trust = trusts[key[0]] if before is None else before.trust
        heads[trust] = feed.sequence
        row = {"study_id": key[0], "read": key[1], "sequence": feed.sequence, "changed_at": at}
        if key not in told:
            drifted.append({**row, **{name: getattr(standing, name) for name in DRIFTS}})
            continue
        gone = standing.state.is_gone
        columns = {name: getattr(standing, name) for name in _COMPARED}
        (added if before is None else moved).append({**row, **columns, "trust": trust, "gone": gone})
        steps.append(journal.entry(key, trust, feed.sequence, at, before, own[key], gone=gone))
    journal.enter(session, steps)
    if moved:
        session.exec(update(AssignmentRow), params=moved)
    change_rows(session, AssignmentRow, drifted)
    if added:
        session.exec(insert(AssignmentRow), params=added)
    session.exec(
        update(AssignmentHeadRow), params=[{"trust": trust, "sequence": last} for trust, last in heads.items()]
    )


def _in_order(changed: Mapping[Key, Standing]) -> Sequence[Key]:
    def order(key: Key) -> tuple[bool, float, Key]:
        start = changed[key].planned_start
        return start is None, start.timestamp() if start else 0.0, key

    return sorted(changed, key=order)


def _trusts(session: Session, study_ids: Collection[int]) -> dict[int, str]:
    """Return whose studies these are."""
    found: dict[int, str] = {}
    for condition in Scope(study_ids=study_ids).conditions(session):
        for study_id, trust in session.exec(select(StudyRow.id, StudyRow.trust).where(condition)):
            found[study_id or 0] = trust
    return found


def _showing(session: Session, study_ids: Collection[int], of_itself: Collection[int]) -> set[str]:
    """Return whose lists show something of these studies: a read of one, or one as a prior of the same patient.

    Of a prior they show what it says ``of_itself``, and nothing of where its reads stand and when they are planned.
    """
    found: set[str] = set()
    for condition in Scope(study_ids=study_ids).conditions(session):
        found.update(session.exec(_holders(condition)))
    for condition in Scope(study_ids=of_itself).conditions(session):
        patients = select(StudyRow.patient_id).where(condition)
        found.update(session.exec(_holders(col(StudyRow.patient_id).in_(patients))))
    return found


def _touch(session: Session, of_studies: ColumnElement[bool]) -> None:
    """Enter that lists with reads of these studies show something else, though no read has moved."""
    feed = take_turn(session)
    holders = set(session.exec(_holders(of_studies)))
    if holders:
        feed.sequence += 1
        _revise(session, holders, feed.sequence)


def _touch_all(session: Session) -> None:
    current = select(WorklistRow.reporter_id).where(col(WorklistRow.superseded_at).is_(None))
    feed = take_turn(session)
    feed.sequence += 1
    _revise(session, set(session.exec(current)), feed.sequence)


def _holders(of_studies: ColumnElement[bool]) -> Any:
    return (
        select(WorklistRow.reporter_id)
        .join(WorklistItemRow, col(WorklistItemRow.worklist_id) == col(WorklistRow.id))
        .join(StudyRow, col(StudyRow.id) == col(WorklistItemRow.study_id))
        .where(col(WorklistRow.superseded_at).is_(None), of_studies)
        .distinct()
    )


def _revise(session: Session, reporter_ids: Collection[str], revision: int) -> None:
    known = set(session.exec(select(WorklistRevisionRow.reporter_id)))
    changed = [{"reporter_id": name, "revision": revision} for name in reporter_ids if name in known]
    added = [{"reporter_id": name, "revision": revision} for name in reporter_ids if name not in known]
    if changed:
        session.exec(update(WorklistRevisionRow), params=changed)
    if added:
        session.exec(insert(WorklistRevisionRow), params=added)

"""What the allocation problem is built from, and where its outcome goes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import exists, true
from sqlmodel import Session, col, delete, func, insert, select, tuple_, update

from balancer.domain.errors import GoneError
from balancer.domain.life import ON_A_LIST, PLANNABLE, ReadKind, ReadState
from balancer.domain.plan import Allocation
from balancer.domain.states import StudyState
from balancer.domain.study import ReadKey, StudyKey
from balancer.store import follow_ups, instructions, scope
from balancer.store.bulk import add_rows
from balancer.store.chunks import chunks, is_among
from balancer.store.reads_that_count import counting
from balancer.store.tables import StudyRow, UnallocatedRow, WorklistItemRow, WorklistRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow, ReturnRow

# To name more studies than there are returns or instructions takes longer than to look at all of these.
_FEW = 1_000
_NO_SYNC: dict[str, Any] = {"execution_options": {"synchronize_session": False}}
# put together once: they are asked with every mending
_DONE = (
    select(ReadRow.study_id, ReadRow.reporter_id)
    .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    .where(ReadRow.state == ReadState.DONE, StudyRow.state == StudyState.OPEN, counting())
)
_RETURNED = (
    select(ReadRow.study_id, ReturnRow.reporter_id)
    .join(ReturnRow, col(ReturnRow.read_id) == col(ReadRow.id))
    .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
    # PostgreSQL takes a table that was always empty for one of thousands, and would go through all reads
    .where(StudyRow.state == StudyState.OPEN, exists(select(ReturnRow.id).correlate(None)))
)


class QueuedStudy(NamedTuple):
    """An open study as the problem needs it."""

    id: int
    trust: str
    accession_number: str
    patient_id: str
    exam_code: str
    priority: str
    clock_started_at: datetime
    source_due_at: datetime | None
    ready_at: datetime | None
    modality: str
    subspecialty: str
    minutes: float
    excluded: list[str]
    prior_reporter: str | None

    @property
    def key(self) -> StudyKey:
        """What it is known by outside."""
        return StudyKey(self.trust, self.accession_number)


class QueuedRead(NamedTuple):
    """A read that takes part in a run: its number in its study, and who has it.

    ``follows``: what it has of its own if it is no reading of the images. ``reason``: why nobody has it;
    ``read_before_by``: who read it before, if it is read again.
    """

    number: int
    state: ReadState
    reporter_id: str | None
    id: int
    kind: ReadKind = ReadKind.INTERPRETATION
    follows: FollowUpRow | None = None
    reason: str = ""
    read_before_by: str | None = None


def queued_studies(session: Session, only: Collection[int] | None = None) -> list[QueuedStudy]:
    """Return every open study, by trust and accession number; of the studies named, if some are."""
    columns = [getattr(StudyRow, name) for name in QueuedStudy._fields]
    statement = select(*columns).where(StudyRow.state == StudyState.OPEN)
    found = [
        QueuedStudy._make(row)
        for condition in _named(StudyRow.id, only)
        for row in session.exec(statement.where(condition))
    ]
    return sorted(found, key=lambda item: (item.trust, item.accession_number))


def _named(column: Any, only: Collection[int] | None) -> Iterator[Any]:
    """Yield a condition for each statement that it takes to look at these numbers only, or at all of them."""
    if only is None:
        yield true()
        return
    for chunk in chunks(sorted(only)):
        yield col(column).in_(chunk)


def queued_reads(session: Session, only: Collection[int] | None = None) -> dict[int, list[QueuedRead]]:
    """Return the reads that take part in a run, by study, each study's in the order of their numbers.

    What is done, parked, sent out, excluded or withdrawn takes no part.
    """
    statement = (
        select(  # type: ignore[call-overload]  # more columns than its typed forms take
            *(ReadRow.study_id, ReadRow.number, ReadRow.state, ReadRow.reporter_id, ReadRow.id, ReadRow.kind),
            *(ReadRow.reason, ReadRow.read_before_by),
        )
        .where(col(ReadRow.state).in_(sorted(PLANNABLE)))
        .order_by(col(ReadRow.study_id), col(ReadRow.number))
    )
    rows = [row for condition in _named(ReadRow.study_id, only) for row in session.exec(statement.where(condition))]
    # readings of the images follow nothing: a join would have every row looked through for what few have
    follows = follow_ups.of_reads(session, [row.id for row in rows if row.kind is not ReadKind.INTERPRETATION])
    found: dict[int, list[QueuedRead]] = defaultdict(list)
    for study_id, number, state, reporter_id, read_id, kind, *rest in rows:
        found[study_id].append(QueuedRead(number, state, reporter_id, read_id, kind, follows.get(read_id), *rest))
    return found


def barred(session: Session, study_ids: Collection[int]) -> dict[int, set[str]]:
    """Return who may not be given these studies, by study: whoever did or returned one of its reads, or is barred.

    Not whoever read it before its source asked for it again: they are the first to be asked (``reads_that_count``).
    Of studies that are not open there is nothing. Whoever asks: that a caller may not see a reading does not let its
    reader do another.
    """
    with scope.as_it_stands(session) as whole:
        return _barred(whole, study_ids)


def _barred(session: Session, study_ids: Collection[int]) -> dict[int, set[str]]:
    # named: PostgreSQL would else go through all reads that were ever done to find those of studies that are open
    named = is_among(session, ReadRow.study_id, study_ids)
    wanted, few = frozenset(study_ids), study_ids if len(study_ids) <= _FEW else None
    returned = _RETURNED if few is None else _RETURNED.where(named)
    of_open = [*session.exec(_DONE.where(named)), *session.exec(returned), *instructions.bars(session, few)]
    found: dict[int, set[str]] = defaultdict(set)
    for study_id, reporter_id in of_open:
        if study_id in wanted and reporter_id is not None:
            found[study_id].add(reporter_id)
    return found


def study_ids(session: Session, keys: Iterable[StudyKey]) -> dict[StudyKey, int]:
    """Return the store's number of each study named."""
    found: dict[StudyKey, int] = {}
    for trust, of_trust in groupby(sorted(set(keys)), key=lambda key: key.trust):
        named = is_among(session, StudyRow.accession_number, [key.accession_number for key in of_trust])
        statement = select(StudyRow.accession_number, StudyRow.id).where(StudyRow.trust == trust, named)
        found.update((StudyKey(trust, number), study_id or 0) for number, study_id in session.exec(statement))
    return found


# --- what a run leaves behind ----------------------------------------------------------------------------------------


def supersede_worklists(session: Session, now: datetime, *, of: Collection[str] | None = None) -> dict[str, int]:
    """End every current list, or those of the reporters named; return the highest version of whoever ever had one.

    Of the reporters named only, if some are.
    """
    versions = select(WorklistRow.reporter_id, func.max(WorklistRow.version)).group_by(col(WorklistRow.reporter_id))
    ended = update(WorklistRow).where(col(WorklistRow.superseded_at).is_(None)).values(superseded_at=now)
    if of is not None:
        named = is_among(session, WorklistRow.reporter_id, sorted(of))
        versions, ended = versions.where(named), ended.where(named)
    last = dict(session.exec(versions).all())
    session.exec(ended, execution_options={"synchronize_session": False})
    return last


def forget_plans(session: Session, before: datetime) -> None:
    """Forget what stood on the lists that were superseded before then, and what their runs found no place for.

    The lists' headers and the runs with all their figures are kept.
    """
    old = select(WorklistRow.id).where(col(WorklistRow.superseded_at) < before)
    session.exec(delete(WorklistItemRow).where(col(WorklistItemRow.worklist_id).in_(old)), **_NO_SYNC)
    runs = select(WorklistRow.run_id).where(col(WorklistRow.superseded_at) < before)
    session.exec(delete(UnallocatedRow).where(col(UnallocatedRow.run_id).in_(runs)), **_NO_SYNC)


def current_holders(session: Session) -> list[str]:
    """Return who has a current list with something on it."""
    statement = select(WorklistRow.reporter_id).where(col(WorklistRow.superseded_at).is_(None), WorklistRow.items > 0)
    return list(session.exec(statement))


def who_has_a_list(session: Session) -> set[str]:
    """Return who has a current list, be it empty."""
    return set(session.exec(select(WorklistRow.reporter_id).where(col(WorklistRow.superseded_at).is_(None))))


def current_lists(session: Session) -> list[int]:
    """Return the current worklists by number."""
    statement = select(WorklistRow.id).where(col(WorklistRow.superseded_at).is_(None)).order_by(col(WorklistRow.id))
    return [number or 0 for number in session.exec(statement)]


def lists_ended_at(session: Session, at: datetime) -> list[int]:
    """Return the worklists that were current until then, by number: those that one publication took the place of.

    Of each reporter the last, should an earlier one have ended at the very same instant.
    """
    ended = select(func.max(WorklistRow.id)).where(WorklistRow.superseded_at == at)
    return sorted(number or 0 for number in session.exec(ended.group_by(col(WorklistRow.reporter_id))))


def lists_that_followed(session: Session, numbers: Collection[int]) -> list[int]:
    """Return the worklists that took the place of these, by number: what one publication made of them."""
    found: set[int] = set()
    for chunk in chunks(sorted(numbers)):
        ended = select(WorklistRow.superseded_at).where(col(WorklistRow.id).in_(chunk)).scalar_subquery()
        statement = select(WorklistRow.id).where(col(WorklistRow.published_at).in_(ended))
        found |= {number or 0 for number in session.exec(statement)}
    return sorted(found)


def items_of_lists(session: Session, numbers: Collection[int]) -> list[tuple[str, WorklistItemRow]]:
    """Return what stood on these worklists, current or not, each with whose list it was; in order.

    Raises
    ------
    GoneError
        If it is no longer kept.
    """
    found: list[tuple[str, WorklistItemRow]] = []
    stated = 0
    for chunk in chunks(sorted(numbers)):
        named = col(WorklistRow.id).in_(chunk)
        stated += session.exec(select(func.coalesce(func.sum(WorklistRow.items), 0)).where(named)).one()
        statement = select(WorklistRow.reporter_id, WorklistItemRow).join(
            WorklistItemRow, col(WorklistItemRow.worklist_id) == col(WorklistRow.id)
        )
        order = (col(WorklistItemRow.worklist_id), col(WorklistItemRow.place))
        found += session.exec(statement.where(named).order_by(*order)).all()
    if len(found) != stated:
        raise GoneError("the lists are no longer kept")
    return found


def holders(session: Session, study_ids: Collection[int]) -> dict[tuple[int, int], str]:
    """Return on whose current list each read of these studies has a place, by study and number."""
    found: dict[tuple[int, int], str] = {}
    for chunk in chunks(sorted(study_ids)):
        statement = (
            select(WorklistItemRow.study_id, WorklistItemRow.read, WorklistRow.reporter_id)
            .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
            .where(col(WorklistRow.superseded_at).is_(None), col(WorklistItemRow.study_id).in_(chunk))
        )
        found.update(((study_id, number), whose) for study_id, number, whose in session.exec(statement))
    return found


def holder(session: Session, study_id: int, number: int) -> str | None:
    """Return on whose current list a read has a place, if that is somebody who may be given it."""
    found = holders(session, [study_id]).get((study_id, number))
    if found is None or instructions.pins(session, study_id).get((study_id, number), found) != found:
        return None
    return None if found in barred(session, [study_id])[study_id] else found


def items_of(session: Session, study_ids: Collection[int]) -> dict[tuple[tuple[int, int], str], WorklistItemRow]:
    """Return where reads of these studies stand on current lists, by (study, number) and whose list it is."""
    found: dict[tuple[tuple[int, int], str], WorklistItemRow] = {}
    for chunk in chunks(sorted(study_ids)):
        statement = (
            select(WorklistItemRow, WorklistRow.reporter_id)
            .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
            .where(col(WorklistRow.superseded_at).is_(None), col(WorklistItemRow.study_id).in_(chunk))
        )
        found.update({((item.study_id, item.read), whose): item for item, whose in session.exec(statement)})
    return found


def study_keys(session: Session, study_ids: Collection[int]) -> dict[int, StudyKey]:
    """Return by what these studies are known outside."""
    found: dict[int, StudyKey] = {}
    for chunk in chunks(sorted(study_ids)):
        named = select(StudyRow.id, StudyRow.trust, StudyRow.accession_number).where(col(StudyRow.id).in_(chunk))
        found.update({study_id or 0: StudyKey(trust, number) for study_id, trust, number in session.exec(named)})
    return found


def items_of_claims(session: Session) -> dict[tuple[int, int], WorklistItemRow]:
    """Return where claimed reads stand on their claimants' current lists, by study and number."""
    statement = (
        select(WorklistItemRow)
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .join(
            ReadRow,
            (col(ReadRow.study_id) == col(WorklistItemRow.study_id))
            & (col(ReadRow.number) == col(WorklistItemRow.read)),
        )
        .where(
            col(WorklistRow.superseded_at).is_(None),
            ReadRow.state == ReadState.CLAIMED,
            ReadRow.reporter_id == WorklistRow.reporter_id,
        )
    )
    return {(item.study_id, item.read): item for item in session.exec(statement)}


def listed(session: Session, reporter_ids: Collection[str]) -> dict[str, list[tuple[Allocation, bool]]]:
    """Return what is still to be read on these reporters' current lists, in order, each with whether it is open."""
    columns: Any = (WorklistRow.reporter_id, WorklistItemRow, StudyRow.trust, StudyRow.accession_number, ReadRow.state)
    statement = (
        select(*columns)
        .select_from(WorklistRow)
        .join(WorklistItemRow, col(WorklistItemRow.worklist_id) == col(WorklistRow.id))
        .join(StudyRow, col(StudyRow.id) == col(WorklistItemRow.study_id))
        .join(
            ReadRow,
            (col(ReadRow.study_id) == col(WorklistItemRow.study_id))
            & (col(ReadRow.number) == col(WorklistItemRow.read)),
        )
        .where(
            col(WorklistRow.superseded_at).is_(None),
            col(WorklistRow.reporter_id).in_(sorted(reporter_ids)),
            col(ReadRow.state).in_(sorted(ON_A_LIST)),
            ReadRow.reporter_id == WorklistRow.reporter_id,
        )
        .order_by(col(WorklistItemRow.place))
    )
    found: dict[str, list[tuple[Allocation, bool]]] = defaultdict(list)
    for reporter_id, item, trust, accession_number, state in session.exec(statement):
        row = Allocation(
            trust=trust,
            accession_number=accession_number,
            read=item.read,
            reporter_id=reporter_id,
            session_id=item.session_id,
            position=item.position,
            start=item.planned_start,
            end=item.planned_end,
            due_at=item.due_at,
        )
        found[reporter_id].append((row, state is ReadState.CLAIMED))
    return found


def add_worklists(session: Session, lists: Sequence[WorklistRow]) -> None:
    """Add the headers of lists; their numbers are known afterwards."""
    session.add_all(lists)
    session.flush()


def add_items(
    session: Session, lists: Mapping[str, WorklistRow], allocations: Mapping[str, Sequence[Allocation]], ids: Ids
) -> None:
    """Add what stands on the lists, in order."""
    rows = [
        {
            "worklist_id": lists[reporter_id].id,
            "place": place,
            "study_id": ids[StudyKey(item.trust, item.accession_number)],
            "read": item.read,
            "session_id": item.session_id,
            "position": item.position,
            "planned_start": item.start,
            "planned_end": item.end,
            "due_at": item.due_at,
            "late": item.end > item.due_at,
        }
        for reporter_id, items in allocations.items()
        for place, item in enumerate(items, start=1)
    ]
    add_rows(session, WorklistItemRow, rows)


def add_unallocated(session: Session, run_id: int, reasons: Mapping[ReadKey, str], ids: Ids) -> None:
    """Add the reads a run found no place for."""
    rows: list[dict[str, Any]] = [
        {"run_id": run_id, "study_id": ids[StudyKey(key.trust, key.accession_number)], "read": key.read, "reason": why}
        for key, why in reasons.items()
    ]
    if rows:
        session.exec(insert(UnallocatedRow), params=rows)


def last_reasons(session: Session, study_ids: Collection[int]) -> dict[tuple[int, int], str]:
    """Return why a run last found no place for reads of these studies, by study and number, if one ever did."""
    found: dict[tuple[int, int], str] = {}
    for chunk in chunks(sorted(study_ids)):
        statement = (
            select(UnallocatedRow).where(col(UnallocatedRow.study_id).in_(chunk)).order_by(col(UnallocatedRow.run_id))
        )
        found.update(((row.study_id, row.read), row.reason) for row in session.exec(statement))
    return found


def restate_unallocated(session: Session, run_id: int, reasons: Mapping[ReadKey, str], ids: Ids) -> None:
    """Add reads to those a run found no place for; the newest reason holds."""
    stated = [(ids[StudyKey(key.trust, key.accession_number)], key.read) for key in reasons]
    for chunk in chunks(stated):
        named = tuple_(col(UnallocatedRow.study_id), col(UnallocatedRow.read)).in_(chunk)
        session.exec(delete(UnallocatedRow).where(col(UnallocatedRow.run_id) == run_id, named), **_NO_SYNC)
    add_unallocated(session, run_id, reasons, ids)


def digest_of(items: Sequence[Allocation]) -> str:
    """Return a digest of a list's items in order."""
    return hashlib.sha256("\n".join(map(repr, items)).encode("utf-8", "backslashreplace")).hexdigest()


Ids = Mapping[StudyKey, int]

"""What the allocation problem is built from, and where its outcome goes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from sqlmodel import Session, col, delete, func, insert, select, update

from balancer.domain.plan import Allocation
from balancer.domain.states import StudyState
from balancer.domain.study import ReadKey, StudyKey
from balancer.store.tables import ClaimRow, StudyRow, UnallocatedRow, WorklistItemRow, WorklistRow

_CHUNK = 2_000
_NO_SYNC: dict[str, Any] = {"execution_options": {"synchronize_session": False}}
ByRead = Mapping[int, Mapping[int, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedStudy:
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
    reads: int
    excluded: list[str]
    prior_reporter: str | None


_COLUMNS = tuple(QueuedStudy.__dataclass_fields__)


def queued_studies(session: Session) -> list[QueuedStudy]:
    """Return every open study, by trust and accession number."""
    columns = [getattr(StudyRow, name) for name in _COLUMNS]
    statement = select(*columns).where(StudyRow.state == StudyState.OPEN)
    found = session.exec(statement.order_by(StudyRow.trust, StudyRow.accession_number))
    return [QueuedStudy(**dict(zip(_COLUMNS, row, strict=True))) for row in found]


def published_reads(session: Session) -> ByRead:
    """Return who has which read of which study on their current list: by study, then by read."""
    statement = (
        select(WorklistItemRow.study_id, WorklistItemRow.read, WorklistRow.reporter_id)
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .where(col(WorklistRow.superseded_at).is_(None))
    )
    return _by_read(session.exec(statement))


def claimed_reads(session: Session) -> ByRead:
    """Return who has claimed which read of which study: by study, then by read."""
    return _by_read(session.exec(select(ClaimRow.study_id, ClaimRow.read, ClaimRow.reporter_id)))


def _by_read(rows: Iterable[tuple[int, int, str]]) -> ByRead:
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for study_id, read, reporter_id in rows:
        found[study_id][read] = reporter_id
    return found


def study_ids(session: Session, keys: Iterable[StudyKey]) -> dict[StudyKey, int]:
    """Return the store's number of each study named."""
    found: dict[StudyKey, int] = {}
    for trust, of_trust in groupby(sorted(set(keys)), key=lambda key: key.trust):
        numbers = iter([key.accession_number for key in of_trust])
        while chunk := list(islice(numbers, _CHUNK)):
            statement = select(StudyRow.accession_number, StudyRow.id).where(
                StudyRow.trust == trust, col(StudyRow.accession_number).in_(chunk)
            )
            found.update((StudyKey(trust, number), study_id or 0) for number, study_id in session.exec(statement))
    return found


# --- what a run leaves behind ----------------------------------------------------------------------------------------


def supersede_worklists(session: Session, now: datetime) -> dict[str, int]:
    """End every current list; return the highest version of everyone who ever had one."""
    versions = select(WorklistRow.reporter_id, func.max(WorklistRow.version)).group_by(col(WorklistRow.reporter_id))
    last = dict(session.exec(versions).all())
    ended = update(WorklistRow).where(col(WorklistRow.superseded_at).is_(None)).values(superseded_at=now)
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
    if rows:
        session.exec(insert(WorklistItemRow), params=rows)


def add_unallocated(session: Session, run_id: int, reasons: Mapping[ReadKey, str], ids: Ids) -> None:
    """Add the reads a run found no place for."""
    rows: list[dict[str, Any]] = [
        {"run_id": run_id, "study_id": ids[StudyKey(key.trust, key.accession_number)], "read": key.read, "reason": why}
        for key, why in reasons.items()
    ]
    if rows:
        session.exec(insert(UnallocatedRow), params=rows)


def digest_of(items: Sequence[Allocation]) -> str:
    """Return a digest of a list's items in order."""
    return hashlib.sha256("\n".join(map(repr, items)).encode("utf-8", "backslashreplace")).hexdigest()


Ids = Mapping[StudyKey, int]

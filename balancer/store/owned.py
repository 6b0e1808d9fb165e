"""Studies with their reads and whose those are: what another system is told of a study's owners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, select

from balancer.domain.ownership import OwnedRead
from balancer.domain.states import StudyState
from balancer.store.chunks import chunks
from balancer.store.reads_that_count import counts
from balancer.store.tables import ExaminationRow, ReporterRow, StudyRow
from balancer.store.tables_life import ReadRow

_AFRESH: dict[str, Any] = {"execution_options": {"populate_existing": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedStudy:
    """A study and its reads, in the order of their numbers; ``names`` of the reporters by their number."""

    study: StudyRow
    exam_name: str
    reads: tuple[OwnedRead, ...]
    names: dict[str, str]


def owned(session: Session, study_ids: Iterable[int]) -> Iterator[OwnedStudy]:
    """Yield these studies, each with whose it is, by number."""
    for chunk in chunks(sorted(set(study_ids))):
        yield from _owned(session, chunk)


def open_studies(session: Session, trusts: Collection[str]) -> list[int]:
    """Return the numbers of these trusts' studies that wait for a report."""
    statement = select(StudyRow.id).where(col(StudyRow.trust).in_(sorted(trusts)), StudyRow.state == StudyState.OPEN)
    return [number or 0 for number in session.exec(statement.order_by(col(StudyRow.id)))]


def _owned(session: Session, study_ids: list[int]) -> Iterator[OwnedStudy]:
    reads: dict[int, list[tuple[ReadRow, str]]] = defaultdict(list)
    of_them = select(ReadRow, ReporterRow.name).outerjoin(
        ReporterRow, col(ReporterRow.reporter_id) == col(ReadRow.reporter_id)
    )
    of_them = of_them.where(col(ReadRow.study_id).in_(study_ids)).order_by(col(ReadRow.number))
    for row, name in session.exec(of_them, **_AFRESH):
        reads[row.study_id].append((row, name or ""))
    statement = select(StudyRow, ExaminationRow.name).outerjoin(
        ExaminationRow, col(ExaminationRow.code) == col(StudyRow.exam_code)
    )
    statement = statement.where(col(StudyRow.id).in_(study_ids)).order_by(col(StudyRow.id))
    for study, exam_name in session.exec(statement, **_AFRESH):
        found = reads[study.id or 0]
        yield OwnedStudy(
            study=study,
            exam_name=exam_name or "",
            reads=tuple(_read(row, study) for row, _ in found),
            names={row.reporter_id: name for row, name in found if row.reporter_id is not None},
        )


def _read(row: ReadRow, study: StudyRow) -> OwnedRead:
    return OwnedRead(
        number=row.number,
        kind=row.kind,
        state=row.state,
        reporter_id=row.reporter_id,
        confirmed=not counts(row, study),
    )

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
from balancer.store.tables import ExaminationRow, ReporterRow, StudyRow
from balancer.store.tables_life import ReadRow


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
    reads: dict[int, list[OwnedRead]] = defaultdict(list)
    names: dict[int, dict[str, str]] = defaultdict(dict)
    columns: Any = (
        ReadRow.study_id,
        ReadRow.number,
        ReadRow.kind,
        ReadRow.state,
        ReadRow.reporter_id,
        ReporterRow.name,
    )
    of_them = select(*columns).outerjoin(ReporterRow, col(ReporterRow.reporter_id) == col(ReadRow.reporter_id))
    of_them = of_them.where(col(ReadRow.study_id).in_(study_ids)).order_by(col(ReadRow.number))
    for study_id, number, kind, state, reporter_id, name in session.exec(of_them):
        reads[study_id].append(OwnedRead(number=number, kind=kind, state=state, reporter_id=reporter_id))
        if reporter_id is not None:
            names[study_id][reporter_id] = name or ""
    statement = select(StudyRow, ExaminationRow.name).outerjoin(
        ExaminationRow, col(ExaminationRow.code) == col(StudyRow.exam_code)
    )
    for study, exam_name in session.exec(statement.where(col(StudyRow.id).in_(study_ids)).order_by(col(StudyRow.id))):
        number = study.id or 0
        yield OwnedStudy(study=study, exam_name=exam_name or "", reads=tuple(reads[number]), names=names[number])

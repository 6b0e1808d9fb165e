"""What has happened to a study, and the patient's others: for whoever looks at one study, as far as they reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from balancer.domain.errors import NotFoundError
from balancer.domain.instruction import Instruction
from balancer.domain.states import JournalKind
from balancer.store.instructions import instruction_of
from balancer.store.studies import StudyStatus, with_reads
from balancer.store.tables import StudyRow
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_life import ReadRow, ReturnRow

MOST_STEPS = 100
MOST_OTHERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """A read that was handed back: which of the study's, and the row."""

    read: int
    row: ReturnRow


def numbered_study(session: Session, study_id: int) -> StudyStatus:
    """Return a study by its number, whatever its state; ``NotFoundError`` if there is none."""
    row = session.get(StudyRow, study_id)
    if row is None:
        raise NotFoundError("there is no such study")
    return with_reads(session, [row])[0]


def steps(session: Session, study_id: int) -> Sequence[JournalRow]:
    """Return the last steps of a study's reads, newest first; old ones are forgotten with the journal."""
    statement = select(JournalRow).where(JournalRow.study_id == study_id, JournalRow.kind == JournalKind.MOVED)
    return session.exec(statement.order_by(col(JournalRow.sequence).desc()).limit(MOST_STEPS)).all()


def decisions(session: Session, study_id: int) -> list[Instruction]:
    """Return what people have decided about a study, staged and ended decisions included, newest first."""
    statement = select(InstructionRow).where(InstructionRow.study_id == study_id)
    return [instruction_of(row) for row in session.exec(statement.order_by(col(InstructionRow.id).desc()))]


def returned(session: Session, study_id: int) -> list[Returned]:
    """Return which of a study's reads were handed back, newest first."""
    statement = select(ReturnRow, ReadRow.number).join(ReadRow, col(ReadRow.id) == col(ReturnRow.read_id))
    statement = statement.where(ReadRow.study_id == study_id).order_by(col(ReturnRow.id).desc())
    return [Returned(read=number, row=row) for row, number in session.exec(statement)]


def others_of_patient(session: Session, study: StudyRow) -> list[StudyStatus]:
    """Return the patient's other studies in the network as far as they are within reach, newest first."""
    if not study.patient_id:
        return []
    statement = select(StudyRow).where(StudyRow.patient_id == study.patient_id, StudyRow.id != study.id)
    statement = statement.order_by(col(StudyRow.acquired_at).desc(), col(StudyRow.id).desc())
    return with_reads(session, session.exec(statement.limit(MOST_OTHERS)).all())

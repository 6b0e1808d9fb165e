"""Which studies and reads somebody means who names them by the numbers that others have given them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import false
from sqlmodel import Session, and_, col, or_, select

from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow


def studies_meant(
    session: Session,
    *,
    uids: Collection[str],
    of_trusts: Collection[tuple[str, str]],
    of_patients: Collection[tuple[str, str]],
) -> list[int]:
    """Return the studies of these Study Instance UIDs, or these numbers, by our own number.

    ``of_trusts``: trust and accession number. ``of_patients``: accession number and the imaging trust's number of the
    patient; for an accession number alone is one of several trusts'.
    """
    named = or_(
        col(StudyRow.study_instance_uid).in_(sorted(uids)),
        *(and_(col(StudyRow.trust) == trust, col(StudyRow.accession_number) == one) for trust, one in of_trusts),
        *(and_(col(StudyRow.accession_number) == one, col(StudyRow.local_patient_id) == p) for one, p in of_patients),
        false(),
    )
    return [number or 0 for number in session.exec(select(StudyRow.id).where(named).order_by(col(StudyRow.id)))]


def trusts_of(session: Session, studies: Collection[int]) -> set[str]:
    """Return the trusts at which these studies were imaged."""
    return set(session.exec(select(StudyRow.trust).where(col(StudyRow.id).in_(sorted(studies))).distinct()))


def trusts_reached(session: Session, among: Collection[str]) -> set[str]:
    """Return which of these trusts have a study that the session's caller may see."""
    statement = select(StudyRow.trust).where(col(StudyRow.trust).in_(sorted(among))).distinct()
    return set(session.exec(statement))


def reads_of(session: Session, study_id: int) -> Sequence[ReadRow]:
    """Return the reads of a study that the session's caller may see, in read order."""
    return session.exec(select(ReadRow).where(ReadRow.study_id == study_id).order_by(col(ReadRow.number))).all()

"""Prior studies: what the network knows of a patient beside the study that is to be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from sqlmodel import Session, col, select

from balancer.store.tables import StudyRow

MOST_PRIORS = 20
_CHUNK = 2_000


def priors(session: Session, studies: Sequence[StudyRow]) -> Mapping[int, Sequence[StudyRow]]:
    """Return, for each study by its number, its patient's other studies acquired no later, the newest first.

    At most ``MOST_PRIORS`` of each, of whichever trust, whether they have been reported or wait themselves.
    """
    by_patient: dict[str, list[StudyRow]] = defaultdict(list)
    for chunk in _chunks(sorted({study.patient_id for study in studies})):
        statement = select(StudyRow).where(col(StudyRow.patient_id).in_(chunk))
        for row in session.exec(statement.order_by(col(StudyRow.acquired_at).desc(), col(StudyRow.id).desc())):
            by_patient[row.patient_id].append(row)
    return {
        study.id or 0: [
            other
            for other in by_patient[study.patient_id]
            if other.id != study.id and other.acquired_at <= study.acquired_at
        ][:MOST_PRIORS]
        for study in studies
    }


def _chunks(patients: Sequence[str]) -> Iterator[list[str]]:
    iterator = iter(patients)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk

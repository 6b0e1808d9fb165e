"""Prior studies: what the network knows of a patient beside the study that is to be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from sqlmodel import Session, col, select

from balancer.store.chunks import is_among
from balancer.store.listed import AnyStudy, PriorStudy, columns_of
from balancer.store.tables import StudyRow

MOST_PRIORS = 20
_KNOWN: Final = select(*columns_of(PriorStudy, StudyRow)).order_by(
    col(StudyRow.acquired_at).desc(), col(StudyRow.id).desc()
)


def priors(session: Session, studies: Sequence[AnyStudy]) -> Mapping[int, Sequence[PriorStudy]]:
    """Return, for each study by its number, its patient's other studies acquired no later, the newest first.

    At most ``MOST_PRIORS`` of each, of whichever trust, whether they have been reported or wait themselves.
    """
    patients = {study.patient_id for study in studies}
    statement = _KNOWN.where(is_among(session, StudyRow.patient_id, patients))
    by_patient: dict[str, list[PriorStudy]] = defaultdict(list)
    for row in session.exec(statement) if patients else ():
        by_patient[row.patient_id].append(PriorStudy._make(row))
    return {
        study.id or 0: [
            other
            for other in by_patient[study.patient_id]
            if other.id != study.id and other.acquired_at <= study.acquired_at
        ][:MOST_PRIORS]
        for study in studies
    }

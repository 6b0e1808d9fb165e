"""Prior studies: what the network knows of a patient beside the study that is to be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlmodel import Session, col, select

from balancer.store import scope
from balancer.store.chunks import is_among
from balancer.store.listed import AnyStudy, PriorStudy, columns_of
from balancer.store.tables import StudyRow

MOST_PRIORS = 20
_KNOWN: Final = select(*columns_of(PriorStudy, StudyRow)).order_by(
    col(StudyRow.acquired_at).desc(), col(StudyRow.id).desc()
)


def priors(session: Session, studies: Sequence[AnyStudy]) -> Mapping[int, Sequence[PriorStudy]]:
    """Return, for each study by its number, its patient's other studies acquired no later, the newest first.

    At most ``MOST_PRIORS`` of each, of whichever trust is within reach, whether they have been reported or wait
    themselves.
    """
    return _before(studies, _of_patients(session, {study.patient_id for study in studies}))


def priors_beyond(session: Session, studies: Sequence[AnyStudy]) -> Mapping[int, Sequence[PriorStudy]]:
    """Return the same of trusts beyond a caller's reach: of these a list says that they exist, and where.

    A report that is made without them can harm, and whoever does not know that they are there asks nobody for them.
    """
    if scope.reach_of(session).is_everywhere or not studies:
        return {}
    patients = {study.patient_id for study in studies}
    known = {prior.id for prior in _of_patients(session, patients)}
    with scope.at_every_trust(session) as wide:
        return _before(studies, [prior for prior in _of_patients(wide, patients) if prior.id not in known])


def _of_patients(session: Session, patients: Collection[str]) -> Sequence[PriorStudy]:
    statement = _KNOWN.where(is_among(session, StudyRow.patient_id, patients))
    return [PriorStudy._make(row) for row in session.exec(statement)] if patients else []


def _before(studies: Sequence[AnyStudy], known: Sequence[PriorStudy]) -> Mapping[int, Sequence[PriorStudy]]:
    by_patient: dict[str, list[PriorStudy]] = defaultdict(list)
    for prior in known:
        by_patient[prior.patient_id].append(prior)
    return {
        study.id or 0: [
            other
            for other in by_patient[study.patient_id]
            if other.id != study.id and other.acquired_at <= study.acquired_at
        ][:MOST_PRIORS]
        for study in studies
    }

"""Create a workitem: a system makes a study known that no feed lists, and names the workitem of its first read.

It is a delivery of one row, taken in as every delivery is: its books balance, and everything that follows follows. Its
source is one of changes, of its trust's own, so that no other feed's silence takes it away; once a feed lists the study
it is that feed's. What a feed lists already is not made known again: it has its workitem.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from pydicom.dataset import Dataset

from balancer.domain.actor import Actor, Reach
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError, InvalidValueError, NotAllowedError, NotFoundError
from balancer.domain.feed import IncomingStudy, ParsedExtract, SourceRow
from balancer.domain.policy import Policy
from balancer.domain.states import StudyState
from balancer.domain.study import StudyKey
from balancer.ingest.pseudonym import pseudonym
from balancer.publish.ups.creation import Creation, creation_of, is_as_asked, is_scheduled, missing_in
from balancer.publish.ups.json_model import json_bytes
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.uids import key_of
from balancer.services.ingest_studies import ingest_extract
from balancer.services.see_workitem import dataset_from, named, uid_from, urgency
from balancer.store import assignments, audit, intake, reads, sources, standing, studies, workitems
from balancer.store.database import Database, Session
from balancer.store.joined import Joined
from balancer.store.policies import current_policy
from balancer.store.tables import ExaminationRow, FeedRow

_FILE: Final = "a workitem that was created"
_FIRST_YEAR: Final = 1990
_FURTHEST: Final = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What became of it; ``missing`` are attributes that a creator must say."""

    status: Status
    missing: tuple[str, ...] = ()


class _TakenError(ConflictError):
    """Somebody created one with the same UID in the meantime."""


def create_workitem(  # noqa: PLR0913 - which, of what, when, by whom, how far they reach, and the key of pseudonyms
    db: Database, uid: str, dataset: Dataset, now: datetime, *, by: Actor, reach: Reach, key: bytes
) -> Created:
    """Make a study known, and let the workitem of its first read be the one of this UID.

    ``SUCCESS`` if the workitem is as it was asked for, ``MODIFIED`` if it says something else; ``DUPLICATE`` if there
    is one of that UID.

    Raises
    ------
    InvalidValueError
        If the request asks for no reading of one study that can be taken.
    NotAllowedError
        If the study is of a trust out of reach.
    ConflictError
        If the study is known already: the message says by which workitem.
    """
    missing = missing_in(dataset)
    if missing:
        return Created(status=Status.MISSING, missing=tuple(missing))
    if not is_scheduled(dataset):
        return Created(status=Status.NOT_SCHEDULED)
    asked = creation_of(dataset)
    trust = _trust(asked, reach)
    try:
        with db.transaction(cannot_wait=True) as session:
            return _create(session, uid, dataset, asked, trust, now, by, key)
    except _TakenError:
        return Created(status=Status.DUPLICATE)


def _create(  # noqa: PLR0913, PLR0917 - as above, looked at
    session: Session, uid: str, dataset: Dataset, asked: Creation, trust: str, now: datetime, by: Actor, key: bytes
) -> Created:
    numbering = workitems.numbering(session)
    source = _source(session, trust)
    _require_free(session, uid, numbering)
    study = StudyKey(trust, asked.accession_number)
    _require_unknown(session, study, numbering)
    policy = current_policy(session)
    row = _row(asked, trust, _examination(session, asked), policy, now, key)
    _take(session, source, uid, dataset, row, now)
    read_id = next(read.row.id or 0 for read in studies.study(session, study).reads if read.row.number == 1)
    assignments.take_turn(session)  # whoever creates one of another trust with the same UID waits here
    if workitems.is_given(session, uid):
        raise _TakenError("somebody has created a workitem of that UID")
    workitems.begin_as(session, read_id, uid)
    audit.append(session, _entry(read_id, now, by))
    made = dataset_from(named(session, uid, numbering), policy, numbering)
    return Created(status=Status.SUCCESS if is_as_asked(dataset, made) else Status.MODIFIED)


def _trust(asked: Creation, reach: Reach) -> str:
    """Return whose accession number it is: the trust that is named, or the only one within reach."""
    trust = asked.trust or (next(iter(reach.trusts)) if len(reach.trusts) == 1 and not reach.is_everywhere else "")
    if not trust:
        raise InvalidValueError("IssuerOfAccessionNumberSequence", "does not say which trust's number it is")
    if not reach.covers(trust):
        raise NotAllowedError("this needs leave to make studies of that trust known")
    if asked.patient_issuer not in {"", trust}:
        raise InvalidValueError("IssuerOfPatientID", "is not the trust whose accession number it is")
    return trust


def _source(session: Session, trust: str) -> FeedRow:
    try:
        return sources.locked_source_by_workitems(session, trust)
    except NotFoundError as error:
        raise InvalidValueError("IssuerOfAccessionNumberSequence", "is no trust of the network") from error


def _require_free(session: Session, uid: str, numbering: str) -> None:
    """Ensure that nothing is, or ever will be, a workitem of that UID."""
    if workitems.is_given(session, uid):
        raise _TakenError("there is a workitem of that UID")
    ours = key_of(uid, numbering)
    if ours is None:
        return
    if workitems.is_there(session, ours.read_id, ours.sequence):
        raise _TakenError("there is a workitem of that UID")
    raise InvalidValueError("SOPInstanceUID", "is one of this service's own")


def _require_unknown(session: Session, key: StudyKey, numbering: str) -> None:
    """Ensure that nobody has made the study known: nothing is doubled, nothing that is reported comes back."""
    rule = intake.left_out_by(session, key)
    if rule:
        raise ConflictError(f"the study's source leaves it out: {rule}")
    try:
        study = studies.study(session, key)
    except NotFoundError:
        return
    if study.study.state is not StudyState.OPEN:
        raise ConflictError(f"the study is {study.study.state}: it is read again once its source lists it again")
    found = workitems.current(session, study.reads[0].row.id or 0) if study.reads else None
    raise ConflictError("the study is known already" if found is None else f"known as {uid_from(found, numbering)}")


def _examination(session: Session, asked: Creation) -> ExaminationRow:
    code = asked.examination.value
    found = [exam for exam in standing.examinations(session) if exam.code == code]
    if not found:
        raise InvalidValueError("RequestedProcedureCodeSequence", "is not an examination of the catalogue")
    return found[0]


def _row(  # noqa: PLR0913, PLR0917 - what a row of an extract states
    asked: Creation, trust: str, exam: ExaminationRow, policy: Policy, now: datetime, key: bytes
) -> IncomingStudy:
    """Return what a row of an extract would state.

    Nothing in a workitem says when the images were made: no later than now, nor than when they can be read.
    """
    for keyword, at in (
        ("ScheduledProcedureStepStartDateTime", asked.starts_at),
        ("ExpectedCompletionDateTime", asked.due_at),
    ):
        if at is not None and not (at.year >= _FIRST_YEAR and at <= now + _FURTHEST):
            raise InvalidValueError(keyword, "is not of our time")
    return IncomingStudy(
        row=SourceRow(line=1, sheet="", raw={}),
        trust=trust,
        accession_number=asked.accession_number,
        patient_id=pseudonym(key, _nhs_number(asked.nhs_number), trust, asked.patient_id),
        local_patient_id=asked.patient_id,
        exam_code=exam.code,
        priority=_class(asked, policy),
        acquired_at=min(asked.starts_at, now),
        modality=exam.modality,
        subspecialty=exam.subspecialty,
        minutes=exam.minutes,
        reads=exam.reads,
        ready_at=asked.starts_at if asked.starts_at > now else None,
        due_at=asked.due_at,
        study_instance_uid=asked.study_instance_uid,
    )


def _nhs_number(said: str) -> str:
    """Return an NHS number plain; one that cannot be one is refused, without repeating it."""
    if not said:
        return ""
    from balancer.ingest.nhs_number import plain_one  # noqa: PLC0415 - it loads pandas, which takes its time

    number = plain_one(said)
    if number is None:
        raise InvalidValueError("OtherPatientIDsSequence", "holds an NHS number that is none")
    return number


def _class(asked: Creation, policy: Policy) -> str:
    """Return the policy's class: the one that is named, else of those that read so the one that waits least."""
    codes = [priority.code for priority in policy.priorities]
    if asked.priority:
        if asked.priority not in codes:
            raise InvalidValueError("WorklistLabel", "is not a class of the policy")
        return asked.priority
    alike = [code for code in codes if urgency(code, policy) is asked.urgency]
    if not alike:
        raise InvalidValueError("WorklistLabel", f"is missing, and no class of the policy is {asked.urgency}")
    return alike[0]


def _take(  # noqa: PLR0913, PLR0917 - which row, of what, when
    session: Session, source: FeedRow, uid: str, dataset: Dataset, row: IncomingStudy, now: datetime
) -> None:
    made_at = max(now, source.last_extracted_at or now)  # another replica's clock may be ahead
    digest = hashlib.sha256(uid.encode() + b"\0" + json_bytes([dataset])).hexdigest()
    parsed = ParsedExtract(feed=source.name, digest=digest, extracted_at=made_at, rows_read=1, studies=(row,))
    outcome = ingest_extract(Joined(session), source, parsed, now, file_name=_FILE)
    if outcome.books.new != 1:
        raise ConflictError("the study has become known meanwhile")


def _entry(read_id: int, now: datetime, by: Actor) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=by.subject,
        action="workitem.create",
        subject_kind=reads.SUBJECT,
        subject_id=str(read_id),
    )

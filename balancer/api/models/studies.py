"""Studies and what the current plan says of their reads."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Literal

from pydantic import Field

from balancer.api.models.shape import MOST_CHARACTERS, PATTERN, In, Instant, Out
from balancer.domain import life
from balancer.domain.ledger import LEDGER_CAP
from balancer.domain.outcome import Outcome
from balancer.domain.plan import UnallocatedReason
from balancer.domain.states import StudyState
from balancer.services.build_problem import NO_PRIORITY_CLASS
from balancer.services.what_holds import HeldStudy
from balancer.store.listed import AnyStudy
from balancer.store.runs import UnallocatedCount, UnallocatedRead
from balancer.store.studies import ReadStatus, StudyStatus
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow


class StudyReadState(StrEnum):
    """Where one read stands; every read is in exactly one state. `unplanned`: unallocated, and no plan has seen it."""

    CLAIMED = life.ReadState.CLAIMED
    ALLOCATED = life.ReadState.ALLOCATED
    UNALLOCATED = life.ReadState.UNALLOCATED
    UNPLANNED = life.UNPLANNED
    DONE = life.ReadState.DONE
    PARKED = life.ReadState.PARKED
    SENT_OUT = life.ReadState.SENT_OUT
    EXCLUDED = life.ReadState.EXCLUDED
    WITHDRAWN = life.ReadState.WITHDRAWN


class Reason(StrEnum):
    """Why a read has no place: the first that holds.

    `no_priority_class`: the policy does not know its class. `ledger_cap`: others have read as much for its trust this
    week as they may, and its own reporters have no place for it. `awaits_other_read`: it follows readings that are not
    all done yet.
    """

    CLAIMED_REPORTER_UNAVAILABLE = UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE
    PINNED_REPORTER_UNAVAILABLE = UnallocatedReason.PINNED_REPORTER_UNAVAILABLE
    NO_ENTITLED_REPORTER = UnallocatedReason.NO_ENTITLED_REPORTER
    NO_SKILLED_REPORTER = UnallocatedReason.NO_SKILLED_REPORTER
    NO_SESSION = UnallocatedReason.NO_SESSION
    NO_CAPACITY = UnallocatedReason.NO_CAPACITY
    DEFERRED = UnallocatedReason.DEFERRED
    NO_PRIORITY_CLASS = NO_PRIORITY_CLASS
    LEDGER_CAP = LEDGER_CAP
    AWAITS_OTHER_READ = life.AWAITS_OTHER_READ


class StudySearchIn(In):
    """Which study is looked for. What names a patient or a study stands in the body: addresses end up in logs."""

    trust: str | None = Field(default=None, max_length=MOST_CHARACTERS, pattern=PATTERN, examples=["RVV"])
    accession_number: str | None = Field(
        default=None, max_length=MOST_CHARACTERS, pattern=PATTERN, description="The whole of it.", examples=["R1000123"]
    )
    text: str | None = Field(
        default=None,
        max_length=MOST_CHARACTERS,
        pattern=PATTERN,
        description="Looked for in accession number, the trust's patient number and exam code.",
        examples=["E4829"],
    )
    state: StudyState | None = Field(default=StudyState.OPEN, description="`null` for whatever state.")


class SaidOut(Out):
    """What the feed says of a study that a person has corrected or expedited: kept, and it does not hold."""

    priority: str = Field(examples=["routine"])
    exam_code: str = Field(examples=["CHEAD"])
    modality: str = Field(examples=["CT"])
    subspecialty: str = Field(examples=["neuro"])
    expected_minutes: float = Field(examples=[8.0])
    ready_at: Instant | None
    due_at: Instant = Field(description="The feed's word, or the policy's for the feed's class.")

    @classmethod
    def beside(cls, row: AnyStudy, held: HeldStudy) -> SaidOut | None:
        """Return what the feed says if something else holds; ``None`` if nothing differs."""
        if held.is_as_said(row):
            return None
        return cls(
            priority=row.priority,
            exam_code=row.exam_code,
            modality=row.modality,
            subspecialty=row.subspecialty,
            expected_minutes=row.minutes,
            ready_at=row.ready_at,
            due_at=row.due_at,
        )


class ReadOut(Out):
    """One read of a study."""

    read_id: int = Field(description="What claims and completions name it by.", examples=[4711])
    read: int = Field(description="Its number in its study, from 1.", examples=[1])
    kind: life.ReadKind
    state: StudyReadState = Field(description="`unplanned`: it came after the current plan was made.")
    since: Instant = Field(description="When that last changed.")
    reporter_id: str | None = Field(description="Whose worklist it is on, or who did it.", examples=["9000017"])
    owner: str = Field(description="Who sees to it where no reporter does.", examples=[""])
    reason: str = Field(description="Why nobody has it, or why it cannot be read.", examples=[""])
    until: Instant | None = Field(description="When it has to be looked at again.", examples=[None])
    due_at: Instant = Field(description="Of what verifies or decides between readings, its own time.")
    confirmed_at: Instant | None = Field(description="When the trust's own system said that it is done.")
    outcome: Outcome | None = Field(description="What whoever did it said it came to.", examples=[None])
    planned_start: Instant | None
    planned_end: Instant | None
    late: bool = Field(description="The plan ends it after the study is due.", examples=[False])
    unallocated_reason: Reason | None = Field(examples=[None])
    claimed_by: str | None = Field(description="The reporter who has opened it.", examples=[None])

    @classmethod
    def of(cls, status: ReadStatus, held: HeldStudy, unsaid: Collection[int] = ()) -> ReadOut:
        """Return a read as the API shows it, of a study of which this holds; of the ``unsaid`` not why it is away."""
        row, reason = status.row, status.unallocated_reason
        claimed = row.state is life.ReadState.CLAIMED
        return cls(
            read_id=row.id or 0,
            read=row.number,
            kind=row.kind,
            state=_state(row),
            since=row.since,
            reporter_id=row.reporter_id,
            owner=row.owner,
            reason="" if row.id in unsaid else row.reason,
            until=row.until,
            due_at=held.due_of(status.follows),
            confirmed_at=row.confirmed_at,
            outcome=row.outcome,
            planned_start=status.planned_start,
            planned_end=status.planned_end,
            late=status.late,
            unallocated_reason=None if reason is None else Reason(reason),
            claimed_by=row.reporter_id if claimed else None,
        )


class StudyOut(Out):
    """One imaging examination waiting for its report; known by trust and accession number together.

    Class, examination, minutes and times are what holds: what people have decided is laid over what the feed says.
    """

    trust: str = Field(examples=["RVV"])
    accession_number: str = Field(examples=["R1000123"])
    state: StudyState
    exclusion_rule: str = Field(description="The rule that leaves it out, if one does.", examples=[""])
    patient_id: str = Field(description="A pseudonym, one a person across trusts.", examples=["5f1d0c9ab0e4477e"])
    local_patient_id: str = Field(description="The trust's own patient number.", examples=["E482913"])
    exam_code: str = Field(examples=["CHEAD"])
    modality: str = Field(description="DICOM code.", examples=["CT"])
    subspecialty: str = Field(examples=["neuro"])
    expected_minutes: float = Field(description="Per read, for a reporter of average speed.", examples=[8.0])
    priority: str = Field(description="A class of the policy.", examples=["inpatient_urgent"])
    acquired_at: Instant
    waiting_since: Instant = Field(description="What its wait counts from.")
    ready_at: Instant | None = Field(description="It cannot be read before.")
    due_at: Instant
    due_at_source: Literal["source", "policy", "person"] = Field(description="Who says when it is due.")
    said: SaidOut | None = Field(description="What the feed says, if a person has decided otherwise.", examples=[None])
    site: str = Field(examples=["K&C"])
    patient_setting: str = Field(examples=["inpatient"])
    prior_reporter_id: str | None = Field(description="Who reported the patient's prior study.", examples=[None])
    excluded_reporter_ids: list[str] = Field(description="Who may not read it.", examples=[[]])
    study_instance_uid: str | None = Field(examples=["2.25.1234"])
    first_seen_at: Instant
    last_seen_at: Instant
    closed_at: Instant | None
    reopened_at: Instant | None
    reads: list[ReadOut]

    @classmethod
    def of(cls, status: StudyStatus, held: HeldStudy, unsaid: Collection[int] = ()) -> StudyOut:
        """Return a study as the API shows it, with what holds of it; of the ``unsaid`` reads not why they are away."""
        row = status.study
        return cls(
            trust=row.trust,
            accession_number=row.accession_number,
            state=row.state,
            exclusion_rule=row.exclusion_rule,
            patient_id=row.patient_id,
            local_patient_id=row.local_patient_id,
            exam_code=held.exam_code,
            modality=held.modality,
            subspecialty=held.subspecialty,
            expected_minutes=held.minutes,
            priority=held.priority,
            acquired_at=row.acquired_at,
            waiting_since=row.clock_started_at,
            ready_at=held.ready_at,
            due_at=held.due_at,
            due_at_source=_who_says(row, held),
            said=SaidOut.beside(row, held),
            site=row.site,
            patient_setting=row.patient_setting,
            prior_reporter_id=row.prior_reporter,
            excluded_reporter_ids=row.excluded,
            study_instance_uid=row.study_instance_uid,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            closed_at=row.closed_at,
            reopened_at=row.reopened_at,
            reads=[ReadOut.of(read, held, unsaid) for read in status.reads],
        )


class UnallocatedOut(Out):
    """A read that the current plan has no place for."""

    trust: str = Field(examples=["RPA"])
    accession_number: str = Field(examples=["R1000123"])
    read: int = Field(examples=[1])
    kind: life.ReadKind
    reason: Reason = Field(description="The first that holds.")
    exam_code: str = Field(examples=["MCARD"])
    modality: str = Field(examples=["MR"])
    subspecialty: str = Field(examples=["cardiac"])
    priority: str = Field(examples=["routine"])
    expected_minutes: float = Field(examples=[20.0])
    acquired_at: Instant
    due_at: Instant
    said: SaidOut | None = Field(description="What the feed says, if a person has decided otherwise.", examples=[None])

    @classmethod
    def of(cls, unplaced: UnallocatedRead, held: HeldStudy) -> UnallocatedOut:
        """Return a read as the API shows it, of a study of which this holds."""
        study, follows = unplaced.study, unplaced.follows
        return cls(
            trust=study.trust,
            accession_number=study.accession_number,
            read=unplaced.read,
            kind=unplaced.kind,
            reason=Reason(unplaced.reason),
            exam_code=held.exam_code,
            modality=held.modality,
            subspecialty=held.subspecialty,
            priority=held.priority,
            expected_minutes=held.minutes if follows is None else follows.minutes_of(held.minutes),
            acquired_at=study.acquired_at,
            due_at=held.due_of(follows),
            said=SaidOut.beside(study, held),
        )


class UnallocatedReasonOut(Out):
    """How many reads of a trust have no place for one reason."""

    trust: str = Field(examples=["RPA"])
    reason: Reason
    reads: int = Field(examples=[14])

    @classmethod
    def of(cls, counted: UnallocatedCount) -> UnallocatedReasonOut:
        """Return a count as the API shows it."""
        return cls(trust=counted.trust, reason=Reason(counted.reason), reads=counted.reads)


def _state(row: ReadRow) -> StudyReadState:
    if row.state is life.ReadState.UNALLOCATED and row.reason == life.UNPLANNED:
        return StudyReadState.UNPLANNED
    return StudyReadState(row.state)


def _who_says(row: StudyRow, held: HeldStudy) -> Literal["source", "policy", "person"]:
    if held.asked_for == held.due_at:
        return "person"
    return "policy" if row.source_due_at is None else "source"

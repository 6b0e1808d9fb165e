"""Worklists: what each reporter should read next, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from balancer.api.models.shape import Instant, Out
from balancer.api.models.studies import SaidOut
from balancer.domain.life import Again, ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.pacs_link import PacsLink
from balancer.domain.reporter import Reporter
from balancer.domain.states import StudyState
from balancer.services.what_holds import HeldStudy
from balancer.store.listed import ListedStudy, PriorStudy
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.worklists import Worklist, WorklistItem, WorklistSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a list shows beside its reads: names by exam code, links by trust, priors by study.

    And, of reads that follow others, what they have of their own and what they follow, by read; and what holds of each
    study.
    """

    names: Mapping[str, str]
    links: Mapping[str, PacsLink]
    priors: Mapping[int, Sequence[PriorStudy]]
    priors_beyond: Mapping[int, Sequence[PriorStudy]]
    follows: Mapping[int, FollowUpRow]
    followed: Mapping[int, Sequence[ReadRow]]
    held: Mapping[int, HeldStudy]

    def name_of(self, exam_code: str) -> str:
        """Return the name of an examination; its code if the catalogue has lost it."""
        return self.names.get(exam_code, exam_code)

    def held_of(self, study: ListedStudy) -> HeldStudy:
        """Return what holds of a study."""
        return self.held[study.id]

    def minutes_of(self, entry: WorklistItem) -> float:
        """Return the expected minutes of a read."""
        follows, minutes = self.follows.get(entry.read.id), self.held_of(entry.study).minutes
        return minutes if follows is None else follows.minutes_of(minutes)

    def due_of(self, entry: WorklistItem) -> datetime:
        """Return when a read is due."""
        return self.held_of(entry.study).due_of(self.follows.get(entry.read.id))

    def link_to(self, study: ListedStudy | PriorStudy) -> str | None:
        """Return what opens a study in its trust's PACS, if there is a way."""
        link = self.links.get(study.trust)
        if link is None:
            return None
        return link.to(
            trust=study.trust,
            accession_number=study.accession_number,
            local_patient_id=study.local_patient_id,
            study_instance_uid=study.study_instance_uid,
        )


class WorklistSummaryOut(Out):
    """A reporter's current list in figures."""

    reporter_id: str = Field(examples=["9000017"])
    name: str = Field(examples=["Dr A. Example"])
    home_trust: str = Field(examples=["RVV"])
    version: int = Field(description="Rises by one whenever the list changes.", examples=[4])
    published_at: Instant
    run_id: int = Field(description="The run that made this version.", examples=[12])
    reads: int = Field(description="Still on it, as the list itself has them, whatever their trust.", examples=[96])
    late_reads: int = Field(description="Planned to end after they are due.", examples=[2])
    first_start: Instant | None
    last_end: Instant | None

    @classmethod
    def of(cls, summary: WorklistSummary) -> WorklistSummaryOut:
        """Return a list's figures as the API shows them."""
        return cls(
            reporter_id=summary.reporter_id,
            name=summary.name,
            home_trust=summary.home_trust,
            version=summary.version,
            published_at=summary.published_at,
            run_id=summary.run_id,
            reads=summary.items,
            late_reads=summary.late,
            first_start=summary.first_start,
            last_end=summary.last_end,
        )


class WhyMineOut(Out):
    """What speaks for this reporter reading this study."""

    skill_level: int = Field(description="3 specialist, 2 general, 1 fallback, 0 no longer in scope.", examples=[3])
    home_trust: bool = Field(description="It was imaged at the reporter's own trust.", examples=[True])
    reported_prior: bool = Field(description="The reporter reported the patient's prior study.", examples=[False])
    again: Again | None = Field(
        description="Why it is read once more, if it is: images that came late, an addendum or a correction asked for, "
        "a manager's word, or a report that its source does not know of.",
        examples=[None],
    )
    read_before: bool = Field(description="The reporter is who read it before.", examples=[False])


class PriorOut(Out):
    """Another study of the same patient that the network knows of."""

    trust: str = Field(description="Where it is.", examples=["RWF"])
    accession_number: str = Field(examples=["M2000456"])
    study_instance_uid: str | None = Field(examples=["2.25.5678"])
    exam_code: str = Field(examples=["CHEAD"])
    exam_name: str = Field(examples=["CT head"])
    modality: str = Field(examples=["CT"])
    acquired_at: Instant
    still_open: bool = Field(description="It waits for its report itself.", examples=[False])
    pacs_link: str | None = Field(description="Opens it in its trust's PACS.", examples=[None])

    @classmethod
    def of(cls, study: PriorStudy, around: Around) -> PriorOut:
        """Return a prior study as the API shows it."""
        return cls(
            trust=study.trust,
            accession_number=study.accession_number,
            study_instance_uid=study.study_instance_uid,
            exam_code=study.exam_code,
            exam_name=around.name_of(study.exam_code),
            modality=study.modality,
            acquired_at=study.acquired_at,
            still_open=study.state is StudyState.OPEN,
            pacs_link=around.link_to(study),
        )


class PriorBeyondOut(Out):
    """Another study of the same patient, at a trust beyond the caller's reach: it is there, and to be asked for."""

    trust: str = Field(description="Where it is.", examples=["RPA"])
    modality: str = Field(examples=["CT"])
    acquired_at: Instant

    @classmethod
    def of(cls, study: PriorStudy) -> PriorBeyondOut:
        """Return that there is such a study, and nothing that would open it."""
        return cls(trust=study.trust, modality=study.modality, acquired_at=study.acquired_at)


class FollowedOut(Out):
    """A reading that is to be verified, or one of those to be decided between."""

    read_id: int = Field(examples=[4711])
    reporter_id: str | None = Field(description="Who did it.", examples=["9000017"])
    done_at: Instant | None
    outcome: Outcome | None = Field(description="What they said it came to.")
    provisional: bool = Field(description="Their report has to be verified.")

    @classmethod
    def of(cls, row: ReadRow) -> FollowedOut:
        """Return a reading as the API shows it."""
        return cls(
            read_id=row.id or 0,
            reporter_id=row.reporter_id,
            done_at=row.done_at,
            outcome=row.outcome,
            provisional=row.provisional,
        )


class WorklistItemOut(Out):
    """One read on a worklist."""

    place: int = Field(description="From 1 over the whole list: read them in this order.", examples=[1])
    session_id: str = Field(examples=["RVV-9000017-20260302T0800Z"])
    session_start: Instant | None = Field(description="`null` if the roster has lost the session since.")
    session_end: Instant | None
    position: int = Field(description="From 1 within its session.", examples=[1])
    trust: str = Field(description="Where it was imaged.", examples=["RVV"])
    accession_number: str = Field(description="As that trust knows it; others may use the same.", examples=["R1000123"])
    read_id: int = Field(description="What claims and completions name it by.", examples=[4711])
    read: int = Field(description="Which read of the study, from 1.", examples=[1])
    reads: int = Field(description="How many readings of its images the study needs.", examples=[1])
    kind: ReadKind
    state: ReadState
    local_patient_id: str = Field(description="As that trust knows the patient.", examples=["E482913"])
    study_instance_uid: str | None = Field(examples=["2.25.1234"])
    exam_code: str = Field(examples=["CHEAD"])
    exam_name: str = Field(examples=["CT head"])
    modality: str = Field(examples=["CT"])
    subspecialty: str = Field(examples=["neuro"])
    site: str = Field(examples=["K&C"])
    patient_setting: str = Field(examples=["inpatient"])
    priority: str = Field(examples=["inpatient_urgent"])
    expected_minutes: float = Field(description="For a reporter of average speed.", examples=[8.0])
    acquired_at: Instant
    planned_start: Instant
    planned_end: Instant
    due_at: Instant
    late: bool = Field(description="The plan ends it after it was due when it was made.", examples=[False])
    said: SaidOut | None = Field(description="What the feed says, if a person has decided otherwise.", examples=[None])
    prior_reporter_id: str | None = Field(description="Who reported the patient's prior study.", examples=[None])
    why_mine: WhyMineOut
    still_open: bool = Field(description="False once its source no longer lists it: do not read.", examples=[True])
    claimed_by: str | None = Field(description="The reporter who has opened it.", examples=[None])
    pacs_link: str | None = Field(
        description="Opens it in its trust's PACS, in the context of its patient.",
        examples=["https://pacs.example/open?study=2.25.1234"],
    )
    follows: list[FollowedOut] = Field(description="What it verifies, or decides between.")
    priors: list[PriorOut] = Field(description="The patient's earlier studies within reach, the newest first.")
    priors_beyond: list[PriorBeyondOut] = Field(
        description="Those at trusts beyond reach, the newest first: ask there before it is read without them."
    )

    @classmethod
    def of(cls, entry: WorklistItem, reporter: Reporter, around: Around) -> WorklistItemOut:
        """Return a read as the API shows it."""
        item, study, read = entry.item, entry.study, entry.read
        held = around.held_of(study)
        return cls(
            place=item.place,
            session_id=item.session_id,
            session_start=entry.session_start,
            session_end=entry.session_end,
            position=item.position,
            trust=study.trust,
            accession_number=study.accession_number,
            read_id=read.id,
            read=item.read,
            reads=study.reads,
            kind=read.kind,
            state=read.state,
            local_patient_id=study.local_patient_id,
            study_instance_uid=study.study_instance_uid,
            exam_code=held.exam_code,
            exam_name=around.name_of(held.exam_code),
            modality=held.modality,
            subspecialty=held.subspecialty,
            site=study.site,
            patient_setting=study.patient_setting,
            priority=held.priority,
            expected_minutes=around.minutes_of(entry),
            acquired_at=study.acquired_at,
            planned_start=item.planned_start,
            planned_end=item.planned_end,
            due_at=around.due_of(entry),
            late=item.late,
            said=SaidOut.beside(study, held),
            prior_reporter_id=study.prior_reporter,
            why_mine=WhyMineOut(
                skill_level=reporter.level(held.subspecialty, held.modality),
                home_trust=reporter.home_trust == study.trust,
                reported_prior=reporter.reporter_id == study.prior_reporter,
                again=Again(read.again) if read.again else None,
                read_before=reporter.reporter_id == read.read_before_by,
            ),
            still_open=entry.still_open,
            claimed_by=entry.claimed_by,
            pacs_link=around.link_to(study),
            follows=[FollowedOut.of(row) for row in around.followed.get(read.id, ())],
            priors=[PriorOut.of(prior, around) for prior in around.priors.get(study.id, ())],
            priors_beyond=[PriorBeyondOut.of(prior) for prior in around.priors_beyond.get(study.id, ())],
        )


class WorklistOut(Out):
    """A reporter's list, in the order in which it should be read."""

    reporter_id: str = Field(examples=["9000017"])
    name: str = Field(examples=["Dr A. Example"])
    version: int = Field(description="Rises by one whenever the list changes.", examples=[4])
    published_at: Instant
    run_id: int = Field(description="The run that made this version.", examples=[12])
    withheld: int = Field(
        description="How many more reads are still on the list, of trusts that the caller may not see.", examples=[0]
    )
    items: list[WorklistItemOut]

    @classmethod
    def of(cls, worklist: Worklist, reporter: Reporter, around: Around) -> WorklistOut:
        """Return a list as the API shows it."""
        version = worklist.version
        return cls(
            reporter_id=version.reporter_id,
            name=reporter.name,
            version=version.version,
            published_at=version.published_at,
            run_id=version.run_id,
            withheld=worklist.withheld,
            items=[WorklistItemOut.of(entry, reporter, around) for entry in worklist.items],
        )

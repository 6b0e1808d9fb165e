"""Where a trust's reads stand, change by change."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from pydantic import Field

from balancer.api.models.shape import Instant, Out
from balancer.api.models.studies import SaidOut
from balancer.domain.life import ReadKind
from balancer.domain.states import AssignmentState
from balancer.services.what_holds import HeldStudy
from balancer.store.changes import Change, Changes


class AssignmentOut(Out):
    """Where one read stands now. It replaces whatever you knew of the same accession number and read."""

    accession_number: str = Field(description="As the trust knows it.", examples=["R1000123"])
    read: int = Field(description="Which read of the study, from 1.", examples=[1])
    kind: ReadKind = Field(description="What is read: the images, a provisional report, or readings that differ.")
    removed: bool = Field(description="Nobody is to read it any more: take it off.", examples=[False])
    state: AssignmentState
    reporter_id: str | None = Field(description="Whose it is: on their list, or claimed by them.", examples=["9000017"])
    reason: str = Field(description="Why nobody has it, or why it was removed, if that is known.", examples=[""])
    planned_start: Instant | None = Field(description="A reporter's reads are to be read in this order.")
    planned_end: Instant | None
    late: bool = Field(description="The plan ends it after it is due.", examples=[False])
    priority: str = Field(examples=["inpatient_urgent"])
    due_at: Instant
    said: SaidOut | None = Field(description="What the feed says, if a person has decided otherwise.", examples=[None])
    study_instance_uid: str | None = Field(examples=["2.25.1234"])
    changed_at: Instant
    sequence: int = Field(description="Rises with every change; of two about one read the higher holds.", examples=[77])

    @classmethod
    def of(cls, change: Change, held: HeldStudy, unsaid: Collection[int] = ()) -> AssignmentOut:
        """Return where a read stands as the API shows it; of one that is hidden, not who has it, nor when.

        Of the ``unsaid`` reads it is not said why they are away.
        """
        row, study, hidden = change.row, change.study, change.read is None
        return cls(
            accession_number=study.accession_number,
            read=row.read,
            kind=change.kind,
            removed=row.gone,
            state=row.state,
            reporter_id=None if hidden else row.reporter_id,
            reason="" if change.read is not None and change.read.id in unsaid else row.reason,
            planned_start=None if hidden else row.planned_start,
            planned_end=None if hidden else row.planned_end,
            late=row.late,
            priority=held.priority,
            due_at=held.due_of(change.follows),
            said=SaidOut.beside(study, held),
            study_instance_uid=study.study_instance_uid,
            changed_at=row.changed_at,
            sequence=row.sequence,
        )


class AssignmentChangesOut(Out):
    """Changes of where a trust's reads stand, in the order in which they were made."""

    trust: str = Field(examples=["RVV"])
    snapshot: bool = Field(
        description="Part of everything there is: the first answer without a cursor, and the rest of it."
    )
    items: list[AssignmentOut]
    cursor: str = Field(description="Keep it, and give it as `since` the next time.", examples=["WyJhc3NpZ25tZW50cyJd"])
    more: bool = Field(description="There are further changes already: ask again at once.", examples=[False])

    @classmethod
    def of(
        cls, found: Changes, held: Mapping[int, HeldStudy], unsaid: Collection[int], *, snapshot: bool
    ) -> AssignmentChangesOut:
        """Return changes as the API shows them, with what holds of their studies."""
        return cls(
            trust=found.position.trust,
            snapshot=snapshot,
            items=[AssignmentOut.of(change, held[change.study.id or 0], unsaid) for change in found.items],
            cursor=str(found.position),
            more=found.more,
        )

"""Where a trust's reads stand, change by change."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import Instant, Out
from balancer.domain.states import AssignmentState
from balancer.store.changes import Changes
from balancer.store.tables import StudyRow
from balancer.store.tables_assignments import AssignmentRow


class AssignmentOut(Out):
    """Where one read stands now. It replaces whatever you knew of the same accession number and read."""

    accession_number: str = Field(description="As the trust knows it.", examples=["R1000123"])
    read: int = Field(description="Which read of the study, from 1.", examples=[1])
    removed: bool = Field(description="Nobody is to read it any more: take it off.", examples=[False])
    state: AssignmentState
    reporter_id: str | None = Field(description="Whose it is: on their list, or claimed by them.", examples=["9000017"])
    reason: str = Field(description="Why nobody has it, or why it was removed, if that is known.", examples=[""])
    planned_start: Instant | None = Field(description="A reporter's reads are to be read in this order.")
    planned_end: Instant | None
    late: bool = Field(description="The plan ends it after it is due.", examples=[False])
    priority: str = Field(examples=["inpatient_urgent"])
    due_at: Instant
    study_instance_uid: str | None = Field(examples=["2.25.1234"])
    changed_at: Instant
    sequence: int = Field(description="Rises with every change; of two about one read the higher holds.", examples=[77])

    @classmethod
    def of(cls, row: AssignmentRow, study: StudyRow) -> AssignmentOut:
        """Return where a read stands as the API shows it."""
        return cls(
            accession_number=study.accession_number,
            read=row.read,
            removed=row.gone,
            state=row.state,
            reporter_id=row.reporter_id,
            reason=row.reason,
            planned_start=row.planned_start,
            planned_end=row.planned_end,
            late=row.late,
            priority=study.priority,
            due_at=study.due_at,
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
    def of(cls, found: Changes, *, snapshot: bool) -> AssignmentChangesOut:
        """Return changes as the API shows them."""
        return cls(
            trust=found.position.trust,
            snapshot=snapshot,
            items=[AssignmentOut.of(row, study) for row, study in found.items],
            cursor=str(found.position),
            more=found.more,
        )

"""What is told others: by which ways, and which letters were not taken."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import Instant, Out
from balancer.domain.letter import LetterState
from balancer.store.outbox import OutletStatus
from balancer.store.tables import StudyRow
from balancer.store.tables_outbox import LetterRow


class OutletOut(Out):
    """A way by which others are told what happens to reads."""

    name: str = Field(examples=["hl7 RVV RIS"])
    waiting: int = Field(description="Letters about trusts within reach that are still to be sent.", examples=[0])
    oldest_at: Instant | None = Field(description="When the oldest of them was written.")
    dead: int = Field(description="Of these, letters that were given up and not put back.", examples=[0])
    taken_at: Instant | None = Field(description="When a letter was last taken.")
    failing_since: Instant | None = Field(description="Since when nobody is there to take any.")
    error: str = Field(examples=["no connection can be made"])

    @classmethod
    def of(cls, status: OutletStatus) -> OutletOut:
        """Return an outlet as the API shows it."""
        return cls(
            name=status.row.name,
            waiting=status.waiting,
            oldest_at=status.oldest_at,
            dead=status.dead,
            taken_at=status.row.taken_at,
            failing_since=status.row.failing_since,
            error=status.row.error,
        )


class LetterOut(Out):
    """What one outlet has said, is to say or could not say, of which study. Whom it names is not shown."""

    letter_id: int = Field(examples=[17])
    outlet: str = Field(examples=["hl7 RVV RIS"])
    what: str = Field(examples=["reassigned"])
    state: LetterState
    tries: int = Field(description="How often it was not taken.", examples=[1])
    error: str = Field(description="Why, the last time.", examples=["rejected (AR)"])
    made_at: Instant
    next_at: Instant = Field(description="It is not sent before.")
    ended_at: Instant | None = Field(description="When it was taken or given up.")
    trust: str | None = Field(examples=["RVV"])
    accession_number: str | None = Field(examples=["RVV0012345"])

    @classmethod
    def of(cls, row: LetterRow, study: StudyRow | None) -> LetterOut:
        """Return a letter as the API shows it."""
        return cls(
            letter_id=row.id or 0,
            outlet=row.outlet,
            what=row.what,
            state=row.state,
            tries=row.tries,
            error=row.error,
            made_at=row.made_at,
            next_at=row.next_at,
            ended_at=row.ended_at,
            trust=row.trust,
            accession_number=None if study is None else study.accession_number,
        )

"""The table of reads that follow others: verifications of provisional reports, arbitrations between readings."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import UtcDateTime


class FollowUpRow(Row, table=True):
    """What a read that is no reading of the images has beside what every read has.

    ``of_read_id``: the provisional report that it verifies; an arbitration is of all the study's readings. ``share``:
    of the study's expected minutes. ``began_at``: what it follows was done. ``target_at``: its own target, if it has
    one; ``clock_stopped``: with the provisional report the study's clock stopped, so that this alone says when it is
    due. ``wanted`` is false once what it followed no longer needs it.
    """

    __tablename__ = "follow_ups"
    read_id: int = Field(primary_key=True, foreign_key="reads.id")
    of_read_id: int | None = Field(default=None, foreign_key="reads.id", index=True)
    share: float
    began_at: datetime = Field(sa_type=UtcDateTime)
    target_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    clock_stopped: bool = False
    wanted: bool = True

    def minutes_of(self, study_minutes: float) -> float:
        """Return the expected minutes at speed 1, of a study that takes so many to read."""
        return self.share * study_minutes

    def due_of(self, study_due_at: datetime) -> datetime:
        """Return when it is due, of a study that is due then."""
        if self.target_at is None:
            return study_due_at
        return self.target_at if self.clock_stopped else min(self.target_at, study_due_at)

"""Tables of the change feed: where each read stands, numbered by when it last changed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, UniqueConstraint, false
from sqlmodel import Field

from balancer.domain.states import AssignmentState
from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class AssignmentRow(Row, table=True):
    """Where a read stands, as the trust's PACS should know it; one row a read, moved on with every change.

    ``sequence`` numbers its last change, in the order of commits. ``gone``: nobody is to read it any more.
    ``study_digest`` is of what a worklist shows of the study, so that a change of that is a change too; ``workitem``
    says which of the read's workitems shows it, ``has_images`` that its Study Instance UID is known.
    """

    __tablename__ = "assignments"
    __table_args__ = (UniqueConstraint("trust", "sequence"),)
    study_id: int = Field(primary_key=True, foreign_key="studies.id")
    read: int = Field(primary_key=True)
    trust: str = Field(foreign_key="trusts.code")
    sequence: int = Field(sa_type=BigInteger)
    changed_at: datetime = Field(sa_type=UtcDateTime)
    state: AssignmentState = Field(sa_type=StateText(AssignmentState))
    gone: bool
    reporter_id: str | None = None
    reason: str = ""
    planned_start: datetime | None = Field(default=None, sa_type=UtcDateTime)
    planned_end: datetime | None = Field(default=None, sa_type=UtcDateTime)
    late: bool = False
    study_digest: str
    workitem: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    has_images: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class AssignmentHeadRow(Row, table=True):
    """How far one trust's changes have come.

    ``sequence`` is the number of the last change; ``floor`` the highest number whose tombstone has been forgotten, so
    that a cursor before it may have missed one.
    """

    __tablename__ = "assignment_heads"
    trust: str = Field(primary_key=True, foreign_key="trusts.code")
    sequence: int = Field(default=0, sa_type=BigInteger)
    floor: int = Field(default=0, sa_type=BigInteger)


class ChangeFeedRow(Row, table=True):
    """The one row on which everybody who moves a read takes turns; ``sequence`` is the last number given to a change.

    ``incarnation`` differs when numbers have been given anew, because a backup was restored. ``journal_floor`` is the
    highest number whose entry in the journal has been forgotten.
    """

    __tablename__ = "change_feed"
    id: int = Field(default=1, primary_key=True)
    sequence: int = Field(default=0, sa_type=BigInteger)
    incarnation: str
    journal_floor: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class WorklistRevisionRow(Row, table=True):
    """When what a reporter's list shows last changed, other than by a new version of it: a number of the feed's.

    It stands beside the list because it is written by whoever has the turn, and a publish, which has not, ends lists.
    """

    __tablename__ = "worklist_revisions"
    reporter_id: str = Field(primary_key=True, foreign_key="reporters.reporter_id")
    revision: int = Field(sa_type=BigInteger)

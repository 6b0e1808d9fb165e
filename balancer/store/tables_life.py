"""The tables of the life of a read, and of the audit trail.

A read is known outside by ``reads.id``, a number that says nothing of a patient.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, false, text
from sqlmodel import Field

from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadEvent, ReadKind, ReadState, ReturnReason
from balancer.domain.outcome import Outcome
from balancer.store.tables import Row
from balancer.store.types import FreeText, StateText, UtcDateTime


class ReadRow(Row, table=True):
    """A read that a study needs, has had or needed: the one truth of where it stands.

    ``reporter_id``: whose list it is on, who has claimed it, or who did it. ``owner``: who sees to it where no
    reporter does. ``reason``: why nobody has it, or it cannot be read; ``until``: when that has to be looked at again.
    ``version`` rises with every change, ``since`` is when it last did. ``confirmed_at``: its source has said that it
    is done. ``outcome``: what whoever did it said, if they did; ``provisional``: what was written must be verified.
    ``again``: why it is read once more, if it is, and ``read_before_by`` who read it before.
    """

    __tablename__ = "reads"
    __table_args__ = (
        UniqueConstraint("study_id", "number"),
        Index("ix_reads_reporter_id_state_done_at", "reporter_id", "state", "done_at"),
        Index("ix_reads_state_since", "state", "since"),
    )
    id: int | None = Field(default=None, primary_key=True)
    study_id: int = Field(foreign_key="studies.id")
    number: int
    kind: ReadKind = Field(default=ReadKind.INTERPRETATION, sa_type=StateText(ReadKind))
    state: ReadState = Field(sa_type=StateText(ReadState))
    reporter_id: str | None = Field(default=None, foreign_key="reporters.reporter_id")
    owner: str = ""
    reason: str = Field(default="", sa_type=FreeText)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    version: int = 1
    since: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    confirmed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: Outcome | None = Field(default=None, sa_type=StateText(Outcome))
    provisional: bool = Field(default=False, sa_column_kwargs={"server_default": false()})
    again: str = Field(default="", sa_column_kwargs={"server_default": ""})
    read_before_by: str | None = None


class ClaimRow(Row, table=True):
    """A reporter has opened a read. At most one claim of a read has not ended.

    ``system`` is what said so. ``lease_until``: when the claim ends unless a heartbeat comes; ``None`` for a system
    that cannot send any. ``withdrawn_at``: when its source stopped asking for the study, for the claimant to be told.
    """

    __tablename__ = "claims"
    __table_args__ = (
        Index(
            "uq_claims_live",
            "read_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_claims_ended_at_lease_until", "ended_at", "lease_until"),
        Index("ix_claims_reporter_id_ended_at", "reporter_id", "ended_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    read_id: int = Field(foreign_key="reads.id", index=True)
    reporter_id: str = Field(foreign_key="reporters.reporter_id")
    system: str = ""
    claimed_at: datetime = Field(sa_type=UtcDateTime)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    withdrawn_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: ReadEvent | None = Field(default=None, sa_type=StateText(ReadEvent))


class ReturnRow(Row, table=True):
    """A reporter handed a read back: its study is not offered to them again."""

    __tablename__ = "returns"
    id: int | None = Field(default=None, primary_key=True)
    read_id: int = Field(foreign_key="reads.id", index=True)
    reporter_id: str = Field(foreign_key="reporters.reporter_id")
    reason: ReturnReason = Field(sa_type=StateText(ReturnReason))
    note: str = Field(default="", sa_type=FreeText)
    returned_at: datetime = Field(sa_type=UtcDateTime)


class CompletionRow(Row, table=True):
    """A reporter said that a read is done. ``accepted`` is false for one that came after somebody else had claimed."""

    __tablename__ = "completions"
    id: int | None = Field(default=None, primary_key=True)
    read_id: int = Field(foreign_key="reads.id", index=True)
    reporter_id: str = Field(foreign_key="reporters.reporter_id")
    completed_at: datetime = Field(sa_type=UtcDateTime)
    system: str = ""
    accepted: bool
    outcome: Outcome | None = Field(default=None, sa_type=StateText(Outcome))
    provisional: bool = Field(default=False, sa_column_kwargs={"server_default": false()})


class SkipRow(Row, table=True):
    """A later read was taken first. By whom is not kept: skips are shown in aggregate only."""

    __tablename__ = "skips"
    id: int | None = Field(default=None, primary_key=True)
    read_id: int = Field(foreign_key="reads.id", index=True)
    skipped_at: datetime = Field(sa_type=UtcDateTime, index=True)


class ExceptionRow(Row, table=True):
    """Something about a read that a named person or office has to look at; one of a kind is open for a read."""

    __tablename__ = "exceptions"
    __table_args__ = (
        Index(
            "uq_exceptions_open",
            "kind",
            "read_id",
            unique=True,
            sqlite_where=text("resolved_at IS NULL"),
            postgresql_where=text("resolved_at IS NULL"),
        ),
        Index("ix_exceptions_resolved_at_id", "resolved_at", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    kind: ExceptionKind = Field(sa_type=StateText(ExceptionKind))
    read_id: int = Field(foreign_key="reads.id", index=True)
    trust: str = Field(foreign_key="trusts.code")
    owner: str
    detail: str = Field(default="", sa_type=FreeText)
    opened_at: datetime = Field(sa_type=UtcDateTime)
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    resolved_by: str = ""
    resolution: str = Field(default="", sa_type=FreeText)


class AuditRow(Row, table=True):
    """One thing that was done. Rows are added and never changed: the database itself refuses.

    ``hash`` is of everything else in the row, ``previous_hash`` included, so that no row can be changed, left out or
    put in between without the chain breaking.
    """

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_subject_kind_subject_id", "subject_kind", "subject_id"),)
    sequence: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    at: datetime = Field(sa_type=UtcDateTime)
    actor: str = Field(sa_type=FreeText)
    action: str
    subject_kind: str
    subject_id: str
    was: str = Field(default="", sa_type=FreeText)
    became: str = Field(default="", sa_type=FreeText)
    why: str = Field(default="", sa_type=FreeText)
    detail: dict[str, Any] = Field(sa_type=JSON)
    previous_hash: str
    hash: str


class AuditHeadRow(Row, table=True):
    """Where the audit trail ends; its one row is what writers take turns on."""

    __tablename__ = "audit_head"
    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    sequence: int
    hash: str

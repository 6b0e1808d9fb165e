"""The tables. One class a table, ``StudyRow`` style; what rows mean together is in the query modules.

Times are instants in UTC. Lists of codes are JSON arrays, sorted, never searched in SQL. A study is known outside by
``(trust, accession_number)``; ``id`` never leaves the store except in cursors and in ids of FHIR's orders.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Index, MetaData, UniqueConstraint, text, true
from sqlmodel import Field, SQLModel

from balancer.domain.feed import FeedKind
from balancer.domain.states import BatchKind, BatchState, QuarantineState, RunKind, RunState, StudyState
from balancer.store.types import FreeText, StateText, UtcDateTime

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """What all tables share: one set of metadata, whose constraints have names that migrations can name."""

    metadata: ClassVar[MetaData] = MetaData(naming_convention=_NAMES)


# --- the network's standing data -------------------------------------------------------------------------------------


class TrustRow(Row, table=True):
    """A trust; its row is also what two writers of one trust's studies take turns on."""

    __tablename__ = "trusts"
    code: str = Field(primary_key=True)
    name: str
    listed: bool = True
    pacs_link: str = Field(default="", sa_column_kwargs={"server_default": ""})


class ExaminationRow(Row, table=True):
    """An entry of the catalogue; ``minutes`` per read at speed 1."""

    __tablename__ = "examinations"
    code: str = Field(primary_key=True)
    name: str
    modality: str
    body_region: str
    subspecialty: str
    minutes: float
    reads: int
    listed: bool = True


class ReporterRow(Row, table=True):
    """A reporter; one who disappears from the network's list is kept, no longer ``listed``."""

    __tablename__ = "reporters"
    reporter_id: str = Field(primary_key=True)
    name: str
    grade: str
    home_trust: str = Field(index=True)
    speed: float
    modalities: list[str] = Field(sa_type=JSON)
    listed: bool = True
    ordinal: int = 0


class EntitlementRow(Row, table=True):
    """A trust whose studies a reporter may report, with the last day it holds (London), if it has one."""

    __tablename__ = "entitlements"
    reporter_id: str = Field(primary_key=True, foreign_key="reporters.reporter_id", ondelete="CASCADE")
    trust: str = Field(primary_key=True)
    expires_on: date | None = None
    ordinal: int = 0


class SkillRow(Row, table=True):
    """A level in a subspecialty; ``modality`` is empty for the entry that holds for every other one."""

    __tablename__ = "skills"
    reporter_id: str = Field(primary_key=True, foreign_key="reporters.reporter_id", ondelete="CASCADE")
    subspecialty: str = Field(primary_key=True)
    modality: str = Field(primary_key=True)
    level: int


class PolicyRow(Row, table=True):
    """A version of the clinical policy, never edited; ``PolicyDecisionRow`` says which one is in force.

    ``author`` proposed it, for a ``reason``; ``from_file``: it is what the network folder said at ``loaded_at``.
    """

    __tablename__ = "policies"
    id: int | None = Field(default=None, primary_key=True)
    digest: str
    owner: str
    version: str
    dated_on: str
    document: dict[str, Any] = Field(sa_type=JSON)
    loaded_at: datetime = Field(sa_type=UtcDateTime)
    author: str = Field(default="", sa_type=FreeText, sa_column_kwargs={"server_default": ""})
    reason: str = Field(default="", sa_type=FreeText, sa_column_kwargs={"server_default": ""})
    from_file: bool = Field(default=True, sa_column_kwargs={"server_default": true()})


# --- feeds and what they delivered -----------------------------------------------------------------------------------


class FeedRow(Row, table=True):
    """A feed of studies. ``last_extracted_at`` is when the newest extract that was taken was made at its source."""

    __tablename__ = "feeds"
    name: str = Field(primary_key=True)
    trust: str = Field(foreign_key="trusts.code", index=True)
    kind: FeedKind = Field(sa_type=StateText(FeedKind))
    refresh_minutes: float
    stale_after_minutes: float
    listed: bool = True
    last_extracted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_received_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class BatchRow(Row, table=True):
    """One opening of a feed's books, with both equations of ``domain.feed.Books``.

    ``waiting`` counts the closures a held batch would make if released. ``times_received`` counts the very same file
    coming again; ``last_received_at`` when it last did. Open studies are counted over the whole trust.
    """

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_feed_id", "feed", "id"), Index("ix_batches_feed_digest", "feed", "digest"))
    id: int | None = Field(default=None, primary_key=True)
    feed: str = Field(foreign_key="feeds.name")
    kind: BatchKind = Field(default=BatchKind.EXTRACT, sa_type=StateText(BatchKind))
    file_name: str = Field(sa_type=FreeText)
    digest: str
    extracted_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)
    last_received_at: datetime = Field(sa_type=UtcDateTime)
    times_received: int = 1
    state: BatchState = Field(sa_type=StateText(BatchState))
    reason: str = Field(default="", sa_type=FreeText)
    of_batch: int | None = Field(default=None, foreign_key="batches.id")
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    resolved_by: str = ""
    waiting: int = 0
    rows_read: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicate: int = 0
    excluded: int = 0
    quarantined: int = 0
    open_before: int = 0
    reopened: int = 0
    withdrawn: int = 0
    excluded_since: int = 0
    open_after: int = 0


class StudyRow(Row, table=True):
    """A study as its source states it, and what we know beyond.

    ``acquired_at`` is what the source says now; ``clock_started_at`` what the wait counts from, which a study that
    comes back after having been withdrawn keeps. ``source_due_at`` is the source's own due time, ``due_at`` the one
    that holds: the source's, else the policy's. ``feed`` owns the study: its snapshots withdraw it.
    """

    __tablename__ = "studies"
    __table_args__ = (
        UniqueConstraint("trust", "accession_number"),
        Index("ix_studies_state_due_at_id", "state", "due_at", "id"),
        Index("ix_studies_state_trust", "state", "trust"),
        Index("ix_studies_feed_state", "feed", "state"),
    )
    id: int | None = Field(default=None, primary_key=True)
    trust: str = Field(foreign_key="trusts.code")
    accession_number: str
    feed: str = Field(foreign_key="feeds.name")
    state: StudyState = Field(sa_type=StateText(StudyState))
    exclusion_rule: str = ""
    patient_id: str = Field(index=True)
    local_patient_id: str
    exam_code: str
    priority: str
    acquired_at: datetime = Field(sa_type=UtcDateTime)
    clock_started_at: datetime = Field(sa_type=UtcDateTime)
    modality: str
    subspecialty: str
    minutes: float
    reads: int
    site: str = ""
    patient_setting: str = ""
    ready_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    source_due_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    excluded: list[str] = Field(sa_type=JSON)
    prior_reporter: str | None = None
    study_instance_uid: str | None = Field(default=None, index=True)
    first_batch_id: int = Field(foreign_key="batches.id")
    last_batch_id: int = Field(foreign_key="batches.id")
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    closed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    reopened_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class HeldClosureRow(Row, table=True):
    """An open study that a held batch would close: withdraw, or exclude by ``rule`` if one is named."""

    __tablename__ = "held_closures"
    batch_id: int = Field(primary_key=True, foreign_key="batches.id", ondelete="CASCADE")
    study_id: int = Field(primary_key=True, foreign_key="studies.id")
    rule: str = ""


class ExclusionRow(Row, table=True):
    """A row left out of the queue by a named rule; ``active`` while the feed's last word on it is that."""

    __tablename__ = "exclusions"
    trust: str = Field(primary_key=True, foreign_key="trusts.code")
    accession_number: str = Field(primary_key=True)
    feed: str = Field(foreign_key="feeds.name", index=True)
    rule: str
    line: int
    sheet: str = Field(sa_type=FreeText)
    raw: dict[str, str] = Field(sa_type=JSON)
    first_batch_id: int = Field(foreign_key="batches.id")
    last_batch_id: int = Field(foreign_key="batches.id")
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    active: bool = True


class QuarantineRow(Row, table=True):
    """A row that could not be taken, whole.

    ``fingerprint`` is of its cells: the same bad row in the next extract is the same row, seen since it first came.
    ``refused_by`` is who decided that it is not to be mended, ``refused_why`` for which reason.
    """

    __tablename__ = "quarantine"
    __table_args__ = (Index("ix_quarantine_state_feed_id", "state", "feed", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    feed: str = Field(foreign_key="feeds.name")
    first_batch_id: int = Field(foreign_key="batches.id")
    last_batch_id: int = Field(foreign_key="batches.id", index=True)
    line: int
    sheet: str = Field(sa_type=FreeText)
    raw: dict[str, str] = Field(sa_type=JSON)
    fingerprint: str
    column: str = Field(sa_type=FreeText)
    reason: str = Field(sa_type=FreeText)
    detail: str = Field(sa_type=FreeText)
    trust: str | None = None
    accession_number: str | None = Field(default=None, sa_type=FreeText)
    state: QuarantineState = Field(sa_type=StateText(QuarantineState))
    first_seen_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    resolved_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    resolved_batch_id: int | None = Field(default=None, foreign_key="batches.id")
    refused_by: str | None = Field(default=None, sa_type=FreeText)
    refused_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    refused_why: str | None = Field(default=None, sa_type=FreeText)


# --- rosters ---------------------------------------------------------------------------------------------------------


class RosterRow(Row, table=True):
    """A feed of sessions, one a trust."""

    __tablename__ = "rosters"
    name: str = Field(primary_key=True)
    trust: str = Field(foreign_key="trusts.code", index=True)
    listed: bool = True


class RosterBatchRow(Row, table=True):
    """One roster file received; ``faults`` are its rows that could not be taken, whole."""

    __tablename__ = "roster_batches"
    id: int | None = Field(default=None, primary_key=True)
    roster: str = Field(foreign_key="rosters.name", index=True)
    file_name: str = Field(sa_type=FreeText)
    digest: str
    received_at: datetime = Field(sa_type=UtcDateTime)
    last_received_at: datetime = Field(sa_type=UtcDateTime)
    times_received: int = 1
    state: BatchState = Field(sa_type=StateText(BatchState))
    reason: str = Field(default="", sa_type=FreeText)
    covers_from: date | None = None
    covers_to: date | None = None
    rows_read: int = 0
    sessions: int = 0
    faults: list[dict[str, Any]] = Field(sa_type=JSON)


class SessionRow(Row, table=True):
    """A rostered session, as the roster of ``trust`` states it now; ``location`` is a site or ``home``, if it says."""

    __tablename__ = "sessions"
    __table_args__ = (Index("ix_sessions_reporter_id_start", "reporter_id", "start"),)
    session_id: str = Field(primary_key=True)
    reporter_id: str = Field(foreign_key="reporters.reporter_id")
    trust: str = Field(foreign_key="trusts.code", index=True)
    roster_batch_id: int = Field(foreign_key="roster_batches.id")
    start: datetime = Field(sa_type=UtcDateTime)
    end: datetime = Field(sa_type=UtcDateTime, index=True)
    activity: str
    productivity: float
    trusts: list[str] = Field(sa_type=JSON)
    subspecialties: list[str] = Field(sa_type=JSON)
    modalities: list[str] = Field(sa_type=JSON)
    priorities: list[str] = Field(sa_type=JSON)
    max_reads: int | None = None
    location: str = ""


# --- runs and worklists ----------------------------------------------------------------------------------------------


class RunRow(Row, table=True):
    """An allocation run: what went in, how far it is, what came out. Costs in points; ``now`` is when the plan is for.

    ``token`` is the fencing token of the lease it runs under. ``progress`` is the solver's last word while it runs.
    ``work`` in proposals. What was decided about a run that was held, by whom and why, is in ``decided_...``.
    """

    __tablename__ = "runs"
    id: int | None = Field(default=None, primary_key=True)
    kind: RunKind = Field(
        default=RunKind.ALLOCATION, sa_type=StateText(RunKind), sa_column_kwargs={"server_default": "allocation"}
    )
    state: RunState = Field(sa_type=StateText(RunState))
    token: int
    now: datetime = Field(sa_type=UtcDateTime)
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    seed: int
    policy_id: int | None = Field(default=None, foreign_key="policies.id")
    stage: str = ""
    progress: dict[str, Any] = Field(sa_type=JSON)
    progress_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    warnings: list[str] = Field(sa_type=JSON)
    error: str = ""
    status: str | None = None
    stopped_by: str | None = None
    total: float | None = None
    terms: dict[str, float] | None = Field(default=None, sa_type=JSON)
    sunk: float | None = None
    bound: float | None = None
    gap: float | None = None
    studies: int | None = None
    reads: int | None = None
    allocated: int | None = None
    late: dict[str, int] | None = Field(default=None, sa_type=JSON)
    longest_wait_hours: dict[str, float] | None = Field(default=None, sa_type=JSON)
    seconds: dict[str, float] | None = Field(default=None, sa_type=JSON)
    digest: str | None = None
    work: int | None = None
    code_version: str = Field(default="", sa_column_kwargs={"server_default": ""})
    held_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    emergencies_out_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str = Field(default="", sa_type=FreeText, sa_column_kwargs={"server_default": ""})
    decided_why: str = Field(default="", sa_type=FreeText, sa_column_kwargs={"server_default": ""})


class WorklistRow(Row, table=True):
    """A version of one reporter's list; the current one is not ``superseded_at`` any time.

    ``digest`` is of its items in order: equal digests mean equal lists.
    """

    __tablename__ = "worklists"
    __table_args__ = (
        UniqueConstraint("reporter_id", "version"),
        Index(
            "uq_worklists_current",
            "reporter_id",
            unique=True,
            sqlite_where=text("superseded_at IS NULL"),
            postgresql_where=text("superseded_at IS NULL"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    reporter_id: str = Field(foreign_key="reporters.reporter_id")
    version: int
    run_id: int = Field(foreign_key="runs.id", index=True)
    published_at: datetime = Field(sa_type=UtcDateTime)
    superseded_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    items: int
    digest: str


class WorklistItemRow(Row, table=True):
    """A read on a worklist, at ``place`` from 1 over the whole list; ``position`` counts within its session."""

    __tablename__ = "worklist_items"
    worklist_id: int = Field(primary_key=True, foreign_key="worklists.id", ondelete="CASCADE")
    place: int = Field(primary_key=True)
    study_id: int = Field(foreign_key="studies.id", index=True)
    read: int
    session_id: str
    position: int
    planned_start: datetime = Field(sa_type=UtcDateTime)
    planned_end: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    late: bool


class UnallocatedRow(Row, table=True):
    """A read that a published run found no place for, and why."""

    __tablename__ = "unallocated"
    __table_args__ = (Index("ix_unallocated_run_id_reason", "run_id", "reason"),)
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    study_id: int = Field(primary_key=True, foreign_key="studies.id", index=True)
    read: int = Field(primary_key=True)
    reason: str


# --- running the service ---------------------------------------------------------------------------------------------


class LeaseRow(Row, table=True):
    """Who may do a thing that one at a time may do, until when; ``token`` rises with every new holder."""

    __tablename__ = "leases"
    name: str = Field(primary_key=True)
    holder: str
    expires_at: datetime = Field(sa_type=UtcDateTime)
    token: int


class JobRow(Row, table=True):
    """One due time of one scheduled job, taken once whatever the number of schedulers."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("job", "scheduled_for"),)
    id: int | None = Field(default=None, primary_key=True)
    job: str
    scheduled_for: datetime = Field(sa_type=UtcDateTime)
    holder: str
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    outcome: str = ""
    detail: str = Field(default="", sa_type=FreeText)


class HeartbeatRow(Row, table=True):
    """When a part of the service last said that it lives."""

    __tablename__ = "heartbeats"
    name: str = Field(primary_key=True)
    beat_at: datetime = Field(sa_type=UtcDateTime)
    detail: str = ""


class SettingRow(Row, table=True):
    """A fact kept from the first time it was needed, such as how far the sample is shifted to the present."""

    __tablename__ = "settings"
    key: str = Field(primary_key=True)
    value: str

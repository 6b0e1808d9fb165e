"""the first tables

Revision ID: 0001
Revises: nothing
"""

# ruff: noqa: PLR0915  # a migration is as long as what it changes

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "examinations",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.Column("body_region", sa.String(), nullable=False),
        sa.Column("subspecialty", sa.String(), nullable=False),
        sa.Column("minutes", sa.Float(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_examinations")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("scheduled_for", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("job", "scheduled_for", name=op.f("uq_jobs_job_scheduled_for")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("dated_on", sa.String(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policies")),
    )
    op.create_table(
        "reporters",
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("home_trust", sa.String(), nullable=False),
        sa.Column("speed", sa.Float(), nullable=False),
        sa.Column("modalities", sa.JSON(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("reporter_id", name=op.f("pk_reporters")),
    )
    with op.batch_alter_table("reporters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reporters_home_trust"), ["home_trust"], unique=False)

    op.create_table(
        "settings",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
    )
    op.create_table(
        "trusts",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_trusts")),
    )
    op.create_table(
        "entitlements",
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_entitlements_reporter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reporter_id", "trust", name=op.f("pk_entitlements")),
    )
    op.create_table(
        "feeds",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("refresh_minutes", sa.Float(), nullable=False),
        sa.Column("stale_after_minutes", sa.Float(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("last_extracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_feeds_trust")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_feeds")),
    )
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feeds_trust"), ["trust"], unique=False)

    op.create_table(
        "rosters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_rosters_trust")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rosters")),
    )
    with op.batch_alter_table("rosters", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_rosters_trust"), ["trust"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("now", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("stopped_by", sa.String(), nullable=True),
        sa.Column("total", sa.Float(), nullable=True),
        sa.Column("terms", sa.JSON(), nullable=True),
        sa.Column("sunk", sa.Float(), nullable=True),
        sa.Column("bound", sa.Float(), nullable=True),
        sa.Column("gap", sa.Float(), nullable=True),
        sa.Column("studies", sa.Integer(), nullable=True),
        sa.Column("reads", sa.Integer(), nullable=True),
        sa.Column("allocated", sa.Integer(), nullable=True),
        sa.Column("late", sa.JSON(), nullable=True),
        sa.Column("longest_wait_hours", sa.JSON(), nullable=True),
        sa.Column("seconds", sa.JSON(), nullable=True),
        sa.Column("digest", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_runs_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    op.create_table(
        "skills",
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("subspecialty", sa.String(), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_skills_reporter_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("reporter_id", "subspecialty", "modality", name=op.f("pk_skills")),
    )
    op.create_table(
        "batches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("extracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times_received", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("of_batch", sa.Integer(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("new", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("duplicate", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.Integer(), nullable=False),
        sa.Column("quarantined", sa.Integer(), nullable=False),
        sa.Column("open_before", sa.Integer(), nullable=False),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("withdrawn", sa.Integer(), nullable=False),
        sa.Column("excluded_since", sa.Integer(), nullable=False),
        sa.Column("open_after", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["feed"], ["feeds.name"], name=op.f("fk_batches_feed")),
        sa.ForeignKeyConstraint(["of_batch"], ["batches.id"], name=op.f("fk_batches_of_batch")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.create_index("ix_batches_feed_digest", ["feed", "digest"], unique=False)
        batch_op.create_index("ix_batches_feed_id", ["feed", "id"], unique=False)

    op.create_table(
        "roster_batches",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("roster", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("times_received", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("covers_from", sa.Date(), nullable=True),
        sa.Column("covers_to", sa.Date(), nullable=True),
        sa.Column("rows_read", sa.Integer(), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("faults", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["roster"], ["rosters.name"], name=op.f("fk_roster_batches_roster")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_batches")),
    )
    with op.batch_alter_table("roster_batches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_roster_batches_roster"), ["roster"], unique=False)

    op.create_table(
        "worklists",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_worklists_reporter_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_worklists_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worklists")),
        sa.UniqueConstraint("reporter_id", "version", name=op.f("uq_worklists_reporter_id_version")),
    )
    with op.batch_alter_table("worklists", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_worklists_run_id"), ["run_id"], unique=False)
        batch_op.create_index(
            "uq_worklists_current",
            ["reporter_id"],
            unique=True,
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )

    op.create_table(
        "exclusions",
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("accession_number", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.String(), nullable=False),
        sa.Column("raw", sa.JSON(), nullable=False),
        sa.Column("first_batch_id", sa.Integer(), nullable=False),
        sa.Column("last_batch_id", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["feed"], ["feeds.name"], name=op.f("fk_exclusions_feed")),
        sa.ForeignKeyConstraint(["first_batch_id"], ["batches.id"], name=op.f("fk_exclusions_first_batch_id")),
        sa.ForeignKeyConstraint(["last_batch_id"], ["batches.id"], name=op.f("fk_exclusions_last_batch_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_exclusions_trust")),
        sa.PrimaryKeyConstraint("trust", "accession_number", name=op.f("pk_exclusions")),
    )
    with op.batch_alter_table("exclusions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exclusions_feed"), ["feed"], unique=False)

    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("first_batch_id", sa.Integer(), nullable=False),
        sa.Column("last_batch_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.String(), nullable=False),
        sa.Column("raw", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("column", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=True),
        sa.Column("accession_number", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_batch_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["feed"], ["feeds.name"], name=op.f("fk_quarantine_feed")),
        sa.ForeignKeyConstraint(["first_batch_id"], ["batches.id"], name=op.f("fk_quarantine_first_batch_id")),
        sa.ForeignKeyConstraint(["last_batch_id"], ["batches.id"], name=op.f("fk_quarantine_last_batch_id")),
        sa.ForeignKeyConstraint(["resolved_batch_id"], ["batches.id"], name=op.f("fk_quarantine_resolved_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_quarantine_last_batch_id"), ["last_batch_id"], unique=False)
        batch_op.create_index("ix_quarantine_state_feed_id", ["state", "feed", "id"], unique=False)

    op.create_table(
        "sessions",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("roster_batch_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("activity", sa.String(), nullable=False),
        sa.Column("productivity", sa.Float(), nullable=False),
        sa.Column("trusts", sa.JSON(), nullable=False),
        sa.Column("subspecialties", sa.JSON(), nullable=False),
        sa.Column("modalities", sa.JSON(), nullable=False),
        sa.Column("priorities", sa.JSON(), nullable=False),
        sa.Column("max_reads", sa.Integer(), nullable=True),
        sa.Column("location", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_sessions_reporter_id")),
        sa.ForeignKeyConstraint(["roster_batch_id"], ["roster_batches.id"], name=op.f("fk_sessions_roster_batch_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_sessions_trust")),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_sessions")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_end"), ["end"], unique=False)
        batch_op.create_index("ix_sessions_reporter_id_start", ["reporter_id", "start"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_trust"), ["trust"], unique=False)

    op.create_table(
        "studies",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("accession_number", sa.String(), nullable=False),
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("exclusion_rule", sa.String(), nullable=False),
        sa.Column("patient_id", sa.String(), nullable=False),
        sa.Column("local_patient_id", sa.String(), nullable=False),
        sa.Column("exam_code", sa.String(), nullable=False),
        sa.Column("priority", sa.String(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock_started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.Column("subspecialty", sa.String(), nullable=False),
        sa.Column("minutes", sa.Float(), nullable=False),
        sa.Column("reads", sa.Integer(), nullable=False),
        sa.Column("site", sa.String(), nullable=False),
        sa.Column("patient_setting", sa.String(), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("excluded", sa.JSON(), nullable=False),
        sa.Column("prior_reporter", sa.String(), nullable=True),
        sa.Column("study_instance_uid", sa.String(), nullable=True),
        sa.Column("first_batch_id", sa.Integer(), nullable=False),
        sa.Column("last_batch_id", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["feed"], ["feeds.name"], name=op.f("fk_studies_feed")),
        sa.ForeignKeyConstraint(["first_batch_id"], ["batches.id"], name=op.f("fk_studies_first_batch_id")),
        sa.ForeignKeyConstraint(["last_batch_id"], ["batches.id"], name=op.f("fk_studies_last_batch_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_studies_trust")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
        sa.UniqueConstraint("trust", "accession_number", name=op.f("uq_studies_trust_accession_number")),
    )
    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.create_index("ix_studies_feed_state", ["feed", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_studies_patient_id"), ["patient_id"], unique=False)
        batch_op.create_index("ix_studies_state_due_at_id", ["state", "due_at", "id"], unique=False)
        batch_op.create_index("ix_studies_state_trust", ["state", "trust"], unique=False)

    op.create_table(
        "claims",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_claims_reporter_id")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_claims_study_id")),
        sa.PrimaryKeyConstraint("study_id", "read", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claims_reporter_id"), ["reporter_id"], unique=False)

    op.create_table(
        "held_closures",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batches.id"], name=op.f("fk_held_closures_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_held_closures_study_id")),
        sa.PrimaryKeyConstraint("batch_id", "study_id", name=op.f("pk_held_closures")),
    )
    op.create_table(
        "unallocated",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_unallocated_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_unallocated_study_id")),
        sa.PrimaryKeyConstraint("run_id", "study_id", "read", name=op.f("pk_unallocated")),
    )
    with op.batch_alter_table("unallocated", schema=None) as batch_op:
        batch_op.create_index("ix_unallocated_run_id_reason", ["run_id", "reason"], unique=False)
        batch_op.create_index(batch_op.f("ix_unallocated_study_id"), ["study_id"], unique=False)

    op.create_table(
        "worklist_items",
        sa.Column("worklist_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_worklist_items_study_id")),
        sa.ForeignKeyConstraint(
            ["worklist_id"], ["worklists.id"], name=op.f("fk_worklist_items_worklist_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("worklist_id", "place", name=op.f("pk_worklist_items")),
    )
    with op.batch_alter_table("worklist_items", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_worklist_items_study_id"), ["study_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("worklist_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_worklist_items_study_id"))

    op.drop_table("worklist_items")
    with op.batch_alter_table("unallocated", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unallocated_study_id"))
        batch_op.drop_index("ix_unallocated_run_id_reason")

    op.drop_table("unallocated")
    op.drop_table("held_closures")
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_claims_reporter_id"))

    op.drop_table("claims")
    with op.batch_alter_table("studies", schema=None) as batch_op:
        batch_op.drop_index("ix_studies_state_trust")
        batch_op.drop_index("ix_studies_state_due_at_id")
        batch_op.drop_index(batch_op.f("ix_studies_patient_id"))
        batch_op.drop_index("ix_studies_feed_state")

    op.drop_table("studies")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_trust"))
        batch_op.drop_index("ix_sessions_reporter_id_start")
        batch_op.drop_index(batch_op.f("ix_sessions_end"))

    op.drop_table("sessions")
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_index("ix_quarantine_state_feed_id")
        batch_op.drop_index(batch_op.f("ix_quarantine_last_batch_id"))

    op.drop_table("quarantine")
    with op.batch_alter_table("exclusions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_exclusions_feed"))

    op.drop_table("exclusions")
    with op.batch_alter_table("worklists", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_worklists_current",
            sqlite_where=sa.text("superseded_at IS NULL"),
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_worklists_run_id"))

    op.drop_table("worklists")
    with op.batch_alter_table("roster_batches", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_roster_batches_roster"))

    op.drop_table("roster_batches")
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.drop_index("ix_batches_feed_id")
        batch_op.drop_index("ix_batches_feed_digest")

    op.drop_table("batches")
    op.drop_table("skills")
    op.drop_table("runs")
    with op.batch_alter_table("rosters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_rosters_trust"))

    op.drop_table("rosters")
    with op.batch_alter_table("feeds", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feeds_trust"))

    op.drop_table("feeds")
    op.drop_table("entitlements")
    op.drop_table("trusts")
    op.drop_table("settings")
    with op.batch_alter_table("reporters", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reporters_home_trust"))

    op.drop_table("reporters")
    op.drop_table("policies")
    op.drop_table("leases")
    op.drop_table("jobs")
    op.drop_table("heartbeats")
    op.drop_table("examinations")

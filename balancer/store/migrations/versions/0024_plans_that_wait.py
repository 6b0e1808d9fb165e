"""plans that wait for a manager, read by read

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "proposed_reads",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=True),
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_proposed_reads_reporter_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_proposed_reads_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_proposed_reads_study_id")),
        sa.PrimaryKeyConstraint("run_id", "study_id", "read", name=op.f("pk_proposed_reads")),
    )
    with op.batch_alter_table("proposed_reads", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_proposed_reads_study_id"), ["study_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("proposed_reads", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_proposed_reads_study_id"))

    op.drop_table("proposed_reads")

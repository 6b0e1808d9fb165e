"""explanations of reads, and what a preview says of the studies that become late

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "explanations",
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("now", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", sa.JSON(), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["read_id"], ["reads.id"], name=op.f("fk_explanations_read_id_reads"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_explanations_run_id_runs"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("read_id", name=op.f("pk_explanations")),
    )
    op.create_index(op.f("ix_explanations_state"), "explanations", ["state"])
    op.add_column("previews", sa.Column("figures", sa.JSON(), nullable=True))
    op.add_column("previews", sa.Column("lateness", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("previews", "lateness")
    op.drop_column("previews", "figures")
    op.drop_index(op.f("ix_explanations_state"), table_name="explanations")
    op.drop_table("explanations")

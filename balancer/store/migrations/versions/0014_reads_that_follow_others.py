"""reads that follow others

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "follow_ups",
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("of_read_id", sa.Integer(), nullable=True),
        sa.Column("share", sa.Float(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_stopped", sa.Boolean(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["of_read_id"], ["reads.id"], name=op.f("fk_follow_ups_of_read_id")),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_follow_ups_read_id")),
        sa.PrimaryKeyConstraint("read_id", name=op.f("pk_follow_ups")),
    )
    with op.batch_alter_table("follow_ups", schema=None) as batch_op:
        batch_op.create_index("ix_follow_ups_of_read_id", ["of_read_id"], unique=False)


def downgrade() -> None:
    op.drop_table("follow_ups")

"""the journal

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Which workitem shows a read is what the feed would say by itself; the journal begins with what happens from now on.
_FILL = """
UPDATE assignments SET workitem = coalesce((
    SELECT max(workitems.sequence) FROM workitems JOIN reads ON reads.id = workitems.read_id
    WHERE reads.study_id = assignments.study_id AND reads.number = assignments.read
), 0)
"""


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("workitem_before", sa.Integer(), nullable=True),
        sa.Column("workitem", sa.Integer(), nullable=False),
        sa.Column("state_before", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reporter_before", sa.String(), nullable=True),
        sa.Column("reporter_id", sa.String(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_journal_read_id")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_journal_study_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_journal_trust")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_journal")),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_journal_at"), ["at"], unique=False)

    with op.batch_alter_table("change_feed", schema=None) as batch_op:
        batch_op.add_column(sa.Column("journal_floor", sa.BigInteger(), server_default="0", nullable=False))
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("workitem", sa.Integer(), server_default="0", nullable=False))
    op.execute(_FILL)


def downgrade() -> None:
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.drop_column("workitem")
    with op.batch_alter_table("change_feed", schema=None) as batch_op:
        batch_op.drop_column("journal_floor")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_journal_at"))

    op.drop_table("journal")

"""the change feed

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

from secrets import token_hex

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "change_feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("incarnation", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_feed")),
    )
    op.create_table(
        "assignment_heads",
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_assignment_heads_trust")),
        sa.PrimaryKeyConstraint("trust", name=op.f("pk_assignment_heads")),
    )
    op.create_table(
        "worklist_revisions",
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_worklist_revisions_reporter_id")
        ),
        sa.PrimaryKeyConstraint("reporter_id", name=op.f("pk_worklist_revisions")),
    )
    op.create_table(
        "assignments",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.Column("study_digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_assignments_study_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_assignments_trust")),
        sa.PrimaryKeyConstraint("study_id", "read", name=op.f("pk_assignments")),
        sa.UniqueConstraint("trust", "sequence", name=op.f("uq_assignments_trust_sequence")),
    )
    numbering = sa.table("change_feed", sa.column("id"), sa.column("sequence"), sa.column("incarnation"))
    op.bulk_insert(numbering, [{"id": 1, "sequence": 0, "incarnation": token_hex(8)}])
    # where reads stand is entered when the network is loaded, which is how every process that takes feeds in begins
    op.execute("INSERT INTO assignment_heads (trust, sequence, floor) SELECT code, 0, 0 FROM trusts")


def downgrade() -> None:
    op.drop_table("assignments")
    op.drop_table("worklist_revisions")
    op.drop_table("assignment_heads")
    op.drop_table("change_feed")

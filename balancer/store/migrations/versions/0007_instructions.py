"""instructions

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instructions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=True),
        sa.Column("read_id", sa.Integer(), nullable=True),
        sa.Column("reporter_id", sa.String(), nullable=True),
        sa.Column("session_id", sa.String(), nullable=True),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("draft_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=False),
        sa.Column("ended_why", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_instructions_read_id")),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_instructions_reporter_id")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_instructions_study_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_instructions_trust")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instructions")),
    )
    with op.batch_alter_table("instructions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_instructions_draft_id"), ["draft_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_instructions_read_id"), ["read_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_instructions_reporter_id"), ["reporter_id"], unique=False)
        batch_op.create_index("ix_instructions_state_kind", ["state", "kind"], unique=False)
        batch_op.create_index(batch_op.f("ix_instructions_study_id"), ["study_id"], unique=False)
        batch_op.create_index("ix_instructions_trust_id", ["trust", "id"], unique=False)
        batch_op.create_index(
            "uq_instructions_of_read",
            ["kind", "read_id"],
            unique=True,
            sqlite_where=sa.text("state = 'in_force' AND read_id IS NOT NULL"),
            postgresql_where=sa.text("state = 'in_force' AND read_id IS NOT NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("instructions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_instructions_of_read",
            sqlite_where=sa.text("state = 'in_force' AND read_id IS NOT NULL"),
            postgresql_where=sa.text("state = 'in_force' AND read_id IS NOT NULL"),
        )
        batch_op.drop_index("ix_instructions_trust_id")
        batch_op.drop_index(batch_op.f("ix_instructions_study_id"))
        batch_op.drop_index("ix_instructions_state_kind")
        batch_op.drop_index(batch_op.f("ix_instructions_reporter_id"))
        batch_op.drop_index(batch_op.f("ix_instructions_read_id"))
        batch_op.drop_index(batch_op.f("ix_instructions_draft_id"))

    op.drop_table("instructions")

"""the outbox

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outlets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("incarnation", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_outlets")),
    )
    op.create_table(
        "letters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("trust", sa.String(), nullable=True),
        sa.Column("study_id", sa.Integer(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["outlet"], ["outlets.name"], name=op.f("fk_letters_outlet")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_letters_study_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_letters_trust")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
    )
    with op.batch_alter_table("letters", schema=None) as batch_op:
        batch_op.create_index("ix_letters_outlet_state_key_id", ["outlet", "state", "key", "id"], unique=False)
        batch_op.create_index("ix_letters_outlet_subject_id", ["outlet", "subject", "id"], unique=False)
        batch_op.create_index("ix_letters_state_ended_at", ["state", "ended_at"], unique=False)

    op.create_table(
        "told",
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["outlet"], ["outlets.name"], name=op.f("fk_told_outlet")),
        sa.PrimaryKeyConstraint("outlet", "subject", name=op.f("pk_told")),
    )


def downgrade() -> None:
    op.drop_table("told")
    with op.batch_alter_table("letters", schema=None) as batch_op:
        batch_op.drop_index("ix_letters_state_ended_at")
        batch_op.drop_index("ix_letters_outlet_subject_id")
        batch_op.drop_index("ix_letters_outlet_state_key_id")

    op.drop_table("letters")
    op.drop_table("outlets")

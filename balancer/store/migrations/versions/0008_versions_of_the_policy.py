"""versions of the policy

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Each version was in force as soon as it was loaded, and nobody was named for it.
_AS_IT_WAS = """
INSERT INTO policy_decisions (policy_id, decision, decided_by, decided_at, reason)
SELECT id, 'approve', '', loaded_at, 'loaded before versions were approved' FROM policies ORDER BY id
"""


def upgrade() -> None:
    op.create_table(
        "policy_decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policies.id"], name=op.f("fk_policy_decisions_policy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_decisions")),
    )
    with op.batch_alter_table("policy_decisions", schema=None) as batch_op:
        batch_op.create_index("uq_policy_decisions_policy_id", ["policy_id"], unique=True)

    with op.batch_alter_table("policies", schema=None) as batch_op:
        batch_op.add_column(sa.Column("author", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("reason", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("from_file", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.execute(_AS_IT_WAS)


def downgrade() -> None:
    with op.batch_alter_table("policies", schema=None) as batch_op:
        batch_op.drop_column("from_file")
        batch_op.drop_column("reason")
        batch_op.drop_column("author")

    with op.batch_alter_table("policy_decisions", schema=None) as batch_op:
        batch_op.drop_index("uq_policy_decisions_policy_id")

    op.drop_table("policy_decisions")

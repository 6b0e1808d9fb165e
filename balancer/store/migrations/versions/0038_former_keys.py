"""keys that systems had before, each good for a while beside the one that they have

Revision ID: 0038
Revises: 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_keys",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("system_id", sa.String(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["system_id"], ["systems.system_id"], name=op.f("fk_former_keys_system_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_former_keys")),
    )
    op.create_index(op.f("ix_former_keys_system_id"), "former_keys", ["system_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_former_keys_system_id"), table_name="former_keys")
    op.drop_table("former_keys")

"""since when each instruction holds: what a draft stages holds from when it is published

Revision ID: 0037
Revises: 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("instructions") as batch_op:
        batch_op.add_column(sa.Column("in_force_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE instructions SET in_force_at = COALESCE("
        " (SELECT decided_at FROM drafts WHERE drafts.id = instructions.draft_id), made_at)"
        " WHERE state NOT IN ('staged', 'discarded')"
    )


def downgrade() -> None:
    with op.batch_alter_table("instructions") as batch_op:
        batch_op.drop_column("in_force_at")

"""created workitems

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workitems", schema=None) as batch_op:
        batch_op.add_column(sa.Column("uid", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("replaces", sa.String(), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_workitems_uid"), ["uid"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("workitems", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_workitems_uid"))
        batch_op.drop_column("replaces")
        batch_op.drop_column("uid")

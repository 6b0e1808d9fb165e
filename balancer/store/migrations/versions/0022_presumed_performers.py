"""presumed performers

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("workitems", schema=None) as batch_op:
        batch_op.add_column(sa.Column("presumed", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("workitems", schema=None) as batch_op:
        batch_op.drop_column("presumed")

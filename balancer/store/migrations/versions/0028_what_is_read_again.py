"""what is read again, and who read it before

Revision ID: 0028
Revises: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("reads", schema=None) as batch_op:
        batch_op.add_column(sa.Column("again", sa.String(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("read_before_by", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("reads", schema=None) as batch_op:
        batch_op.drop_column("read_before_by")
        batch_op.drop_column("again")

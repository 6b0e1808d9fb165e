"""rows of quarantine that a person has refused: who, when and why

Revision ID: 0032
Revises: 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.add_column(sa.Column("refused_by", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("refused_why", sa.String(), nullable=True))


def downgrade() -> None:
    # nobody knows them as refused any more: they wait again
    rows = sa.table("quarantine", sa.column("state", sa.String()))
    op.execute(rows.update().values(state="open").where(rows.c.state == "refused"))
    with op.batch_alter_table("quarantine", schema=None) as batch_op:
        batch_op.drop_column("refused_why")
        batch_op.drop_column("refused_at")
        batch_op.drop_column("refused_by")

"""whether a read's images were known, in the change feed and in each step

Revision ID: 0031
Revises: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_KNOWN = (
    "EXISTS (SELECT 1 FROM studies WHERE studies.id = assignments.study_id AND studies.study_instance_uid IS NOT NULL)"
)


def upgrade() -> None:
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("has_images", sa.Boolean(), server_default=sa.false(), nullable=False))
    feed = sa.table("assignments", sa.column("has_images", sa.Boolean()))
    op.execute(feed.update().values(has_images=True).where(sa.text(_KNOWN)))
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.add_column(sa.Column("had_images", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("has_images", sa.Boolean(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_column("has_images")
        batch_op.drop_column("had_images")
    with op.batch_alter_table("assignments", schema=None) as batch_op:
        batch_op.drop_column("has_images")

"""links to the PACS

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trusts", sa.Column("pacs_link", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("trusts", "pacs_link")

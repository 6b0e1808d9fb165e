"""AE titles of systems

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ae_titles",
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("system_id", sa.String(), nullable=False),
        sa.Column("certificate", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("tls", sa.Boolean(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["system_id"], ["systems.system_id"], name=op.f("fk_ae_titles_system_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("title", name=op.f("pk_ae_titles")),
    )
    op.create_index(op.f("ix_ae_titles_system_id"), "ae_titles", ["system_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_ae_titles_system_id"), table_name="ae_titles")
    op.drop_table("ae_titles")

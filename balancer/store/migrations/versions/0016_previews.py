"""previews of drafts

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "previews",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("draft_id", sa.Integer(), nullable=False),
        sa.Column("instructions", sa.JSON(), nullable=False),
        sa.Column("late_before", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["draft_id"], ["drafts.id"], name=op.f("fk_previews_draft_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_previews_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_previews")),
    )
    with op.batch_alter_table("previews", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_previews_draft_id"), ["draft_id"], unique=False)

    op.create_table(
        "preview_loads",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("available_before", sa.Float(), nullable=False),
        sa.Column("available_after", sa.Float(), nullable=False),
        sa.Column("planned_before", sa.Float(), nullable=False),
        sa.Column("planned_after", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_preview_loads_reporter_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_preview_loads_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "reporter_id", name=op.f("pk_preview_loads")),
    )


def downgrade() -> None:
    op.drop_table("preview_loads")
    with op.batch_alter_table("previews", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_previews_draft_id"))

    op.drop_table("previews")

"""indexes by which what is asked of a reporter, of what ended lately and of images is found among all there ever was

Revision ID: 0036
Revises: 0035
"""

from __future__ import annotations

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_reads_reporter_id_state_done_at", "reads", ["reporter_id", "state", "done_at"])
    op.create_index("ix_reads_state_since", "reads", ["state", "since"])
    op.create_index("ix_claims_reporter_id_ended_at", "claims", ["reporter_id", "ended_at"])
    op.create_index("ix_studies_study_instance_uid", "studies", ["study_instance_uid"])
    op.create_index("ix_workitems_ended_at", "workitems", ["ended_at"])
    op.drop_index("ix_reads_reporter_id_state", table_name="reads")
    op.drop_index("ix_reads_state", table_name="reads")
    op.drop_index("ix_claims_reporter_id", table_name="claims")


def downgrade() -> None:
    op.create_index("ix_claims_reporter_id", "claims", ["reporter_id"])
    op.create_index("ix_reads_state", "reads", ["state"])
    op.create_index("ix_reads_reporter_id_state", "reads", ["reporter_id", "state"])
    op.drop_index("ix_workitems_ended_at", table_name="workitems")
    op.drop_index("ix_studies_study_instance_uid", table_name="studies")
    op.drop_index("ix_claims_reporter_id_ended_at", table_name="claims")
    op.drop_index("ix_reads_state_since", table_name="reads")
    op.drop_index("ix_reads_reporter_id_state_done_at", table_name="reads")

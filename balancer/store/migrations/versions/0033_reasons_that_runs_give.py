"""no read is entered among what a run found no place for that says itself why nobody has it

An undo entered also what no run had seen yet (``unplanned``), what had been handed back, and what is to be read again.
The API knows no such reason, and what asked for one of those studies failed.

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# As they were when this was written: a migration must not change with the code.
_OF_RUNS = (
    *("claimed_reporter_unavailable", "pinned_reporter_unavailable", "no_entitled_reporter", "no_skilled_reporter"),
    *("no_session", "no_capacity", "deferred", "no_priority_class", "ledger_cap", "awaits_other_read"),
)


def upgrade() -> None:
    rows = sa.table("unallocated", sa.column("reason", sa.String()))
    op.execute(rows.delete().where(rows.c.reason.not_in(_OF_RUNS)))


def downgrade() -> None:
    # what was entered by mistake is missed by nobody
    pass

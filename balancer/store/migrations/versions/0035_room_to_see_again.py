"""room beside every study for itself as it is seen again, so that to take in an extract moves none of them

Every study of an extract is entered as seen, again and again. PostgreSQL writes a new version of the row each time. If
its page has no room the row goes to another, and each of the table's indexes gets an entry more; if the page has as
much room as rows it stays, which takes a third of the time. Rows that are there already move as they are seen.

Revision ID: 0035
Revises: 0034
"""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE studies SET (fillfactor = 45)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE studies RESET (fillfactor)")

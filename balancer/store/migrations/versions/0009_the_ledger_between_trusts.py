"""the ledger between trusts

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    ledger = op.create_table(
        "ledger",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("by_trust", sa.String(), nullable=False),
        sa.Column("for_trust", sa.String(), nullable=False),
        sa.Column("minutes", sa.Float(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["for_trust"], ["trusts.code"], name=op.f("fk_ledger_for_trust")),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_ledger_read_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_read_id"), ["read_id"], unique=False)
        batch_op.create_index("ix_ledger_week_for_trust", ["week", "for_trust"], unique=False)

    _book_what_has_been_done(ledger)


def downgrade() -> None:
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_week_for_trust")
        batch_op.drop_index(batch_op.f("ix_ledger_read_id"))

    op.drop_table("ledger")


def _book_what_has_been_done(ledger: sa.Table) -> None:
    """Reads done before there was a ledger, and not disputed since, are booked as they would have been."""
    done = op.get_bind().execute(
        sa.text(
            "SELECT r.id AS read_id, p.home_trust AS by_trust, s.trust AS for_trust, s.minutes AS minutes,"
            " max(c.completed_at) AS booked_at FROM completions c"
            " JOIN reads r ON r.id = c.read_id AND r.reporter_id = c.reporter_id"
            " JOIN studies s ON s.id = r.study_id JOIN reporters p ON p.reporter_id = r.reporter_id"
            " WHERE r.state = 'done' AND c.accepted GROUP BY r.id, p.home_trust, s.trust, s.minutes"
        ).columns(booked_at=sa.DateTime(timezone=True))
    )
    rows = [{**row, "week": _week_of(row["booked_at"])} for row in done.mappings()]
    if rows:
        op.bulk_insert(ledger, rows)


def _week_of(instant: datetime) -> date:
    """Return the Monday, in London, of the week; SQLite keeps instants in UTC and without saying so."""
    aware = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant
    day = aware.astimezone(ZoneInfo("Europe/London")).date()
    return day - timedelta(days=day.weekday())

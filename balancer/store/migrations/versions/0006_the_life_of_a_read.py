"""the life of a read

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # nothing could write a claim before
    op.drop_table("claims")
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("was", sa.String(), nullable=False),
        sa.Column("became", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index("ix_audit_subject_kind_subject_id", ["subject_kind", "subject_id"], unique=False)

    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "reads",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_reads_reporter_id")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_reads_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reads")),
        sa.UniqueConstraint("study_id", "number", name=op.f("uq_reads_study_id_number")),
    )
    with op.batch_alter_table("reads", schema=None) as batch_op:
        batch_op.create_index("ix_reads_reporter_id_state", ["reporter_id", "state"], unique=False)
        batch_op.create_index("ix_reads_state", ["state"], unique=False)

    op.create_table(
        "completions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_completions_read_id")),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_completions_reporter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completions")),
    )
    with op.batch_alter_table("completions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_completions_read_id"), ["read_id"], unique=False)

    op.create_table(
        "exceptions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("trust", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=False),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_exceptions_read_id")),
        sa.ForeignKeyConstraint(["trust"], ["trusts.code"], name=op.f("fk_exceptions_trust")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exceptions")),
    )
    with op.batch_alter_table("exceptions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exceptions_read_id"), ["read_id"], unique=False)
        batch_op.create_index("ix_exceptions_resolved_at_id", ["resolved_at", "id"], unique=False)
        batch_op.create_index(
            "uq_exceptions_open",
            ["kind", "read_id"],
            unique=True,
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )

    op.create_table(
        "returns",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("returned_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_returns_read_id")),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_returns_reporter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returns")),
    )
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_returns_read_id"), ["read_id"], unique=False)

    op.create_table(
        "skips",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("skipped_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_skips_read_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skips")),
    )
    with op.batch_alter_table("skips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_skips_read_id"), ["read_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_skips_skipped_at"), ["skipped_at"], unique=False)

    op.create_table(
        "claims",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("read_id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["read_id"], ["reads.id"], name=op.f("fk_claims_read_id")),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_claims_reporter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index("ix_claims_ended_at_lease_until", ["ended_at", "lease_until"], unique=False)
        batch_op.create_index(batch_op.f("ix_claims_read_id"), ["read_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_claims_reporter_id"), ["reporter_id"], unique=False)
        batch_op.create_index(
            "uq_claims_live",
            ["read_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    _give_every_study_its_reads()
    _begin_the_chain()


def downgrade() -> None:
    _end_the_chain()
    op.drop_table("claims")
    with op.batch_alter_table("skips", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_skips_skipped_at"))
        batch_op.drop_index(batch_op.f("ix_skips_read_id"))

    op.drop_table("skips")
    with op.batch_alter_table("returns", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_returns_read_id"))

    op.drop_table("returns")
    with op.batch_alter_table("exceptions", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_exceptions_open",
            sqlite_where=sa.text("resolved_at IS NULL"),
            postgresql_where=sa.text("resolved_at IS NULL"),
        )
        batch_op.drop_index("ix_exceptions_resolved_at_id")
        batch_op.drop_index(batch_op.f("ix_exceptions_read_id"))

    op.drop_table("exceptions")
    with op.batch_alter_table("completions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_completions_read_id"))

    op.drop_table("completions")
    with op.batch_alter_table("reads", schema=None) as batch_op:
        batch_op.drop_index("ix_reads_state")
        batch_op.drop_index("ix_reads_reporter_id_state")

    op.drop_table("reads")
    op.drop_table("audit_head")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_subject_kind_subject_id")

    op.drop_table("audit")
    op.create_table(
        "claims",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.String(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["reporter_id"], ["reporters.reporter_id"], name=op.f("fk_claims_reporter_id")),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_claims_study_id")),
        sa.PrimaryKeyConstraint("study_id", "read", name=op.f("pk_claims")),
    )
    with op.batch_alter_table("claims", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_claims_reporter_id"), ["reporter_id"], unique=False)


def _give_every_study_its_reads() -> None:
    """Studies known already get the reads that they would have had: on the current lists, or not planned yet."""
    connection = op.get_bind()
    most = connection.scalar(sa.text("SELECT max(reads) FROM studies")) or 0
    for number in range(1, most + 1):
        connection.execute(
            sa.text(
                "INSERT INTO reads (study_id, number, kind, state, reporter_id, owner, reason, version, since)"
                " SELECT id, :number, 'interpretation',"
                " CASE WHEN state = 'open' THEN 'unallocated' ELSE 'withdrawn' END, NULL, '',"
                " CASE WHEN state = 'open' THEN 'unplanned' ELSE '' END, 1, last_seen_at"
                " FROM studies WHERE reads >= :number"
            ),
            {"number": number},
        )
    holder = (
        "SELECT w.reporter_id FROM worklist_items i JOIN worklists w ON w.id = i.worklist_id"
        " WHERE w.superseded_at IS NULL AND i.study_id = reads.study_id AND i.read = reads.number"
    )
    connection.execute(sa.text(f"UPDATE reads SET reporter_id = ({holder}) WHERE state = 'unallocated'"))  # noqa: S608
    on_a_list = (
        "UPDATE reads SET state = 'allocated', reason = '' WHERE state = 'unallocated' AND reporter_id IS NOT NULL"
    )
    connection.execute(sa.text(on_a_list))


def _begin_the_chain() -> None:
    """The trail begins at nothing, and from then on the database itself refuses to change what is in it."""
    op.execute(f"INSERT INTO audit_head (id, sequence, hash) VALUES (1, 0, '{'0' * 64}')")  # noqa: S608
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit"
                " BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )


def _end_the_chain() -> None:
    """Dropping the table drops its triggers; PostgreSQL keeps the function."""
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP TRIGGER audit_append_only ON audit")
        op.execute("DROP FUNCTION audit_is_append_only()")

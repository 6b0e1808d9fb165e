"""More numbers in one statement than a database takes parameters."""

from __future__ import annotations

import pytest
from sqlmodel import select

from balancer.store.chunks import is_among
from balancer.store.database import Database
from balancer.store.tables import StudyRow
from tests.networks import queued


@pytest.mark.parametrize("beside", [0, 70_000])
def test_rows_are_found_among_any_number_of_numbers(db: Database, beside: int) -> None:
    """Exactly those that are named, however many others are named with them."""
    queued(db, "A1", "A2", "A3")
    with db.session() as session:
        all_three = {row.accession_number: row.id or 0 for row in session.exec(select(StudyRow))}
        named = [all_three["A1"], all_three["A3"], *range(1_000_000, 1_000_000 + beside)]
        found = session.exec(select(StudyRow.accession_number).where(is_among(session, StudyRow.id, named))).all()
        none = session.exec(select(StudyRow.id).where(is_among(session, StudyRow.id, []))).all()
    assert (sorted(found), list(none)) == (["A1", "A3"], [])


def test_rows_are_found_among_any_names(db: Database) -> None:
    """Texts are looked for as numbers are, quotes and commas and all."""
    queued(db, "A1", 'A"2,{}', "A3")
    named = ['A"2,{}', "A3", "A", "NULL"]
    with db.session() as session:
        found = session.exec(
            select(StudyRow.accession_number).where(is_among(session, StudyRow.accession_number, named))
        ).all()
    assert sorted(found) == ['A"2,{}', "A3"]

"""Many rows at once are what each of them would be on its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import StatementError
from sqlmodel import col, select

from balancer.domain.errors import InvalidValueError
from balancer.store.bulk import add_rows, change_rows
from balancer.store.database import Database
from balancer.store.tables import WorklistItemRow
from balancer.store.tables_assignments import AssignmentRow
from tests.services.test_mend_worklists import morning
from tests.worlds import NOW


def item(db: Database, place: int, **other: Any) -> dict[str, Any]:
    """Return what stands first on somebody's list, to be added at another place."""
    with db.session() as session:
        row = session.exec(select(WorklistItemRow).order_by(col(WorklistItemRow.worklist_id))).first()
        assert row is not None
    return {**row.model_dump(), "place": place, **other}


def test_rows_are_added_as_they_are_given(db: Database) -> None:
    """Texts with quotes, instants in their own time, truth values."""
    morning(db)
    rows = [item(db, 8, session_id="S 'x' \"y\" \\u0041 é", planned_start=NOW), item(db, 9, late=True)]
    with db.transaction() as session:
        add_rows(session, WorklistItemRow, rows)
        add_rows(session, WorklistItemRow, [])
    with db.session() as session:
        statement = select(WorklistItemRow).where(WorklistItemRow.place > 7).order_by(col(WorklistItemRow.place))
        found = session.exec(statement)
        assert [row.model_dump() for row in found] == rows


def test_rows_are_changed_by_their_keys_in_what_they_give(db: Database) -> None:
    """Other rows and other columns stand."""
    morning(db)
    with db.session() as session:
        first, second, *others = [row.model_dump() for row in session.exec(_feed())]
    at = NOW + timedelta(hours=3)
    one = {"study_id": first["study_id"], "read": first["read"], "planned_start": at, "sequence": 90}
    other = {"study_id": second["study_id"], "read": second["read"], "planned_start": None, "sequence": 91}
    with db.transaction() as session:
        change_rows(session, AssignmentRow, [one, other])
        change_rows(session, AssignmentRow, [])
    with db.session() as session:
        assert [row.model_dump() for row in session.exec(_feed())] == [first | one, second | other, *others]


def test_an_instant_without_time_zone_is_refused(db: Database) -> None:
    """It would be another one on a server that keeps another time."""
    morning(db)
    row = item(db, 8, planned_start=NOW.replace(tzinfo=None))
    refused = pytest.raises((InvalidValueError, StatementError), match="instant: ")
    with refused, db.transaction() as session:
        add_rows(session, WorklistItemRow, [row])


def _feed() -> Any:
    return select(AssignmentRow).order_by(col(AssignmentRow.study_id), col(AssignmentRow.read))

"""What others are told, over the wire: what waits, what was given up, and how it is told again."""

from __future__ import annotations

import pytest

from balancer.domain.letter import Letter, LetterState
from balancer.store import audit, outbox
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.access.doors import MANAGER_EAST, REPORTER, Known
from tests.access.two_trusts import EAST, RIS, WEST, allocate_both
from tests.api.service import Service, problem
from tests.worlds import NOW


@pytest.fixture
def both(sqlite_db: Database) -> Database:
    """Return a database of two trusts; of each a letter was given up (1 and 2), and another waits (3 and 4)."""
    allocate_both(sqlite_db)
    with sqlite_db.transaction() as session:
        letters = [
            Letter(key=trust, subject=trust, what="reassigned", body={"name": "secret"}, trust=trust)
            for trust in (EAST, WEST)
        ]
        outbox.write(session, RIS, letters, NOW)
    return sqlite_db


def test_a_manager_sees_what_of_their_trust_was_given_up_and_sends_it_again(both: Database) -> None:
    """Not what it says, nor anything of another trust; who put it back is in the trail."""
    east = Service(both, door=Known(MANAGER_EAST))
    (found,) = east.ask("/letters")["items"]
    assert (found["letter_id"], found["what"], found["state"], found["error"]) == (
        1, "assigned", "dead", "rejected (AR)",
    )  # fmt: skip
    assert found["accession_number"] == "EAST-1"
    assert "LETTER" not in str(found)
    (outlet,) = east.ask("/outlets")["items"]
    assert (outlet["name"], outlet["waiting"], outlet["dead"]) == (RIS, 1, 1)
    problem(east.client.post("/api/v1/letters/2/put-back"), 404, "not-found")
    assert east.client.post("/api/v1/letters/1/put-back").json()["state"] == "waiting"
    problem(east.client.post("/api/v1/letters/1/put-back"), 409, "conflict")
    with both.session() as reading:
        (row,) = [row for row in audit.entries(reading, Cut(limit=500)).items if row.action == "letter.put_back"]
    assert (row.actor, row.subject_id, row.became) == (MANAGER_EAST.subject, "1", LetterState.WAITING)


def test_letters_are_found_by_state_and_outlet(both: Database) -> None:
    """Those given up are what is shown if nothing is asked for."""
    service = Service(both)
    assert [item["letter_id"] for item in service.ask("/letters")["items"]] == [2, 1]
    assert [item["letter_id"] for item in service.ask("/letters", state="waiting")["items"]] == [4, 3]
    assert service.ask("/letters", outlet="another")["items"] == []


def test_a_reporter_sees_none_of_it(both: Database) -> None:
    """It is for whoever steers."""
    problem(Service(both, door=Known(REPORTER)).get("/letters"), 403, "not-allowed")

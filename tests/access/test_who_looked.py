"""Who signed in, and who looked at what, is in the audit trail: once a while each, and never in the caller's way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from balancer.api import looks
from balancer.domain.actor import EVERY_TRUST, Actor
from balancer.domain.permission import Role
from balancer.services.end_sessions import end_sessions
from balancer.services.sign_in import issue_token, sign_in, sign_out
from balancer.store import audit
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables_life import AuditRow
from tests.access.doors import MANAGER_EAST, REPORTER, SYSTEM_EAST, Known, holding
from tests.access.two_trusts import EAST, allocate_both
from tests.api.service import Service
from tests.worlds import NOW

ADMINISTRATOR = holding(Role.ADMINISTRATOR, EVERY_TRUST)


@pytest.fixture
def both(sqlite_db: Database) -> Database:
    """Return a database of two trusts, allocated."""
    allocate_both(sqlite_db)
    return sqlite_db


def trail(db: Database) -> list[AuditRow]:
    """Return what is in the trail of looks and of access, oldest first; the chain must hold."""
    with db.session() as reading:
        assert audit.verify(reading).fault == ""
        rows = audit.entries(reading, Cut(limit=1_000)).items
    return [row for row in reversed(rows) if row.action.endswith("looked_at") or row.subject_kind == "caller"]


def looked(db: Database) -> list[tuple[str, str, object]]:
    """Return who looked at what."""
    return [(row.actor, row.subject_kind, row.subject_id or row.detail["shown"]) for row in trail(db)]


def served(db: Database, actor: Actor) -> Service:
    """Return the service as ``actor`` calls it."""
    return Service(db, door=Known(actor))


def test_a_list_is_looked_at_once_however_often_a_page_asks_for_it(both: Database) -> None:
    """For a quarter of an hour; a 304 shows nothing."""
    service = served(both, REPORTER)
    tag = service.get("/worklists/R1").headers["etag"]
    service.get("/worklists/R1")
    assert looked(both) == [(REPORTER.subject, "worklist", "R1")]
    service.clock.at = NOW + timedelta(minutes=14, seconds=59)
    service.get("/worklists/R1")
    assert len(looked(both)) == 1
    service.clock.at = NOW + timedelta(minutes=15)
    service.client.get("/api/v1/worklists/R1", headers={"If-None-Match": tag})
    assert len(looked(both)) == 1
    service.get("/worklists/R1")
    assert len(looked(both)) == 2


def test_whom_a_run_moves_is_for_whoever_decides_or_audits(both: Database) -> None:
    """It names studies: whoever only runs the service has no need of them, and who has seen them is entered."""
    assert served(both, ADMINISTRATOR).get("/runs/1").status_code == 200
    assert served(both, ADMINISTRATOR).get("/runs/1/moves").status_code == 403
    assert looked(both) == []
    shown = served(both, MANAGER_EAST).ask("/runs/1/moves")["items"]
    assert shown
    (entry,) = looked(both)
    assert entry[:2] == (MANAGER_EAST.subject, "study")


def test_a_search_says_which_studies_it_has_shown(both: Database) -> None:
    """By their numbers here, which say nothing of a patient; what was shown before is not entered again."""
    service = served(both, MANAGER_EAST)
    service.post("/studies/search", {"accession_number": "EAST-2", "trust": EAST})
    (first,) = looked(both)
    assert first[:2] == (MANAGER_EAST.subject, "study")
    service.get("/studies")
    (_, (_, kind, others)) = looked(both)
    assert isinstance(others, list)
    assert (kind, len(others)) == ("study", 2)
    assert str(first[2]) not in map(str, others)
    assert "EAST" not in "".join(repr(row) for row in trail(both))


def test_a_system_that_follows_is_entered_once_a_day(both: Database) -> None:
    """What it polls every few seconds would drown what people did."""
    service = served(both, SYSTEM_EAST)
    for hours in (0, 1, 23):
        service.clock.at = NOW + timedelta(hours=hours)
        assert service.get("/assignments", trust=EAST).status_code == 200
    assert looked(both) == [(SYSTEM_EAST.subject, "assignments", EAST)]
    service.clock.at = NOW + timedelta(hours=24)
    service.get("/assignments", trust=EAST)
    assert len(looked(both)) == 2


ORIGIN = {"Origin": "http://testserver"}


def test_a_file_of_what_a_page_shows_is_looked_at_as_the_page_is(both: Database) -> None:
    """A study's history, and the studies that a search finds; the study that both name is looked at once."""
    service = served(both, MANAGER_EAST)
    found = service.client.post("/search?of=studies&as=csv", data={"text": "EAST-1"}, headers=ORIGIN)
    assert "EAST-1" in found.text
    ((who, kind, number),) = looked(both)
    assert (who, kind) == (MANAGER_EAST.subject, "study")
    assert service.client.get(f"/studies/{number}?of=history&as=csv").status_code == 200
    assert looked(both) == [(who, kind, number)]
    service.clock.at = NOW + timedelta(hours=1)
    assert service.client.get(f"/studies/{number}?of=reads&as=csv").status_code == 200
    assert looked(both) == [(who, kind, number)] * 2


SHOWING = ("/quarantine", "/unallocated", "/studies", "/worklists/R1", "/assignments?trust=RVV")


@pytest.mark.parametrize("address", [*(f"/api/v1{path}" for path in SHOWING), "/dicomweb/workitems"])
def test_whatever_names_a_patients_study_is_looked_at(both: Database, address: str) -> None:
    """Each of the routes that show one."""
    answer = served(both, MANAGER_EAST).client.get(address)
    assert "EAST-" in answer.text
    assert len(looked(both)) == 1


def test_nobody_is_turned_away_because_the_trail_cannot_be_written(
    both: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is busy; the next look is entered."""
    service = served(both, REPORTER)

    def busy(*_: object) -> None:
        raise OperationalError("", {}, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(looks, "note_look", busy)
        assert service.get("/worklists/R1").status_code == 200
    assert looked(both) == []
    service.get("/worklists/R1")
    assert len(looked(both)) == 1


def test_who_signed_in_with_what_and_when_they_left_is_in_the_trail(db: Database) -> None:
    """People, and systems that ask for tokens; whoever was put out at the command line was not themselves."""
    secret = sign_in(db, MANAGER_EAST, NOW)
    sign_out(db, secret, NOW + timedelta(minutes=1))
    sign_out(db, secret, NOW + timedelta(minutes=2))  # a second time there is nothing to leave
    with db.transaction() as session:
        issue_token(session, SYSTEM_EAST, NOW + timedelta(minutes=3))
    sign_in(db, MANAGER_EAST, NOW + timedelta(minutes=4), instead=sign_in(db, MANAGER_EAST, NOW))
    end_sessions(db, MANAGER_EAST.subject, NOW + timedelta(minutes=5))
    found = [(row.actor, row.action, row.subject_id) for row in trail(db)]
    manager, system = MANAGER_EAST.subject, SYSTEM_EAST.subject
    assert found == [
        (manager, "access.begun", manager),
        (manager, "access.ended", manager),
        (system, "access.begun", system),
        (manager, "access.begun", manager),
        (manager, "access.ended", manager),
        (manager, "access.begun", manager),
        ("job:operator", "access.ended", manager),
    ]
    assert trail(db)[0].detail == {"held": ["manager@RVV"]}

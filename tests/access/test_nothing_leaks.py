"""Try as one may, no patient, study or secret gets into a log, an address of ours, or what anybody can see.

Every route is called with what identifies a patient, rightly and wrongly, by those who may and those who may not, and
with a database that fails; everything the service has logged, and every address it has given out, is searched.
"""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from httpx2 import Response
from starlette.testclient import TestClient

from balancer import telemetry
from balancer.api.doors import SAFE_COOKIE, CredentialsDoor
from balancer.api.sign_in.ways import Ways
from balancer.domain.actor import Grant, person
from balancer.domain.permission import Permission, Role
from balancer.services.register_system import Registration, register_system
from balancer.services.renew_system import Renewal, renew_system
from balancer.services.sign_in import sign_in
from balancer.store.database import Database
from tests.access.test_every_route import FOR_ANYBODY, WALK, ask, values
from tests.access.two_trusts import EAST, OF_EAST, OF_WEST, WEST, allocate_both
from tests.api.service import HERE, Service, StandingClock
from tests.terminal import OPERATOR
from tests.worlds import NOW

# What the two trusts call their studies and patients, and the cells of the rows that could not be taken.
IDENTIFYING = [
    *(f"{prefix}{number}" for number in (*OF_EAST, *OF_WEST) for prefix in ("", "H-", "p-")),
    *("EAST-9", "WEST-9", "EAST-8", "WEST-8"),
]
# No study has it: what was asked for in vain leaks as easily.
MADE_UP = "LEAK-4711"
NAMES = ("Dr R1", "Dr R2", "A. Person")


@pytest.fixture(autouse=True)
def _restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put logging back as it was: loggers that keep what was configured here would keep it for the tests after."""
    configure = structlog.configure
    monkeypatch.setattr(structlog, "configure", lambda **how: configure(**{**how, "cache_logger_on_first_use": False}))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


class Everybody:
    """A service on two trusts, and the secrets of all who call it."""

    def __init__(self, db: Database) -> None:
        allocate_both(db)
        clock = StandingClock()
        door = CredentialsDoor(lambda: db, clock, cookie=SAFE_COOKIE)
        self.db = db
        self.service = Service(db, door=door, ways=Ways(is_private=True))
        self.service.app.state.serving = replace(self.service.app.state.serving, clock=clock)
        self.service.client = TestClient(self.service.app, raise_server_exceptions=False, client=HERE)
        scopes, trusts = frozenset(Permission), frozenset({EAST, WEST})
        wanted = Registration(system_id="pacs", name="PACS", scopes=scopes, trusts=trusts)
        self.former = str(register_system(db, wanted, NOW, by=OPERATOR))
        renewal = Renewal(system_id="pacs", expires_at=NOW + timedelta(days=365), overlap=timedelta(hours=24))
        self.key = str(renew_system(db, renewal, NOW, by=OPERATOR).key)
        manager = person("test:1", "A. Person", Grant(Role.MANAGER, EAST))
        self.cookie = sign_in(db, manager, NOW)

    @property
    def secrets(self) -> list[str]:
        """What nobody else may ever read."""
        return [self.key, self.former, self.cookie]

    def shown(self) -> list[dict[str, str]]:
        """What callers show: all, one trust's, what is wrong, nothing."""
        return [
            {"Authorization": f"Bearer {self.key}"},
            {"Cookie": f"{SAFE_COOKIE}={self.cookie}"},
            {"Authorization": f"Bearer {self.former}x"},
            {},
        ]

    def walk(self) -> Iterator[tuple[str, Response]]:
        """Call every route in every way."""
        self.service.client.headers = {"Authorization": f"Bearer {self.former}"}
        yield "/api/v1/me", self.service.client.get("/api/v1/me")
        for headers in self.shown():
            self.service.client.headers = headers
            for method, path in WALK:
                for known in (values(self.db, EAST), self._made_up()):
                    yield path, ask(self.service, method, path, known)
            yield from self._searches()

    def _made_up(self) -> dict[str, str]:
        known = values(self.db, WEST)
        return {**known, "accession_number": MADE_UP, "feed": MADE_UP, "roster": MADE_UP, "reporter_id": MADE_UP}

    def _searches(self) -> Iterator[tuple[str, Response]]:
        client = self.service.client
        for wanted in (OF_EAST[0], MADE_UP, f"H-{OF_WEST[0]}"):
            yield "/api/v1/studies", client.get("/api/v1/studies", params={"text": wanted})
            yield "/api/v1/studies", client.get("/api/v1/studies", params={"sort": wanted, "cursor": wanted})
            yield "search", client.post("/api/v1/studies/search", json={"accession_number": wanted})
            yield "search", client.post("/api/v1/studies/search", json={"text": wanted, wanted: wanted})
            yield "nowhere", client.get(f"/api/v1/{wanted}/nowhere")
            yield "sign-in", client.get("/sign-in/callback", params={"state": wanted, "code": wanted})
            yield "token", client.post("/oauth/token", data={"client_assertion": wanted, wanted: wanted})


@pytest.fixture
def everybody(sqlite_db: Database) -> Everybody:
    """Return a service and all who call it."""
    return Everybody(sqlite_db)


def found_in(text: str, wanted: list[str]) -> list[str]:
    """Return what of it a text holds."""
    return [item for item in wanted if item in text]


def test_no_log_line_names_a_patient_a_study_a_person_or_a_secret(
    everybody: Everybody, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was asked for, rightly or wrongly; of libraries too."""
    telemetry.configure("json")
    calls = sum(1 for _ in everybody.walk())
    said = "".join(capsys.readouterr())
    assert said.count('"event": "request"') >= calls
    assert found_in(said, [*IDENTIFYING, MADE_UP, *NAMES, *everybody.secrets]) == []


def test_no_log_line_names_anybody_when_the_database_fails(
    everybody: Everybody, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a database says of an error quotes what it was asked."""
    telemetry.configure("json")
    known = values(everybody.db, EAST)
    with everybody.db.connection() as connection:
        for table in ("unallocated", "worklist_items", "quarantine", "batches"):
            connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO was_{table}")
    everybody.service.client.headers = everybody.shown()[0]
    statuses = {ask(everybody.service, method, path, known).status_code for method, path in WALK}
    said = "".join(capsys.readouterr())
    assert statuses & {500, 503}
    assert "request.failed" in said or "request.database_failed" in said
    assert found_in(said, [*IDENTIFYING, *NAMES, *everybody.secrets]) == []


def addresses(answer: Response) -> Iterator[str]:
    """Yield every address that an answer gives out, and what its caller is to put in the next one."""
    yield from (f"{name}: {value}" for name, value in answer.headers.items())
    yield from re.findall(r'(?:href|action|src)="([^"]*)"', answer.text)
    if "json" in answer.headers.get("content-type", ""):
        yield from _addresses_within(answer.json())


def _addresses_within(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _addresses_within(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _addresses_within(item, name)
    elif isinstance(value, str) and "cursor" in name:
        yield value + _decoded(value)
    elif isinstance(value, str) and value.startswith(("/", "http://testserver", "https://testserver")):
        yield value


def _decoded(cursor: str) -> str:
    """Return what a cursor holds: nobody is to rely on nobody looking."""
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("utf-8", "replace")
    except ValueError:
        return ""


def test_no_address_that_the_service_gives_out_names_a_patient_or_a_study(everybody: Everybody) -> None:
    """Addresses end up in logs of browsers and proxies: links, Location, cursors, cookies.

    In the answers to those who may see them they are there: the search would find them.
    """
    seen: set[str] = set()
    for path, answer in everybody.walk():
        assert [address for address in addresses(answer) if found_in(address, IDENTIFYING)] == [], path
        seen.update(found_in(answer.text, IDENTIFYING))
    assert seen >= {OF_EAST[0], f"H-{OF_EAST[0]}", "EAST-8"}


def test_no_cursor_names_a_study_in_whatever_order(everybody: Everybody) -> None:
    """And every page is reached: the cursor is a number that says where to go on."""
    everybody.service.client.headers = everybody.shown()[0]
    for sort in ("accession_number", "-accession_number", "due_at", "-last_seen_at"):
        seen, cursor = [], None
        for _ in range(len(OF_EAST + OF_WEST) + 1):
            given: dict[str, str] = {"cursor": cursor} if cursor else {}
            page = everybody.service.ask("/studies", sort=sort, limit=2, **given)
            seen += [item["accession_number"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
            assert found_in(cursor + _decoded(cursor), IDENTIFYING) == []
        assert sorted(seen) == sorted(OF_EAST + OF_WEST)
        if sort.endswith("accession_number"):
            assert seen == sorted(seen, reverse=sort.startswith("-"))


def test_what_anybody_can_see_names_nobody(everybody: Everybody) -> None:
    """Pages, health, what is published of the service: figures, were they metrics, included."""
    everybody.service.client.headers = {}
    for method, path in WALK:
        if path in FOR_ANYBODY and path != "/sign-in":  # locally it lists reporters, to be one of them
            text = ask(everybody.service, method, path, {}).text
            assert found_in(text, [*IDENTIFYING, *NAMES, *everybody.secrets]) == [], path


def test_a_study_is_found_without_naming_it_in_an_address(everybody: Everybody) -> None:
    """What names it is sent in the body."""
    everybody.service.client.headers = everybody.shown()[0]

    def found(**wanted: Any) -> list[str]:
        answer = everybody.service.post("/studies/search", wanted)
        assert answer.status_code == 200, answer.text
        return [item["accession_number"] for item in answer.json()["items"]]

    assert found(trust=EAST, accession_number=OF_EAST[0]) == [OF_EAST[0]]
    assert found(trust=WEST, accession_number=OF_EAST[0]) == []
    assert found(text=f"h-{OF_WEST[1]}") == [OF_WEST[1]]
    assert found(accession_number=OF_EAST[0][:-1]) == []
    assert sorted(found()) == sorted(OF_EAST + OF_WEST)

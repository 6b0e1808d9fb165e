"""FHIR subscriptions: a system is told, signed, that a Task matches, has changed, or no longer matches."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlmodel import select

from balancer.bootstrap import open_outlets
from balancer.config import read_settings
from balancer.domain.actor import Actor, system
from balancer.domain.outcome import Outcome
from balancer.domain.permission import Permission
from balancer.outlets.courier import Courier, Ground
from balancer.outlets.hooks import open_hooks
from balancer.services.complete_read import complete_read
from balancer.services.release_read import release_read
from balancer.store import systems
from balancer.store.database import Database
from balancer.store.tables_access import SystemRow
from balancer.store.tables_keys import IdempotencyKeyRow
from tests.access.doors import Known
from tests.api.service import KEY, Service
from tests.api.small_network import allocate
from tests.networks import PACS as OTHER_SIDE
from tests.networks import claimed, minutes, read_id
from tests.outlets.endpoint import Endpoint, listening_endpoint
from tests.publish.fhir.bindings import check

FHIR = {"content-type": "application/fhir+json"}
SCOPES = [Permission.READS_WORK, Permission.ASSIGNMENTS_READ]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Yield a subscriber on this machine."""
    with listening_endpoint() as found:
        yield found


class Subscriber:
    """A system of a trust, its client, and the couriers that serve its subscriptions."""

    def __init__(self, db: Database, endpoint: Endpoint, name: str = "pacs", trust: str = "RVV") -> None:
        self.db, self.endpoint = db, endpoint
        row = SystemRow(system_id=name, name="PACS", scopes=sorted(SCOPES), at=[trust], created_at=minutes(0))
        with db.transaction() as session:
            systems.add_system(session, row)
        self.actor: Actor = system(systems.subject_of(name), "PACS", SCOPES, [trust])
        self.service = Service(db, door=Known(self.actor))
        state = self.service.app.state
        state.serving = replace(state.serving, hooks=frozenset({endpoint.origin}))
        self.client = self.service.client
        self.couriers: list[Courier] = []

    def ask(self, criteria: str, **more: Any) -> Any:
        """Ask for a subscription, and return the answer."""
        channel = {"type": "rest-hook", "endpoint": f"{self.endpoint.origin}/news"}
        asked = {"resourceType": "Subscription", "status": "requested", "reason": "lists", "criteria": criteria}
        return self.client.post("/fhir/Subscription", json={**asked, "channel": channel, **more}, headers=FHIR)

    def subscribe(self, criteria: str) -> Any:
        """Subscribe, let its outlet begin, and return the Subscription."""
        made = self.ask(criteria)
        assert made.status_code == 201, made.text
        check(made.json())
        ground = Ground(database=self.db, clock=self.service.clock)
        self.couriers = [
            Courier(hook, ground) for hook in open_hooks(self.db, self.service.clock, KEY, {self.endpoint.origin})
        ]
        self.step()
        return made.json()

    def step(self) -> int:
        """Let the couriers do what there is to do; return how often the endpoint has been told since the last time."""
        before = len(self.endpoint.heard)
        for courier in self.couriers:
            courier.step()
        return len(self.endpoint.heard) - before

    def close(self) -> None:
        """Let go of connections."""
        for courier in self.couriers:
            courier.outlet.close()


@pytest.fixture
def pacs(sqlite_db: Database, endpoint: Endpoint) -> Iterator[Subscriber]:
    """Yield a system of RVV: A1 and A2 are R1's, A3 nobody's."""
    allocate(sqlite_db)
    found = Subscriber(sqlite_db, endpoint)
    yield found
    found.close()


def release(db: Database, number: str) -> None:
    """Close a study unreported."""
    release_read(db, read_id(db, number), "R1", minutes(1), by=OTHER_SIDE)


def test_a_subscriber_is_told_that_an_outcome_was_said_later(pacs: Subscriber) -> None:
    """The Task has been completed all the while, and says something else."""
    pacs.subscribe("Task?")
    complete_read(pacs.db, read_id(pacs.db, "A1"), "R1", minutes(5), by=OTHER_SIDE)
    assert pacs.step() == 1
    complete_read(pacs.db, read_id(pacs.db, "A1"), "R1", minutes(9), by=OTHER_SIDE, outcome=Outcome.ABNORMAL)
    assert pacs.step() == 1


def test_a_subscriber_is_told_once_it_begins_and_whenever_something_changes(pacs: Subscriber) -> None:
    """However much has changed at once, it is told once, and asks for it itself."""
    made = pacs.subscribe("Task?")
    assert (made["status"], len(pacs.endpoint.heard)) == ("requested", 1)
    assert pacs.client.get(f"/fhir/Subscription/{made['id']}").json()["status"] == "active"
    assert pacs.step() == 0
    claimed(pacs.db, "A1")
    claimed(pacs.db, "A2")
    assert (pacs.step(), pacs.step()) == (1, 0)


def test_what_it_is_told_is_signed(pacs: Subscriber) -> None:
    """With the secret that it was given, over number and time: nobody else can say it, nor again later."""
    made = pacs.subscribe("Task?")
    (extension,) = made["channel"]["extension"]
    key = base64.b64decode(extension["valueString"].removeprefix("whsec_"))
    (heard,) = pacs.endpoint.heard
    signed = f"{heard['webhook-id']}.{heard['webhook-timestamp']}.".encode()
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert heard["webhook-signature"] == f"v1,{digest}"
    assert int(heard["webhook-timestamp"]) == int(pacs.service.clock.at.timestamp())


@pytest.mark.parametrize(
    ("criteria", "told"),
    [
        ("Task?status=ready", (1, 1)),  # A1 leaves, and comes back
        ("Task?status=in-progress", (1, 1)),
        ("Task?owner=Practitioner/R1", (1, 1)),
        ("Task?owner=R2", (0, 0)),
        ("Task?status=completed", (0, 0)),
        ("Task?status:not=ready,in-progress", (0, 0)),
        ("Task?group-identifier=A1", (1, 1)),
        ("Task?group-identifier=A2", (0, 0)),
        ("Task?requester=Organization/RVV&status=in-progress", (1, 1)),
        ("Task?code=110007", (0, 0)),
    ],
)
def test_it_is_told_of_what_it_asked_for(pacs: Subscriber, criteria: str, told: tuple[int, int]) -> None:
    """Of what comes to match, and of what no longer does: it must come off the list."""
    pacs.subscribe(criteria)
    claimed(pacs.db, "A1")
    first = pacs.step()
    release(pacs.db, "A1")
    assert (first, pacs.step()) == told


def test_another_trusts_system_hears_nothing(sqlite_db: Database, endpoint: Endpoint) -> None:
    """Not even that there is something; nor does one that may call no more."""
    allocate(sqlite_db)
    west = Subscriber(sqlite_db, endpoint, "west", "RWF")
    west.subscribe("Task?")
    claimed(sqlite_db, "A1")
    assert west.step() == 0
    west.close()
    with sqlite_db.transaction() as session:
        systems.disable(session, "west", now=minutes(0))
    assert open_hooks(sqlite_db, west.service.clock, KEY, {endpoint.origin}) == []


def test_where_nothing_may_be_told_any_more_nothing_is(pacs: Subscriber) -> None:
    """Who runs the service takes an origin back, and whoever had subscribed from there is not told either."""
    pacs.subscribe("Task?")
    for origins in ((), ("https://elsewhere.example",)):
        assert open_hooks(pacs.db, pacs.service.clock, KEY, origins) == []
    (still,) = open_hooks(pacs.db, pacs.service.clock, KEY, ("https://elsewhere.example", pacs.endpoint.origin))
    still.close()


def test_whoever_is_told_nothing_any_more_can_see_that(pacs: Subscriber) -> None:
    """A subscription that reads as active while nobody is told is a list that silently stands still."""
    made = pacs.subscribe("Task?")
    state = pacs.service.app.state
    state.serving = replace(state.serving, hooks=frozenset({"https://elsewhere.example"}))
    shown = pacs.client.get(f"/fhir/Subscription/{made['id']}").json()
    check(shown)
    assert (shown["status"], "ask who runs the service" in shown["error"]) == ("off", True)
    (entry,) = pacs.client.get("/fhir/Subscription").json()["entry"]
    assert entry["resource"]["status"] == "off"
    state.serving = replace(state.serving, hooks=frozenset({pacs.endpoint.origin}))
    assert pacs.client.get(f"/fhir/Subscription/{made['id']}").json()["status"] == "active"


def test_the_service_tells_only_where_its_settings_say(pacs: Subscriber, tmp_path: Path) -> None:
    """The outlets are opened by the setting as it is now, not as it was when somebody subscribed."""
    pacs.subscribe("Task?")
    folder = tmp_path / "network"
    folder.mkdir()
    asked = read_settings(network=folder, database_url="sqlite://")
    opened = {}
    for said in (pacs.endpoint.origin, ""):
        outlets = open_outlets(
            asked.model_copy(update={"fhir_hooks": said, "pseudonym_key": SecretStr("k" * 32)}), pacs.db
        )
        opened[said] = len(outlets)
        for outlet in outlets:
            outlet.close()
    assert opened == {pacs.endpoint.origin: 1, "": 0}


def test_a_secret_is_not_kept_to_be_said_again(pacs: Subscriber) -> None:
    """Whoever sends their request again is told where the subscription is, and asks for its secret there."""
    again = {**FHIR, "Idempotency-Key": "k1"}
    channel = {"type": "rest-hook", "endpoint": f"{pacs.endpoint.origin}/news"}
    asked = {"resourceType": "Subscription", "status": "requested", "reason": "lists", "criteria": "Task?"}
    first, second = (
        pacs.client.post("/fhir/Subscription", json={**asked, "channel": channel}, headers=again) for _ in range(2)
    )
    (extension,) = first.json()["channel"]["extension"]
    with pacs.db.session() as session:
        (kept,) = session.exec(select(IdempotencyKeyRow)).all()
    assert (kept.status, kept.body) == (201, "")
    assert extension["valueString"] not in repr(kept)
    assert (second.status_code, second.content) == (201, b"")
    assert second.headers["idempotency-replayed"] == "true"
    shown = pacs.client.get(second.headers["location"], headers={"If-None-Match": first.headers["etag"]})
    assert shown.json()["channel"]["extension"] == [extension]
    assert shown.headers["cache-control"] == "no-store"


def test_what_is_not_taken_is_told_again(pacs: Subscriber) -> None:
    """The same, by its number, after a while; until then whoever reads the subscription sees that it is not taken."""
    address = f"/fhir/Subscription/{pacs.subscribe('Task?')['id']}"
    pacs.endpoint.answers = [503]
    claimed(pacs.db, "A1")
    assert pacs.step() == 1
    assert pacs.step() == 0
    shown = pacs.client.get(address).json()
    assert (shown["status"], shown["error"]) == ("error", "the endpoint answers 503")
    pacs.service.clock.at = minutes(1)
    assert (pacs.step(), pacs.step()) == (1, 0)
    assert pacs.client.get(address).json()["status"] == "active"
    assert pacs.endpoint.heard[-1]["webhook-id"] == pacs.endpoint.heard[-2]["webhook-id"]


def test_a_redirection_is_not_followed(pacs: Subscriber) -> None:
    """It could lead anywhere."""
    pacs.subscribe("Task?")
    pacs.endpoint.answers = [307]
    claimed(pacs.db, "A1")
    assert pacs.step() == 1


def test_a_subscription_that_is_ended_is_told_nothing(pacs: Subscriber) -> None:
    """And is no longer there."""
    made = pacs.subscribe("Task?")
    assert pacs.client.delete(f"/fhir/Subscription/{made['id']}").status_code == 204
    claimed(pacs.db, "A1")
    assert pacs.step() == 0
    assert pacs.client.get(f"/fhir/Subscription/{made['id']}").status_code == 404
    assert pacs.client.get("/fhir/Subscription").json()["total"] == 0
    assert open_hooks(pacs.db, pacs.service.clock, KEY, {pacs.endpoint.origin}) == []


def test_a_subscription_is_its_systems_own(pacs: Subscriber, endpoint: Endpoint) -> None:
    """Another of the same trust neither sees it nor ends it."""
    made = pacs.subscribe("Task?")
    check(pacs.client.get("/fhir/Subscription").json())
    other = Subscriber(pacs.db, endpoint, "other")
    for method in ("GET", "DELETE"):
        assert other.client.request(method, f"/fhir/Subscription/{made['id']}").status_code == 404
    assert other.client.get("/fhir/Subscription").json()["total"] == 0


@pytest.mark.parametrize(
    "more",
    [
        {"criteria": "Patient?"},
        {"criteria": "Task?unknown=1"},
        {"criteria": "Task?_count=1"},
        {"criteria": "Task?modified=ge2026"},
        {"criteria": 1},
        {"reason": ""},
        {"status": "off"},
        {"end": "2026-03-02"},
        {"channel": None},
        {"channel": {"type": "email", "endpoint": "mailto:a@b.example"}},
        *(
            {"channel": {"type": "rest-hook", "endpoint": to}}
            for to in ("http://169.254.1.1/", "file:///x", "http://[", 1, None)
        ),
    ],
)
def test_what_is_not_served_is_refused(pacs: Subscriber, more: dict[str, Any]) -> None:
    """Nothing is told where whoever runs the service has not said that it may be."""
    answer = pacs.ask(**{"criteria": "Task?", **more})
    assert answer.status_code == 422, answer.text
    check(answer.json())


def test_neither_payload_nor_headers_are_kept(pacs: Subscriber) -> None:
    """No patient's data goes out, and nobody's credentials are stored."""
    plain = {"type": "rest-hook", "endpoint": f"{pacs.endpoint.origin}/news"}
    for more in ({"payload": "application/fhir+json"}, {"header": ["Authorization: x"]}):
        assert pacs.ask("Task?", channel={**plain, **more}).status_code == 422


def test_a_person_does_not_subscribe(pacs: Subscriber) -> None:
    """Nor a system without end."""
    for _ in range(20):
        assert pacs.ask("Task?").status_code == 201
    assert pacs.ask("Task?").status_code == 409
    body = json.dumps({"resourceType": "Subscription"})
    assert Service(pacs.db).client.post("/fhir/Subscription", content=body, headers=FHIR).status_code == 422

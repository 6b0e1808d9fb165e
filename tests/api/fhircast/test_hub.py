"""The hub as its subscribers meet it: over HTTP and real WebSockets, by the rules of FHIRcast (STU3, chapter 2)."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Client
from sqlmodel import select
from starlette.requests import Request
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from balancer.api.fhircast.hub import ANSWER_SECONDS
from balancer.api.routes.fhircast import hub_of
from balancer.domain.actor import EVERY_TRUST, Actor, system
from balancer.domain.permission import Permission
from balancer.publish.fhircast.events import Context
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.ingest_studies import ingest_extract
from balancer.services.override_scope import Decision, decide_entitlement
from balancer.store import workitems
from balancer.store.database import Database
from balancer.store.tables import StudyRow
from balancer.store.tables_keys import IdempotencyKeyRow
from tests.access.doors import MANAGER_AND_REPORTER, MANAGER_EAST, MANAGER_WEST, REPORTER, SYSTEM_EAST, Known
from tests.access.two_trusts import EAST, WEST
from tests.api.fhircast.hubs import Peer, closed, form, hub, names, opened, post
from tests.api.service import Service
from tests.networks import TWO_FEEDS, Feed, claimed, extract, loaded, read_id
from tests.patience import PATIENCE_SECONDS, until
from tests.worlds import NOW, reporter

SYSTEM_WEST = system("test:pacs-west", "PACS of West", Permission, [WEST])
EVERYWHERE = system("test:everywhere", "Network viewer", Permission, [EVERY_TRUST])


@pytest.fixture
def network(sqlite_db: Database) -> Database:
    """Return two trusts and two reporters; nothing of a hub is in a database."""
    return loaded(sqlite_db, TWO_FEEDS)


def test_whoever_subscribes_is_told_what_others_open_and_close(network: Database) -> None:
    """2.4 to 2.6: confirmed first, then each event in order, whoever sent it told as well."""
    with hub(network) as (url, _), Peer(url, subscriber_name="RIS") as ris, Peer(url, events="*") as viewer:
        assert ris.confirmed["hub.mode"] == "subscribe"
        assert set(ris.confirmed["hub.events"].split(",")) == {
            *("DiagnosticReport-open", "DiagnosticReport-close", "SyncError")
        }
        assert 0 < ris.confirmed["hub.lease_seconds"] <= 3600
        event = opened()
        assert post(url, event=event).status_code == 202
        assert post(url, event=closed(event)).status_code == 202
        for peer in (ris, viewer):
            assert names(peer.follow()) == ("DiagnosticReport-open", event.id)
            assert names(peer.follow()) == ("DiagnosticReport-close", f"close of {event.id}")


def test_the_address_of_a_subscription_is_not_kept_to_be_said_again(network: Database) -> None:
    """It is a secret, of which a database has no need."""
    asked = form("subscribe", hub_events="*")
    with hub(network) as (url, _), Client(timeout=PATIENCE_SECONDS) as client:
        first, second = (client.post(url, data=asked, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first.json()["hub.channel.endpoint"].startswith("ws://")
    assert first.headers["cache-control"] == "no-store"
    assert (second.status_code, second.content) == (202, b"")
    assert second.headers["idempotency-replayed"] == "true"
    with network.session() as session:
        assert [row.body for row in session.exec(select(IdempotencyKeyRow))] == [""]


def test_an_event_that_is_sent_twice_is_told_once(network: Database) -> None:
    """A retried request has the id of the first."""
    with hub(network) as (url, _), Peer(url) as peer:
        first, second = opened(), opened("A2")
        for event in (first, first, second):
            assert post(url, event=event).status_code == 202
        assert [names(peer.follow())[1] for _ in range(2)] == [first.id, second.id]


def test_whoever_comes_later_is_told_what_is_open(network: Database) -> None:
    """2.4.4, and 2.9 for whoever asks: the last open that nothing has closed, with the time at which it was opened."""
    with hub(network) as (url, _), Client(timeout=PATIENCE_SECONDS) as client:
        assert client.get(f"{url}/R1").json() == {"context.type": "", "context.versionId": "", "context": []}
        event = opened()
        post(url, event=event)
        now = client.get(f"{url}/R1").json()
        assert now["context.type"] == "DiagnosticReport"
        assert now["context"] == list(event.context)
        with Peer(url) as late:
            told = late.follow()
            assert names(told)[1] == event.id
            assert told["timestamp"] == event.message()["timestamp"]
            assert told["event"]["context.versionId"] == now["context.versionId"] != ""
        post(url, event=closed(event))
        assert client.get(f"{url}/R1").json()["context"] == []


def test_closing_what_is_not_in_front_leaves_what_is(network: Database) -> None:
    """Another report's close, or an older one, ends no context."""
    with hub(network) as (url, _), Client(timeout=PATIENCE_SECONDS) as client:
        first, second = opened(), opened("A2", at=NOW + timedelta(seconds=10))
        for event in (first, second, closed(first)):
            post(url, event=event)
        assert client.get(f"{url}/R1").json()["context"] == list(second.context)


def test_sessions_are_apart(network: Database) -> None:
    """What one reporter opens, whoever follows another is not told."""
    with hub(network) as (url, _), Peer(url, "R2") as peer:
        post(url, event=opened())
        other = opened("A2", topic="R2")
        post(url, event=other)
        assert names(peer.follow())[1] == other.id


@pytest.mark.parametrize("status", [409, "500"])
def test_the_others_are_told_who_does_not_follow(network: Database, status: object) -> None:
    """2.5.2: the hub sends a SyncError; the one that refused is not told of itself."""
    with hub(network) as (url, _), Peer(url, subscriber_name="Balancer") as refuses, Peer(url) as viewer:
        event = opened()
        post(url, event=event)
        refuses.follow(status)
        assert viewer.follow()["id"] == event.id
        error = viewer.hear()
        coding = error["event"]["context"][0]["resource"]["issue"][0]["details"]["coding"]
        assert error["event"]["hub.event"] == "SyncError"
        assert [one["code"] for one in coding] == [event.id, "DiagnosticReport-open", "Balancer"]
        after = opened("A2")
        post(url, event=after)
        assert refuses.follow()["id"] == after.id


def _who_owes_an_answer(service: Service) -> list[str]:
    subscriptions = list(hub_of(service.app)._by_secret.values())  # noqa: SLF001 - nobody else need know
    return [one.name for one in subscriptions if one.unanswered]


def test_who_does_not_answer_within_ten_seconds_is_out_of_step(network: Database) -> None:
    """2.5.7: the others are told, and it is told that it follows nothing any more."""
    with hub(network) as (url, service), Peer(url, subscriber_name="Silent") as silent, Peer(url) as viewer:
        event = opened()
        post(url, event=event)
        assert silent.hear()["id"] == viewer.follow()["id"] == event.id
        until(lambda: _who_owes_an_answer(service) == ["Silent"])  # the viewer's is on its way
        hub_of(service.app).seconds = lambda: ANSWER_SECONDS + 1
        assert silent.hear()["hub.mode"] == "denied"
        with pytest.raises(ConnectionClosed):
            silent.hear()
        assert "Silent: did not answer" in str(viewer.hear())


def test_a_connection_that_breaks_is_told_of_and_one_that_is_closed_is_not(network: Database) -> None:
    """2.5.7: 1000 and 1001 are how a subscriber leaves; anything else is a loss."""
    with hub(network) as (url, _), Peer(url) as viewer:
        event = opened()
        post(url, event=event)
        viewer.follow()
        polite, broken = Peer(url, subscriber_name="Polite"), Peer(url, subscriber_name="Broken")
        polite.follow()
        broken.follow()
        polite.leave()
        broken.leave(1011)
        assert "Broken: the connection was lost" in str(viewer.hear())


def test_what_is_no_answer_ends_the_connection(network: Database) -> None:
    """Nobody could tell what such a subscriber follows."""
    with hub(network) as (url, _), Peer(url) as peer:
        peer.say('{"id": "x", "status": "fine"}')
        with pytest.raises(ConnectionClosed):
            peer.hear()


def test_a_lease_runs_out(network: Database) -> None:
    """2.4.3: the subscriber is told, and its connection is closed."""
    with hub(network) as (url, service), Peer(url, hub_lease_seconds="600") as peer:
        assert 590 <= peer.confirmed["hub.lease_seconds"] <= 600
        hub_of(service.app).seconds = lambda: 601.0
        assert peer.hear()["hub.reason"] == "the lease has run out"
        with pytest.raises(ConnectionClosed):
            peer.hear()


def test_whoever_may_no_longer_follow_is_told_nothing_more(network: Database) -> None:
    """2.4.5: asked again once a minute, they are denied, and their connection is closed; the others go on."""
    with hub(network, SYSTEM_EAST) as (url, service), Peer(url) as east:
        service.app.state.door = Known(EVERYWHERE)
        with Peer(url) as viewer:
            service.app.state.door = Known(None)
            hub_of(service.app).seconds = lambda: 61.0
            for peer in (east, viewer):
                denied = peer.hear()
                assert (denied["hub.mode"], denied["hub.reason"]) == ("denied", "may no longer follow this session")
                with pytest.raises(ConnectionClosed):
                    peer.hear()


def test_what_somebody_follows_is_within_what_they_reach_now(network: Database) -> None:
    """A system that has lost a trust goes on with the others."""
    with hub(network, EVERYWHERE) as (url, service), Peer(url) as viewer:
        asked = noted(service, SYSTEM_WEST)
        hub_of(service.app).seconds = lambda: 61.0
        assert asked.wait(PATIENCE_SECONDS)
        service.app.state.door = Known(EVERYWHERE)
        for event in (opened("E1", trust=EAST), opened("W1", trust=WEST, at=NOW + timedelta(seconds=1))):
            assert post(url, event=event).status_code == 202
        assert names(viewer.follow())[1] == opened("W1", trust=WEST, at=NOW + timedelta(seconds=1)).id


def test_whoever_may_no_longer_follow_before_their_connection_comes_is_told_nothing(network: Database) -> None:
    """The address of a WebSocket is good for a minute; what is open in the session is not said."""
    with hub(network, SYSTEM_EAST) as (url, service):
        assert post(url, event=opened()).status_code == 202
        answer = post(url, form("subscribe", hub_events="*"))
        service.app.state.door = Known(None)
        with connect(answer.json()["hub.channel.endpoint"], open_timeout=PATIENCE_SECONDS) as socket:
            assert json.loads(socket.recv(timeout=PATIENCE_SECONDS))["hub.mode"] == "denied"
            with pytest.raises(ConnectionClosed):
                socket.recv(timeout=PATIENCE_SECONDS)


def test_that_it_is_asked_again_whether_somebody_may_follow_keeps_nobody_signed_in(network: Database) -> None:
    """The page is open on a desk that its owner has left."""
    with hub(network, SYSTEM_EAST) as (url, service), Peer(url):
        asked = noted(service, SYSTEM_EAST)
        hub_of(service.app).seconds = lambda: 61.0
        assert asked.wait(PATIENCE_SECONDS)
        assert asked.seen is False


class _Asked(threading.Event):
    """Whether it has been asked who somebody is, and whether that keeps their session alive."""

    seen: bool | None = None


def noted(service: Service, actor: Actor) -> _Asked:
    """Let whoever comes be ``actor`` from now on; return what is set once that has been asked."""
    asked = _Asked()

    class Noting(Known):
        async def caller(self, request: Request) -> Actor | None:
            asked.seen = request.state.seen
            asked.set()
            return await super().caller(request)

    service.app.state.door = Noting(actor)
    return asked


def test_unsubscribing_ends_it_and_the_address_is_no_good_any_more(network: Database) -> None:
    """2.4.6."""
    with hub(network) as (url, _), Peer(url) as peer:
        again = {"hub_channel.endpoint": peer.endpoint}
        assert post(url, form("unsubscribe", **again)).status_code == 202
        assert peer.hear()["hub.mode"] == "denied"
        assert post(url, form("unsubscribe", **again)).status_code == 404
        with pytest.raises(InvalidStatus), connect(peer.endpoint):
            pass


def test_subscribing_again_replaces_what_is_followed(network: Database) -> None:
    """2.4.1: over the same WebSocket."""
    with hub(network) as (url, _), Peer(url) as peer:
        more = {"hub_channel.endpoint": peer.endpoint, "hub_events": "Patient-open"}
        assert post(url, form("subscribe", **more)).json()["hub.channel.endpoint"] == peer.endpoint
        assert peer.hear()["hub.events"] == "Patient-open"
        post(url, event=opened())
        assert peer.follow()["event"]["hub.event"] == "Patient-open"


def test_a_sign_of_life_comes_to_whoever_asks_for_it(network: Database) -> None:
    """3.2.2: at least every ten seconds."""
    with hub(network) as (url, service), Peer(url, events="Heartbeat") as peer:
        hub_of(service.app).seconds = lambda: 6.0
        assert peer.hear()["event"]["context"] == [{"key": "period", "decimal": "5"}]


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"hub.channel.type": "webhook"}, "hub.channel.type"),
        ({"hub.mode": "follow"}, "hub.mode"),
        ({"hub.events": ""}, "hub.events"),
        ({"hub.events": "Encounter-open"}, "hub.events"),
        ({"hub.lease_seconds": "-1"}, "hub.lease_seconds"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(network: Database, sent: dict[str, str], field: str) -> None:
    """4xx, naming the field."""
    with hub(network) as (url, _):
        answer = post(url, {**form("subscribe", hub_events="*"), **sent})
    assert answer.status_code == 422
    assert field in answer.text


def test_there_are_sessions_of_reporters_only(network: Database) -> None:
    """A topic that is nobody's number is no session; nor can it be opened in one."""
    with hub(network) as (url, _), Client(timeout=PATIENCE_SECONDS) as client:
        assert post(url, form("subscribe", "nobody", hub_events="*")).status_code == 404
        assert post(url, event=opened(topic="nobody")).status_code == 404
        assert client.get(f"{url}/nobody").status_code == 404


def test_an_address_cannot_be_guessed_and_is_good_once(network: Database) -> None:
    """256 bits; whoever comes second with it is refused, as is whoever comes with another."""
    with hub(network) as (url, _), Peer(url) as peer, Peer(url) as other:
        secret = peer.endpoint.rpartition("/")[2]
        assert re.fullmatch(r"[\w-]{43}", secret)
        assert other.endpoint != peer.endpoint
        for address in (peer.endpoint, peer.endpoint[:-1] + ("A" if peer.endpoint[-1] != "A" else "B")):
            with pytest.raises(InvalidStatus), connect(address):
                pass


def test_the_hub_says_what_it_supports(network: Database) -> None:
    """2.7.1, without a sign-in."""
    with hub(network, SYSTEM_EAST) as (url, _), Client(timeout=PATIENCE_SECONDS) as client:
        said = client.get(f"{url}/.well-known/fhircast-configuration").json()
    assert (said["fhircastVersion"], said["websocketSupport"]) == ("STU3", True)
    assert "DiagnosticReport-open" in said["eventsSupported"]


def test_a_trusts_viewer_is_told_of_its_own_studies_only(network: Database) -> None:
    """A reporter reads for several trusts in one session; what they open of another is not this one's to see."""
    with hub(network, SYSTEM_WEST) as (url, service), Client(timeout=PATIENCE_SECONDS) as client, Peer(url) as west:
        ours, theirs = opened("W1", trust=WEST), opened("E1", trust=EAST, at=NOW + timedelta(seconds=1))
        nobodys = opened("E2", trust="", at=NOW + timedelta(seconds=2))
        last = opened("W2", trust=WEST, at=NOW + timedelta(seconds=3))
        for sender, event in ((SYSTEM_WEST, ours), (SYSTEM_EAST, theirs), (SYSTEM_WEST, last)):
            service.app.state.door = Known(sender)
            assert post(url, event=event).status_code == 202
        assert [names(west.follow())[1] for _ in range(2)] == [ours.id, last.id]
        service.app.state.door = Known(SYSTEM_EAST)
        post(url, event=opened("E3", trust=EAST, at=NOW + timedelta(seconds=4)))
        service.app.state.door = Known(SYSTEM_WEST)
        assert client.get(f"{url}/R1").json()["context"] == []
        assert post(url, event=nobodys).status_code == 202
        assert names(west.follow())[1] == nobodys.id  # its own: its sender belongs to one trust, this one


def test_what_names_no_trust_is_for_who_reaches_every_one(network: Database) -> None:
    """Nobody can tell whose it is, so no one trust's system is told."""
    with hub(network, EVERYWHERE) as (url, service), Peer(url) as everywhere:
        service.app.state.door = Known(SYSTEM_WEST)
        with Peer(url) as west:
            service.app.state.door = Known(EVERYWHERE)
            nobodys, ours = opened("X", trust=""), opened("W", trust=WEST, at=NOW + timedelta(seconds=1))
            for event in (nobodys, ours):
                post(url, event=event)
            assert [names(everywhere.follow())[1] for _ in range(2)] == [nobodys.id, ours.id]
            assert names(west.follow())[1] == ours.id


@pytest.mark.parametrize(
    ("sender", "trust", "status"),
    [
        (SYSTEM_WEST, WEST, 202),
        (SYSTEM_WEST, EAST, 403),
        (SYSTEM_WEST, "RXX", 403),
        (EVERYWHERE, EAST, 202),
        (REPORTER, WEST, 202),
        (REPORTER, "RXX", 403),
    ],
)
def test_nobody_opens_or_closes_what_is_of_a_trust_beyond_them(
    network: Database, sender: Actor, trust: str, status: int
) -> None:
    """What is opened is claimed. In their own session a reporter sends of wherever they may report: R1 at both."""
    with hub(network, sender) as (url, _):
        event = opened(trust=trust)
        assert [post(url, event=one).status_code for one in (event, closed(event))] == [status, status]


@pytest.mark.parametrize(("granted", "status"), [(True, 202), (False, 403)])
def test_a_reporter_sends_of_where_they_may_report_now(network: Database, status: int, *, granted: bool) -> None:
    """What a trust's manager has decided of their entitlement counts over the network's list."""
    trusts: tuple[str, ...] = (EAST,) if granted else (EAST, WEST)
    loaded(network, replace(TWO_FEEDS, reporters=(reporter("R1", trusts=trusts), TWO_FEEDS.reporters[1])))
    said = Decision(trust=WEST, reason="asked", expires_at=NOW + timedelta(hours=1))
    decide_entitlement(network, "R1", NOW, by=MANAGER_WEST, said=said, granted=granted, until=None)
    with hub(network, REPORTER) as (url, service):
        event = opened(trust=WEST)
        assert [post(url, event=one).status_code for one in (event, closed(event))] == [status, status]
        service.clock.at = NOW + timedelta(hours=1)
        assert post(url, event=opened("A2", trust=WEST)).status_code == {202: 403, 403: 202}[status]


@pytest.mark.parametrize("by", ["study", "workitem"])
def test_what_is_named_by_a_uid_alone_is_of_the_trust_whose_study_it_is(network: Database, by: str) -> None:
    """A context need not say whose it is for a viewer of another trust to be kept from it, and its own to be told."""
    number = "A1"
    ingest_extract(network, Feed(), extract(number), NOW)
    event = replace(opened(number, trust=""), context=named_alone(network, number, by))
    with hub(network, SYSTEM_EAST) as (url, service), Peer(url) as east:
        service.app.state.door = Known(SYSTEM_WEST)
        assert post(url, event=event).status_code == 403
        service.app.state.door = Known(EVERYWHERE)
        assert post(url, event=event).status_code == 202
        assert names(east.follow())[1] == event.id


def named_alone(db: Database, number: str, by: str) -> Context:
    """Return a context that names a study by one UID and nothing else."""
    with db.transaction() as session:
        study = session.exec(select(StudyRow).where(StudyRow.accession_number == number)).one()
        study.study_instance_uid = "1.2.826.0.1"
        numbering = workitems.numbering(session)
    uid = uid_of(WorkitemKey(read_id(db, number), 0), numbering) if by == "workitem" else "1.2.826.0.1"
    named: dict[str, Any] = {"id": "x", "identifier": [{"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"}]}
    report: dict[str, Any] = {"resourceType": "DiagnosticReport", "id": "x", "status": "unknown"}
    if by == "workitem":
        return ({"key": "report", "resource": {**report, **named}},)
    return (
        {"key": "report", "resource": report},
        {"key": "study", "resource": {"resourceType": "ImagingStudy", **named}},
    )


def test_a_reporter_closes_what_they_have_open_though_their_entitlement_has_ended(network: Database) -> None:
    """It is theirs wherever it was imaged: a close that is refused would leave it open for ever."""
    ingest_extract(network, Feed(), extract("A1"), NOW)
    claimed(network, "A1")
    gone = reporter("R1", home_trust=WEST, trusts={WEST: None, EAST: (NOW - timedelta(days=1)).date()})
    loaded(network, replace(TWO_FEEDS, reporters=(gone, TWO_FEEDS.reporters[1])))
    with hub(network, REPORTER) as (url, _):
        assert post(url, event=closed(opened("A1"))).status_code == 202


def test_a_clock_that_is_ahead_pins_nothing(network: Database) -> None:
    """An event happens when it comes, at the latest: what is opened after it takes its place."""
    with hub(network) as (url, service), Client(timeout=PATIENCE_SECONDS) as client:
        ahead = opened("A1", at=NOW + timedelta(days=400))
        post(url, event=ahead)
        service.clock.at = NOW + timedelta(minutes=1)
        after = opened("A2", at=NOW + timedelta(seconds=30))
        post(url, event=after)
        assert client.get(f"{url}/R1").json()["context"] == list(after.context)


@pytest.mark.parametrize("name", ["UserLogout", "UserHibernate"])
def test_a_sign_out_is_told_to_everybody_and_says_nothing_of_any_study(network: Database, name: str) -> None:
    """What an event that opens nothing has in its context is of no trust that could be asked for."""
    with hub(network, SYSTEM_WEST) as (url, service), Peer(url, events=name) as west:
        service.app.state.door = Known(SYSTEM_EAST)
        assert post(url, event=opened(name=name)).status_code == 202
        told = west.follow()["event"]
    assert (told["hub.event"], told["context"]) == (name, [])


def test_what_cannot_be_written_disconnects_nobody(network: Database) -> None:
    """Python reads more than JSON has: it is refused before anybody is told."""
    with hub(network) as (url, _), Client(timeout=PATIENCE_SECONDS) as client, Peer(url) as peer:
        sent = json.dumps(opened().message()).replace('"CT head"', r'"\ud800"')
        assert client.post(url, content=sent, headers={"content-type": "application/json"}).status_code == 422
        after = opened("A2")
        post(url, event=after)
        assert names(peer.follow())[1] == after.id


@pytest.mark.parametrize(
    ("caller", "topic", "status"),
    [
        (REPORTER, "R1", 202),
        (REPORTER, "R2", 404),
        (MANAGER_AND_REPORTER, "R2", 404),
        (MANAGER_EAST, "R2", 404),
        (SYSTEM_EAST, "R1", 202),
    ],
)
def test_who_reports_follows_nobody_else(network: Database, caller: Actor, topic: str, status: int) -> None:
    """Blind double reading: whoever saw in a colleague's session what they read would know who reads beside them.

    The manager of these tests reports as well.
    """
    with hub(network, caller) as (url, _):
        assert post(url, form("subscribe", topic, hub_events="*")).status_code == status


def test_who_may_only_follow_opens_nothing(network: Database) -> None:
    """FHIRcast's `.read` is leave to follow assignments, its `.write` leave to work reads."""
    follower = system("test:follower", "Display", [Permission.ASSIGNMENTS_READ], [EAST])
    with hub(network, follower) as (url, _), Peer(url):
        assert post(url, event=opened()).status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 10_000, b'{"event": {}}', b"\xff\xfe"])
def test_what_is_no_event_is_refused(network: Database, body: bytes) -> None:
    """Never a failure of the service."""
    with hub(network) as (url, _), Client(timeout=PATIENCE_SECONDS) as client:
        assert client.post(url, content=body, headers={"content-type": "application/json"}).status_code == 422

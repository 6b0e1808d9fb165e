"""Subscriptions over HTTP, and their event reports over WebSocket (PS3.18, 11.10 to 11.13)."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from balancer.api.callers import May
from balancer.api.doors import LOCAL_COOKIE, CredentialsDoor, LocalDoor
from balancer.api.routes import subscriptions as routes
from balancer.domain.actor import EVERY_TRUST, Actor, Grant, person
from balancer.domain.permission import Role
from balancer.domain.steps import StepState
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.complete_read import complete_read
from balancer.services.sign_in import sign_in
from balancer.services.subscribe import ALL, FILTERED
from balancer.store import ae_titles, systems
from balancer.store.database import Database
from balancer.store.tables_access import SystemRow
from balancer.store.tables_ae_titles import AeTitleRow
from tests.access.doors import Known
from tests.api.service import Service, StandingClock, problem
from tests.api.test_workitems import ELSEWHERE, LOCK, PACS, Pacs
from tests.networks import minutes, read_id
from tests.patience import PATIENCE_SECONDS

HERE = "/dicomweb/subscribers/VIEWER"


@pytest.fixture
def pacs(allocated_copy: Database) -> Pacs:
    """Return a PACS on a small network: A1 and A2 are R1's, A3 nobody's."""
    return Pacs(allocated_copy)


def subscribed(pacs: Pacs, uid: str = ALL, query: str = "", aet: str = "VIEWER") -> Response:
    """Subscribe."""
    return pacs.client.post(f"/dicomweb/workitems/{uid}/subscribers/{aet}{query}")


def test_a_system_with_ae_titles_subscribes_under_one_of_them(pacs: Pacs) -> None:
    """Another's is told of by DIMSE; who has none may call itself what it likes, for its events are its own."""
    assert subscribed(pacs, aet="ANOTHERS").status_code == 201
    system_id = PACS.subject.removeprefix(systems.subject_of(""))
    with pacs.db.transaction() as session:
        row = SystemRow(system_id=system_id, name="PACS", scopes=[], at=[], created_at=minutes(0))
        systems.add_system(session, row)
        ae_titles.add_title(session, AeTitleRow(title="MINE", system_id=system_id, added_at=minutes(0)))
    problem(subscribed(pacs, aet="ANOTHERS"), 403, "not-allowed")
    assert subscribed(pacs, aet="MINE").status_code == 201
    # what it had under another name it may leave
    left = pacs.client.delete(f"/dicomweb/workitems/{ALL}/subscribers/ANOTHERS")
    assert left.status_code == 200


def _short(report: Any) -> tuple[int, str, str]:
    """Return the type of a report, its workitem, and the state or the performer's number."""
    said = report.get("00741000") or report["00404009"]["Value"][0]["00080100"]
    return report["00001002"]["Value"][0], report["00001000"]["Value"][0], said["Value"][0]


def test_the_answer_says_where_reports_are_told(pacs: Pacs) -> None:
    """201, no payload, and the WebSocket's address in Content-Location, by the name the service was asked under."""
    answer = subscribed(pacs, query="?deletionlock=true")
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["content-location"] == "ws://testserver/dicomweb/subscribers/VIEWER"


def test_whoever_listens_sees_the_whole_life_in_order(pacs: Pacs) -> None:
    """Whichever door it happens through: begun over UPS-RS, completed over the API."""
    subscribed(pacs)
    uid, second = pacs.uid("A1"), pacs.uid("A2")
    with pacs.client.websocket_connect(HERE) as socket:
        assert pacs.change(uid, StepState.IN_PROGRESS).status_code == 200
        complete_read(pacs.db, read_id(pacs.db, "A2"), "R1", minutes(1), by=PACS)
        reports = [socket.receive_json() for _ in range(2)]
    assert [_short(report) for report in reports] == [(1, uid, "IN PROGRESS"), (1, second, "COMPLETED")]
    assert [report["00000110"]["Value"] for report in reports] == [[1], [2]]
    assert {report["00000002"]["Value"][0] for report in reports} == {"1.2.840.10008.5.1.4.34.6.4"}
    assert LOCK not in str(reports)


def test_two_who_listen_are_both_told(pacs: Pacs) -> None:
    """Two workstations under one title, and one under another that has not subscribed."""
    subscribed(pacs)
    uid = pacs.uid("A1")
    with (
        pacs.client.websocket_connect(HERE) as one,
        pacs.client.websocket_connect(HERE) as two,
        pacs.client.websocket_connect("/dicomweb/subscribers/OTHER") as other,
    ):
        pacs.change(uid, StepState.IN_PROGRESS)
        assert _short(one.receive_json()) == _short(two.receive_json()) == (1, uid, "IN PROGRESS")
        subscribed(pacs, uid, aet="OTHER")
        # all that it hears is what it subscribed to, from then on
        assert _short(other.receive_json()) == (1, uid, "IN PROGRESS")


def test_whoever_subscribes_while_they_listen_hears_from_then_on(pacs: Pacs) -> None:
    """A connection may come before the subscription, as the subscription before the connection."""
    uid = pacs.uid("A1")
    with pacs.client.websocket_connect(HERE) as socket:
        subscribed(pacs, uid)
        assert _short(socket.receive_json()) == (1, uid, "SCHEDULED")


def test_unsubscribing_and_suspending_are_answered(pacs: Pacs) -> None:
    """200; what is suspended must be there and global."""
    uid = pacs.uid("A1")
    path = f"/dicomweb/workitems/{ALL}/subscribers/VIEWER"
    problem(pacs.client.post(f"{path}/suspend"), 404, "not-found")
    subscribed(pacs)
    assert pacs.client.post(f"{path}/suspend").status_code == 200
    problem(pacs.client.post(f"/dicomweb/workitems/{uid}/subscribers/VIEWER/suspend"), 400, "bad-request")
    assert pacs.client.delete(f"/dicomweb/workitems/{uid}/subscribers/VIEWER").status_code == 200
    assert pacs.client.delete(path).status_code == 200
    problem(pacs.client.post(f"{path}/suspend"), 404, "not-found")


@pytest.mark.parametrize(
    "written",
    [
        "ReferencedRequestSequence.AccessionNumber=A1,WorklistLabel=*",
        "ReferencedRequestSequence.AccessionNumber%3DA1",
        "0040A370.00080050=%41%31",
    ],
)
def test_a_filter_is_taken_however_it_is_written(pacs: Pacs, written: str) -> None:
    """Its own commas and equals signs bare, or the whole of it encoded once more."""
    assert subscribed(pacs, FILTERED, f"?filter={written}").status_code == 201
    uid, other = pacs.uid("A1"), pacs.uid("A2")
    with pacs.client.websocket_connect(HERE) as socket:
        pacs.change(other, StepState.IN_PROGRESS)
        pacs.change(uid, StepState.IN_PROGRESS)
        assert _short(socket.receive_json()) == (1, uid, "IN PROGRESS")


@pytest.mark.parametrize(
    ("uid", "query"),
    [
        ("no-uid", ""),
        (ALL, "?deletionlock=perhaps"),
        (ALL, "?unknown=1"),
        (ALL, "?deletionlock=true&deletionlock=true"),
        (FILTERED, ""),
        (FILTERED, "?filter=ProcedureStepState=COMPLETED"),
        (FILTERED, "?filter=Nonsense=1"),
        (FILTERED, "?filter=PatientID=1&filter=PatientID=2"),
        (FILTERED, "?filter=PatientID=%ff"),
    ],
)
def test_what_cannot_be_subscribed_to_is_400(pacs: Pacs, uid: str, query: str) -> None:
    """And leaves no subscription."""
    problem(subscribed(pacs, uid, query), 400, "bad-request")
    problem(pacs.client.post(f"/dicomweb/workitems/{FILTERED}/subscribers/VIEWER/suspend"), 404, "not-found")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["POST", "DELETE"]),
    uid=st.sampled_from([ALL, FILTERED, "1.2.3"]) | st.text(max_size=70),
    aet=st.text(min_size=1, max_size=70),
    end=st.sampled_from(["", "/suspend"]),
    query=st.text(max_size=80) | st.text(max_size=60).map("filter={}".format),
)
def test_whatever_is_asked_is_answered(pacs: Pacs, method: str, uid: str, aet: str, end: str, query: str) -> None:
    """Any path and query: done, or refused in the standard's terms, and never a failure of ours."""
    path = (
        f"/dicomweb/workitems/{quote(uid, safe='')}/subscribers/{quote(aet, safe='')}{end}?{quote(query, safe='=&,')}"
    )
    assert pacs.client.request(method, path).status_code in {200, 201, 400, 404, 405}


def test_what_is_not_there_is_404(pacs: Pacs) -> None:
    """Nor is another trust's workitem."""
    uid = pacs.uid("A1")
    problem(subscribed(pacs, uid_of(WorkitemKey(999, 0), "0123456789abcdef")), 404, "not-found")
    elsewhere = Service(pacs.db, door=Known(ELSEWHERE)).client
    problem(elsewhere.post(f"/dicomweb/workitems/{uid}/subscribers/VIEWER"), 404, "not-found")


def _is_refused(client: Any, **more: Any) -> bool:
    try:
        with client.websocket_connect(HERE, **more):
            return False
    except WebSocketDisconnect:
        return True


@pytest.mark.parametrize("actor", [None, Actor(subject="nobody", name="nobody")], ids=["unknown", "may not"])
def test_nobody_listens_who_may_not(pacs: Pacs, actor: Actor | None) -> None:
    """A WebSocket asks who calls, as every route does."""
    assert _is_refused(Service(pacs.db, door=Known(actor)).client)
    assert not _is_refused(pacs.client)


def test_no_other_sites_page_listens(pacs: Pacs) -> None:
    """A browser would send the cookie of whoever has the page open."""
    assert _is_refused(pacs.client, headers={"origin": "https://elsewhere.example"})
    assert not _is_refused(pacs.client, headers={"origin": "http://testserver"})


def test_whoever_may_no_longer_listen_is_cut_off(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is withdrawn ends what was begun with it."""
    monkeypatch.setattr(routes, "_ASKED_EVERY_SECONDS", 0.0)
    with pacs.client.websocket_connect(HERE) as socket:
        pacs.service.app.state.door = Known(None)
        with pytest.raises(WebSocketDisconnect):
            socket.receive_json()


def test_whoever_listens_is_not_kept_signed_in_by_it(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is open on a desk that its owner has left: that it is asked again whether they may is not them."""
    monkeypatch.setattr(routes, "_ASKED_EVERY_SECONDS", 0.0)
    asked, ask = threading.Event(), May.ask

    async def noted(self: May, connection: HTTPConnection, **how: bool) -> None:
        await ask(self, connection, **how)
        asked.set()

    monkeypatch.setattr(May, "ask", noted)
    clock = StandingClock()
    service = Service(pacs.db, door=CredentialsDoor(lambda: pacs.db, clock, cookie=LOCAL_COOKIE, without=LocalDoor()))
    service.app.state.serving = replace(service.app.state.serving, clock=clock)
    secret = sign_in(pacs.db, person("local:manager", "A. Person", Grant(Role.MANAGER, EVERY_TRUST)), clock.now())
    cookie = {"cookie": f"{LOCAL_COOKIE}={secret}"}
    with service.client.websocket_connect(HERE, headers={**cookie, "origin": "http://testserver"}):
        clock.at = minutes(20)
        for _ in range(2):  # the first may have begun before
            asked.clear()
            assert asked.wait(PATIENCE_SECONDS)
    clock.at = minutes(31)
    assert service.client.get("/api/v1/me", headers=cookie).status_code == 401


def test_as_many_listen_as_may(pacs: Pacs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not more: each costs a look at the database with whatever happens."""
    monkeypatch.setattr("balancer.api.watch.MOST_WAITING", 1)
    with pacs.client.websocket_connect(HERE):
        assert _is_refused(pacs.client)
    assert not _is_refused(pacs.client)

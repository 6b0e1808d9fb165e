"""The local sign-in: for trying Balancer out on this machine, labelled as what it is, and shut to anybody else."""

from __future__ import annotations

import math
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from httpx2 import Response
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select
from starlette.testclient import TestClient

from balancer.api import doors, recent
from balancer.api.doors import LOCAL_COOKIE, OPERATOR, SAFE_COOKIE, CredentialsDoor, LocalDoor
from balancer.api.nearness import why_elsewhere
from balancer.api.sign_in.ways import LOCAL, Ways
from balancer.domain.actor import Grant, person
from balancer.domain.permission import Role
from balancer.services import sign_in
from balancer.store import sign_ins
from balancer.store.database import Database
from balancer.store.tables_access import SignInRow
from balancer.web.templates import FOLDER
from tests.access.two_trusts import allocate_both
from tests.api.service import Service, StandingClock, problem
from tests.networks import minutes
from tests.patience import PATIENCE_SECONDS, until
from tests.worlds import NOW

ORIGIN = {"Origin": "http://testserver"}


@pytest.fixture
def local(db: Database) -> Service:
    """Return a service as `make run` starts it, on two trusts."""
    allocate_both(db)
    return _service(db)


def _service(db: Database, *, ways: Ways = LOCAL, local: bool = True) -> Service:
    clock = StandingClock()
    without = LocalDoor() if local else None
    service = Service(db, door=CredentialsDoor(lambda: db, clock, cookie=ways.cookie, without=without), ways=ways)
    service.clock = clock
    service.app.state.serving = replace(service.app.state.serving, clock=clock)
    return service


def be(service: Service, who: str) -> Response:
    """Choose who to be."""
    return service.client.post("/sign-in", data={"who": who}, headers=ORIGIN, follow_redirects=False)


def test_whoever_is_on_this_machine_is_its_operator(local: Service) -> None:
    """So that what the README says to type works without a word more."""
    assert local.ask("/me")["subject"] == "local:operator"
    assert len(local.ask("/worklists")["items"]) == 2
    assert local.post("/runs").status_code == 202


def test_it_says_what_it_is(local: Service) -> None:
    """Nobody takes it for a safe one."""
    text = local.client.get("/sign-in").text
    assert "Local sign-in" in text
    assert "never be used with patients" in text


def test_one_can_be_somebody_to_see_what_they_see(local: Service) -> None:
    """A manager of one trust, a reporter, and the operator again."""
    assert be(local, "manager@RVV").status_code == 303
    assert {item["trust"] for item in local.ask("/studies")["items"]} == {"RVV"}
    be(local, "reporter:R1")
    assert len(local.ask("/worklists/R1")["items"]) == 2
    problem(local.get("/studies"), 403, "not-allowed")
    local.client.post("/sign-out", headers=ORIGIN)
    assert local.ask("/me")["subject"] == "local:operator"


def test_whoever_is_somebody_leaves_by_any_page_and_the_operator_has_nothing_to_leave(local: Service) -> None:
    """The operator is whoever has not signed in: what they are offered is to be somebody."""
    shown = local.client.get("/lists").text
    assert 'action="/sign-out"' not in shown
    assert 'href="/sign-in"' in shown
    be(local, "manager@RVV")
    assert 'action="/sign-out"' in local.client.get("/lists").text
    assert "You are the operator again" in local.client.post("/sign-out", headers=ORIGIN).text


def test_one_is_led_back_to_where_one_wanted_to_go(local: Service) -> None:
    """Within this service."""
    for wanted, led in (("/lists?page=1", "/lists?page=1"), ("https://elsewhere.example/", "/")):
        sent = {"who": "operator", "return_to": wanted}
        answer = local.client.post("/sign-in", data=sent, headers=ORIGIN, follow_redirects=False)
        assert answer.headers["location"] == led
    assert 'value="/lists?page=1"' in local.client.get("/sign-in", params={"return_to": "/lists?page=1"}).text


@pytest.mark.parametrize("who", ["", "king", "manager@RXX", "reporter:R9", "manager@"])
def test_nobody_can_be_whom_there_is_not(local: Service, who: str) -> None:
    """The form's own choices and no others."""
    assert be(local, who).status_code == 422
    assert LOCAL_COOKIE not in local.client.cookies


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto"])
def test_what_a_proxy_has_passed_on_is_not_from_this_machine(local: Service, header: str) -> None:
    """A proxy in front of the local sign-in would make everybody behind it the operator."""
    answer = local.client.get("/api/v1/me", headers={header: "192.0.2.1"})
    problem(answer, 401, "sign-in-needed")


@pytest.mark.parametrize(("method", "path"), [("GET", "/sign-in"), ("POST", "/sign-in"), ("GET", "/")])
def test_nobody_signs_in_through_a_proxy(local: Service, method: str, path: str) -> None:
    """A page is refused as everything is, and no cookie is given."""
    passed_on = {"X-Forwarded-For": "192.0.2.1", **ORIGIN}
    answer = local.client.request(method, path, data={"who": "operator"}, headers=passed_on, follow_redirects=False)
    problem(answer, 401, "sign-in-needed")
    assert "set-cookie" not in answer.headers


def test_a_cookie_is_no_good_through_a_proxy(local: Service) -> None:
    """Nor is one that was got on this machine."""
    be(local, "manager@RVV")
    problem(local.client.get("/api/v1/me", headers={"X-Real-IP": "192.0.2.1"}), 401, "sign-in-needed")


@pytest.mark.parametrize("peer", ["192.0.2.1", "10.0.0.7", "::ffff:192.0.2.1", "2001:db8::1", "testclient", ""])
def test_the_local_sign_in_answers_this_machine_only(local: Service, peer: str) -> None:
    """Whatever address it serves on: of a peer that has none nobody knows where it is."""
    elsewhere = TestClient(local.app, client=(peer, 50_000))
    problem(elsewhere.get("/sign-in"), 401, "sign-in-needed")
    problem(elsewhere.get("/api/v1/me"), 401, "sign-in-needed")


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
def test_every_address_of_this_machine_itself_is_answered(local: Service, peer: str) -> None:
    """Loopback in either version of IP."""
    assert TestClient(local.app, client=(peer, 50_000)).get("/api/v1/me").status_code == 200


@pytest.mark.parametrize(("version", "refused"), [("1.0", True), ("1.1", False), ("2", False)])
def test_what_speaks_as_proxies_do_is_taken_for_one(version: str, *, refused: bool) -> None:
    """Nginx adds no header unless it is told to; it speaks HTTP/1.0 to what is behind it unless it is told not to."""
    scope = {"type": "http", "client": ("127.0.0.1", 1), "headers": [], "http_version": version}
    assert bool(why_elsewhere(scope)) is refused


def test_something_in_front_may_let_in_who_may(db: Database) -> None:
    """Where that was said in as many words."""
    service = _service(db, ways=replace(LOCAL, behind_gate=True))
    assert service.client.get("/api/v1/me", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200


def test_a_session_that_has_ended_makes_nobody_the_operator(local: Service) -> None:
    """A manager of one trust who was away for an hour may not everything at every trust."""
    be(local, "manager@RVV")
    local.clock.at = minutes(60)
    problem(local.get("/studies"), 401, "sign-in-needed")
    problem(local.client.get("/api/v1/me", headers={"Cookie": f"{LOCAL_COOKIE}=nonsense"}), 401, "sign-in-needed")
    local.client.post("/sign-out", headers=ORIGIN)
    assert local.ask("/me")["subject"] == "local:operator"


def test_whoever_signed_in_locally_is_nobody_once_people_sign_in_with_a_provider(db: Database) -> None:
    """The database is the same, and so is the cookie on a machine of one's own."""
    secret = sign_in.sign_in(db, OPERATOR, NOW)
    assert _shown(_service(db), LOCAL_COOKIE, secret) == 200
    assert _shown(_service(db, local=False), LOCAL_COOKIE, secret) == 401


def test_another_sites_page_signs_nobody_in(local: Service) -> None:
    """The guard sees where a form comes from."""
    answer = local.client.post("/sign-in", data={"who": "operator"}, headers={"Origin": "http://elsewhere.example"})
    problem(answer, 403, "from-elsewhere")


A_MANAGER = person("test:1", "A. Manager", Grant(Role.MANAGER, "RVV"))


def _shown(service: Service, name: str, secret: str) -> int:
    return service.client.get("/api/v1/me", headers={"Cookie": f"{name}={secret}"}).status_code


@pytest.fixture
def private(db: Database) -> Service:
    """Return a service that people reach over HTTPS and that knows nobody but those who have signed in."""
    return _service(db, ways=Ways(is_private=True), local=False)


def test_over_https_the_cookie_is_bound_to_this_host(private: Service) -> None:
    """The prefix makes browsers insist on it; a cookie of the plain name opens nothing."""
    secret = sign_in.sign_in(private.app.state.serving.database, A_MANAGER, NOW)
    assert _shown(private, SAFE_COOKIE, secret) == 200
    assert _shown(private, LOCAL_COOKIE, secret) == 401
    cookie = private.client.post("/sign-out", headers=ORIGIN).headers["set-cookie"]
    assert cookie.startswith(f"{SAFE_COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


def test_a_session_ends_when_its_holder_has_left(private: Service) -> None:
    """Half an hour of silence; whoever goes on asking stays until the end of a working day."""
    secret = sign_in.sign_in(private.app.state.serving.database, A_MANAGER, NOW)
    for minute in range(0, 12 * 60, 29):
        private.clock.at = minutes(minute)
        assert _shown(private, SAFE_COOKIE, secret) == 200
    private.clock.at = minutes(12 * 60)
    assert _shown(private, SAFE_COOKIE, secret) == 401
    left = sign_in.sign_in(private.app.state.serving.database, A_MANAGER, NOW)
    private.clock.at = minutes(31)
    assert _shown(private, SAFE_COOKIE, left) == 401


def test_whoever_reads_is_served_though_nothing_can_be_written(
    private: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That they were seen is noted when it can be."""
    secret = sign_in.sign_in(private.app.state.serving.database, A_MANAGER, NOW)
    private.clock.at = minutes(10)

    def fail(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("read-only"))

    monkeypatch.setattr("balancer.store.sign_ins.touch", fail)
    assert _shown(private, SAFE_COOKIE, secret) == 200


def test_a_page_that_waits_for_news_keeps_nobody_signed_in(private: Service) -> None:
    """It does so on a desk that its owner has left."""
    secret = sign_in.sign_in(private.app.state.serving.database, A_MANAGER, NOW)
    for minute in (10, 20, 29):
        private.clock.at = minutes(minute)
        waiting = private.client.get("/api/v1/me?wait=20", headers={"Cookie": f"{SAFE_COOKIE}={secret}"})
        assert waiting.status_code == 200
    private.clock.at = minutes(31)
    assert _shown(private, SAFE_COOKIE, secret) == 401


def test_whoever_looks_on_is_looked_up_once_for_many_questions(
    private: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty open lists ask all the time; whoever changes something is looked up each time."""
    monkeypatch.setattr(recent, "OLDEST_SECONDS", math.inf)
    secret = sign_in.sign_in(private.app.state.serving.database, A_MANAGER, NOW)
    look_up = Mock(side_effect=sign_in.whose)
    monkeypatch.setattr(sign_in, "whose", look_up)
    assert [_shown(private, SAFE_COOKIE, secret) for _ in range(5)] == [200] * 5
    assert look_up.call_count == 1
    for _ in range(2):
        private.client.post("/api/v1/drafts", headers={"Cookie": f"{SAFE_COOKIE}={secret}", **ORIGIN}, json={})
    assert look_up.call_count == 3


def test_a_session_that_is_ended_elsewhere_changes_nothing_from_then_on_and_soon_sees_nothing(
    private: Service, db: Database
) -> None:
    """By another replica, or by the command line; one that is ended here opens nothing at once."""
    secrets = [sign_in.sign_in(db, A_MANAGER, NOW) for _ in range(2)]
    assert [_shown(private, SAFE_COOKIE, secret) for secret in secrets] == [200, 200]
    sign_in.sign_out(db, secrets[0], NOW)
    assert _shown(private, SAFE_COOKIE, secrets[0]) == 401
    assert _shown(private, SAFE_COOKIE, secrets[1]) == 200
    elsewhere = Database(db.engine.url.render_as_string(hide_password=False))
    sign_in.sign_out(elsewhere, secrets[1], NOW)
    elsewhere.close()
    shown = {"Cookie": f"{SAFE_COOKIE}={secrets[1]}", **ORIGIN}
    problem(private.client.post("/api/v1/drafts", headers=shown, json={}), 401, "sign-in-needed")
    assert until(lambda: _shown(private, SAFE_COOKIE, secrets[1]) == 401)


def test_a_session_that_was_good_a_moment_ago_ends_in_time(
    private: Service, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the working day, and half an hour after its holder was last seen, whatever their page asked since."""
    monkeypatch.setattr(recent, "OLDEST_SECONDS", math.inf)
    secret, left = (sign_in.sign_in(db, A_MANAGER, NOW) for _ in range(2))
    for then, status in ((NOW, 200), (NOW + sign_in.IDLE, 200), (NOW + sign_in.IDLE + timedelta(microseconds=1), 401)):
        private.clock.at = then
        waiting = private.client.get("/api/v1/me?wait=20", headers={"Cookie": f"{SAFE_COOKIE}={left}"})
        assert waiting.status_code == status
    private.clock.at = NOW
    for minute in range(0, 12 * 60, 29):
        private.clock.at = minutes(minute)
        assert [_shown(private, SAFE_COOKIE, secret) for _ in range(2)] == [200, 200]  # noted, and kept
    private.clock.at = minutes(12 * 60)
    waiting = private.client.get("/api/v1/me?wait=20", headers={"Cookie": f"{SAFE_COOKIE}={secret}"})
    assert waiting.status_code == 401


def test_nobody_waits_for_it_to_be_noted_that_they_were_seen(
    private: Service, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But the one request that does it: on SQLite it waits for whoever else writes. Of many, the others do so later."""
    monkeypatch.setattr(doors, "_NOTED_AT_ONCE", 1)
    secret, other = (sign_in.sign_in(db, A_MANAGER, NOW) for _ in range(2))
    private.clock.at = minutes(10)
    noting, go_on = threading.Event(), threading.Event()
    touch = sign_ins.touch

    def slowly(*args: Any, **named: Any) -> None:
        noting.set()
        assert go_on.wait(PATIENCE_SECONDS)
        touch(*args, **named)

    monkeypatch.setattr(sign_ins, "touch", slowly)
    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(_shown, private, SAFE_COOKIE, secret)
        assert noting.wait(PATIENCE_SECONDS)
        meanwhile = [_shown(private, SAFE_COOKIE, shown) for shown in (secret, secret, other)]
        go_on.set()
        assert [first.result(), *meanwhile] == [200] * 4
    assert _seen(db) == [minutes(10), NOW]
    assert _shown(private, SAFE_COOKIE, other) == 200
    assert _seen(db) == [minutes(10)] * 2


def _seen(db: Database) -> list[datetime]:
    with db.session() as session:
        return list(session.exec(select(SignInRow.last_seen_at).order_by(col(SignInRow.id))))


def test_what_a_page_asks_again_by_itself_says_that_it_waits() -> None:
    """Or a page that was left open on a desk would keep its owner signed in for as long as it is open."""
    asks = re.compile(r"<[^<>]*?hx-get=\"(.*?)\"[^\n]*?hx-trigger=\"every")
    found = [
        (page.name, address)
        for page in sorted((FOLDER / "templates").glob("*.html"))
        for address in asks.findall(page.read_text(encoding="utf-8"))
    ]
    assert {name for name, _ in found} >= {
        "allocation.html",
        "draft_effects.html",
        "rosters_away.html",
        "study_why.html",
    }
    assert [name for name, address in found if "wait=0" not in address] == []


def test_browsers_are_told_to_come_by_https_only_where_they_do(private: Service, db: Database) -> None:
    """RFC 6797: plain HTTP has no place for it."""
    assert "max-age=" in private.client.get("/sign-in").headers["strict-transport-security"]
    assert "strict-transport-security" not in _service(db).client.get("/sign-in").headers


def test_a_secret_from_before_signing_in_is_none_after_it(private: Service) -> None:
    """Whoever planted it gets nothing (session fixation)."""
    db = private.app.state.serving.database
    planted = sign_in.sign_in(db, A_MANAGER, NOW)
    after = sign_in.sign_in(db, A_MANAGER, NOW, instead=planted)
    assert (_shown(private, SAFE_COOKIE, planted), _shown(private, SAFE_COOKIE, after)) == (401, 200)


def test_whoever_reads_the_database_can_sign_in_as_nobody(private: Service) -> None:
    """It holds digests."""
    db = private.app.state.serving.database
    secret = sign_in.sign_in(db, A_MANAGER, NOW)
    with db.session() as session:
        kept = session.connection().exec_driver_sql("SELECT * FROM sign_ins").all()
    assert len(kept) == 1
    assert secret not in repr(kept)
    assert all(_shown(private, SAFE_COOKIE, str(value)) == 401 for value in kept[0] if str(value).isascii())


def test_a_persons_cookie_is_no_systems_token(private: Service) -> None:
    """Each secret is taken where it belongs."""
    secret = sign_in.sign_in(private.app.state.serving.database, A_MANAGER, NOW)
    answer = private.client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    problem(answer, 401, "sign-in-needed")

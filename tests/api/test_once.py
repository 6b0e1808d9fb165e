"""Idempotency keys: a request that is repeated is done once, whoever lost its answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from sqlalchemy.exc import OperationalError
from sqlmodel import select

from balancer.api.callers import may
from balancer.api.once import WRITES
from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.permission import Permission, Role
from balancer.services.ingest_studies import ingest_extract
from balancer.services.request_run import request_run
from balancer.store import keys
from balancer.store.database import Database
from balancer.store.tables_keys import IdempotencyKeyRow
from tests.access.doors import Known
from tests.api.service import Service, problem
from tests.networks import Feed, extract, loaded, minutes
from tests.services.test_two_at_once import at_once
from tests.worlds import NOW

THIRTY = [f"A{number}" for number in range(30)]
BODY = {"decided_by": "A. Person"}


@pytest.fixture
def held(service: Service, db: Database) -> Callable[..., Response]:
    """Return what releases a held batch, with a key if one is given."""
    loaded(db)
    ingest_extract(db, Feed(), extract(*THIRTY), NOW)
    batch = ingest_extract(db, Feed(), extract(*THIRTY[:10], at=15), minutes(15)).batch_id

    def release(key: str | None, body: Any = BODY, **headers: str) -> Response:
        headers |= {} if key is None else {"Idempotency-Key": key}
        return service.post(f"/batches/{batch}/release", body, **headers)

    return release


def test_the_same_request_with_the_same_key_is_done_once(held: Callable[..., Response]) -> None:
    """Word for word the first answer, and it says so; without a key the second is a conflict."""
    first, second = held("k1"), held("k1")
    assert (first.status_code, second.status_code) == (200, 200)
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"]
    assert (first.headers.get("idempotency-replayed"), second.headers["idempotency-replayed"]) == (None, "true")
    problem(held(None), 409, "conflict")


def test_a_refusal_is_repeated_too(held: Callable[..., Response]) -> None:
    """What was wrong the first time is wrong the second, even if it would be right by now."""
    assert held(None).status_code == 200
    first = held("k1")
    assert first.status_code == 409
    assert held("k1").content == first.content


def test_a_key_that_was_given_to_another_request_is_refused(held: Callable[..., Response]) -> None:
    """A program that counts its keys wrongly must not be told that its request was done."""
    held("k1")
    problem(held("k1", {"decided_by": "B. Person"}), 422, "invalid-value")


def test_the_same_request_of_another_version_is_another_request(held: Callable[..., Response]) -> None:
    """Whoever corrects If-Match is not answered what the version before was refused with; a new key is needed."""
    first = held("k1", **{"If-Match": 'W/"1"'})
    assert held("k1", **{"If-Match": 'W/"1"'}).content == first.content
    problem(held("k1", **{"If-Match": 'W/"2"'}), 422, "invalid-value")
    problem(held("k1"), 422, "invalid-value")


def test_two_callers_may_use_the_same_key(allocated: Service) -> None:
    """Nobody is answered what somebody else was."""
    everything = Grant(Role.MANAGER, EVERY_TRUST)
    answers = []
    for who in ("one", "other"):
        allocated.app.state.door = Known(person(f"test:{who}", "A. Person", everything))
        answers.append(allocated.post("/runs", {"reason": who}, **{"Idempotency-Key": "k1"}))
    assert [answer.status_code for answer in answers] == [202, 202]
    assert "idempotency-replayed" not in answers[1].headers


def test_of_many_at_once_one_is_done(held: Callable[..., Response]) -> None:
    """The others are told that it is under way, or what became of it."""
    answers = at_once(*[lambda: held("k1")] * 5)
    fresh = []
    for answer in answers:
        assert isinstance(answer, Response), answer
        assert answer.status_code in {200, 409}
        fresh += [answer] if answer.status_code == 200 and "idempotency-replayed" not in answer.headers else []
    assert len(fresh) == 1


def test_after_an_answer_that_was_lost_nothing_is_done_again(service: Service, db: Database) -> None:
    """The process died between doing and answering: only a look can tell, so the caller is told to look."""
    loaded(db)
    app: FastAPI = service.app
    done = []

    @app.post("/api/v1/dies", dependencies=[may(Permission.RUNS_START)])
    def die() -> None:
        done.append(1)
        raise ArithmeticError

    assert service.post("/dies", **{"Idempotency-Key": "k1"}).status_code == 500
    problem(service.post("/dies", **{"Idempotency-Key": "k1"}), 409, "conflict")
    assert done == [1]


def test_when_the_database_did_not_answer_the_key_is_free_again(service: Service, db: Database) -> None:
    """Nothing was done, and 503 says so: the same request may come again."""
    loaded(db)
    app: FastAPI = service.app
    fails = [True, False]

    @app.post("/api/v1/busy", dependencies=[may(Permission.RUNS_START)])
    def busy() -> str:
        if fails.pop(0):
            raise OperationalError("", {}, Exception("locked"))
        return "done"

    assert service.post("/busy", **{"Idempotency-Key": "k1"}).status_code == 503
    assert service.post("/busy", **{"Idempotency-Key": "k1"}).json() == "done"


def test_a_key_stays_taken_if_something_was_committed_before_the_database_stopped_answering(
    service: Service, db: Database
) -> None:
    """Doing it again could do it twice; only a look can tell, so the caller is told to look."""
    loaded(db)
    app: FastAPI = service.app

    @app.post("/api/v1/half", dependencies=[may(Permission.RUNS_START)])
    def half() -> None:
        request_run(db, NOW, reason="the first half")
        raise OperationalError("", {}, Exception("gone"))

    assert service.post("/half", **{"Idempotency-Key": "k1"}).status_code == 503
    problem(service.post("/half", **{"Idempotency-Key": "k1"}), 409, "conflict")


def test_what_is_looked_for_is_not_kept(allocated: Service, db: Database) -> None:
    """A search changes nothing, and what it finds names patients."""
    answer = allocated.post("/studies/search", {"state": None}, **{"Idempotency-Key": "k1"})
    assert answer.json()["items"]
    with db.session() as session:
        assert session.exec(select(IdempotencyKeyRow)).all() == []


def test_answers_are_forgotten_after_a_day_even_if_nobody_comes(service: Service, db: Database) -> None:
    """The scheduler sees to that."""
    loaded(db)
    service.post("/runs", {"reason": "r"}, **{"Idempotency-Key": "k1"})
    for after, left in ((timedelta(0), 1), (timedelta(seconds=1), 0)):
        keys.purge(db, NOW + keys.KEPT + after)
        with db.session() as session:
            assert len(session.exec(select(IdempotencyKeyRow)).all()) == left


def test_a_key_is_kept_for_a_day(service: Service, db: Database) -> None:
    """After that the same request is a new one; before, it is not."""
    loaded(db)
    service.post("/runs", {"reason": "r"}, **{"Idempotency-Key": "k1"})
    service.clock.at = NOW + keys.KEPT
    again = service.post("/runs", {"reason": "r"}, **{"Idempotency-Key": "k1"})
    assert again.headers["idempotency-replayed"] == "true"
    service.clock.at += timedelta(seconds=1)
    new = service.post("/runs", {"reason": "r"}, **{"Idempotency-Key": "k1"})
    assert "idempotency-replayed" not in new.headers


@pytest.mark.parametrize("key", ["", "x" * 201, "with blank"])
def test_what_is_no_key_is_refused(allocated: Service, key: str) -> None:
    """Rather than taken for none: the caller relies on it."""
    problem(allocated.post("/runs", **{"Idempotency-Key": key}), 422, "invalid-value")


def test_everything_that_changes_something_takes_a_key(service: Service) -> None:
    """Of the document, so that whatever is added takes one too."""
    document = service.app.openapi()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            changes = method.upper() in WRITES and not path.endswith("/studies/search")
            assert ("Idempotency-Key" in names) == changes, (method, path)

"""Every route there is, and every one to come, says who may call it and shows nobody anything beyond their reach.

The routes are those of the application itself. One with a parameter that nobody has met here fails until it is said
below what its values are.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import RouteContext, iter_route_contexts
from httpx2 import Response
from sqlmodel import select

from balancer.api.callers import UNGUARDED, May, UndeclaredError, declared, require_declarations
from balancer.api.serving import Served
from balancer.domain.actor import EVERY_TRUST, NOWHERE, Actor, Reach
from balancer.domain.permission import MAY, Permission, Role
from balancer.ingest.network_folder import read_network
from balancer.publish.fhir.bundle import ISSUES
from balancer.publish.problem_folder import policy_text
from balancer.publish.ups.json_model import model_of
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.store import limits, workitems
from balancer.store.database import Database
from balancer.store.tables import BatchRow, QuarantineRow, RunRow
from balancer.store.tables_assignments import WorklistRevisionRow
from balancer.store.tables_drafts import DraftRow
from balancer.store.tables_feed_words import FeedWordRow
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_life import ExceptionRow, ReadRow
from balancer.store.tables_outbox import LetterRow
from tests.access.doors import MANAGER_AND_REPORTER, MANAGER_EAST, MANAGER_WEST, REPORTER, SYSTEM_EAST, Known, holding
from tests.access.two_trusts import EAST, OF_EAST, OF_WEST, WEST, allocate_both
from tests.api.service import Service, problem
from tests.copies import filled
from tests.creations import UID as CREATED
from tests.creations import request_of
from tests.kent import kent
from tests.networks import TWO_FEEDS
from tests.worlds import EXAMPLE_POLICY

SIGN_IN = {
    "/sign-in",
    "/sign-in/callback",
    "/sign-in/ended",
    "/sign-out",
    "/signed-out",
    "/oauth/token",
    "/.well-known/oauth-authorization-server",
}
FHIRCAST = "/fhircast/.well-known/fhircast-configuration"
# Whoever comes is answered by these and no others.
FOR_ANYBODY = {
    "/about",
    "/docs",
    "/problems",
    "/api/v1/health/live",
    "/api/v1/health/ready",
    "/fhir/metadata",
    FHIRCAST,
}
FOR_ANYBODY |= SIGN_IN


def begun_by(reporter_id: str) -> dict[str, Any]:
    """Return what a PACS sends when somebody begins a step (PS3.18, 11.7)."""
    person = {"00404009": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": [reporter_id]}}]}}
    return {
        "00741000": {"vr": "CS", "Value": ["IN PROGRESS"]},
        "00081195": {"vr": "UI", "Value": ["2.25.1"]},
        "00404035": {"vr": "SQ", "Value": [person]},
    }


def begun_by_patch(reporter_id: str) -> dict[str, Any]:
    """Return what a system sends by FHIR when somebody begins a Task (R4, fhirpatch)."""
    said: dict[str, Any] = {
        "status": {"valueCode": "in-progress"},
        "owner": {"valueReference": {"reference": f"Practitioner/{reporter_id}"}},
    }
    operations: list[dict[str, Any]] = [
        {"type": {"valueCode": "replace"}, "path": {"valueString": f"Task.{name}"}, "value": value}
        for name, value in said.items()
    ]
    parts = [[{"name": name, **value} for name, value in item.items()] for item in operations]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": part} for part in parts]}


STATE_OF_WORKITEM = [f"/dicomweb/workitems/{{workitem}}/{end}" for end in ("state", "state/{requester}")]
# What pages send.
FORMS = {
    "/lists/{reporter_id}/reads/{read_id}/return": {"reason": "other"},
    "/exceptions/{exception_id}/resolve": {"reason": "seen to"},
    **{f"/allocation/runs/{{run_id}}/{verb}": {"reason": "to be tried"} for verb in ("publish", "discard", "undo")},
    "/allocation/moves/leave-out": {"read": "1", "reason": "to be tried"},
    "/runs": {"reason": "to be tried"},
    "/reporters/{reporter_id}/away": {"begins": "2026-03-02T09:00", "until": "2026-03-02"},
    **{
        f"/reporters/{{reporter_id}}/{what}": {"reason": "asked", **decided}
        for what, decided in (
            ("entitle", {"trust": "RVV", "granted": "false"}),
            ("skill", {"subspecialty": "neuro", "level": "1"}),
            ("extra", {"trust": "RVV", "begins": "2026-03-03T09:00", "ends": "2026-03-03T12:00"}),
            ("without", {"trust": "RVV", "session_id": "S1"}),
        )
    },
    "/reporters/{reporter_id}/decisions/{instruction_id}/withdraw": {"reason": "mistaken"},
    "/studies/{study_id}/stage": {"act": "bar", "reporter": "R1", "reason": "asked"},
    "/studies/{study_id}/expedite": {"act": "expedite", "date": "2026-03-02", "time": "09:00", "reason": "asked"},
    "/studies/{study_id}/decisions/{instruction_id}/withdraw": {"reason": "mistaken"},
    "/studies/{study_id}/reads/{number}/back": {"reason": "the images have come"},
    **{f"/drafts/{{draft_id}}/{verb}": {"reason": "to be tried"} for verb in ("discard", "undo")},
    "/drafts/{draft_id}/publish": {"reason": "to be tried", "shown": "1"},
    "/rosters/drafts/{draft_id}/confirm": {"shown": "1"},
    "/rosters/cover": {
        "reporter": "R1",
        "begins": "2026-03-03T09:00",
        "ends": "2026-03-03T12:00",
        "at": "2026-03-03am",
        "short": "neuro",
        "reason": "asked",
    },
    "/quarantine/{row_id}/mend": {"meaning": "urgent", "reason": "asked"},
    **{f"/quarantine/{{row_id}}/{verb}": {"reason": "a test patient"} for verb in ("refuse", "reopen")},
    "/policy/propose": {"weights.remote": "1.5", "reason": "to be tried", "base": "1"},
    **{f"/policy/{{policy_id}}/{verb}": {"reason": "to be tried", "base": "1"} for verb in ("approve", "decline")},
    "/quarantine/again": {"feed": "RVV unreported"},
    "/feeds/take": {"feed": "RVV unreported"},
    "/quarantine/words/{word_id}/withdraw": {"reason": "asked"},
}
# What a route that changes something is sent, where nothing at all would be refused before it looks.
BODIES: dict[str, Any] = {
    "/api/v1/studies/search": {"state": None},
    "/api/v1/batches/{batch_id}/release": {"decided_by": "A. Person"},
    "/api/v1/batches/{batch_id}/discard": {"decided_by": "A. Person"},
    **{f"/api/v1/reads/{{read_id}}/{verb}": {"reporter_id": "R1"} for verb in ("claim", "heartbeat", "release")},
    "/api/v1/reads/{read_id}/complete": {"reporter_id": "R1"},
    **{f"/api/v1/reads/{{read_id}}/{verb}": {"reporter_id": "R1", "reason": "asked"} for verb in ("pin", "bar")},
    "/api/v1/reads/{read_id}/exclude": {"reason": "a duplicate", "approver": "Dr A"},
    "/api/v1/reads/{read_id}/park": {"reason": "old films", "until": "2026-03-03T08:00:00Z"},
    "/api/v1/reads/{read_id}/send-out": {
        "reason": "no room",
        "provider": "Farsight",
        "due_back_at": "2026-03-03T08:00:00Z",
    },
    **{
        f"/api/v1/reads/{{read_id}}/{verb}": {"reason": "asked"}
        for verb in ("readmit", "recall", "reopen", "take-over")
    },
    "/api/v1/instructions/{instruction_id}/withdraw": {"reason": "mistaken"},
    "/api/v1/reporters/{reporter_id}/overrides/{instruction_id}/withdraw": {"reason": "mistaken"},
    "/api/v1/studies/expedite": {
        "trust": "RWF",
        "accession_number": "WEST-1",
        "due_at": "2026-03-02T09:00:00Z",
        "reason": "the clinic is today",
    },
    **{
        f"/api/v1/reporters/{{reporter_id}}/{what}": {"trust": "RVV", "reason": "asked", **decided}
        for what, decided in (
            ("absences", {"start": "2026-03-02T08:00:00Z", "end": "2026-03-02T12:00:00Z"}),
            ("sessions", {"start": "2026-03-03T08:00:00Z", "end": "2026-03-03T12:00:00Z"}),
            ("sessions/away", {"session_id": "S1"}),
            ("entitlements", {"granted": False}),
            ("skills", {"subspecialty": "neuro", "level": 1}),
        )
    },
    "/api/v1/studies/correct": {"trust": "RWF", "accession_number": "WEST-1", "minutes": 30, "reason": "asked"},
    "/api/v1/reads/{read_id}/unpark": {"reason": "the images have come"},
    "/api/v1/reads/{read_id}/return": {"reporter_id": "R1", "reason": "other"},
    "/api/v1/exceptions/{exception_id}/resolve": {"resolution": "seen to"},
    "/api/v1/quarantine/{row_id}/meaning": {"meaning": "urgent", "reason": "asked"},
    **{f"/api/v1/quarantine/{{row_id}}/{verb}": {"reason": "a test patient"} for verb in ("refuse", "reopen")},
    "/api/v1/feed-words/{word_id}/withdraw": {"reason": "asked"},
    **{f"/api/v1/runs/{{run_id}}/{verb}": {"reason": "to be tried"} for verb in ("publish", "discard", "undo")},
    "/api/v1/drafts": {"name": "Tuesday", "trust": "RWF"},
    **{f"/api/v1/drafts/{{draft_id}}/{verb}": {"reason": "to be tried"} for verb in ("publish", "discard", "undo")},
    "/dicomweb/workitems": {"00080018": {"vr": "UI", "Value": [CREATED]}, **model_of(request_of(trust="RWF"))},
    "/dicomweb/workitems/{workitem}": {},
    "/fhircast": {
        "id": "e1",
        "timestamp": "2026-03-02T09:00:00Z",
        "event": {"hub.topic": "R1", "hub.event": "UserLogout", "context": []},
    },
    **{path: begun_by("R1") for path in STATE_OF_WORKITEM},
    "/fhir/Task/{task}": begun_by_patch("R1"),
    "/api/v1/policies": {"content": policy_text(EXAMPLE_POLICY), "reason": "to be tried"},
    **{f"/api/v1/policies/{{policy_id}}/{verb}": {"reason": "to be tried"} for verb in ("approve", "decline")},
}


# What is one for all trusts, and shown to whoever reaches every one.
OF_ALL_TRUSTS = {
    "/api/v1/audit",
    "/audit",
    "/api/v1/drafts/{draft_id}/undo",
    "/drafts/{draft_id}/undo",
    *(
        f"{room}/runs/{{run_id}}/{verb}"
        for verb in ("publish", "discard", "undo")
        for room in ("/api/v1", "/allocation")
    ),
    *(f"/api/v1/policies/{{policy_id}}/{verb}" for verb in ("approve", "decline")),
    *(f"/policy/{{policy_id:int}}/{verb}" for verb in ("approve", "decline")),
}
# What the query of a page opens beside it: other things than the page, for whoever has leave to see those.
QUERY_DOORS = [
    ("/rosters", {"draft": "{draft_id}"}, Permission.READS_STEER),
    ("/rosters", {"done": "{draft_id}"}, Permission.READS_STEER),
    ("/rosters", {"short": "neuro", "at": "2026-03-02am"}, Permission.STUDIES_READ),
]
# What a route cannot do without in its query.
QUERIES: dict[str, tuple[str, ...]] = {"/api/v1/assignments": ("trust",)}


@pytest.fixture(scope="module")
def allocated_file(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file of two trusts to copy from."""
    return filled(migrated_sqlite, tmp_path_factory.mktemp("two-trusts"), allocate_both)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Yield one database for all tests: its engine compiles each statement once, and not once a test."""
    db = Database(f"sqlite:///{tmp_path_factory.mktemp('both') / 'both.sqlite'}")
    yield db
    db.close()


@pytest.fixture
def both(allocated_file: Path, opened: Database) -> Database:
    """Return a database of two trusts, anew; that limits hold on every kind of database is shown in tests/store.

    It is copied again if the test before has written anything: most are refused, and look at it only.
    """
    path = Path(opened.engine.url.database or "")
    if path not in _COPIED or _COPIED[path] != _state_of(path):
        opened.engine.dispose()
        for beside in ("-wal", "-shm"):
            path.with_name(path.name + beside).unlink(missing_ok=True)
        shutil.copy(allocated_file, path)
        _COPIED[path] = _state_of(path)
    return copy(opened)  # another one to whoever keeps what they have read by it


def _state_of(path: Path) -> tuple[int, int, int]:
    """Return what changes of a database's files when anything is written: at first in its log, then in the file."""
    file, log = path.stat(), path.with_name(f"{path.name}-wal")
    return file.st_mtime_ns, file.st_size, log.stat().st_size if log.exists() else 0


_COPIED: dict[Path, tuple[int, int, int]] = {}


def _application() -> FastAPI:
    """Return the application, with nothing to serve."""
    return Service(None).app  # type: ignore[arg-type]


APP = _application()


@pytest.fixture(scope="module", autouse=True)
def _described(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let the application read a network folder that describes the feeds of both trusts."""
    network = read_network(kent(tmp_path_factory.mktemp("network")))
    ours = {feed.trust: feed for feed in network.feeds}
    feeds = tuple(replace(ours[feed.trust], name=feed.name) for feed in TWO_FEEDS.feeds)
    APP.state.serving = replace(APP.state.serving, read_network=lambda: replace(network, feeds=feeds))


def served(db: Database, actor: Actor | None) -> Service:
    """Return a service that takes whoever comes for ``actor``: always the same application."""
    service = Service.of(APP, db)
    APP.state.door = Known(actor)
    return service


def _routes(app: FastAPI) -> list[RouteContext]:
    return [route for route in iter_route_contexts(app.routes) if route.path not in UNGUARDED]


def _calls(route: RouteContext) -> list[str]:
    return sorted((route.methods or set()) - {"HEAD", "OPTIONS"})


WALK = [(method, str(route.path)) for route in _routes(APP) for method in _calls(route)]
GUARDED = [(method, path) for method, path in WALK if path not in FOR_ANYBODY]


def _declaration(method: str, path: str) -> May:
    found = (route for route in _routes(APP) if route.path == path and method in (route.methods or ()))
    said = declared(next(found))
    assert said is not None
    return said


def before(db: Database, trust: str) -> str:
    """Return ``contents`` of what every test begins with: each has a copy of the same file."""
    if trust not in _BEFORE:
        _BEFORE[trust] = contents(db, trust)
    return _BEFORE[trust]


_BEFORE: dict[str, str] = {}


def named(db: Database, trust: str) -> dict[str, str]:
    """Return ``values`` of what every test here begins with: each has a copy of the same file."""
    if trust not in _NAMED:
        _NAMED[trust] = values(db, trust)
    return _NAMED[trust]


_NAMED: dict[str, dict[str, str]] = {}


def values(db: Database, trust: str) -> dict[str, str]:
    """Return what stands for each parameter of a path, of one trust."""
    reach = Reach(trusts=frozenset({trust}))
    with db.within(reach).session() as session:
        batch, row = session.exec(select(BatchRow)).first(), session.exec(select(QuarantineRow)).first()
        run, instruction = session.exec(select(RunRow)).first(), session.exec(select(InstructionRow)).first()
        numbering = workitems.numbering(session)
        draft, letter = session.exec(select(DraftRow)).first(), session.exec(select(LetterRow)).first()
        word = session.exec(select(FeedWordRow)).first()
        read, exception = session.exec(select(ReadRow)).first(), session.exec(select(ExceptionRow)).first()
    assert read is not None
    assert instruction is not None
    assert exception is not None
    assert draft is not None
    assert letter is not None
    assert word is not None
    assert batch is not None
    assert row is not None
    assert run is not None
    return {
        "trust": trust,
        "accession_number": (OF_EAST if trust == EAST else OF_WEST)[0],
        "feed": batch.feed,
        "roster": f"{trust} rota",
        "batch_id": str(batch.id),
        "row_id": str(row.id),
        "reporter_id": "R1" if trust == EAST else "R2",
        "run_id": str(run.id),
        "policy_id": "1",
        "read_id": str(read.id),
        "study_id": str(read.study_id),
        "number": "1",
        "workitem": uid_of(WorkitemKey(read.id or 0, 0), numbering),
        "requester": "SOMEAET",
        "task": f"{numbering}-{read.id}",
        "version": "1",
        "subscription": "1",
        "order": f"{numbering}-{read.study_id}",
        "aet": "SOMEAET",
        "exception_id": str(exception.id),
        "instruction_id": str(instruction.id),
        "draft_id": str(draft.id),
        "topic": "R1" if trust == EAST else "R2",
        "letter_id": str(letter.id),
        "name": "20260302T080000Z",
        "file": "001-R1.pdf",
        "word_id": str(word.id),
    }


# Those that say nothing of a trust: whose value it is does not matter.
OF_NO_TRUST = {"run_id", "reporter_id", "requester", "aet", "policy_id", "topic", "name", "file"}


def ask(service: Service, method: str, path: str, known: dict[str, str]) -> Response:
    """Call a route with these values."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        assert name in known, f"say in values() what {{{name}}} of {path} is, for each trust"
        return known[name]

    body = BODIES.get(re.sub(r":\w+}", "}", path))
    form = FORMS.get(re.sub(r":\w+}", "}", path))
    address = re.sub(r"{(\w+)(?::\w+)?}", value, path)
    most = {"_count": "1000", "_include": "*"} if path.startswith("/fhir/") else {"limit": "1000"}
    query = {**most, **{name: known[name] for name in QUERIES.get(path, ())}}
    return service.client.request(method, address, json=body, data=form, params=query if method == "GET" else None)


def refused(answer: Response, path: str, status: int, kind: str) -> None:
    """Ensure that an answer is a problem of this kind, under ``/fhir`` in FHIR's words."""
    if not path.startswith("/fhir/"):
        problem(answer, status, kind)
        return
    (issue, *_) = answer.json()["issue"]
    assert (answer.status_code, issue["code"]) == (status, ISSUES[kind])


def test_the_walk_meets_every_route_of_the_document() -> None:
    """And more: pages are in no document."""
    documented = set(APP.openapi()["paths"])
    assert documented <= {re.sub(r":\w+}", "}", path) for _, path in WALK}
    assert len(WALK) > 25


def test_what_is_for_anybody_is_listed() -> None:
    """A route that becomes one is noticed."""
    assert {path for method, path in WALK if not _declaration(method, path).permissions} == FOR_ANYBODY


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_nobody_is_served_who_does_not_say_who_they_are(method: str, path: str, both: Database) -> None:
    """401 before anything is looked at, even for what is not there."""
    known = dict.fromkeys(named(both, EAST), "1")
    refused(ask(served(both, None), method, path, known), path, 401, "sign-in-needed")


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("role", Role)
def test_a_role_is_let_in_exactly_where_it_may(method: str, path: str, role: Role, both: Database) -> None:
    """By the one table of who may what."""
    at = EVERY_TRUST if path in OF_ALL_TRUSTS else EAST
    answer = ask(served(both, holding(role, at)), method, path, named(both, EAST))
    if MAY[role].isdisjoint(_declaration(method, path).permissions):
        refused(answer, path, 403, "not-allowed")
    else:
        assert answer.status_code not in {401, 403}, answer.text


@pytest.mark.parametrize(("path", "query", "permission"), QUERY_DOORS)
@pytest.mark.parametrize("role", Role)
def test_what_a_query_opens_asks_for_leave_of_its_own(
    path: str, query: dict[str, str], permission: Permission, role: Role, both: Database
) -> None:
    """Whoever may see the page and not that is refused, and not given the page around it."""
    query = {name: value.format(**named(both, EAST)) for name, value in query.items()}
    answer = served(both, holding(role, EAST)).client.get(path, params=query)
    if permission in MAY[role] and not MAY[role].isdisjoint(_declaration("GET", path).permissions):
        assert answer.status_code in {200, 404}, answer.text
    else:
        problem(answer, 403, "not-allowed")


def contents(db: Database, trust: str) -> str:
    """Return everything in the database that belongs to a trust.

    A list holds reads of several trusts, so that its revision, a number that says no more, rises for each of them.
    """
    with db.within(Reach(trusts=frozenset({trust}))).session() as session:
        return repr([
            sorted(repr(row) for row in session.exec(select(table)))
            for table, limit in limits.LIMITS.items()
            if limit is not limits.OPEN and table is not WorklistRevisionRow
        ])  # fmt: skip


@pytest.mark.parametrize(("method", "path"), GUARDED)
@pytest.mark.parametrize("caller", [MANAGER_EAST, SYSTEM_EAST], ids=["manager", "system"])
@pytest.mark.parametrize("asked", [EAST, WEST])
def test_no_route_shows_or_changes_anything_of_another_trust(
    method: str, path: str, caller: Actor, asked: str, both: Database
) -> None:
    """Whether it is asked about one's own trust or about the other: not a number, not a patient, not a row."""
    begun = before(both, WEST)
    answer = ask(served(both, caller), method, path, named(both, asked))
    assert answer.status_code < 500, answer.text
    assert "WEST-" not in answer.text
    assert contents(both, WEST) == begun
    names = set(re.findall(r"{(\w+)", path)) - OF_NO_TRUST
    if asked == WEST and names:
        nothing: tuple[dict[str, object], ...] = ({"items": []}, {"items": [], "next_cursor": None})
        assert answer.status_code in {403, 404} or answer.json() in nothing, answer.text


def test_the_walk_would_have_seen_it(both: Database) -> None:
    """Whoever does hold the trust is shown its studies, patients and rows by many a route."""
    service = served(both, MANAGER_WEST)
    shown = {path for method, path in GUARDED if "WEST-" in ask(service, method, path, named(both, WEST)).text}
    assert {
        "/api/v1/studies",
        "/api/v1/studies/{trust}/{accession_number:path}",
        "/api/v1/worklists/{reporter_id}",
        "/api/v1/assignments",
        "/api/v1/quarantine",
        "/fhir/Task",
        "/fhir/Task/_search",
        "/fhir/Task/{task}",
        "/fhir/ServiceRequest/{order}",
    } <= shown


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_no_route_shows_a_reporter_what_is_on_another_reporters_list(method: str, path: str, both: Database) -> None:
    """R1 has EAST-1 and WEST-1; R2 has WEST-2 and EAST-2; EAST-3 is nobody's."""
    service = served(both, REPORTER)
    for trust in (EAST, WEST):
        text = ask(service, method, path, named(both, trust)).text
        assert [number for number in ("WEST-2", "EAST-2", "EAST-3") if number in text] == []


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_a_manager_who_also_reports_for_another_trust_does_nothing_there_in_a_colleagues_name(
    method: str, path: str, both: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R1 is a manager of East; of West they may change what is their own, and nothing as R2."""
    body = {**BODIES.get(path, {}), "reporter_id": "R2"}
    if "reporter_id" in BODIES.get(path, {}):
        monkeypatch.setitem(BODIES, path, body)
    if path in STATE_OF_WORKITEM:
        monkeypatch.setitem(BODIES, path, begun_by("R2"))
    if path == "/fhir/Task/{task}":
        monkeypatch.setitem(BODIES, path, begun_by_patch("R2"))
    begun = before(both, WEST)
    answer = ask(served(both, MANAGER_AND_REPORTER), method, path, named(both, WEST))
    assert answer.status_code < 500, answer.text
    if "reporter_id" in BODIES.get(path, {}):
        problem(answer, 404, "not-found")
    assert contents(both, WEST) == begun


def test_a_reporter_sees_their_own_list_whole(both: Database) -> None:
    """Of whichever trust; somebody else's is refused."""
    service = served(both, REPORTER)
    numbers = [item["accession_number"] for item in service.ask("/worklists/R1")["items"]]
    assert numbers == ["EAST-1", "WEST-1"]
    problem(service.get("/worklists/R2"), 403, "not-allowed")


def test_a_manager_is_told_that_a_list_has_more_than_they_are_shown(both: Database) -> None:
    """A list cut in silence would look like a reporter with little to do."""
    found = served(both, MANAGER_EAST).ask("/worklists/R1")
    assert ([item["accession_number"] for item in found["items"]], found["withheld"]) == (["EAST-1"], 1)
    assert served(both, REPORTER).ask("/worklists/R1")["withheld"] == 0


def test_rows_are_read_again_of_ones_own_trust_whatever_is_named(both: Database) -> None:
    """All of them without a name; the other trust's feed is not there."""
    service = served(both, MANAGER_EAST)
    answer = service.post("/quarantine/replay")
    assert answer.status_code == 200, answer.text
    assert [batch["feed"] for batch in answer.json()["items"]] == ["RVV unreported"]
    for name in (WEST, "RWF unreported"):
        problem(service.post("/quarantine/replay", {"feed": name}), 404, "not-found")


def test_an_auditor_of_one_trust_is_told_that_the_trail_is_not_theirs(both: Database) -> None:
    """An empty trail would look like a trust at which nothing was ever done."""
    problem(served(both, holding(Role.AUDITOR, EAST)).get("/audit"), 403, "not-allowed")


def test_nobody_learns_whether_another_trusts_feed_has_changed(both: Database) -> None:
    """An ETag that its own system had once, shown by another: 404, and no word of whether it still holds."""
    tag = served(both, MANAGER_WEST).get("/assignments", trust=WEST).headers["etag"]
    asked = served(both, MANAGER_EAST).client.get(
        "/api/v1/assignments", params={"trust": WEST}, headers={"If-None-Match": tag}
    )
    problem(asked, 404, "not-found")


def test_a_list_withholds_what_is_still_on_it_and_nothing_else(both: Database) -> None:
    """What R1 has reported or handed back of the other trust is on nobody's list: there is no more to be read."""
    reporter, manager = served(both, REPORTER), Service(both, door=Known(MANAGER_EAST))
    west = next(item for item in reporter.ask("/worklists/R1")["items"] if item["trust"] == WEST)
    reporter.post(f"/reads/{west['read_id']}/claim", {"reporter_id": "R1"})
    assert manager.ask("/worklists/R1")["withheld"] == 1
    assert reporter.post(f"/reads/{west['read_id']}/complete", {"reporter_id": "R1"}).json()["accepted"]
    assert manager.ask("/worklists/R1")["withheld"] == 0


def test_who_opens_the_next_read_hears_of_those_they_may_not_see(both: Database) -> None:
    """R2's list begins with one of West: East's PACS opens the one after it, and then there is none and one is left."""
    pacs = served(both, SYSTEM_EAST)
    found = pacs.post("/worklists/R2/next").json()
    assert (found["claim"]["reporter_id"], found["withheld"]) == ("R2", 1)
    assert pacs.post("/worklists/R2/next").json() == {"claim": None, "withheld": 1}
    assert served(both, REPORTER).post("/worklists/R1/next").json()["withheld"] == 0


@pytest.fixture
def forgetful() -> APIRouter:
    """A route that does not say who may call it."""
    router = APIRouter()

    @router.get("/everything")
    def everything(served: Served) -> str:
        with served.database.session() as session:
            return json.dumps([row.accession_number for row in session.exec(select(QuarantineRow))])

    return router


def test_a_route_that_does_not_say_who_may_call_it_keeps_the_service_from_starting(forgetful: APIRouter) -> None:
    """By its name, wherever it was put."""
    app = _application()
    app.include_router(forgetful, prefix="/api/v1")
    with pytest.raises(UndeclaredError, match="/api/v1/everything"):
        require_declarations(app)


def test_a_route_that_does_not_say_who_may_call_it_gets_no_database(forgetful: APIRouter, both: Database) -> None:
    """Should it be added to a service that runs."""
    service = Service(both)
    service.app.include_router(forgetful, prefix="/api/v1")
    problem(service.get("/everything"), 500, "internal-error")


def test_nobody_reaches_anything_through_a_route_for_anybody(both: Database) -> None:
    """Its database holds no row of any trust."""
    with both.within(NOWHERE).session() as session:
        assert session.exec(select(QuarantineRow)).all() == []

"""Rosters, reporters and corrections over the wire: what is said, what holds, and who may make the difference."""

from __future__ import annotations

from typing import Any

import pytest
from httpx2 import Response

from balancer.store.database import Database
from tests.access.doors import MANAGER_EAST, MANAGER_WEST, REPORTER, Known
from tests.api.service import Service, problem
from tests.api.small_network import allocate

EAST = {"trust": "RVV", "reason": "asked"}
WEST = {"trust": "RWF", "reason": "asked"}
MORNING = {"start": "2026-03-02T08:30:00Z", "end": "2026-03-02T09:00:00Z"}


@pytest.fixture
def manager(db: Database) -> Service:
    """Return a service on the small network, asked by a manager of RVV, on whose roster R1 and R2 stand until 10:30."""
    allocate(db)
    return Service(db, door=Known(MANAGER_EAST))


@pytest.fixture
def other(manager: Service, db: Database) -> Service:
    """Return a service on the same, asked by a manager of RWF, R2's home."""
    assert manager
    return Service(db, door=Known(MANAGER_WEST))


def made(service: Service, path: str, body: dict[str, Any]) -> int:
    """Decide and return the decision's number."""
    answer = service.post(path, body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["instruction_id"])


def entries(service: Service, **query: Any) -> dict[str, dict[str, Any]]:
    """Return a week of the roster by session."""
    return {entry["session_id"]: entry for entry in service.ask("/roster", **query)["sessions"]}


def held(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what holds of a session, as hours and minutes."""
    return [(part["start"][11:16], part["end"][11:16]) for part in entry["holds"]]


def taken_back(service: Service, number: int) -> Response:
    """Take a decision about R1 back."""
    return service.post(f"/reporters/R1/overrides/{number}/withdraw", {"reason": "well again"})


def test_a_week_of_the_roster_shows_what_is_said_and_what_holds(manager: Service) -> None:
    """An absence leaves two parts; it is listed with why; taken back, the roster's word holds again."""
    number = made(manager, "/reporters/R1/absences", {**EAST, **MORNING})
    week = manager.ask("/roster")
    assert week["week"] == "2026-03-02"
    assert [(away["reporter_id"], away["reason"]) for away in week["absences"]] == [("R1", "asked")]
    first = entries(manager)["S1"]
    assert (first["differs"], first["instruction_id"]) == (True, number)
    assert first["said"] == {"session_id": "S1", "start": "2026-03-02T08:00:00Z", "end": "2026-03-02T10:30:00Z"}
    assert held(first) == [("08:00", "08:30"), ("09:00", "10:30")]
    assert (entries(manager)["S2"]["differs"], entries(manager)["S2"]["instruction_id"]) == (False, None)
    ended = taken_back(manager, number)
    assert (ended.json()["state"], ended.json()["ended_why"]) == ("withdrawn", "well again")
    assert not entries(manager)["S1"]["differs"]
    problem(taken_back(manager, number), 409, "conflict")


def test_what_was_promised_of_taking_a_decision_back_holds(manager: Service) -> None:
    """Why it is taken back was once said in the address."""
    number = made(manager, "/reporters/R1/absences", {**EAST, **MORNING})
    ended = manager.client.delete(f"/api/v1/reporters/R1/overrides/{number}", params={"reason": "well again"})
    assert (ended.json()["state"], ended.json()["ended_why"]) == ("withdrawn", "well again")


def test_sessions_are_added_and_taken_away(manager: Service) -> None:
    """One that was added is said by no roster; of one that was taken away nothing holds; both name the decision."""
    more = made(
        manager,
        "/reporters/R1/sessions",
        {**EAST, "start": "2026-03-03T13:00:00Z", "end": "2026-03-03T17:00:00Z", "modalities": ["CT"]},
    )
    less = made(manager, "/reporters/R1/sessions/away", {**EAST, "session_id": "S1"})
    found = entries(manager, reporter_id="R1")
    assert list(found) == ["S1", f"extra-{more}"]
    assert (held(found["S1"]), found["S1"]["instruction_id"]) == ([], less)
    assert entries(manager)["S2"]["instruction_id"] is None
    extra = found[f"extra-{more}"]
    assert (extra["said"], held(extra), extra["instruction_id"]) == (None, [("13:00", "17:00")], more)
    assert entries(manager, week="2026-03-10") == {}
    problem(manager.post("/reporters/R1/sessions/away", {**EAST, "session_id": "S7"}), 404, "not-found")


def test_a_reporter_is_shown_as_they_hold_with_what_was_decided(manager: Service, other: Service) -> None:
    """The difference to the network's list stays visible to the trust that made it."""
    number = made(other, "/reporters/R1/entitlements", {**WEST, "granted": False, "until": "2026-03-31"})
    level = made(manager, "/reporters/R1/skills", {**EAST, "subspecialty": "neuro", "level": 1})
    assert other.ask("/reporters/R1")["entitlements"] == [{"trust": "RVV", "expires_on": None}]
    (shown,) = other.ask("/reporters/R1")["overridden"]
    assert (shown["instruction_id"], shown["about"], shown["said"], shown["holds"]) == (
        number,
        "RWF",
        "for good",
        None,
    )
    east = manager.ask("/reporters/R1")
    assert [skill["level"] for skill in east["skills"] if skill["subspecialty"] == "neuro"] == [1]
    assert [(shown["about"], shown["said"], shown["holds"]) for shown in east["overridden"]] == [
        ("neuro", "specialist", "fallback")
    ]
    assert east in manager.ask("/reporters")["items"]
    assert level != number


def test_nobody_decides_for_another_trust(manager: Service, other: Service) -> None:
    """R1 is of RVV and may report for RWF; each trust decides what is its own."""
    problem(other.post("/reporters/R1/absences", {**EAST, **MORNING}), 404, "not-found")
    problem(other.post("/reporters/R1/entitlements", {**EAST, "granted": False}), 404, "not-found")
    problem(other.post("/reporters/R1/skills", {**WEST, "subspecialty": "neuro", "level": 0}), 403, "not-allowed")
    problem(other.post("/reporters/R1/sessions/away", {**WEST, "session_id": "S1"}), 404, "not-found")
    number = made(manager, "/reporters/R1/absences", {**EAST, **MORNING})
    problem(taken_back(other, number), 404, "not-found")
    problem(other.client.delete(f"/api/v1/reporters/R1/overrides/{number}"), 404, "not-found")
    problem(other.post("/studies/correct", {**EAST, "accession_number": "A1", "minutes": 30}), 404, "not-found")


def test_a_reporter_changes_nobodys_roster(manager: Service, db: Database) -> None:
    """Nor their own: a manager answers for it. They see it."""
    assert manager
    service = Service(db, door=Known(REPORTER))
    problem(service.post("/reporters/R1/absences", {**EAST, **MORNING}), 403, "not-allowed")
    assert list(entries(service)) == ["S1"]


def test_a_correction_is_entered_and_shown(manager: Service) -> None:
    """The study keeps its feed's word; the decision says what counts."""
    asked = {**EAST, "accession_number": "A1", "minutes": 30, "priority": "emergency"}
    answer = manager.post("/studies/correct", asked)
    assert (answer.status_code, answer.json()["value"]) == (200, {"minutes": 30.0, "priority": "emergency"})
    problem(manager.post("/studies/correct", {**EAST, "accession_number": "A1", "minutes": 7}), 409, "conflict")
    problem(manager.post("/studies/correct", {**EAST, "accession_number": "A1"}), 422, "invalid-value")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("absences", {"start": "2026-03-04T08:00:00Z", "end": "2026-03-03T08:00:00Z"}),
        ("absences", {"start": 0, "end": "2026-03-03T08:00:00Z"}),
        ("sessions", {**MORNING, "productivity": 1.5}),
        ("sessions", {**MORNING, "trusts": ["XXX"]}),
        ("entitlements", {"granted": 1}),
        ("entitlements", {"granted": False, "until": 0}),
        ("skills", {"subspecialty": "neuro", "level": 4}),
        ("skills", {"subspecialty": "nerves", "level": 3}),
    ],
)
def test_what_makes_no_sense_is_refused(manager: Service, path: str, body: dict[str, Any]) -> None:
    """With what is wrong."""
    problem(manager.post(f"/reporters/R1/{path}", {**EAST, **body}), 422, "invalid-value")


def test_what_is_over_is_too_late(manager: Service) -> None:
    """Not wrong in itself: the clock has gone on."""
    past = {"start": "2026-03-01T08:00:00Z", "end": "2026-03-01T12:00:00Z"}
    problem(manager.post("/reporters/R1/absences", {**EAST, **past}), 409, "conflict")
    problem(
        manager.post("/reporters/R1/entitlements", {**EAST, "granted": False, "until": "2026-03-01"}), 409, "conflict"
    )


def test_the_same_request_with_the_same_key_is_decided_once(manager: Service) -> None:
    """The answer was lost."""
    for _ in range(2):
        manager.post("/reporters/R1/absences", {**EAST, **MORNING}, **{"Idempotency-Key": "k1"})
    assert len(manager.ask("/roster")["absences"]) == 1


def test_what_holds_of_a_study_is_shown_wherever_it_is_shown_with_what_the_feed_said(manager: Service) -> None:
    """Its page, the list of studies, the reporter's list and the change feed; and again once it is taken back."""
    said = {
        "priority": "urgent", "exam_code": "CTH", "modality": "CT", "subspecialty": "neuro", "expected_minutes": 7.0,
        "ready_at": None, "due_at": manager.ask("/studies/RVV/A1")["due_at"],
    }  # fmt: skip
    before, cursor = manager.get("/worklists/R1"), manager.ask("/assignments", trust="RVV")["cursor"]
    asked = {**EAST, "accession_number": "A1", "minutes": 30, "priority": "emergency"}
    number = manager.post("/studies/correct", asked).json()["instruction_id"]
    sooner = {**EAST, "accession_number": "A2", "due_at": "2026-03-02T08:20:00Z"}
    assert manager.post("/studies/expedite", sooner).status_code == 200
    study = manager.ask("/studies/RVV/A1")
    listed = manager.client.get("/api/v1/worklists/R1", headers={"If-None-Match": before.headers["etag"]}).json()
    assigned, other = manager.ask("/assignments", trust="RVV", since=cursor)["items"]
    assert (other["accession_number"], other["due_at"]) == ("A2", "2026-03-02T08:20:00Z")
    for shown in (study, _first(manager), listed["items"][0], assigned):
        assert (shown["priority"], shown["due_at"], shown["said"]) == ("emergency", "2026-03-02T08:00:00Z", said)
    assert (study["expected_minutes"], listed["items"][0]["expected_minutes"]) == (30, 30)
    second = manager.ask("/studies/RVV/A2")
    assert (second["due_at_source"], second["reads"][0]["due_at"]) == ("person", "2026-03-02T08:20:00Z")
    assert (second["said"]["due_at"], listed["items"][1]["due_at"]) == (said["due_at"], "2026-03-02T08:20:00Z")
    assert manager.ask("/studies/RVV/A3")["said"] is None
    assert manager.post("/studies/expedite", {**sooner, "accession_number": "A3"}).status_code == 200
    (unplaced,) = manager.ask("/unallocated")["items"]
    assert (unplaced["due_at"], unplaced["said"]["due_at"]) == ("2026-03-02T08:20:00Z", said["due_at"])
    manager.post(f"/instructions/{number}/withdraw", {"reason": "no need"})
    assert manager.ask("/worklists/R1")["items"][0]["priority"] == "urgent"
    assert manager.ask("/studies/RVV/A1")["said"] is None


def _first(service: Service) -> Any:
    return service.ask("/studies", sort="accession_number")["items"][0]

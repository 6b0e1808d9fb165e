"""Studies over the wire: found, filtered, paged, and each read in one state."""

from __future__ import annotations

import pytest

from balancer.domain.study import StudyKey
from balancer.services.correct_study import correct_study
from balancer.services.expedite_study import expedite_study
from balancer.services.steer_read import Said
from balancer.store import pages
from balancer.store.database import Database
from tests.api.service import Service, problem
from tests.networks import claimed, minutes
from tests.services.test_drafts import MANAGER
from tests.worlds import NOW


def _numbers(found: dict[str, list[dict[str, str]]]) -> list[str]:
    return [item["accession_number"] for item in found["items"]]


def test_every_open_study_is_listed_with_where_its_reads_stand(allocated: Service) -> None:
    """A1 and A2 are on R1's list, A3 has no place."""
    found = allocated.ask("/studies", sort="accession_number")
    states = {item["accession_number"]: item["reads"][0] for item in found["items"]}
    assert found["total"] == 3
    assert {number: read["state"] for number, read in states.items()} == {
        "A1": "allocated",
        "A2": "allocated",
        "A3": "unallocated",
    }
    assert (states["A1"]["reporter_id"], states["A3"]["unallocated_reason"]) == ("R1", "deferred")


def test_a_claimed_read_is_claimed_wherever_the_plan_has_it(allocated: Service, db: Database) -> None:
    """Whoever has opened a study has it."""
    claimed(db, "A3", "R2")
    read = allocated.ask("/studies/RVV/A3")["reads"][0]
    assert (read["state"], read["claimed_by"]) == ("claimed", "R2")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"trust": "RVV"}, ["A1", "A2", "A3"]),
        ({"trust": "RWF"}, []),
        ({"reporter_id": "R1"}, ["A1", "A2"]),
        ({"text": "a3"}, ["A3"]),
        ({"text": "H-A2"}, ["A2"]),
        ({"text": "100%"}, []),
        ({"modality": "MR"}, []),
        ({"state": "withdrawn"}, []),
        ({"sort": "-accession_number"}, ["A3", "A2", "A1"]),
        ({"limit": 1, "sort": "accession_number"}, ["A1"]),
    ],
)
def test_studies_are_found_by_what_people_look_for(
    allocated: Service, query: dict[str, str], expected: list[str]
) -> None:
    """Filters narrow, order orders, and a wildcard in the text is plain text."""
    assert _numbers(allocated.ask("/studies", **{"sort": "accession_number", **query})) == expected


def test_studies_are_found_as_what_they_are_shown_to_be(allocated: Service, db: Database) -> None:
    """Though their feed says otherwise: by what somebody has corrected, and before what is due later."""
    asked, said = StudyKey("RVV", "A3"), Said(reason="the ward rang")
    correct_study(db, asked, {"subspecialty": "msk"}, NOW, by=MANAGER, said=said)
    expedite_study(db, asked, minutes(30), NOW, by=MANAGER, said=said)
    (found,) = allocated.ask("/studies", subspecialty="msk")["items"]
    assert (found["accession_number"], found["subspecialty"]) == ("A3", "msk")
    assert _numbers(allocated.ask("/studies", subspecialty=found["said"]["subspecialty"], sort="accession_number")) == [
        "A1",
        "A2",
    ]
    assert _numbers(allocated.ask("/studies", sort="-due_at"))[-1] == "A3"


def test_pages_follow_each_other_until_the_last(allocated: Service) -> None:
    """Every study once, in order, whatever the size of a page."""
    seen, cursor = [], None
    while True:
        page = allocated.ask("/studies", limit=2, sort="-due_at", **({"cursor": cursor} if cursor else {}))
        seen += _numbers(page)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == ["A1", "A2", "A3"]


def test_a_cursor_that_is_none_is_refused(allocated: Service) -> None:
    """Made up, or of another list: an error, never the wrong page."""
    for cursor in ("bm90IGEgY3Vyc29y", "?", allocated.ask("/studies", limit=1, sort="-due_at")["next_cursor"]):
        problem(allocated.get("/studies", cursor=cursor), 404, "no-such-page")
    assert allocated.ask("/studies", cursor="")["total"] == 3


@pytest.mark.parametrize("values", [["2026-03-02T08:00:00+00:00", "x"], ["2026-03-02T08:00:00+00:00", 10**30], [1, 1]])
def test_a_cursor_that_somebody_made_up_is_no_page(allocated: Service, values: list[object]) -> None:
    """On every kind of database: none is asked to compare a number with a word."""
    problem(allocated.get("/studies", cursor=pages.cursor("due_at", *values)), 404, "no-such-page")


def test_a_study_is_known_by_trust_and_accession_number_together(allocated: Service) -> None:
    """Another trust's A1 is another study."""
    found = allocated.ask("/studies/RVV/A1")
    assert (found["local_patient_id"], found["due_at_source"], found["prior_reporter_id"]) == ("H-A1", "policy", "R1")
    problem(allocated.get("/studies/RWF/A1"), 404, "not-found")


def test_a_refusal_does_not_repeat_the_accession_number(allocated: Service) -> None:
    """Answers are logged by proxies; what was asked for is the caller's business."""
    assert "B77" not in allocated.get("/studies/RVV/B77").text


def test_what_has_no_place_is_listed_with_the_reason(allocated: Service) -> None:
    """And counted by trust and reason."""
    found = allocated.ask("/unallocated")
    assert [(item["accession_number"], item["reason"]) for item in found["items"]] == [("A3", "deferred")]
    assert allocated.ask("/unallocated", reason="no_session")["items"] == []
    assert allocated.ask("/unallocated/reasons")["items"] == [{"trust": "RVV", "reason": "deferred", "reads": 1}]


def test_the_balance_accounts_for_every_read(allocated: Service) -> None:
    """Three reads: two allocated, one without a place; a row is not a study yet."""
    east, west = allocated.ask("/balance")["items"]
    assert (east["trust"], east["open_reads"], east["allocated"], east["unallocated"], east["unplanned"]) == (
        "RVV", 3, 2, 1, 0,
    )  # fmt: skip
    assert (east["quarantined_rows"], east["balanced"], west["open_reads"]) == (1, True, 0)


def test_an_instant_without_offset_is_refused(allocated: Service) -> None:
    """09:00 with no offset is two different instants a year in London."""
    problem(allocated.get("/reporters/R1/sessions", start="2026-03-02T09:00:00"), 422, "invalid-value")


def test_sessions_are_those_that_reach_into_the_span(allocated: Service) -> None:
    """A span given in London's summer time means the instant it means."""
    found = allocated.ask("/reporters/R1/sessions", start="2026-03-02T11:29:00+01:00", end="2026-03-02T12:00:00Z")
    assert [item["session_id"] for item in found["items"]] == ["S1"]
    assert allocated.ask("/reporters/R1/sessions", start="2026-03-02T11:30:00+01:00")["items"] == []


def test_reporters_are_shown_with_their_scope(allocated: Service) -> None:
    """Entitlements and skills as the network states them."""
    found = allocated.ask("/reporters/R1")
    assert [item["trust"] for item in found["entitlements"]] == ["RVV", "RWF"]
    assert found["skills"][1] == {"subspecialty": "neuro", "modality": None, "level": 3, "meaning": "specialist"}
    assert [item["reporter_id"] for item in allocated.ask("/reporters", trust="RWF")["items"]] == ["R1", "R2"]
    problem(allocated.get("/reporters/R9/sessions"), 404, "not-found")

"""Runs as pages: the list, one run against the one before, asking for another, and how quality is said."""

from __future__ import annotations

import re
from typing import Any

import pytest

from balancer.domain.states import RunKind, RunState
from balancer.store import runs
from balancer.store.database import Database
from balancer.store.tables import RunRow
from balancer.web.class_marks import class_marks
from balancer.web.run_pages import gap_words, run_page
from tests.api.service import Service
from tests.networks import minutes
from tests.services.test_held_runs import held_run, holding
from tests.web.pages_served import service_with_sign_in
from tests.web.test_allocation import MOVING, page, rows
from tests.web.test_lists import ORIGIN, be
from tests.worlds import EXAMPLE_POLICY, NOW


@pytest.fixture
def service(sqlite_db: Database) -> Service:
    """Return a service with one run that is published and one that waits."""
    holding(sqlite_db)
    held_run(sqlite_db, MOVING)
    service = service_with_sign_in(sqlite_db)
    service.clock.at = minutes(2)
    be(service, "operator")
    return service


def row(**stated: Any) -> RunRow:
    """Return a run that is published."""
    columns: dict[str, Any] = {
        "id": 7,
        "kind": RunKind.ALLOCATION,
        "state": RunState.PUBLISHED,
        "token": 0,
        "now": NOW,
        "started_at": NOW,
        "seed": 0,
        "progress": {},
        "warnings": [],
    }
    return RunRow(**{**columns, **stated})


@pytest.mark.parametrize(
    ("gap", "words"),
    [(0.0071, "Within 0.7% of the best possible"), (0.999, "No bound for this run"), (None, "")],
)
def test_quality_is_said_only_where_it_is_proven(gap: float | None, words: str) -> None:
    """So near to all of it, nothing is known."""
    assert gap_words(row(gap=gap)) == words


def test_a_run_stands_beside_the_one_before() -> None:
    """By term, and by class with the longest wait against its ceiling."""
    before = row(id=6, terms={"clinical": 90.0, "load": 10.0}, total=100.0, late={"urgent": 3})
    run = row(
        terms={"clinical": 70.0, "load": 12.0},
        total=82.0,
        late={"routine": 1, "urgent": 2},
        longest_wait_hours={"urgent": 170.0, "routine": 5.0},
    )
    found = run_page(run, before, EXAMPLE_POLICY, class_marks(EXAMPLE_POLICY), NOW)
    assert [(term.name, term.difference) for term in found.terms[:3]] == [
        ("Clinical", -20.0),
        ("Load", 2.0),
        ("Total", -18.0),
    ]
    urgent, routine = found.waits
    assert (urgent.late, urgent.late_was, urgent.over_words) == (2, 3, "over by 2 h")
    assert (routine.late_was, routine.is_over, routine.ceiling_words) == (0, False, "28 days")


def test_runs_are_listed_newest_first_and_filtered(service: Service) -> None:
    """Each leads to its page."""
    assert [found["run"] for found in rows(service, "/runs?as=csv")] == ["2", "1"]
    assert [found["run"] for found in rows(service, "/runs?as=csv&state=held")] == ["2"]
    assert rows(service, "/runs?as=csv&kind=preview") == []
    assert "Run 2: waits to be published" in page(service, "/runs/2")


def test_points_lead_to_what_they_are_made_of(service: Service) -> None:
    """In the list of runs to the run's terms; the run says of what no list is kept."""
    (link,) = re.findall(r'href="(/runs/2)#terms-heading"', page(service, "/runs"))
    shown = page(service, link)
    assert 'id="terms-heading"' in shown
    assert "what each read had in it is not kept" in shown
    assert "which studies these were is not kept" in shown


def test_whom_a_run_moved_is_for_whoever_decides_about_plans(service: Service) -> None:
    """Running the service does not need to know which studies there are."""
    assert {found["why"] for found in rows(service, "/runs/2/moves?as=csv")} == {
        "No place: fits, at a higher cost",
        "The whole plan is better so",
    }
    be(service, "administrator@RVV")
    assert "Whom it moved" not in page(service, "/runs/2")
    assert service.client.get("/runs/2/moves").status_code == 403


def test_a_run_is_asked_for_with_a_reason(service: Service) -> None:
    """And can be followed; whoever asks again gets the one that waits."""
    answers = [
        service.client.post("/runs", data={"reason": "CT looks thin"}, headers=ORIGIN, follow_redirects=False)
        for _ in range(2)
    ]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [(303, "/runs/3")] * 2
    shown = page(service, "/runs/3")
    assert "CT looks thin" in shown
    assert 'data-run-events="/api/v1/runs/3/events?wait=0"' in shown


def test_a_run_that_failed_says_that_lists_stand(service: Service) -> None:
    """And why."""
    with service.app.state.serving.database.transaction() as session:
        run = runs.run(session, 2)
        run.state, run.error = RunState.REJECTED, "the referee rejected the plan:\nH5: A1 overlaps A2"
    shown = page(service, "/runs/2")
    assert "Lists stand as they were" in shown
    assert "H5: A1 overlaps A2" in shown

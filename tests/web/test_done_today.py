"""What a reporter has done today and what has come back to them: below their list, for nobody but themselves."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from balancer.domain.life import ReadState
from balancer.domain.outcome import Outcome
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.reopen_read import reopen_read
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.access.test_blind_readings import COLLEAGUE, THEMSELVES, TWICE, read_it, read_once
from tests.access.test_every_route import served as served_for
from tests.api.service import Service
from tests.networks import PACS, Feed, extract, incoming, minutes, queued, read_id, rostered, solving, standing
from tests.web.hands import press_key
from tests.web.pages_served import Desk, service_with_sign_in
from tests.worlds import NOW, session

HTML = {"Accept": "text/html"}


def completed(service: Service, number: str = "A1", who: str = "R1") -> int:
    """Let somebody read it, as their PACS says; return the read."""
    db = service.app.state.serving.database
    read = read_id(db, number)
    claim_read(db, read, who, service.clock.at, by=PACS)
    assert complete_read(db, read, who, service.clock.at, by=PACS)
    return read


def shown(service: Service, who: str = "reporter:R1", whose: str = "R1") -> str:
    """Return somebody's list as somebody sees it, without what marks it up."""
    service.client.post("/sign-in", data={"who": who}, headers={"Origin": "http://testserver"})
    text = service.client.get(f"/lists/{whose}", headers=HTML).text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_what_is_done_today_says_whether_its_hospital_has_it(service: Service) -> None:
    """Which, when, and how that stands; once the hospital lists it no longer, it has the report."""
    assert "Nothing yet. What you complete stands here until midnight." in shown(service)
    completed(service)
    assert re.search(r"Done today: 1 .* A1 .* Its hospital has not said so yet", shown(service))
    db = service.app.state.serving.database
    ingest_extract(db, Feed(), extract("A2", "A3", at=60), minutes(60))
    assert re.search(r"A1 .* Its hospital has the report, 09:00", shown(service))


def test_what_its_hospital_lists_no_longer_is_said_though_its_list_was_made_a_moment_before(service: Service) -> None:
    """It is out of the queue there; that the report is there is for the next list to say."""
    service.clock.at = minutes(61)
    completed(service)
    db = service.app.state.serving.database
    ingest_extract(db, Feed(), extract("A2", "A3", at=60), minutes(62))
    assert re.search(r"A1 .* Its hospital lists it no longer, 09:02", shown(service))


def test_the_day_is_the_local_one(service: Service) -> None:
    """At midnight it is empty again."""
    completed(service)
    service.clock.at += timedelta(days=1)
    text = shown(service)
    assert "Done today: 0" in text
    assert "Its hospital has not said so yet" not in text


def test_what_the_hospital_says_they_read_is_not_said_to_be_completed_here(sqlite_db: Database) -> None:
    """One of two readings, in their hospital's own system."""
    queued(sqlite_db, incoming("D1", reads=2), "A2", "A3")
    rostered(sqlite_db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(sqlite_db, NOW, solver=solving({"S1": ["D1", "A2"], "S2": ["D1#2", "A3"]}))
    reported = incoming("D1", reads=1, excluded=frozenset({"R1"}))
    ingest_extract(sqlite_db, Feed(), extract(reported, "A2", "A3", at=10), minutes(10))
    assert standing(sqlite_db, "D1") == (ReadState.DONE, "R1")
    service = service_with_sign_in(sqlite_db)
    service.clock.at = minutes(11)
    assert re.search(r"D1 .* Its hospital names you as its reader: not completed here", shown(service))


@pytest.mark.parametrize("who", ["operator", "manager@RVV"])
def test_nobody_else_is_told_when_somebody_did_what(service: Service, who: str) -> None:
    """A list is to be worked: whoever only looks at it sees no clock of theirs."""
    completed(service)
    text = shown(service, who)
    assert "List of" in text
    assert "Done today" not in text
    assert "Returned to" not in text


def test_what_comes_back_says_why_and_where_it_stands(service: Service) -> None:
    """For as long as it is theirs to do once more; it is no longer among what is done."""
    assert "Returned to you Nothing." in shown(service)
    db = service.app.state.serving.database
    read = completed(service)
    reopen_read(db, read, minutes(2), by=PACS, reason="the wrong side was reported")
    run_allocation(db, minutes(3), solver=solving({"S1": ["A2", "A1"]}, {"A3": "deferred"}))
    service.clock.at = minutes(4)
    text = shown(service)
    assert re.search(r"Returned to you CT head Place 2, RVV A1 A manager asks for it to be read again", text)
    assert "Done today: 0" in text


def test_a_blind_reading_tells_of_itself_and_of_no_other(sqlite_db: Database) -> None:
    """Neither who reads the other, nor whether, nor what they said: not in what one has done either."""
    read_once(sqlite_db)
    read_it(sqlite_db, outcome=Outcome.TECHNICAL_RECALL)
    own = served_for(sqlite_db, THEMSELVES).client.get("/lists/R2", headers=HTML).text
    assert re.search(r"Done today: <span[^>]*>1<", own)
    assert TWICE in own
    assert "Dr R1" not in own
    other = served_for(sqlite_db, COLLEAGUE).client.get("/lists/R1", headers=HTML).text
    assert re.search(r"Done today: <span[^>]*>0<", other)
    for word in ("Dr R2", 'technical_recall" selected', "Its hospital has not"):
        assert word not in other


def test_it_is_unfolded_grows_while_one_reads_and_stays_unfolded(desk: Desk) -> None:
    """By keys alone: what was done comes last in it, so that nothing in it moves; axe finds nothing."""
    page = desk.go("/my-list")
    fold = page.locator("[data-fold=done]")
    expect(fold.locator("summary")).to_have_text(re.compile(r"Done today: 0"))
    assert not fold.evaluate("fold => fold.open")
    fold.locator("summary").press("Enter")
    expect(fold).to_contain_text("Nothing yet")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    page.evaluate("document.activeElement.blur()")
    press_key(page, "Enter")
    expect(page.locator("[data-open]")).to_have_count(1)
    press_key(page, "c")
    expect(page.locator(f"[data-done='{first}']")).to_be_visible()
    expect(fold.locator("summary")).to_have_text(re.compile(r"Done today: 1"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert desk.violations() == []


def test_what_is_done_elsewhere_is_counted_while_the_list_stands_still(desk: Desk, service: Service) -> None:
    """In a viewer, say: the count goes on by itself, and what moves on the list waits until it is asked for."""
    page = desk.go("/my-list")
    expect(page.locator("#live")).to_contain_text("Live")
    second = page.locator(".b-next [data-read]").nth(1).get_attribute("data-read")
    db = service.app.state.serving.database
    assert complete_read(db, read_id(db, "A2"), "R1", service.clock.at, by=PACS)
    expect(page.locator("[data-fold=done] summary")).to_have_text(re.compile(r"Done today: 1"))
    expect(page.locator(f".b-next [data-read='{second}']")).to_have_count(1)
    expect(page.locator("#waiting")).to_be_visible()

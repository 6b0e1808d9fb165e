"""Quarantine in a real browser: a cause is opened, a fix is tried, and put in force; nothing is taken untried."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.store.database import Database
from tests.api.service import Service
from tests.kent import KEY, kent, row
from tests.services.test_replay_quarantine import deliver, study_of
from tests.web.hands import press_key
from tests.web.pages_served import WIDTHS, Desk, served, service_with_sign_in
from tests.web.test_lists import ORIGIN, be

GOOD = [row(f"G{number}") for number in range(5)]
BAD = [row("A1", priority="9"), row("A2", priority="9"), row("A3", exam="CSKUJ", priority="1"), row("", priority="7")]


@pytest.fixture
def network(tmp_path: Path) -> NetworkFolder:
    """Return the Kent network."""
    return read_network(kent(tmp_path))


@pytest.fixture
def kent_service(sqlite_db: Database, network: NetworkFolder) -> Service:
    """Return a service on a feed with four rows in quarantine for three causes."""
    deliver(sqlite_db, network, *GOOD, *BAD)
    service = service_with_sign_in(sqlite_db)
    serving = service.app.state.serving
    service.app.state.serving = replace(serving, read_network=lambda: network, pseudonym_key=KEY)
    return service


@pytest.fixture(params=WIDTHS)
def window(request: pytest.FixtureRequest, browser: Browser, kent_service: Service) -> Iterator[Desk]:
    """Yield a window of East Kent's manager at each width; nothing may have gone wrong in it."""
    width, height = WIDTHS[request.param]
    with served(kent_service) as address, browser.new_context(viewport={"width": width, "height": height}) as context:
        found = Desk(context.new_page(), address)
        found.sign_in("manager@RVV")
        yield found
        assert found.wrong == []


def test_every_row_is_taken_away_as_a_file_with_what_is_to_be_done(kent_service: Service) -> None:
    """What a trust is sent to mend its export: where each row stands and what is wrong; of its cells, the word."""
    be(kent_service, "manager@RVV")
    answer = kent_service.client.get("/quarantine?as=csv")
    found = list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))
    assert {(row["accession"], row["reason"], row["word"]) for row in found} >= {
        ("A1", "Priority not known", "9"),
        ("A3", "Exam not known", "CSKUJ"),
    }
    assert all(row["line"] and row["to_do"] and row["since"].endswith("+00:00") for row in found)
    assert len(found) == len(BAD)
    only = kent_service.client.get("/quarantine?as=csv&reason=unknown_exam").text
    assert len(only.splitlines()) == 2


def test_a_fix_is_tried_and_then_put_in_force_by_keyboard_alone(window: Desk, kent_service: Service) -> None:
    """Feeds, quarantine, the cause, what it means, try, why, map: two studies more in the queue, and the books hold."""
    page = window.go("/feeds")
    expect(page.locator("h1")).to_have_text("Every study is accounted for. 4 rows need you")
    assert window.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    window.go("/quarantine")
    expect(page.locator("#opened")).to_contain_text("Exam not known: 1 row")  # the emergency comes first
    assert window.violations() == []
    press_key(page, "j")
    page.wait_for_url("**/quarantine/*")
    page.locator(".b-causes a", has_text="Priority not known").click()
    expect(page.locator("#opened")).to_contain_text("Priority not known: 2 rows")
    expect(page.locator(".b-fault mark")).to_have_text("9")
    press_key(page, "1")
    press_key(page, "Enter")
    expect(page.get_by_role("status")).to_contain_text("2 rows accepted, 0 still refused")
    expect(page.get_by_role("status")).to_contain_text("Nothing has changed yet")
    assert window.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#reason").focus()
    page.keyboard.type("asked the trust's lead")
    press_key(page, "Tab")
    press_key(page, "Enter")
    expect(page.locator(".b-notice--good")).to_contain_text("4 = 2 new + 2 quarantined")
    expect(page.locator("h1")).to_have_text("2 rows wait in quarantine")
    assert study_of(kent_service.app.state.serving.database, "A1").priority == "emergency"


def test_identifiers_are_not_shown_and_the_field_at_fault_is(kent_service: Service) -> None:
    """The hospital's number of the patient is dots; the accession number is there."""
    be(kent_service, "manager@RVV")
    shown = kent_service.client.get("/quarantine").text
    assert "EKA3" not in shown
    assert "A3" in shown
    assert "<mark>CSKUJ</mark>" in shown


def test_nothing_is_chosen_for_anybody_of_classes(kent_service: Service) -> None:
    """Which class a word means is a clinical decision; of examinations the likeliest is offered first."""
    be(kent_service, "manager@RVV")
    exam = kent_service.client.get("/quarantine").text
    assert re.search(r'name="meaning"[^>]* checked', exam)
    priority = kent_service.client.get("/quarantine?reason=unknown_priority").text
    assert 'name="meaning"' in priority
    assert not re.search(r'name="meaning"[^>]* checked', priority)


def test_what_no_word_mends_says_what_to_do(kent_service: Service) -> None:
    """And has no form to map it."""
    be(kent_service, "manager@RVV")
    shown = kent_service.client.get("/quarantine?reason=missing_accession_number").text
    assert "fill in the accession number at the source" in shown.lower()
    assert "/try" not in shown


def test_a_meaning_that_is_none_is_refused_in_words(kent_service: Service) -> None:
    """Nothing is done."""
    be(kent_service, "manager@RVV")
    database = kent_service.app.state.serving.database
    with database.session() as session:
        from balancer.store.quarantine import waiting  # noqa: PLC0415

        row_id = waiting(session, feed=None, reason="unknown_priority", limit=1)[0][0].id
    answer = kent_service.client.post(f"/quarantine/{row_id}/try", data={"meaning": "soon"}, headers=ORIGIN)
    assert (answer.status_code, "Nothing was done" in answer.text) == (422, True)


def test_words_that_were_said_are_taken_back_with_a_reason(kent_service: Service) -> None:
    """They stand below, with who said them and why."""
    be(kent_service, "manager@RVV")
    database = kent_service.app.state.serving.database
    with database.session() as session:
        from balancer.store.quarantine import waiting  # noqa: PLC0415

        row_id = waiting(session, feed=None, reason="unknown_priority", limit=1)[0][0].id
    said = {"meaning": "routine", "reason": "the lead said so"}
    kent_service.client.post(f"/quarantine/{row_id}/mend", data=said, headers=ORIGIN)
    assert "the lead said so" in kent_service.client.get("/quarantine").text
    back = kent_service.client.post(
        "/quarantine/words/1/withdraw", data={"reason": "a mistake"}, headers=ORIGIN, follow_redirects=False
    )
    assert back.status_code == 303
    assert "the lead said so" not in kent_service.client.get("/quarantine").text


def test_a_row_is_refused_and_taken_up_again_by_keyboard_alone(window: Desk) -> None:
    """Why is asked for; it waits no more, the books still have it, and its list says who refused it and why."""
    page = window.go("/quarantine?reason=missing_accession_number")
    expect(page.locator("#opened")).to_contain_text("No accession number: 1 row")
    press_key(page, "x")
    press_key(page, "Enter")
    expect(page.locator("#refuse-reason")).to_be_visible()
    assert window.violations() == []
    page.locator("#refuse-reason").focus()
    page.keyboard.type("a line of totals")
    press_key(page, "Tab")
    press_key(page, "Enter")
    expect(page.locator(".b-notice--good")).to_contain_text("1 row is refused, and asked about no more")
    expect(page.locator("h1")).to_have_text("3 rows wait in quarantine")
    window.go("/feeds")
    expect(page.locator("h1")).to_have_text("Every study is accounted for. 3 rows need you")
    expect(page.locator(".b-equation")).to_contain_text("Refused by somebody")
    page.locator(".b-equation a[href='/quarantine/rows?state=refused']").click()
    expect(page.locator("h1")).to_have_text("1 row is refused")
    expect(page.locator("main")).to_contain_text("a line of totals")
    assert window.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("main table a").first.click()
    expect(page.locator("#fix")).to_contain_text("a line of totals")
    assert window.violations() == []
    page.locator("#reopen-reason").focus()
    page.keyboard.type("it is a study")
    press_key(page, "Tab")
    press_key(page, "Enter")
    expect(page.locator("h1")).to_have_text("4 rows wait in quarantine")
    expect(page.locator("#opened")).to_contain_text("No accession number: 1 row")


def test_all_rows_with_a_cause_are_refused_together_if_they_are_still_as_many(kent_service: Service) -> None:
    """Nobody refuses what they have not seen; the list is a file with who and why."""
    be(kent_service, "manager@RVV")
    client = kent_service.client
    shown = client.get("/quarantine?reason=unknown_priority").text
    (row_id,) = set(re.findall(r'action="/quarantine/(\d+)/try"', shown))
    answer = client.post(f"/quarantine/{row_id}/refuse", data={"reason": "a test", "rows": "3"}, headers=ORIGIN)
    assert (answer.status_code, "here are 2 rows with this cause now" in answer.text) == (409, True)
    assert client.post(f"/quarantine/{row_id}/refuse", data={"rows": "2"}, headers=ORIGIN).status_code == 422
    client.post(f"/quarantine/{row_id}/refuse", data={"reason": "a test", "rows": "2"}, headers=ORIGIN)
    assert "2 rows are refused" in client.get("/quarantine").text
    found = list(csv.DictReader(io.StringIO(client.get("/quarantine/rows?as=csv").text.lstrip("\ufeff"))))
    assert {(row["accession"], row["why"], row["state"]) for row in found} == {
        ("A1", "a test", "Refused"),
        ("A2", "a test", "Refused"),
    }
    assert all(row["refused_by"] and row["refused_at"].endswith("+00:00") for row in found)


def test_a_batchs_rows_in_quarantine_are_listed_whatever_became_of_them(kent_service: Service) -> None:
    """As many as its books say, a refused one too: from the feed's page and from its batches'."""
    be(kent_service, "manager@RVV")
    client = kent_service.client
    row_id = re.findall(r'action="/quarantine/(\d+)/', client.get("/quarantine").text)[0]
    client.post(f"/quarantine/{row_id}/refuse", data={"reason": "a test"}, headers=ORIGIN)
    for page in ("/feeds", "/feeds/RVV"):
        links = re.findall(r'href="(/quarantine/rows\?state=any[^"]*)">(\d+)</a>', client.get(page).text)
        ((link, count),) = set(links)
        assert count == "4"
        assert "4 rows of batch 1 were not understood when they came" in client.get(link.replace("&amp;", "&")).text


def test_whoever_does_not_decide_about_feeds_has_no_form_to_refuse(kent_service: Service) -> None:
    """What they may see is there."""
    be(kent_service, "auditor@RVV")
    answer = kent_service.client.get("/quarantine")
    assert answer.status_code != 200 or "/refuse" not in answer.text

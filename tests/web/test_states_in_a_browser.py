"""Every state that a page can be in says what it is and what to do, fits both widths, and is accessible."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from balancer.scheduler.solving import DONE, preview_all
from balancer.services.price_capacity import price_next
from balancer.store import previews
from balancer.store.database import Database
from tests.access.doors import MANAGER_AND_REPORTER, Known
from tests.api.service import Service, StandingClock
from tests.api.small_network import allocate
from tests.networks import minutes, read_id
from tests.services.test_held_runs import held_run, holding
from tests.services.test_price_capacity import allocate as short_of_neuro
from tests.web.pages_served import Desk, served, service_with_sign_in
from tests.web.reflow import wrong_at_both_widths
from tests.web.test_allocation import MOVING
from tests.worlds import NOW

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def looking(browser: Browser, service: Service, who: str = "") -> Iterator[Desk]:
    """Yield a window of somebody's; nothing may have gone wrong in it but what the test has seen itself."""
    with served(service) as address, browser.new_context() as context:
        desk = Desk(context.new_page(), address)
        desk.page.set_default_timeout(PATIENCE_MS)
        if who:
            desk.sign_in(who)
        yield desk
        assert desk.wrong == []


def seen(desk: Desk, *noted: str) -> None:
    """Forget what a browser notes by itself of an answer that was meant."""
    desk.wrong[:] = [said for said in desk.wrong if not any(word in said for word in noted)]


def work_out(db: Database) -> None:
    """Do what the scheduler's process does."""
    assert preview_all(db, StandingClock()) == DONE


def out_of_reach(service: Service, folder: Path) -> Any:
    """Take the database away from the pages, and return what gives it back; who is signed in stays so."""
    serving = service.app.state.serving
    service.app.state.serving = replace(serving, database=Database(f"sqlite:///{folder / 'no such folder' / 'db'}"))

    def back() -> None:
        service.app.state.serving = serving

    return back


# --- the overview -----------------------------------------------------------------------------------------------------


def test_a_plan_that_waits_stands_beside_what_it_would_replace(browser: Browser, sqlite_db: Database) -> None:
    """The sentence, every forecast with what publishing makes of it, the way to its moves, and their count above."""
    holding(sqlite_db)
    held_run(sqlite_db, MOVING)
    service = service_with_sign_in(sqlite_db)
    service.clock.at = minutes(2)
    with looking(browser, service, "operator") as desk:
        page = desk.go("/")
        expect(page.locator("main")).to_contain_text("if you publish")
        expect(page.get_by_role("link", name="Review and publish")).to_have_count(1)
        moves = page.locator(".b-sections [aria-hidden]").first.inner_text()
        assert wrong_at_both_widths(desk) == []
        desk.go("/allocation/moves")
        expect(page.locator("h1")).to_contain_text(f"{moves} reads move")


def test_a_silent_feed_is_said_on_every_page(browser: Browser, service: Service) -> None:
    """In the strip, in the overview's sentence, and with what to do about it."""
    service.clock.at = NOW + timedelta(hours=6)
    with looking(browser, service, "operator") as desk:
        page = desk.go("/")
        expect(page.locator(".b-strip .b-silent").first).to_contain_text("silent")
        assert wrong_at_both_widths(desk) == []
        desk.go("/feeds")
        expect(page.locator("main")).to_contain_text("Look whether the trust's export still runs")
        assert wrong_at_both_widths(desk) == []


def test_what_is_scarce_says_what_an_hour_more_would_save(browser: Browser, sqlite_db: Database) -> None:
    """Before it has been worked out the card says so; then each thing has its list and its way to cover."""
    short_of_neuro(sqlite_db)
    service = service_with_sign_in(sqlite_db)
    with looking(browser, service, "operator") as desk:
        page = desk.go("/")
        expect(page.locator("section[aria-labelledby=scarce]")).to_contain_text("worked out a moment after a plan")
        assert price_next(sqlite_db, NOW) is not None
        page.reload()
        first = page.locator(".b-scarce li").first
        expect(first).to_contain_text("fewer late")
        assert wrong_at_both_widths(desk) == []
        first.get_by_role("link", name="Find cover").click()
        expect(page.locator("#open-heading")).to_contain_text("reads that become late")
        assert wrong_at_both_widths(desk) == []


def test_before_anything_has_come_every_page_says_so(browser: Browser, sqlite_db: Database) -> None:
    """A first start: no policy, no feed, no list; no page claims that it does not exist."""
    with looking(browser, service_with_sign_in(sqlite_db), "operator") as desk:
        for path in ("/", "/studies", "/allocation", "/rosters", "/quarantine"):
            page = desk.go(path)
            expect(page.locator("h1")).to_have_text("Nothing has been loaded yet")
            assert wrong_at_both_widths(desk) == []
        for path in ("/feeds", "/runs", "/drafts", "/lists", "/policy"):
            desk.go(path)
            assert (path, wrong_at_both_widths(desk)) == (path, [])
        seen(desk, "503")


# --- what cannot be shown ---------------------------------------------------------------------------------------------


def test_a_database_that_is_away_is_said_by_a_page(browser: Browser, service: Service, tmp_path: Path) -> None:
    """What failed, what is still true, and one button; once it is back the button leads on."""
    with looking(browser, service, "operator") as desk:
        back = out_of_reach(service, tmp_path)
        page = desk.go("/studies?late=now")
        expect(page.locator("h1")).to_have_text("The database does not answer")
        expect(page.locator("main")).to_contain_text("lists that were published stand")
        assert wrong_at_both_widths(desk) == []
        back()
        page.get_by_role("link", name="Ask again").click()
        page.wait_for_url("**/studies?late=now")
        expect(page.locator("h1")).to_contain_text("late")
        seen(desk, "503")


def test_a_page_that_is_open_stays_as_it_is_while_nothing_answers(
    browser: Browser, service: Service, sqlite_db: Database, tmp_path: Path
) -> None:
    """It says since when, goes on asking by itself, and shows what comes once it is answered."""
    number = read_id(sqlite_db, "A1")
    with looking(browser, service, "manager@RVV") as desk:
        page = staged(desk, number)
        back = out_of_reach(service, tmp_path)
        expect(page.locator("#unanswered")).to_be_visible()
        expect(page.locator("#effects")).to_contain_text("Nothing has changed yet")
        assert wrong_at_both_widths(desk) == []
        back()
        work_out(sqlite_db)
        expect(page.locator("#effects")).to_contain_text("Late in the next 24 h")
        expect(page.locator("#unanswered")).to_be_hidden()
        seen(desk, "503")


def test_a_reporter_hears_that_nothing_answered_and_keeps_their_list(
    browser: Browser, service: Service, tmp_path: Path
) -> None:
    """What was pressed may not have been done: the list stands, and says to look before it is done again."""
    with looking(browser, service, "reporter:R1") as desk:
        page = desk.go("/my-list")
        expect(page.locator("#live")).to_contain_text("Live")
        first = page.locator(".b-entry--first").get_attribute("data-read")
        back = out_of_reach(service, tmp_path)
        page.locator(".b-entry--first form button").first.click()
        expect(page.locator("[data-unsure]")).to_contain_text("The service did not answer")
        expect(page.locator(f".b-entry--first[data-read='{first}']")).to_have_count(1)
        assert wrong_at_both_widths(desk) == []
        back()
        page.get_by_role("button", name="I have looked").click()
        page.locator(".b-entry--first form button").first.click()
        expect(page.locator(f"[data-open][data-read='{first}']")).to_be_visible()
        seen(desk, "503", "EventSource", "pacs.example")


def test_what_somebody_may_not_see_says_who_can_change_that(browser: Browser, service: Service) -> None:
    """The page is refused and not empty; an address that means nothing is refused in words too."""
    with looking(browser, service, "reporter:R1") as desk:
        page = desk.go("/runs")
        expect(page.locator("h1")).to_have_text("You cannot see this")
        assert wrong_at_both_widths(desk) == []
        seen(desk, "403")
    with looking(browser, service, "operator") as desk:
        page = desk.go("/studies?within=soon")
        expect(page.locator("h1")).to_have_text("This cannot be understood")
        assert wrong_at_both_widths(desk) == []
        seen(desk, "422")


# --- previews ---------------------------------------------------------------------------------------------------------


def staged(desk: Desk, study: int) -> Page:
    """Stage that a study is pinned to R2, and come to where what it does is worked out."""
    page = desk.go(f"/studies/{study}?act=pin&reporter=R2#change")
    page.locator("#f-reporter").select_option("R2")
    page.locator("#f-reason").fill("asked for by the stroke team")
    page.get_by_role("button", name="Preview it").click()
    expect(page.locator("#effects [role=status]")).to_contain_text("A plan is being made with it")
    return page


@pytest.mark.parametrize("begun", ["", "begun"])
def test_a_preview_that_never_ends_says_so_and_can_be_asked_for_again(
    browser: Browser, service: Service, sqlite_db: Database, begun: str
) -> None:
    """Whether nobody has begun it or whoever began it has died; and what comes in the end is shown."""
    with looking(browser, service, "manager@RVV") as desk:
        page = staged(desk, read_id(sqlite_db, "A1"))
        if begun:
            with sqlite_db.transaction() as session:
                assert previews.begin(session, NOW) is not None
        service.clock.at = NOW + timedelta(minutes=2)
        expect(page.locator("#effects")).to_contain_text("It takes longer than it should")
        expect(page.locator("#effects [role=status]")).to_contain_text("not done" if begun else "not begun")
        assert wrong_at_both_widths(desk) == []
        page.locator("#effects").get_by_role("button", name="Ask again").click()
        work_out(sqlite_db)
        expect(page.locator("#effects")).to_contain_text("Late in the next 24 h")


def test_an_old_look_at_an_absence_is_looked_at_anew(browser: Browser, service: Service, sqlite_db: Database) -> None:
    """What was shown is not confirmed once the queue has moved on: the one button asks anew."""
    with looking(browser, service, "operator") as desk:
        page = desk.go("/rosters?reporter=R1&at=2026-03-02am")
        page.get_by_role("button", name="See what it does").click()
        expect(page.locator("#open")).to_contain_text("Being solved on the live queue")
        work_out(sqlite_db)
        expect(page.locator("#open")).to_contain_text("What happens if you confirm")
        service.clock.at = NOW + timedelta(minutes=20)
        page.reload()
        expect(page.get_by_role("button", name="Confirm")).to_have_count(0)
        assert wrong_at_both_widths(desk) == []
        page.get_by_role("button", name="Look at it anew").click()
        expect(page.locator("#open")).to_contain_text("Being solved on the live queue")
        service.clock.at = NOW + timedelta(minutes=24)
        expect(page.locator("#open")).to_contain_text("It takes longer than it should")
        expect(page.get_by_role("button", name="Ask again")).to_have_count(1)
        assert wrong_at_both_widths(desk) == []


def test_whoever_reports_too_is_told_why_they_see_their_own_load_alone(browser: Browser, sqlite_db: Database) -> None:
    """The load of a draft, for a manager who reports: a note says why the others are not there."""
    allocate(sqlite_db)
    service = Service(sqlite_db, door=Known(MANAGER_AND_REPORTER))
    begun = service.post("/drafts", {"name": "a try", "trust": "RVV"})
    assert begun.status_code == 201, begun.text
    with looking(browser, service) as desk:
        page = desk.go(f"/drafts/{begun.json()['draft_id']}/load")
        expect(page.locator("main")).to_contain_text("You see your own load alone")
        assert wrong_at_both_widths(desk) == []
        # nor what a cost is made of: it could tell the same
        page = desk.go(f"/drafts/{begun.json()['draft_id']}/cost")
        expect(page.locator("main")).to_contain_text("It is not told to you: you report")

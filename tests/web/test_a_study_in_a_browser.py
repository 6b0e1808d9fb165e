"""A manager looks at a study, tries a pin, and publishes it; the reporter's list changes while it is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from balancer.scheduler.solving import DONE, preview_all
from balancer.services.mend_worklists import Mending
from balancer.store.database import Database
from tests.api.service import Service, StandingClock
from tests.networks import claimed, read_id
from tests.web.hands import press_key
from tests.web.pages_served import WIDTHS, Desk, served
from tests.web.reflow import lost_by_zoom_and_spacing, wrong_at_both_widths
from tests.worlds import NOW


@contextmanager
def window(browser: Browser, address: str, width: str, who: str) -> Iterator[Desk]:
    """Yield a window of somebody's; nothing may have gone wrong in it."""
    across, down = WIDTHS[width]
    with browser.new_context(viewport={"width": across, "height": down}) as context:
        desk = Desk(context.new_page(), address)
        desk.sign_in(who)
        yield desk
        assert desk.wrong == []


@pytest.fixture(params=WIDTHS)
def width(request: pytest.FixtureRequest) -> str:
    """Return each width by its name."""
    return str(request.param)


@pytest.fixture
def office(browser: Browser, service: Service, width: str) -> Iterator[Desk]:
    """Yield a manager's window."""
    with served(service) as address, window(browser, address, width, "manager@RVV") as desk:
        yield desk


def work_out(db: Database) -> None:
    """Do what the scheduler's process does."""
    assert preview_all(db, StandingClock()) == DONE


def study_of(db: Database, accession_number: str) -> int:
    """Return a study's number; of the small network, each has one read of the same number."""
    return read_id(db, accession_number)


def fits(page: Page) -> bool:
    """Tell whether nothing stands out sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_study_says_why_it_is_where_it_is(office: Desk, sqlite_db: Database) -> None:
    """It is asked for as the page opens, shown once it is worked out, and is accessible before and after."""
    page = office.go(f"/studies/{study_of(sqlite_db, 'A1')}")
    expect(page.locator("h1")).to_have_text("CT head")
    expect(page.locator("#why [role=status]").first).to_contain_text("Being worked out")
    assert office.violations() == []
    work_out(sqlite_db)
    expect(page.locator(".b-checked--yes")).to_contain_text("Checked")
    expect(page.locator("#why")).to_contain_text("can be bettered")  # the plan of the small network is made up
    expect(page.get_by_role("row", name="Dr R2").get_by_role("link", name="Pin")).to_have_count(1)
    assert office.violations() == []
    assert fits(page)


def test_a_read_without_a_place_says_why(office: Desk, sqlite_db: Database) -> None:
    """And what would give it one."""
    page = office.go(f"/studies/{study_of(sqlite_db, 'A3')}")
    expect(page.locator(".b-outlook")).to_contain_text("Not placed")
    expect(page.locator("#why [role=status]").first).to_contain_text("Being worked out")
    work_out(sqlite_db)
    expect(page.locator(".b-checked--yes")).to_have_count(1)
    assert office.violations() == []
    assert fits(page)


def test_who_may_not_is_found_by_name_behind_the_count(office: Desk, sqlite_db: Database) -> None:
    """From the study's page to the names, one of them looked for, to that reporter's page and back to the study."""
    claimed(sqlite_db, "A1", "R1")
    page = office.go(f"/studies/{study_of(sqlite_db, 'A1')}")
    expect(page.locator("#why [role=status]").first).to_contain_text("Being worked out")
    work_out(sqlite_db)
    page.locator("section[aria-labelledby=not]").get_by_role("link", name="Somebody else has it open").click()
    expect(page.locator("h1")).to_have_text("Who may not read it, and why")
    expect(page.locator(".b-lede")).to_contain_text("1 of 2 reporters")
    expect(page.locator(".b-lede")).to_contain_text("No rule keeps the other from it. On the plan in force, at 08:00.")
    expect(page.get_by_role("row", name="Dr R2")).to_contain_text("Somebody else has it open")
    assert wrong_at_both_widths(office) == []
    page.get_by_label("Name or number").fill("R1")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".b-empty")).to_contain_text("Nobody whom you may see is kept from it so.")
    assert office.violations() == []
    page.get_by_role("form", name="Filters").get_by_role("link", name="Show all").click()
    assert lost_by_zoom_and_spacing(office) == []
    page.get_by_role("link", name="Dr R2").click()
    expect(page.locator("h1")).to_contain_text("Dr R2")
    page.go_back()
    page.locator(".b-back a").click()
    expect(page.locator("h1")).to_have_text("CT head")


def test_a_pin_is_previewed_published_and_reaches_the_open_list(
    browser: Browser, service: Service, sqlite_db: Database, width: str
) -> None:
    """Study, preview, publish by keyboard; R1's list says that something changed and shows it when asked."""
    number = study_of(sqlite_db, "A1")
    with (
        served(service) as address,
        window(browser, address, width, "manager@RVV") as office,
        window(browser, address, width, "reporter:R1") as desk,
    ):
        mending = Mending(sqlite_db)
        assert mending.look(NOW) is None  # as the scheduler's process: it has the plan open before anything happens
        mine = desk.go("/my-list")
        expect(mine.locator("#live")).to_contain_text("Live")
        first = mine.locator(".b-entry--first").get_attribute("data-read")
        page = office.go(f"/studies/{number}?act=pin&reporter=R2#change")
        page.locator("#f-reporter").select_option("R2")
        page.locator("#f-reason").focus()
        page.keyboard.type("asked for by the stroke team")
        press_key(page, "Tab")
        press_key(page, "Tab")
        press_key(page, "Enter")
        expect(page.locator("#effects [role=status]")).to_contain_text("Nothing has changed yet")
        assert office.violations() == []
        work_out(sqlite_db)
        expect(page.locator("#effects table")).to_contain_text("Dr R2")
        # and when it comes then: whoever asks for something sooner must see whether it does
        own = page.locator("#effects tr", has_text="This study")
        expect(own).to_contain_text(re.compile("Dr R2, (late by .*|.* in hand)"))
        expect(page.locator("#effects")).to_contain_text("Late in the next 24 h")
        expect(page.locator("#effects")).to_contain_text("of all sessions from Mon 2 March 08:00 until")
        assert office.violations() == []
        assert fits(page)
        expect(mine.locator("#waiting")).to_be_hidden()
        page.get_by_role("link", name="Open the draft").click()
        expect(page.locator("h1")).to_contain_text("1 change staged")
        assert office.violations() == []
        assert fits(page)
        page.locator("#publish-reason").fill("as it was shown")
        page.get_by_role("button", name="Publish").click()
        expect(page.locator("h1")).to_contain_text("in force")
        assert mending.look(NOW) is not None
        expect(mine.locator("#waiting")).to_be_visible()
        expect(mine.locator(".b-entry--first")).to_have_attribute("data-read", first or "")
        mine.locator("#waiting [data-show]").click()
        expect(mine.locator(f"[data-read='{first}']")).to_have_count(0)


def test_what_cannot_be_staged_is_said_and_what_was_written_stays(office: Desk, sqlite_db: Database) -> None:
    """No draft is left behind by it."""
    page = office.go(f"/studies/{study_of(sqlite_db, 'A1')}?act=expedite")
    page.locator("#f-date").fill("2026-03-01")
    page.locator("#f-reason").fill("the clinic is today")
    page.get_by_role("button", name="Preview it").click()
    expect(page.locator("#said")).to_contain_text("must lie in the future")
    expect(page.locator("#said")).to_be_focused()
    expect(page.locator("#f-reason")).to_have_value("the clinic is today")
    assert office.violations() == []
    page.locator("#f-date").focus()
    for _ in range(2):  # why the read is where it is, is asked for again and again meanwhile
        with page.expect_response(re.compile("/why")):
            pass
    expect(page.locator("#f-date")).to_be_focused()
    work_out(sqlite_db)
    expect(page.locator(".b-checked--yes")).to_contain_text("Checked")
    expect(page.locator("#f-date")).to_be_focused()
    office.wrong.clear()  # the browser logs the status
    page = office.go("/drafts?state=open")
    expect(page.locator("main")).to_contain_text("No draft")
    assert office.violations() == []
    assert fits(page)


def test_a_draft_is_emptied_discarded_and_kept(office: Desk, sqlite_db: Database) -> None:
    """What was discarded says who did so and why; nothing of it can be published."""
    page = office.go(f"/studies/{study_of(sqlite_db, 'A2')}?act=exclude")
    page.locator("#f-whom").fill("Dr A. Lead")
    page.locator("#f-reason").fill("a duplicate")
    page.get_by_role("button", name="Preview it").click()
    expect(page.locator("#effects")).to_be_visible()
    work_out(sqlite_db)
    expect(page.locator("#effects table")).to_contain_text("Not placed")
    page.get_by_role("link", name="Open the draft").click()
    for number, heading in (
        ("Reads moved, with it", "Moves"),
        ("Late in the next 24 h, with it", "What becomes late"),
        ("Late in the next 24 h, now", re.compile("within 24 h")),
        ("Not placed, now", re.compile("no place in the plan")),
    ):
        page.get_by_role("link", name=number).click()
        expect(page.locator("h1")).to_have_text(heading)
        assert office.violations() == []
        assert fits(page)
        page.go_back()
    page.locator("summary", has_text="Discard the draft").click()
    page.locator("#discard-reason").fill("not needed after all")
    page.get_by_role("button", name="Discard it").click()
    expect(page.locator("h1")).to_contain_text("nothing of it ever held")
    expect(page.locator("main")).to_contain_text("not needed after all")
    expect(page.locator("#publish-reason")).to_have_count(0)
    assert office.violations() == []

"""A sign-in ends beneath an open page: it says so, nothing is done, and one click leads back to where one was."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from balancer.api.doors import LOCAL_COOKIE
from tests.web.hands import press_key
from tests.web.pages_served import Desk


def end_sign_in(desk: Desk) -> None:
    """Let the browser show what is no sign-in any more."""
    desk.page.context.add_cookies([{"name": LOCAL_COOKIE, "value": "ended", "url": desk.address}])


def come_back(page: Page) -> None:
    """Sign in again as the reporter, from the page that said that it has ended."""
    page.get_by_role("link", name="Sign in again").press("Enter")
    page.select_option("select", "reporter:R1")
    page.locator("form[action='/sign-in'] button").press("Enter")


def test_whoever_opens_a_read_is_told_that_it_was_not_done_and_comes_back(desk: Desk) -> None:
    """By keys alone; the list is as it was."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    end_sign_in(desk)
    press_key(page, "Enter")
    expect(page.locator("h1")).to_have_text("Your sign-in has ended")
    expect(page.locator("main")).to_contain_text("it was not done")
    assert desk.violations() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    come_back(page)
    page.wait_for_url(re.compile(r"/lists/R1$"))
    expect(page.locator(".b-entry--first")).to_have_attribute("data-read", first or "")
    assert all("401" in said for said in desk.wrong)
    desk.wrong.clear()


def test_a_desk_that_was_left_signs_nobody_in_by_itself(desk: Desk) -> None:
    """What a page asks by itself finds the sign-in ended, and waits there for somebody."""
    desk.page.clock.install()
    page = desk.go("/my-list")
    expect(page.locator("#live")).to_contain_text("Live")
    end_sign_in(desk)
    page.clock.run_for(61_000)
    expect(page.locator("h1")).to_have_text("Your sign-in has ended")
    come_back(page)
    page.wait_for_url(re.compile(r"/lists/R1$"))
    assert all("401" in said for said in desk.wrong)
    desk.wrong.clear()

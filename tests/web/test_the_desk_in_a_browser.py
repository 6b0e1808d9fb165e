"""What every page of a manager's has: keys, a table that turns round, nothing that stands out of a phone's width."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.web.hands import press_key
from tests.web.pages_served import Desk


def open_lists(desk: Desk) -> None:
    """Be a manager, and see every list."""
    desk.go("/sign-in")
    desk.sign_in("manager@RVV")
    desk.go("/lists")


def test_a_table_is_sorted_from_its_head_and_fits_a_phone(desk: Desk) -> None:
    """The address says the order; nothing scrolls sideways; axe finds nothing."""
    open_lists(desk)
    page = desk.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert desk.violations() == []
    page.goto(f"{desk.address}/lists?sort=reads")
    assert page.locator("th[aria-sort='ascending']").inner_text().startswith("Reads")
    assert desk.violations() == []


def test_keys_go_to_sections_and_can_be_switched_off(desk: Desk) -> None:
    """``g`` and a letter; ``?`` tells them; none of them fires once they are off."""
    open_lists(desk)
    page = desk.page
    press_key(page, "?")
    assert page.locator("dialog#keys").is_visible()
    assert desk.violations() == []
    page.locator("#keys-on").uncheck()
    press_key(page, "Escape")
    press_key(page, "g")
    press_key(page, "d")
    assert page.url.endswith("/lists")
    page.evaluate("localStorage.clear()")
    page.reload()
    press_key(page, "g")
    press_key(page, "d")
    page.wait_for_url("**/docs")


def test_the_pages_of_signing_in_have_the_frame_of_all_others_and_one_signs_out_from_it(desk: Desk) -> None:
    """The same mark at the same place; nothing scrolls sideways; axe finds nothing."""
    open_lists(desk)
    page = desk.page
    where = page.locator(".b-own-mark").bounding_box()
    assert where is not None
    page.get_by_role("button", name="Sign out").press("Enter")
    expect(page.locator("h1")).to_have_text("You are the operator again")
    for path in ("", "/sign-in", "/sign-in/ended", "/docs"):
        if path:
            desk.go(path)
        there = page.locator("header .mark").bounding_box()
        assert there is not None
        assert (there["x"], there["width"]) == (where["x"], where["width"])
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert (path, desk.violations()) == (path, [])


def test_a_page_that_was_left_open_says_how_old_it_is(desk: Desk) -> None:
    """In place of the time in the strip, with the way to see it as it is: nobody takes an old figure for one of now."""
    desk.page.clock.install()
    open_lists(desk)
    page = desk.page
    expect(page.locator("#anew")).to_be_hidden()
    page.clock.run_for(6 * 60_000)
    expect(page.locator("#clock")).to_have_text(re.compile(r"^As of \d\d:\d\d, \d min ago$"))
    assert desk.violations() == []
    page.locator("#anew").click()
    expect(page.locator("#clock")).not_to_contain_text("ago")

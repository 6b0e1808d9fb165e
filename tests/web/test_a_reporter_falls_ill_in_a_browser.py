"""A reporter falls ill: a manager looks at what it does, confirms, and lists change; by keyboard, at both widths."""

from __future__ import annotations

import re

from balancer.services.mend_worklists import Mending
from balancer.services.preview_draft import preview_next
from tests.api.service import Service
from tests.web.hands import press_key
from tests.web.pages_served import Desk
from tests.worlds import NOW


def fits(desk: Desk) -> bool:
    """Tell whether nothing stands out of the window's width."""
    return bool(desk.page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_reporter_falls_ill_and_the_lists_change(desk: Desk, service: Service) -> None:
    """Arrows to the half-day, Enter, the form, the look, the button; a list that is open has fewer reads then."""
    database = service.app.state.serving.database
    Mending(database).look(NOW)
    desk.sign_in("operator")
    page = desk.go("/rosters")
    assert fits(desk)
    assert desk.violations() == []
    page.locator("[data-half]:visible").first.focus()
    press_key(page, "ArrowDown")
    press_key(page, "ArrowUp")
    press_key(page, "Enter")
    page.wait_for_selector("#open")
    assert page.locator("#open-heading").inner_text() == "Dr R1, Mon 2 March morning"
    assert fits(desk)
    assert desk.violations() == []
    press_key(page, "i")
    assert page.evaluate("document.activeElement.id") == "begins"
    press_key(page, "Enter")
    page.wait_for_selector("text=Being solved on the live queue")
    assert desk.violations() == []
    page.get_by_role("link", name="Look again").focus()
    for _ in range(2):
        with page.expect_response(re.compile(r"/rosters/drafts/\d+\?wait=0")):
            pass
    assert page.evaluate("document.activeElement.textContent") == "Look again"
    preview_next(database, NOW)
    page.wait_for_selector("text=What happens if you confirm")
    assert page.locator(".b-preview").get_attribute("role") == "status"
    assert fits(desk)
    assert desk.violations() == []
    page.get_by_role("button", name="Confirm: mark away").press("Enter")
    page.wait_for_selector("text=is marked away")
    assert desk.violations() == []
    Mending(database).look(NOW)
    with database.session():
        assert service.ask("/worklists/R1")["items"] == []


def test_escape_closes_what_is_open_and_goes_back_to_its_half_day(desk: Desk) -> None:
    """And nothing has been staged."""
    desk.sign_in("operator")
    page = desk.go("/rosters?reporter=R1&at=2026-03-02am")
    press_key(page, "Escape")
    page.wait_for_selector("#open", state="detached")
    page.wait_for_function("document.activeElement.matches('[data-half]')")
    assert "Dr R1, Mon 2 March morning" in (page.locator(":focus").get_attribute("aria-label") or "")


def test_a_reporters_page_is_decided_on_by_keyboard(desk: Desk) -> None:
    """Open the form, write a reason, send it; the difference from the list is there."""
    desk.sign_in("operator")
    page = desk.go("/reporters")
    assert fits(desk)
    assert desk.violations() == []
    page.get_by_role("link", name="Dr R1").press("Enter")
    page.wait_for_selector("text=May report for")
    assert fits(desk)
    page.locator("#entitlements summary").first.press("Enter")
    assert desk.violations() == []
    page.locator("#entitlements textarea").first.fill("contract ended")
    page.locator("#entitlements details[open] button").press("Enter")
    page.wait_for_selector("#decided td:has-text('contract ended')")
    assert fits(desk)
    assert desk.violations() == []

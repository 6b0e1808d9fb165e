"""The overview in a browser: from a number to its list and on, by keyboard, at both widths, with nothing amiss."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.service import Service
from tests.web.hands import press_key
from tests.web.pages_served import Desk
from tests.web.reflow import sideways


def test_from_the_overview_to_a_list_and_to_what_is_looked_for(desk: Desk) -> None:
    """A number opens its list, `/` and a name find it again; each page passes axe and scrolls no way but down."""
    desk.sign_in("manager@RVV")
    page = desk.go("/")
    assert page.inner_text("h1") == "1 study will become late by tomorrow 08:00"
    # drawn by the script, and said in words beside it
    page.wait_for_selector("#forecast-chart svg path", state="attached")
    said = "Becoming late by the published plan: 0 within 4 h, 1 within 24 h, 1 within 72 h."
    assert page.get_attribute("#forecast-chart", "aria-label") == said
    assert (sideways(desk.page), desk.violations()) == (0, [])
    page.click("summary:has-text('Show as table')")
    assert page.is_visible("text=Published plan")
    number = page.locator(".b-figure__number a").first
    counted = number.inner_text()
    number.focus()
    press_key(page, "Enter")
    page.wait_for_url("**/studies")
    assert page.inner_text("h1") == f"{counted} studies are unreported"
    assert (sideways(desk.page), desk.violations()) == (0, [])
    press_key(page, "/")
    page.keyboard.type("A1")
    press_key(page, "Enter")
    page.wait_for_url("**/search")
    assert "A1" in page.inner_text("h1")
    assert (sideways(desk.page), desk.violations()) == (0, [])
    press_key(page, "Escape")
    page.locator("main a").first.focus()
    press_key(page, "g")
    press_key(page, "o")
    page.wait_for_selector("#forecast-chart svg path", state="attached")


@pytest.mark.parametrize("minutes", [0, 397])
def test_the_axis_of_time_has_its_words_at_whole_hours(desk: Desk, service: Service, minutes: int) -> None:
    """Whenever one looks: nobody plans by 14:37."""
    service.clock.at += timedelta(minutes=minutes)
    desk.sign_in("manager@RVV")
    page = desk.go("/")
    page.wait_for_selector("#forecast-chart svg path", state="attached")
    written = page.locator("#forecast-chart svg text").all_text_contents()
    at = [words.split()[1] for words in written if words[:3] in {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}]
    assert len(at) >= 2
    assert set(at) <= {"08:00", "20:00"}


def test_a_chart_of_a_wider_window_leaves_the_page_as_it_is(desk: Desk) -> None:
    """Until it has been drawn anew, as when a tablet is turned, it is cut and nothing else moves."""
    desk.sign_in("manager@RVV")
    page = desk.go("/")
    page.wait_for_selector("#forecast-chart svg path", state="attached")
    page.evaluate("document.querySelector('#forecast-chart > div').style.width = '3000px'")
    assert sideways(page) == 0

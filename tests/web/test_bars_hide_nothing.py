"""A bar that stays where it is while a page scrolls hides nothing: no link for a finger, and no focus (WCAG 2.4.11)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from balancer.store.database import Database
from tests.api.service import Service
from tests.networks import read_id
from tests.web.hands import press_key
from tests.web.pages_served import AXE, WIDTHS, Desk, served
from tests.web.test_a_study_in_a_browser import window
from tests.web.test_allocation_in_a_browser import waiting

__all__ = ["waiting"]
_TARGETS = {"runOnly": {"type": "rule", "values": ["target-size"]}}
# A line of text is 24 px high: no link goes past the bar's edge between two looks.
_STEP = 19
# What a browser shows of the focused element: whether a point of it can be seen, or is beneath something else.
_SEEN = """() => {
  const found = document.activeElement, box = found.getBoundingClientRect();
  if (box.width < 2 || box.height < 2) return true;
  const across = [0.1, 0.5, 0.9].map((share) => box.left + share * box.width);
  const down = [0.1, 0.5, 0.9].map((share) => box.top + share * box.height);
  return across.some((x) => down.some((y) => {
    const there = document.elementFromPoint(x, y);
    return there !== null && (found.contains(there) || there.contains(found));
  }));
}"""


@pytest.fixture
def phone(browser: Browser, service: Service) -> Iterator[Desk]:
    """Yield a manager's phone."""
    with served(service) as address, window(browser, address, "phone", "manager@RVV") as desk:
        yield desk


def too_small(page: Page) -> list[str]:
    """Return what axe finds too small for a finger with the page as it is scrolled now."""
    found = page.evaluate("options => axe.run(document, options)", _TARGETS)
    return [str(node["target"]) for item in found["violations"] for node in item["nodes"]]


def wrong_while_scrolling(page: Page) -> dict[int, list[str]]:
    """Return by place what is too small for a finger, from the top of a page to its end."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    last = page.evaluate("document.documentElement.scrollHeight - innerHeight")
    found = {}
    for place in [*range(0, last, _STEP), last]:
        page.evaluate("place => scrollTo(0, place)", place)
        found[place] = too_small(page)
    return {place: wrong for place, wrong in found.items() if wrong}


def hidden_from_keys(page: Page, key: str = "Tab") -> list[str]:
    """Return what has focus and cannot be seen, of everything that a key goes to until it comes round."""
    hidden, met = [], set()
    for _ in range(300):
        press_key(page, key)
        here = page.evaluate("document.activeElement === document.body ? '' : document.activeElement.outerHTML")
        if here in met:
            break
        if here:
            met.add(here)
            if not page.evaluate(_SEEN):
                hidden.append(here)
    assert len(met) > 5
    return hidden


def change_bar(desk: Desk, db: Database) -> Page:
    """Open a study on a phone, with the bar that leads to where it is changed."""
    page = desk.go(f"/studies/{read_id(db, 'A1')}")
    expect(page.locator(".b-dock")).to_be_visible()
    return page


def test_no_link_is_left_half_beneath_the_bar_of_a_study(phone: Desk, sqlite_db: Database) -> None:
    """Wherever the page stands, at its end too."""
    page = change_bar(phone, sqlite_db)
    assert wrong_while_scrolling(page) == {}


@pytest.mark.parametrize("high", [520, 667, 700, 731, 900])
def test_a_page_ends_above_its_bar(phone: Desk, sqlite_db: Database, high: int) -> None:
    """However high the window: nothing at the end stands beneath it."""
    page = change_bar(phone, sqlite_db)
    page.set_viewport_size({"width": WIDTHS["phone"][0], "height": high})
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    bar = page.locator(".b-dock").bounding_box()
    foot = page.locator(".b-footer").bounding_box()
    assert bar is not None
    assert foot is not None
    assert foot["y"] + foot["height"] <= bar["y"]
    assert too_small_now(page) == []


def too_small_now(page: Page) -> list[str]:
    """Return the same of a page on which axe is not there yet."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return too_small(page)


@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_focus_is_never_beneath_the_bar_of_a_study(phone: Desk, sqlite_db: Database, key: str) -> None:
    """Whichever way the keyboard goes."""
    page = change_bar(phone, sqlite_db)
    assert hidden_from_keys(page, key) == []


def test_a_window_too_low_for_a_bar_has_none(phone: Desk, sqlite_db: Database) -> None:
    """At 400% a bar would take a quarter of what is seen: the link is a shortcut, and the panel is on the page."""
    page = change_bar(phone, sqlite_db)
    page.set_viewport_size({"width": 320, "height": 256})
    expect(page.locator(".b-dock")).to_be_hidden()
    expect(page.locator("#change")).to_be_visible()


@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
def test_focus_is_never_beneath_the_bar_that_publishes(browser: Browser, waiting: Service, key: str) -> None:
    """It stays at the upper edge of a desk's window while the day of everybody goes by beneath it."""
    with served(waiting) as address, window(browser, address, "desktop", "operator") as desk:
        page = desk.go("/allocation")
        page.set_viewport_size({"width": WIDTHS["desktop"][0], "height": 400})
        assert page.locator(".b-publish").evaluate("bar => getComputedStyle(bar).position") == "sticky"
        assert wrong_while_scrolling(page) == {}
        assert hidden_from_keys(page, key) == []


@pytest.mark.parametrize("key", ["Tab", "Shift+Tab"])
@pytest.mark.parametrize("path", ["/", "/rosters"])
def test_focus_is_never_beneath_the_names_of_a_wide_table(phone: Desk, path: str, key: str) -> None:
    """They stay at the left while the half-days go by beneath them, on a phone and on a small desk."""
    page = phone.go(path)
    for width in (390, 720):
        page.set_viewport_size({"width": width, "height": 844})
        page.reload()
        assert hidden_from_keys(page, key) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_what_waits_on_a_list_hides_nothing_of_it(browser: Browser, service: Service, width: str) -> None:
    """A line says that something has changed, over the lower edge of the window."""
    with served(service) as address, window(browser, address, width, "reporter:R1") as desk:
        page = desk.go("/my-list")
        page.set_viewport_size({"width": WIDTHS[width][0], "height": 520})
        first = page.locator(".b-entry--first").get_attribute("data-read")
        expect(page.locator("#live")).to_contain_text("Live")
        assert service.post(f"/reads/{first}/claim", {"reporter_id": "R2"}).status_code == 200
        expect(page.locator("#waiting")).to_be_visible()
        assert wrong_while_scrolling(page) == {}
        assert hidden_from_keys(page) == []
        assert hidden_from_keys(page, "Shift+Tab") == []
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        bar, foot = page.locator("#waiting").bounding_box(), page.locator(".b-footer").bounding_box()
        assert bar is not None
        assert foot is not None
        assert foot["y"] + foot["height"] <= bar["y"]

"""On paper every page has what it says, and nothing that only a hand at a screen can use."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from balancer.store.database import Database
from tests.kent import kent
from tests.web.pages_served import Desk, served
from tests.web.test_every_page_bears_zoom import PAGES, PATIENCE_MS
from tests.web.test_every_page_on_every_database import busy

# A sheet (A4) across and upright without its margins, in the pixels of a style sheet.
_ACROSS, _UPRIGHT = 1_047, 718
# Addresses that the framework writes behind links, and what can be pressed, as far as either would be seen.
_USELESS = """() => [...document.querySelectorAll("a, button")].filter(one => one.checkVisibility()).filter(one =>
    one.tagName === "BUTTON" || !["none", "normal"].includes(getComputedStyle(one, "::after").content)
).map(one => one.outerHTML.slice(0, 120))"""


def test_nothing_is_printed_that_is_of_no_use_on_paper(browser: Browser, sqlite_db: Database, tmp_path: Path) -> None:
    """Of every page there is, and of a reporter's own list; each still has its heading, and fits its sheet."""
    with served(busy(sqlite_db, kent(tmp_path))) as address, browser.new_context() as context:
        desk = Desk(context.new_page(), address)
        desk.page.set_default_timeout(PATIENCE_MS)
        useless, wider = {}, {}
        for who, paths, sheet in (("operator", PAGES, _ACROSS), ("reporter:R1", ("/my-list",), _UPRIGHT)):
            desk.sign_in(who)
            desk.page.set_viewport_size({"width": sheet, "height": 700})
            for path in paths:
                page = desk.go(path)
                page.emulate_media(media="print")
                assert page.locator("h1").is_visible(), path
                useless[path] = page.evaluate(_USELESS)
                wider[path] = page.evaluate("document.documentElement.scrollWidth") - sheet
                page.emulate_media(media="screen")
        assert {path: found for path, found in useless.items() if found} == {}
        assert {path: more for path, more in wider.items() if more > 1} == {}

"""At 400 % zoom, and with its text spaced as its reader likes, no page loses anything or scrolls two ways."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from balancer.store.database import Database
from tests.kent import kent
from tests.web.pages_served import Desk, served
from tests.web.reflow import lost_by_zoom_and_spacing
from tests.web.test_every_page_on_every_database import busy

PATIENCE_MS = 60_000
# CSS pixels: what begins lower stands in a second row of the header.
ROW = 40
PAGES = (
    *("/", "/studies", "/studies/1", "/studies/1?act=pin", "/search", "/allocation", "/allocation/table"),
    *("/allocation/moves", "/allocation/unallocated", "/allocation/load", "/runs", "/runs/2", "/runs/2/moves"),
    *(
        "/rosters",
        "/rosters?reporter=R1&at=2026-03-02am",
        "/reporters",
        "/reporters/R1",
        "/drafts",
        "/lists",
        "/lists/R1",
    ),
    *("/feeds", "/feeds/RVV%20unreported", "/quarantine", "/exceptions", "/exceptions/1", "/policy", "/policy/2"),
    *("/policy/compare?a=1&b=2", "/audit", "/downtime"),
)


def test_nothing_is_lost_by_zoom_or_by_spacing(browser: Browser, sqlite_db: Database, tmp_path: Path) -> None:
    """WCAG 2.2, 1.4.10 and 1.4.12, of every page there is."""
    with served(busy(sqlite_db, kent(tmp_path))) as address, browser.new_context() as context:
        desk = Desk(context.new_page(), address)
        desk.page.set_default_timeout(PATIENCE_MS)
        desk.sign_in("operator")
        lost = {}
        for path in PAGES:
            desk.go(path)
            lost[path] = lost_by_zoom_and_spacing(desk)
        assert {path: said for path, said in lost.items() if said} == {}
        desk.sign_in("reporter:R1")
        desk.go("/my-list")
        assert lost_by_zoom_and_spacing(desk) == []
        assert desk.wrong == []


def test_the_header_is_one_row_on_a_desk_however_much_waits(
    browser: Browser, sqlite_db: Database, tmp_path: Path
) -> None:
    """Thousands of moves in one badge: the field for what is looked for gives way, and nothing wraps."""
    with served(busy(sqlite_db, kent(tmp_path))) as address, browser.new_context() as context:
        desk = Desk(context.new_page(), address)
        desk.page.set_viewport_size({"width": 1_440, "height": 900})
        desk.sign_in("operator")
        desk.go("/")
        badges = desk.page.locator(".b-sections .b-count [aria-hidden]")
        assert badges.count() > 0
        badges.evaluate_all("found => found.forEach((each) => { each.textContent = '1,234' })")
        tops = "found => [...found.querySelectorAll(':scope > *, li')].map((each) => each.getBoundingClientRect().top)"
        assert max(desk.page.locator(".b-header__inner").evaluate(tops)) < ROW
        assert desk.page.evaluate("document.documentElement.scrollWidth") <= 1_440

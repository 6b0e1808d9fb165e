"""What a page must bear: a phone, 400 % zoom, text spaced as its reader likes, and nothing cut off by any of it."""

from __future__ import annotations

from typing import Final

from playwright.sync_api import Page

from tests.web.pages_served import WIDTHS, Desk

# WCAG 2.2, 1.4.10: 1280 CSS pixels at 400 %.
ZOOMED: Final = (320, 640)
# WCAG 2.2, 1.4.12, as its understanding document has it.
_SPACED: Final = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; }
    * { word-spacing: .16em !important; } p { margin-bottom: 2em !important; }`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""
# Words that stand in a box which hides what goes beyond it; what is for screen readers alone is hidden on purpose.
_CUT: Final = """() => [...document.querySelectorAll("main *, header *")].filter((e) => {
  if (!e.childNodes.length || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) return false;
  if (e.closest(".b-hidden, [hidden], .nhsuk-skip-link, svg")) return false;
  const style = getComputedStyle(e);
  if (style.overflowX === "visible" && style.overflowY === "visible") return false;
  return e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1;
}).map((e) => `${e.tagName}.${e.className}: ${e.textContent.trim().slice(0, 40)}`)"""


def sideways(page: Page) -> int:
    """Return by how many pixels a page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


def wrong_at(desk: Desk, width: int, height: int) -> list[str]:
    """Return what is wrong with a page as it stands, in a window of a size: what axe finds, and scrolling sideways."""
    desk.page.set_viewport_size({"width": width, "height": height})
    beyond = sideways(desk.page)
    return [*([f"{beyond} pixels beyond {width}"] if beyond > 0 else []), *desk.violations()]


def wrong_at_both_widths(desk: Desk) -> list[str]:
    """Return what is wrong with a page as it stands, on a desk and on a phone."""
    return [said for size in WIDTHS.values() for said in wrong_at(desk, *size)]


def lost_by_zoom_and_spacing(desk: Desk) -> list[str]:
    """Return what is lost at 400 % zoom, and with text spaced out there."""
    page = desk.page
    page.set_viewport_size({"width": ZOOMED[0], "height": ZOOMED[1]})
    lost = [f"zoomed: {sideways(page)} pixels beyond"] if sideways(page) > 0 else []
    page.evaluate(_SPACED)
    if sideways(page) > 0:
        lost.append(f"spaced: {sideways(page)} pixels beyond")
    return [*lost, *(f"spaced: {words} is cut" for words in page.evaluate(_CUT))]

"""Make the screenshots of the documents anew, of a living Monday morning: ``make screenshots``, with nothing running.

Each page is looked at by axe and for errors in its console while it is there; exit code 1 if anything is wrong.
"""

from __future__ import annotations

import io
import logging
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import structlog
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.web.monday import Morning, monday
from tests.web.pages_served import WIDTHS, Desk, chromium

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
# A table of fifty rows is a mile on a phone; what it is like is seen before that.
_HIGHEST = 2_400
_COLOURS = 255
# Its console says that there is no such page: that is what is to be seen.
_REFUSED = {"no-such-page"}


def pages(morning: Morning) -> Mapping[str, tuple[str, str]]:
    """Return who looks at what, by the name of the picture; nobody is signed in where nobody is named."""
    return {
        "sign-in": ("", "/sign-in"),
        "overview": ("operator", "/"),
        "studies": ("manager@RVV", "/studies?late=now"),
        "no-studies": ("manager@RVV", "/studies?class=emergency&modality=MG"),
        "list": (f"reporter:{morning.reporter_id}", "/my-list"),
        "lists": ("manager@RVV", "/lists"),
        "allocation": ("operator", "/allocation"),
        "allocation-table": ("operator", "/allocation/table"),
        "moves": ("operator", "/allocation/moves"),
        "not-placed": ("operator", "/allocation/unallocated"),
        "runs": ("operator", "/runs"),
        "run": ("operator", morning.run),
        "rosters": ("operator", "/rosters"),
        "rosters-ill": ("operator", morning.away),
        "reporters": ("operator", "/reporters"),
        "reporter": ("operator", f"/reporters/{morning.reporter_id}"),
        "study": ("operator", morning.study),
        "drafts": ("operator", "/drafts"),
        "draft": ("operator", morning.draft),
        "feeds": ("operator", "/feeds"),
        "quarantine": ("operator", morning.quarantine),
        "exceptions": ("operator", "/exceptions"),
        "policy": ("manager@RVV", "/policy"),
        "audit": ("operator", "/audit"),
        "downtime": ("operator", "/downtime"),
        "no-such-page": ("operator", "/studies/2147483647"),
    }


def main() -> int:
    """Look at each page at each width; ``1`` if anything is wrong with one."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    FOLDER.mkdir(parents=True, exist_ok=True)
    wrong = 0
    with (
        tempfile.TemporaryDirectory(prefix="monday-") as folder,
        monday(Path(folder)) as morning,
        chromium() as browser,
    ):
        for name, (who, path) in pages(morning).items():
            for width in WIDTHS:
                found = _look(browser, morning.address, name, who, path, width)
                wrong += len(found)
                sys.stdout.write(f"{name}, {width}: {'; '.join(found) or 'nothing wrong'}\n")
    return 1 if wrong else 0


def _look(browser: Browser, address: str, name: str, who: str, path: str, width: str) -> list[str]:
    """Keep a page's picture, and return what is wrong with it."""
    wide, high = WIDTHS[width]
    with browser.new_context(viewport={"width": wide, "height": high}, reduced_motion="reduce") as context:
        desk = Desk(context.new_page(), address)
        if who:
            desk.sign_in(who)
        page = desk.go(path)
        page.wait_for_load_state("load")
        _keep(page, wide, FOLDER / f"{name}-{width}.png")
        # as high as the picture: what stays at the foot of a window lies over whatever happens to be there
        found = desk.violations()
        return found + ([] if name in _REFUSED else desk.wrong)


def _keep(page: Page, wide: int, path: Path) -> None:
    """Keep the whole page, as a window as high as it would show it."""
    page.evaluate("scrollTo(0, 0)")
    high = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": wide, "height": min(high, _HIGHEST)})
    page.wait_for_timeout(300)  # what is drawn by a script is drawn anew
    seen = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    seen.quantize(_COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())

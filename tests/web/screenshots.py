"""Make the screenshots of the documents anew, of a service that runs: ``make screenshots`` beside ``make run``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.web.pages_served import WIDTHS, Desk, chromium

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
# Who looks at what.
PAGES = {
    "overview": ("manager@RVV", "/"),
    "studies": ("manager@RVV", "/studies?late=now"),
    "list": ("reporter:9900001", "/my-list"),
    "lists": ("manager@RVV", "/lists"),
    "allocation": ("operator", "/allocation"),
    "allocation-table": ("operator", "/allocation/table"),
    "runs": ("operator", "/runs"),
    "rosters": ("operator", "/rosters"),
    "reporters": ("operator", "/reporters"),
    "reporter": ("operator", "/reporters/9900001"),
    "study": ("operator", "/studies/1052"),
    "drafts": ("operator", "/drafts"),
    "feeds": ("operator", "/feeds"),
    "quarantine": ("operator", "/quarantine?reason=unknown_priority"),
    "exceptions": ("operator", "/exceptions"),
    "policy": ("manager@RVV", "/policy"),
    "audit": ("operator", "/audit"),
    "downtime": ("operator", "/downtime"),
}


def main() -> int:
    """Look at each page at each width."""
    address = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        for name, (who, path) in PAGES.items():
            for width_name, (width, height) in WIDTHS.items():
                with browser.new_context(viewport={"width": width, "height": height}) as context:
                    desk = Desk(context.new_page(), address)
                    desk.sign_in(who)
                    desk.go(path).screenshot(path=FOLDER / f"{name}-{width_name}.png")
                    found = "; ".join(desk.wrong + desk.violations()) or "nothing wrong"
                    sys.stdout.write(f"{name}, {width_name}: {found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

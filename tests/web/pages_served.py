"""The pages as people meet them: served on a port of this machine, in Chromium, with a local sign-in."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, Page, expect, sync_playwright
from starlette.types import ASGIApp

from balancer.api.doors import LOCAL_COOKIE, CredentialsDoor, LocalDoor
from balancer.store.database import Database
from tests.api.service import Service, StandingClock
from tests.patience import PATIENCE_SECONDS, until

AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_PATIENCE_MS = PATIENCE_SECONDS * 1_000
expect.set_options(timeout=_PATIENCE_MS)
WIDTHS = {"desktop": (1440, 900), "phone": (390, 844)}


def service_with_sign_in(db: Database) -> Service:
    """Return a service as `make run` starts it: one signs in as whoever one chooses."""
    clock = StandingClock()
    service = Service(db, door=CredentialsDoor(lambda: db, clock, cookie=LOCAL_COOKIE, without=LocalDoor()))
    service.clock = clock
    service.app.state.serving = replace(service.app.state.serving, clock=clock)
    return service


@contextmanager
def served(service: Service) -> Iterator[str]:
    """Yield the address at which a service answers."""
    with served_at(service.app, 0) as address:
        yield address


@contextmanager
def served_at(app: ASGIApp, port: int) -> Iterator[str]:
    """Yield the address at which an application answers; ``port`` 0 is any that is free."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(PATIENCE_SECONDS)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the browser of this machine; ``FileNotFoundError`` if it has none."""
    path = shutil.which("chromium")
    if path is None or not AXE.is_file():
        raise FileNotFoundError("chromium, or npm's axe-core: apt-get install chromium, make test")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"], timeout=_PATIENCE_MS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Desk:
    """A browser window of somebody who has signed in, and everything that went wrong in it."""

    page: Page
    address: str
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(_PATIENCE_MS)
        self.page.on(
            "console", lambda said: self.wrong.append(said.text) if said.type in {"error", "warning"} else None
        )
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", self._note)

    def _note(self, request: Any) -> None:
        if not request.url.startswith((self.address, "about:", "data:", "https://pacs.example/")):
            self.wrong.append(f"asked elsewhere: {request.url}")

    def sign_in(self, who: str) -> None:
        """Be somebody."""
        self.page.goto(f"{self.address}/sign-in")
        self.page.select_option("select", who)
        self.page.locator("form[action='/sign-in'] button").click()

    def go(self, path: str) -> Page:
        """Open a page."""
        self.page.goto(self.address + path)
        return self.page

    def violations(self) -> list[str]:
        """Return what axe finds wrong with the page as it is now (WCAG 2.2, A and AA)."""
        self.page.evaluate(AXE.read_text(encoding="utf-8"))
        found = self.page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)
        return [f"{item['id']}: {[node['target'] for node in item['nodes']]}" for item in found["violations"]]

"""On a shared machine whoever signs out is out of the identity provider too: the next person is asked who they are."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from starlette.types import ASGIApp

from balancer.bootstrap import build_app
from balancer.config import read_settings
from balancer.store.database import Database
from tests.access.providers import SECRET, UnavailableError, running
from tests.access.test_sign_in_with_a_provider import ENTRA
from tests.access.two_trusts import allocate_both
from tests.patience import PATIENCE_SECONDS
from tests.web.pages_served import AXE, WCAG, WIDTHS, served_at


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _sign_in(page: Page, login: str) -> None:
    """Say at the provider who one is, and agree to what it asks."""
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill("any")
    page.locator("[type=submit]").click()
    page.get_by_role("button", name="Continue").click()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_next_person_is_asked_who_they_are(
    browser: Browser, sqlite_db: Database, tmp_path: Path, width: str
) -> None:
    """From our button through the provider's own question and back, under our content security policy."""
    allocate_both(sqlite_db)
    (tmp_path / "access.toml").write_text(ENTRA, encoding="utf-8")
    port = _free_port()
    ours = f"http://127.0.0.1:{port}"
    across, down = WIDTHS[width]
    try:
        with (
            running(claims_in_id_token=True, ours=ours) as provider,
            served_at(_app(sqlite_db, tmp_path, provider.issuer, ours), port),
            browser.new_context(viewport={"width": across, "height": down}) as context,
        ):
            page = context.new_page()
            page.set_default_timeout(PATIENCE_SECONDS * 1_000)
            page.goto(f"{ours}/sign-in?return_to=/reporters")
            _sign_in(page, "manager")
            expect(page.locator("h1")).to_have_text("Reporters")
            page.get_by_role("button", name="Sign out").click()
            page.get_by_role("button", name="Yes, sign me out").click()
            page.wait_for_url(f"{ours}/signed-out?*")
            expect(page.locator("h1")).to_have_text("You have signed out")
            expect(page.locator("main")).to_contain_text("and of your organisation's sign-in")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            assert page.evaluate("tags => axe.run(document, {runOnly: tags})", WCAG)["violations"] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            page.goto(f"{ours}/reporters")
            expect(page.locator("input[name=login]")).to_be_visible()
    except UnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs a real identity provider: {error}")
        pytest.skip(str(error))


def _app(db: Database, folder: Path, issuer: str, ours: str) -> ASGIApp:
    """Return the service as an installation configures it."""
    given = read_settings(
        database_url=db.engine.url.render_as_string(hide_password=False),
        pseudonym_key="sixteen bytes at least",
        access=folder / "access.toml",
        oidc_issuer=issuer,
        oidc_client_id="entra-shaped",
        oidc_client_secret=SECRET,
        public_url=ours,
    )
    return build_app(given, db)

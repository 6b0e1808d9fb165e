"""A small network with its lists published, and a browser to look at them with."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from balancer.store.database import Database
from tests.api.service import Service
from tests.api.small_network import allocate
from tests.web.pages_served import WIDTHS, Desk, chromium, served, service_with_sign_in


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser; without one the test is skipped, and in CI that is a failure."""
    try:
        with chromium() as found:
            yield found
    except FileNotFoundError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI looks at the pages: it needs {missing}")
        pytest.skip(str(missing))


@pytest.fixture
def service(sqlite_db: Database) -> Service:
    """Return a service on a small network: A1 and A2 are R1's, in this order."""
    allocate(sqlite_db)
    return service_with_sign_in(sqlite_db)


@pytest.fixture(params=WIDTHS)
def desk(request: pytest.FixtureRequest, browser: Browser, service: Service) -> Iterator[Desk]:
    """Yield a window at each width, in which R1 has signed in; nothing may have gone wrong in it."""
    width, height = WIDTHS[request.param]
    with served(service) as address, browser.new_context(viewport={"width": width, "height": height}) as context:
        found = Desk(context.new_page(), address)
        found.sign_in("reporter:R1")
        yield found
        assert found.wrong == []

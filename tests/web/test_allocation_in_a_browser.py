"""A manager looks a plan through in a real browser: by keyboard, at both widths, accessible throughout."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.api.service import Service
from tests.networks import minutes
from tests.services.test_held_runs import held_run, holding, lists
from tests.web.hands import press_key
from tests.web.pages_served import WIDTHS, Desk, served, service_with_sign_in
from tests.web.test_allocation import MOVING


@pytest.fixture
def waiting(sqlite_db: Database) -> Service:
    """Return a service on a small network, a plan of which waits."""
    holding(sqlite_db)
    held_run(sqlite_db, MOVING)
    service = service_with_sign_in(sqlite_db)
    service.clock.at = minutes(2)
    return service


@pytest.fixture(params=WIDTHS)
def desk(request: pytest.FixtureRequest, browser: Browser, waiting: Service) -> Iterator[Desk]:
    """Yield a window at each width in which a manager of every trust has signed in."""
    width, height = WIDTHS[request.param]
    with served(waiting) as address, browser.new_context(viewport={"width": width, "height": height}) as context:
        found = Desk(context.new_page(), address)
        found.sign_in("operator")
        yield found
        assert found.wrong == []


def no_sideways_scroll(desk: Desk) -> bool:
    """Tell whether the page is no wider than its window."""
    return bool(desk.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_plan_is_looked_through_published_and_taken_back(desk: Desk, waiting: Service) -> None:
    """Moves, the dialog with its reason, the notice, and undo."""
    page = desk.go("/allocation")
    expect(page.locator("h1")).to_have_text("Allocation")
    assert desk.violations() == []
    assert no_sideways_scroll(desk)
    press_key(page, "p")
    reason = page.locator("#publish-reason")
    expect(reason).to_be_focused()
    assert desk.violations() == []
    reason.fill("looked through with the CT lead")
    page.get_by_role("button", name="Publish run 2").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Published")
    database = waiting.app.state.serving.database
    assert lists(database)["R1"][1] == ["A1", "A3"]
    assert desk.violations() == []
    waiting.clock.at = minutes(3)
    page.locator("summary", has_text="Undo run 2").press("Enter")
    page.locator("#undo-reason").fill("the wrong one")
    page.get_by_role("button", name="Put lists back").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Undone")
    assert lists(database)["R1"][1] == ["A1", "A2"]


def test_a_plan_is_discarded_with_a_reason(desk: Desk, waiting: Service) -> None:
    """Lists stand as they were, and another run is asked for; without a reason nothing happens."""
    page = desk.go("/allocation")
    page.locator("summary", has_text="Discard").press("Enter")
    discard = page.get_by_role("button", name="Discard it")
    discard.press("Enter")
    expect(page.locator("#discard-reason")).to_be_focused()
    assert desk.violations() == []
    page.locator("#discard-reason").fill("a feed is silent: wait for it")
    discard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Discarded")
    expect(page.locator("#main")).to_contain_text("No plan waits to be published")
    assert lists(waiting.app.state.serving.database)["R1"][1] == ["A1", "A2"]
    assert desk.violations() == []
    assert no_sideways_scroll(desk)


def test_every_page_of_it_is_accessible_and_fits(desk: Desk) -> None:
    """The table, the lists behind figures, runs, and a filter that finds nothing."""
    paths = (
        "/allocation/table",
        "/allocation/moves",
        "/allocation/late?within=24",
        "/allocation/unallocated",
        "/allocation/load",
        "/allocation?q=nobody",
        "/runs",
        "/runs/2",
        "/runs/2/moves",
    )
    for path in paths:
        desk.go(path)
        assert (path, desk.violations(), no_sideways_scroll(desk)) == (path, [], True)


def test_the_reads_of_a_reporter_are_opened_from_their_name(desk: Desk) -> None:
    """The focus goes to them; closing leads back."""
    page = desk.go("/allocation")
    page.get_by_role("link", name="Dr R1").first.press("Enter")
    expect(page.locator("#opened")).to_be_focused()
    expect(page.locator("#opened")).to_contain_text("from Dr R2")
    assert desk.violations() == []
    page.locator("#opened").get_by_role("link", name="Close").click()
    expect(page.locator("#opened")).to_have_count(0)


@pytest.mark.parametrize("desk", ["desktop"], indirect=True)
def test_arrows_go_from_block_to_block_and_enter_opens_one(desk: Desk) -> None:
    """The chart is one stop of Tab."""
    page = desk.go("/allocation")
    blocks = page.locator("[data-block]")
    expect(blocks.first).to_have_attribute("tabindex", "0")
    blocks.first.focus()
    assert page.locator("[data-block][tabindex='0']").count() == 1
    press_key(page, "ArrowDown")
    press_key(page, "Enter")
    expect(page.locator("#opened")).to_be_focused()


def test_a_plan_that_comes_meanwhile_is_told_and_its_elder_refused(desk: Desk, waiting: Service) -> None:
    """What is on the screen is not what would be published: nothing is done, and the page says why."""
    page = desk.go("/allocation")
    run_allocation(waiting.app.state.serving.database, minutes(2), solver=MOVING)
    page.locator("summary", has_text="Discard").press("Enter")
    page.locator("#discard-reason").fill("not today")
    with page.expect_response("**/discard") as answer:
        page.get_by_role("button", name="Discard it").press("Enter")
    assert answer.value.status == 409
    expect(page.get_by_role("alert")).to_contain_text("Nothing was done")
    assert desk.violations() == []
    # the browser itself notes an answer of 409
    desk.wrong[:] = [said for said in desk.wrong if "409" not in said]


def test_a_run_under_way_is_followed_and_its_end_shown(desk: Desk, waiting: Service) -> None:
    """By server-sent events, without loading the page by hand."""
    page = desk.go("/runs")
    page.locator("#ask-reason").fill("CT looks thin")
    page.get_by_role("button", name="Ask for a run").press("Enter")
    expect(page.locator("h1")).to_have_text("Run 3: waits to begin")
    assert desk.violations() == []
    run_allocation(waiting.app.state.serving.database, minutes(2), solver=MOVING)
    expect(page.locator("h1")).to_have_text("Run 3: waits to be published")

"""The whole way on the Kent sample: overview, what becomes late, a study, a pin that is tried, published, and felt.

A manager looks and acts with a mouse, on a phone, and by keyboard alone, while the radiologist whose study it is has
their list open: it says that something waits, and nothing on it moves until they ask.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlmodel import select

from balancer.scheduler.solving import DONE, preview_all
from balancer.services.mend_worklists import Mending
from balancer.store import worklists
from balancer.store.database import Database
from balancer.store.tables_life import ReadRow
from tests.api.service import StandingClock
from tests.web.hands import Finger, Hands, Keys, Mouse, press_key
from tests.web.kent_planned import plan_kent
from tests.web.pages_served import WIDTHS, Desk, served, service_with_sign_in
from tests.worlds import NOW

PATIENCE_MS = 120_000
expect.set_options(timeout=PATIENCE_MS)
# As many of a list's reads are on its page in any case.
_SHOWN = 20
WAYS: dict[str, tuple[str, Hands]] = {
    "mouse": ("desktop", Mouse()),
    "phone": ("phone", Finger()),
    "keyboard": ("desktop", Keys()),
}


@pytest.fixture(scope="module")
def planned_kent(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with the Kent sample and its plan, to copy."""
    path = tmp_path_factory.mktemp("kent") / "planned.sqlite"
    shutil.copy(migrated_sqlite, path)
    plan_kent(path)
    return path


@pytest.fixture
def kent_db(planned_kent: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a copy of it that may be changed."""
    shutil.copy(planned_kent, tmp_path / "kent.sqlite")
    database = Database(f"sqlite:///{tmp_path / 'kent.sqlite'}")
    yield database
    database.close()


@contextmanager
def window(browser: Browser, address: str, width: str, who: str) -> Iterator[Desk]:
    """Yield a window of somebody's; nothing may have gone wrong in it."""
    across, down = WIDTHS[width]
    size: Any = {"width": across, "height": down}
    with browser.new_context(viewport=size, has_touch=width == "phone") as context:
        desk = Desk(context.new_page(), address)
        desk.page.set_default_timeout(PATIENCE_MS)
        desk.sign_in(who)
        yield desk
        assert desk.wrong == []


@pytest.mark.parametrize("way", WAYS)
def test_from_the_overview_to_an_open_list(browser: Browser, kent_db: Database, way: str) -> None:
    """Every count is its list's; the preview is a real plan; the list waits until it is asked."""
    width, hands = WAYS[way]
    mending = Mending(kent_db)
    assert mending.look(NOW) is None  # the scheduler's process has the plan open before anything happens
    with (
        served(service_with_sign_in(kent_db)) as address,
        window(browser, address, width, "manager@RVV") as office,
    ):
        page = office.go("/")
        figure = page.locator(".b-figures a[href='/studies?within=24']")
        counted = figure.inner_text()
        assert office.violations() == []
        hands.press(figure)
        expect(page.locator("h1")).to_contain_text(f"{counted} ")
        assert office.violations() == []
        study, holder = a_study_on_a_list(page, kent_db)
        with window(browser, address, "phone" if width == "desktop" else "desktop", f"reporter:{holder}") as reporter:
            mine = reporter.go("/my-list")
            expect(mine.locator("#live")).to_contain_text("Live")
            hands.press(page.locator(f".b-table a[href^='/studies/{study}']").first)
            pin_to_another(page, hands, office, kent_db)
            before = places(mine)
            mine.locator(".b-entry--first .b-entry__name").hover()
            hands.press(page.get_by_role("button", name="Publish"))
            expect(page.locator("h1")).to_contain_text("in force")
            assert mending.look(NOW) is not None
            the_list_waits_and_then_changes(mine, reporter, before, reads_of(kent_db, study))


def test_words_of_time_that_go_on_move_nothing(browser: Browser, kent_db: Database) -> None:
    """Longer ones take no more of a row than the shorter ones did: what is under the cursor stays there."""
    with kent_db.session() as session:
        reporter = max(worklists.worklists(session), key=lambda entry: entry.items).reporter_id
    with (
        served(service_with_sign_in(kent_db)) as address,
        window(browser, address, "desktop", f"reporter:{reporter}") as desk,
    ):
        page = desk.go("/my-list")
        words = page.locator("[data-read] [data-words]")
        assert words.count() > 10
        for opened in (0, 1):
            if opened:
                page.set_viewport_size({"width": 1440, "height": 900})
                page.locator(".b-entry--first form button").first.click()
            expect(page.locator("[data-open]")).to_have_count(opened)
            # of such a length that it would break as the words beside it grow
            page.locator("[data-read] h2").evaluate_all(
                "all => all.forEach(e => { e.textContent = 'MRI internal auditory meatus, both' })"
            )
            for across in (360, 390, 700, 701, 900, 1024, 1199, 1200, 1440):
                page.set_viewport_size({"width": across, "height": 900})
                stood = []
                for said in ("1 min left", "Over ceiling by 23 h 59 min"):
                    words.evaluate_all("(all, said) => all.forEach(e => { e.textContent = said })", said)
                    stood.append(places(page))
                assert stood[0] == stood[1], (opened, across)
                assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), (opened, across)


def a_study_on_a_list(page: Page, db: Database) -> tuple[int, str]:
    """Return the first study of the list that one reporter alone has among what their page shows, and who it is."""
    for row in page.locator(".b-table tbody tr").all():
        holder = row.locator("a[href^='/lists/']")
        link = row.locator("a[href^='/studies/']").first.get_attribute("href") or ""
        if holder.count() != 1:
            continue
        study = int(re.findall(r"/studies/(\d+)", link)[0])
        reporter = (holder.get_attribute("href") or "").rsplit("/", 1)[1]
        with db.session() as session:
            shown = [item.study.id for item in worklists.worklist(session, reporter).items[:_SHOWN]]
        if study in shown:
            return study, reporter
    raise AssertionError("nothing that becomes late stands at the head of anybody's list")


def pin_to_another(page: Page, hands: Hands, office: Desk, db: Database) -> None:
    """Have the study explained, pin it to who comes next, see what that does, and open the draft, a reason written."""
    expect(page.locator("#why [role=status]").first).to_contain_text("Being worked out")
    work_out(db)
    expect(page.locator(".b-checked--yes")).to_contain_text("Checked")
    assert office.violations() == []
    hands.press(page.locator("#why").get_by_role("link", name="Pin", exact=True).first)
    expect(page.locator("#f-reporter")).not_to_have_value("")
    hands.write(page.locator("#f-reason"), "they know this patient's earlier studies")
    hands.press(page.get_by_role("button", name="Preview it"))
    expect(page.locator("#effects [role=status]")).to_contain_text("Nothing has changed yet")
    work_out(db)
    expect(page.locator("#effects")).to_contain_text("Late in the next 24 h")
    assert office.violations() == []
    hands.press(page.get_by_role("link", name="Open the draft"))
    expect(page.locator("h1")).to_have_text("1 change staged, nothing has changed yet")
    assert office.violations() == []
    hands.write(page.locator("#publish-reason"), "agreed with the reporting lead")


def work_out(db: Database) -> None:
    """Do what the scheduler's process does: a real plan on the live queue."""
    assert preview_all(db, StandingClock()) == DONE


def places(mine: Page) -> list[Any]:
    """Return where everything that is to be read stands on a list's page: which, left, top, width, height."""
    return list(
        mine.locator("[data-read]").evaluate_all(
            "all => all.map(e => [e.dataset.read, ...Object.values(e.getBoundingClientRect().toJSON())])"
        )
    )


def the_list_waits_and_then_changes(mine: Page, reporter: Desk, before: list[Any], reads: set[str]) -> None:
    """Nothing has moved while a line says that something waits; asked for, the study is gone."""
    assert reads & {place[0] for place in before}
    expect(mine.locator("#waiting")).to_be_visible()
    assert places(mine) == before
    assert reporter.violations() == []
    press_key(mine, "u")
    expect(mine.locator("#waiting")).to_be_hidden()
    assert not reads & {place[0] for place in places(mine)}
    assert reporter.violations() == []


def reads_of(db: Database, study: int) -> set[str]:
    """Return the numbers of a study's reads, as a page has them."""
    with db.session() as session:
        return {str(read) for read in session.exec(select(ReadRow.id).where(ReadRow.study_id == study))}

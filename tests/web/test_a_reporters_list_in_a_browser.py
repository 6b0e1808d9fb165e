"""A reporter works their list in a real browser: by keyboard alone, at both widths, accessible in every state."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlmodel import update

from balancer.services.claim_read import claim_read
from balancer.store.tables import StudyRow
from balancer.web import lists
from balancer.web.templates import wants_part
from balancer.web.time_left import time_left
from tests.api.service import Service
from tests.patience import PATIENCE_SECONDS
from tests.web.hands import press_key
from tests.web.pages_served import Desk

# What the page asks by itself.
LOOK = "/lists/R1?wait=0"
NOW = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)


def two_open(desk: Desk) -> Page:
    """Return a reporter's list on which they have opened two reads."""
    page = desk.go("/my-list")
    press_key(page, "Enter")
    expect(page.locator("[data-open]")).to_have_count(1)
    page.locator(".b-next button").first.click()
    expect(page.locator("[data-open]")).to_have_count(2)
    return page


def test_a_read_is_opened_completed_and_the_next_one_comes(desk: Desk) -> None:
    """Enter opens the first, C completes it; each state is accessible."""
    page = desk.go("/my-list")
    expect(page.locator("h1")).to_contain_text("to choose from")
    assert desk.violations() == []
    first = page.locator(".b-entry--first").get_attribute("data-read")
    press_key(page, "Enter")
    expect(page.locator(f"[data-open][data-read='{first}']")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("Open:")
    assert desk.violations() == []
    press_key(page, "c")
    expect(page.locator("[data-open]")).to_have_count(0)
    expect(page.locator(f"[data-read='{first}']")).to_have_count(0)


def test_a_read_is_returned_with_a_reason_by_keyboard_alone(desk: Desk) -> None:
    """R unfolds the reasons with the focus on the first; arrows choose, Tab and Enter send."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    press_key(page, "r")
    expect(page.locator("input[name=reason]:focus")).to_have_count(1)
    assert desk.violations() == []
    press_key(page, "Space")
    press_key(page, "ArrowDown")
    press_key(page, "Tab")
    press_key(page, "Tab")
    press_key(page, "Enter")
    expect(page.locator(f"[data-read='{first}']")).to_have_count(0)


def test_escape_leaves_the_reasons_and_the_keys_of_the_read_are_heard_again(desk: Desk) -> None:
    """Whoever has pressed R by mistake goes on with the read by another key."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    press_key(page, "Enter")
    expect(page.locator(f"[data-open][data-read='{first}']")).to_be_visible()
    press_key(page, "r")
    expect(page.locator("input[name=reason]:focus")).to_have_count(1)
    press_key(page, "Escape")
    expect(page.locator("[data-open] summary:focus")).to_have_count(1)
    expect(page.locator("[data-open] [data-return]")).not_to_have_attribute("open", "")
    press_key(page, "l")
    expect(page.locator(f"[data-open][data-read='{first}']")).to_have_count(0)


def test_what_was_asked_before_a_read_was_opened_is_not_shown_over_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page looks at its list by itself: an answer from before somebody's act must not take the act away."""
    page, answer = desk.page, lists._Page.answer  # noqa: SLF001 - what every answer passes
    page.goto("about:blank")  # signing in has shown the list already, and that page looks at it, too
    shown, begun, go_on = threading.Event(), threading.Event(), threading.Event()

    def slowly(of: Any, request: Any, **named: Any) -> Any:
        found = answer(of, request, **named)
        if not wants_part(request):
            shown.set()
        elif shown.is_set() and not begun.is_set():  # the page's first look: how things stand is on its way now
            begun.set()
            go_on.wait(PATIENCE_SECONDS)
        return found

    monkeypatch.setattr(lists._Page, "answer", slowly)  # noqa: SLF001
    desk.go("/my-list")
    assert begun.wait(PATIENCE_SECONDS)
    first = page.locator(".b-entry--first").get_attribute("data-read")
    press_key(page, "Enter")
    expect(page.locator(f"[data-open][data-read='{first}']")).to_be_visible()
    with page.expect_response(lambda response: response.url.endswith(LOOK)):
        go_on.set()
    page.wait_for_timeout(500)
    assert page.locator("[data-gone]").count() == 0, "nobody took the read away"
    assert page.locator("[data-open]").get_attribute("data-read") == first


def test_a_list_found_while_a_read_is_being_opened_waits_for_the_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the answer would come under the keys of whoever reads already, and take what they unfolded from them."""
    begun, go_on = threading.Event(), threading.Event()

    def slowly(*given: Any, **named: Any) -> Any:
        done = claim_read(*given, **named)
        begun.set()
        go_on.wait(PATIENCE_SECONDS)
        return done

    monkeypatch.setattr(lists, "claim_read", slowly)
    with desk.page.expect_response(lambda response: response.url.endswith(LOOK)):
        page = desk.go("/my-list")
    expect(page.locator("#live")).to_contain_text("Live")
    looks: list[str] = []
    page.on("request", lambda request: looks.append(request.url) if request.url.endswith(LOOK) else None)
    press_key(page, "Enter")
    assert begun.wait(PATIENCE_SECONDS)
    page.wait_for_timeout(1_500)  # the service's word that the list is another has come by now
    assert looks == []
    assert page.locator("[data-open]").count() == 0
    go_on.set()
    expect(page.locator("[data-open]")).to_have_count(1)
    press_key(page, "r")
    expect(page.locator("input[name=reason]:focus")).to_have_count(1)
    page.wait_for_timeout(500)
    expect(page.locator("input[name=reason]:focus")).to_have_count(1)


def test_whoever_is_quicker_than_the_page_keeps_the_focus(desk: Desk) -> None:
    """A key pressed as soon as the answer is there, before the page has heard that it is, is not undone by it."""
    page = desk.go("/my-list")
    page.wait_for_load_state("load")
    page.evaluate("""() => new MutationObserver((_, seen) => {
        if (!document.querySelector("[data-open] [data-return]")) return;
        seen.disconnect();
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "r", bubbles: true }));
    }).observe(document.getElementById("list"), { childList: true, subtree: true })""")
    press_key(page, "Enter")
    expect(page.locator("[data-open] input[name=reason]")).not_to_have_count(0)
    page.wait_for_timeout(500)
    expect(page.locator("[data-open] input[name=reason]:focus")).to_have_count(1)


def test_a_key_pressed_as_soon_as_the_answer_is_shown_is_heard(desk: Desk) -> None:
    """L, as the next event after the read is shown open: it releases the read, and is not taken for a second press."""
    page = desk.go("/my-list")
    page.wait_for_load_state("load")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    page.evaluate("""() => new MutationObserver((_, seen) => {
        if (!document.querySelector("[data-open] [data-key='l']")) return;
        seen.disconnect();
        const next = new MessageChannel();
        const pressed = new KeyboardEvent("keydown", { key: "l", bubbles: true });
        next.port1.onmessage = () => document.body.dispatchEvent(pressed);
        next.port2.postMessage(null);
    }).observe(document.getElementById("list"), { childList: true, subtree: true })""")
    with page.expect_response(f"**/reads/{first}/release"):
        press_key(page, "Enter")
    expect(page.locator("[data-open]")).to_have_count(0)
    expect(page.locator(".b-entry--first")).to_have_attribute("data-read", first or "")


def test_what_is_being_filled_in_goes_on_when_the_list_must_be_shown_anew(desk: Desk, service: Service) -> None:
    """A read opened in another window appears at once; the reasons chosen for the first stay chosen."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    press_key(page, "Enter")
    expect(page.locator(f"[data-open][data-read='{first}']")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("Live")
    press_key(page, "r")
    expect(page.locator("input[name=reason]:focus")).to_have_count(1)
    press_key(page, "ArrowDown")
    chosen = page.locator("input[name=reason]:checked").get_attribute("value")
    other = page.locator(f".b-entry[data-read]:not([data-read='{first}'])").first.get_attribute("data-read")
    assert service.post(f"/reads/{other}/claim", {"reporter_id": "R1"}).status_code == 200
    expect(page.locator("[data-open]")).to_have_count(2)
    expect(page.locator("input[name=reason]:focus")).to_have_count(1)
    assert page.locator("input[name=reason]:checked").get_attribute("value") == chosen
    assert page.locator(f"[data-read='{first}'] [data-return]").get_attribute("open") is not None


def test_what_is_being_filled_in_goes_on_when_another_read_is_acted_upon(desk: Desk) -> None:
    """Two are open: reasons chosen for one stay chosen, and unfolded, as the other is completed."""
    page = two_open(desk)
    kept = page.locator("[data-open]").first.get_attribute("data-read")
    returned = page.locator(f"[data-open][data-read='{kept}'] [data-return]")
    returned.locator("summary").click()
    returned.locator("input[name=reason]").nth(1).check()
    returned.locator("input[name=note]").fill("the lateral view")
    page.locator("[data-open]").nth(1).locator("[data-key=c]").click()
    expect(page.locator("[data-open]")).to_have_count(1)
    expect(returned.locator("input[name=note]")).to_have_value("the lateral view")
    expect(returned.locator("input[name=reason]").nth(1)).to_be_checked()
    expect(returned.locator("input[name=note]")).to_be_visible()


def test_what_is_released_stands_where_it_stood(desk: Desk) -> None:
    """L gives it back."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    press_key(page, "Enter")
    expect(page.locator("[data-open]")).to_have_count(1)
    press_key(page, "l")
    expect(page.locator(".b-entry--first")).to_have_attribute("data-read", first or "")


def test_changes_wait_until_they_are_asked_for(desk: Desk, service: Service) -> None:
    """A colleague opens the first read elsewhere: nothing moves, a line says so, and U shows it."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    expect(page.locator("#live")).to_contain_text("Live")
    assert service.post(f"/reads/{first}/claim", {"reporter_id": "R2"}).status_code == 200
    expect(page.locator("#waiting")).to_be_visible()
    expect(page.locator(".b-entry--first")).to_have_attribute("data-read", first or "")
    assert desk.violations() == []
    press_key(page, "u")
    expect(page.locator(f"[data-read='{first}']")).to_have_count(0)
    expect(page.locator("#waiting")).to_be_hidden()


def test_a_minutes_heartbeat_moves_nothing_that_waits(desk: Desk, service: Service) -> None:
    """What keeps claims alive looks at the list too: it offers what it finds, and shows nothing by itself."""
    desk.page.clock.install()
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    expect(page.locator("#live")).to_contain_text("Live")
    assert service.post(f"/reads/{first}/claim", {"reporter_id": "R2"}).status_code == 200
    expect(page.locator("#waiting")).to_be_visible()
    with page.expect_response("**/lists/R1?wait=0") as answer:
        page.clock.run_for(61_000)
    answer.value.finished()
    expect(page.locator(".b-entry--first")).to_have_attribute("data-read", first or "")
    expect(page.locator("#waiting")).to_be_visible()


def test_words_about_the_whole_list_go_on_while_it_is_open(desk: Desk, service: Service) -> None:
    """The time in the strip, how much is late: an hour later nobody reads that nothing is."""
    desk.page.clock.install(time=service.clock.at)
    page = desk.go("/my-list")
    expect(page.locator(".b-lede")).to_contain_text("Nothing of yours is late.")
    before = page.locator("#clock").inner_text()
    service.clock.at += timedelta(minutes=10)
    with service.app.state.serving.database.transaction() as session:
        session.exec(update(StudyRow).values(due_at=service.clock.at - timedelta(minutes=1)))
    with page.expect_response("**/lists/R1?wait=0") as answer:
        page.clock.run_for(61_000)
    answer.value.finished()
    expect(page.locator(".b-lede")).to_contain_text("late, the rest are on time")
    expect(page.locator("#clock")).not_to_have_text(before)


def test_whoever_is_second_hears_who_was_first(desk: Desk, service: Service) -> None:
    """And is shown the list as it is; no images are opened."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    assert service.post(f"/reads/{first}/claim", {"reporter_id": "R2"}).status_code == 200
    page.locator(".b-entry--first form button").first.click()
    expect(page.locator("#said")).to_contain_text("opened it before you")
    expect(page.locator("#said")).to_be_focused()
    assert desk.violations() == []
    assert len(page.context.pages) == 1


def test_keys_can_be_read_and_switched_off(desk: Desk) -> None:
    """And stay off: nobody opens a study with a key they did not mean."""
    page = desk.go("/my-list")
    press_key(page, "?")
    expect(page.locator("#keys")).to_be_visible()
    assert desk.violations() == []
    page.locator("#keys-on").uncheck()
    page.locator("#keys [data-close]").click()
    press_key(page, "Enter")
    desk.go("/my-list")
    page.evaluate("document.activeElement.blur()")
    press_key(page, "Enter")
    page.wait_for_timeout(300)
    assert page.locator("[data-open]").count() == 0


def test_the_page_never_scrolls_sideways(desk: Desk) -> None:
    """At no width."""
    page = desk.go("/my-list")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_the_script_says_of_time_what_the_server_says(desk: Desk) -> None:
    """Of many instants, over a clock change: words that go on in the page are those that a reload would show."""
    page = desk.go("/my-list")
    cases = [
        (timedelta(hours=target), timedelta(minutes=minutes), None if ceiling is None else timedelta(hours=ceiling))
        for target in (1.0, 12.0, 120.0, 336.0)
        for minutes in (
            -20_000,
            -1_500,
            -61,
            -1,
            0,
            1,
            44,
            59,
            60,
            89,
            91,
            700,
            1_439,
            1_441,
            2_879,
            2_881,
            9_000,
            30_000,
        )
        for ceiling in (None, -30, 5)
    ]
    said = [
        time_left(began_at=NOW + due - target, due_at=NOW + due, ceiling_at=None if top is None else NOW + top, now=NOW)
        for target, due, top in cases
    ]
    asked = [
        {
            "began": (NOW + due - target).timestamp() * 1000,
            "due": (NOW + due).timestamp() * 1000,
            "now": NOW.timestamp() * 1000,
        }
        | ({} if top is None else {"ceiling": (NOW + top).timestamp() * 1000})
        for target, due, top in cases
    ]
    script = "async asked => { const {timeLeft} = await import('/assets/time_left.js'); return asked.map(timeLeft); }"
    found = page.evaluate(script, asked)
    assert [(one["level"], one["words"], one["due"]) for one in found] == [(s.level, s.words, s.due) for s in said]


@pytest.mark.parametrize("path", ["/lists/R2", "/lists/R9"])
def test_another_reporters_list_is_refused_by_a_page(desk: Desk, path: str) -> None:
    """In words, with a way on; that a browser logs the status is no error of ours."""
    page = desk.go(path)
    expect(page.locator("h1")).to_have_text("You cannot see this")
    assert desk.violations() == []
    desk.wrong.clear()


def test_a_claim_that_ends_elsewhere_is_said_and_its_report_is_not_lost(desk: Desk, service: Service) -> None:
    """A manager takes the read over: the page says so at once, and the report that was written is still taken."""
    page = desk.go("/my-list")
    first = page.locator(".b-entry--first").get_attribute("data-read")
    expect(page.locator("#live")).to_contain_text("Live")
    press_key(page, "Enter")
    expect(page.locator("[data-open]")).to_have_count(1)
    taken = {"reason": "on leave", "reporter_id": "R2"}
    assert service.post(f"/reads/{first}/take-over", taken).status_code == 200
    expect(page.locator("[data-gone]")).to_contain_text("is no longer yours")
    assert desk.violations() == []
    page.get_by_role("button", name="The report is written").click()
    expect(page.locator("#said")).to_contain_text("your report is kept", ignore_case=True)
    expect(page.locator("#said")).not_to_contain_text("Nothing was done")


def test_a_key_never_guesses_which_of_several_open_reads_is_meant(desk: Desk) -> None:
    """It acts on the one with the focus, and says so if there is none."""
    page = two_open(desk)
    page.locator("h1").focus()
    press_key(page, "c")
    expect(page.locator("#hint")).to_contain_text("Several reads are open")
    expect(page.locator("[data-open]")).to_have_count(2)
    second = page.locator("[data-open]").nth(1)
    kept = page.locator("[data-open]").first.get_attribute("data-read")
    second.focus()
    press_key(page, "c")
    expect(page.locator("[data-open]")).to_have_count(1)
    expect(page.locator("[data-open]")).to_have_attribute("data-read", kept or "")


def test_a_list_that_hears_nothing_does_not_say_that_it_is_live(desk: Desk) -> None:
    """Whatever else answers: only what is heard and could be looked at is live."""
    page = desk.page
    page.route("**/events?*", lambda route: route.fulfill(status=502, body=""))
    desk.go("/my-list")
    expect(page.locator("#live")).to_contain_text("Not live since")
    press_key(page, "Enter")
    expect(page.locator("[data-open]")).to_have_count(1)
    expect(page.locator("#live")).to_contain_text("Not live since")
    page.unroute("**/events?*")
    expect(page.locator("#live")).to_contain_text("Live")
    desk.wrong.clear()  # the browser logs the status

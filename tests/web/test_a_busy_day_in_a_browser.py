"""A day of many short reads as a window draws it: calm, and nothing lies over what is to be read."""

from __future__ import annotations

import random
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from balancer.domain.overrides import Shift
from balancer.store.plans import PlannedRead
from balancer.web.gantt_shapes import Gantt
from balancer.web.tables import View
from balancer.web.templates import STATIC, environment
from tests.web.planned import planned, spot
from tests.web.test_gantt import drawn
from tests.worlds import at, session

_CLASSES: Final = ("emergency", "urgent", "routine")
# Everything that stands in a row and is seen, by what it is: its box.
_BOXES: Final = """() => {
  const boxes = (which) => [...document.querySelectorAll(which)].filter((e) => e.getClientRects().length > 0)
    .map((e) => { const b = e.getBoundingClientRect(); return [b.left, b.top, b.right, b.bottom]; });
  return {
    letters: boxes(".b-g-text"), pills: boxes(".b-g-pill"), late: boxes(".b-gantt__strip .b-g-late"),
    blocks: boxes(".b-gantt__strip .b-g-block"), links: boxes("[data-block] .b-g-link"),
  };
}"""


def busy_day(seed: int) -> Gantt:
    """Return four hours of R1's in reads of two to twenty minutes, in any order, most of which move in."""
    chance = random.Random(seed)  # noqa: S311 - a drawing, and no secret
    reads: list[PlannedRead] = []
    start = 0.0
    while start < 3.6:
        length, number = chance.choice((2, 2, 3, 3, 5, 12, 20)), len(reads)
        place = spot("R1", start, minutes=length)
        was = chance.choice((None, place, spot("R2", start, minutes=length)))
        due = at(start - 1) if chance.random() < 0.2 else at(24)
        reads.append(planned(number + 1, was, place, priority=chance.choice(_CLASSES), due_at=due))
        start += length / 60
    gone = spot("R1", 1.5, minutes=10)
    reads.append(planned(len(reads) + 1, gone, spot("R2", 1.5, minutes=10)))
    here = (("S1", "R1"), ("S2", "R2"))
    shifts = tuple(Shift(trust="RVV", session=session(name, who, hours=4), said_id=name) for name, who in here)
    # a day as long as a hospital's: twelve hours, of which they are there for four
    shifts += (Shift(trust="RVV", session=session("S3", "R2", start=9, hours=3), said_id="S3"),)
    return drawn(*reads, shifts=shifts)


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    """Yield a window that has nothing in it yet."""
    with browser.new_context() as context:
        yield context.new_page()


def show(window: Page, found: Gantt, width: int) -> dict[str, list[list[float]]]:
    """Draw a day in a window of that width as its page does, and return where everything is."""
    window.set_viewport_size({"width": width, "height": 900})
    macros: Any = environment().get_template("gantt.html").module
    chart = macros.gantt(SimpleNamespace(gantt=found), found.rows, True, View(path="/allocation"), None, None)
    styles = "".join((STATIC / name).read_text(encoding="utf-8") for name in ("pages.css", "allocation.css"))
    window.set_content(
        f'<html class="b-html"><style>{styles}</style><body class="b-body"><main class="b-main">'
        f'<section class="b-card">{chart}</section></main></body></html>'
    )
    boxes: dict[str, list[list[float]]] = window.evaluate(_BOXES)
    return boxes


def overlap(one: list[float], other: list[float]) -> bool:
    """Tell whether two boxes lie over each other, by more than a rounded half of a pixel."""
    slack = 0.5
    across = min(one[2], other[2]) - max(one[0], other[0])
    return across > slack and min(one[3], other[3]) - max(one[1], other[1]) > slack


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [910, 1_100, 1_300, 1_440, 1_920])
def test_nothing_lies_over_a_letter_and_no_letter_leaves_its_block(window: Page, width: int, seed: int) -> None:
    """Pills have a lane of their own, marks stand beside, and what has no room is left out."""
    boxes = show(window, busy_day(seed), width)
    for letter in boxes["letters"]:
        assert not [pill for pill in boxes["pills"] if overlap(_ink(letter), pill)]
        assert not [mark for mark in boxes["late"] if overlap(letter, mark)]
        assert [block for block in boxes["blocks"] if block[0] <= letter[0] and letter[2] <= block[2] + 1]
    pills = boxes["pills"]
    assert not [1 for place, one in enumerate(pills) for other in pills[:place] if overlap(one, other)]


def _ink(letter: list[float]) -> list[float]:
    """Return where the letters are within the box of their line: a digit is as high as seven tenths of its size."""
    left, top, right, bottom = letter
    return [left, top + 0.25 * (bottom - top), right, bottom - 0.2 * (bottom - top)]


@pytest.mark.parametrize("width", [910, 1_440])
def test_what_is_opened_by_a_finger_is_as_wide_as_one(window: Page, width: int) -> None:
    """A link to a sliver would be none."""
    for left, top, right, bottom in show(window, busy_day(1), width)["links"]:
        assert (right - left >= 24, bottom - top >= 24) == (True, True)


def test_a_day_of_forty_reads_is_a_few_blocks(window: Page) -> None:
    """And on a phone it is a picture: no letter, no pill, no mark."""
    day = busy_day(1)
    reads = sum(block.count for row in day.rows for block in row.blocks)
    boxes = show(window, day, 1_440)
    assert reads > 30
    assert len(boxes["blocks"]) < reads / 2
    on_phone = show(window, day, 390)
    assert (on_phone["letters"], on_phone["pills"], on_phone["late"], on_phone["links"]) == ([], [], [], [])

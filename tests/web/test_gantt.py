"""A day of everybody as it is drawn: blocks of one class, what moves in and out, and how full somebody's day is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from balancer.domain.overrides import Shift
from balancer.store.plans import PlannedRead
from balancer.web.class_marks import class_marks
from balancer.web.gantt import gantt, part_of, skill_words
from balancer.web.gantt_blocks import draw
from balancer.web.gantt_shapes import Gantt
from tests.web.planned import days_of, planned, spot
from tests.worlds import EXAMPLE_POLICY, NOW, reporter, session

MARKS = class_marks(EXAMPLE_POLICY)
TODAY = NOW.date()
R1, R2 = reporter("R1", skills={"neuro": 3}), reporter("R2", skills={"neuro": 2})


def shift(name: str, who: str, start: float = 0, hours: float = 4, **stated: Any) -> Shift:
    """Return a session on the roster of RVV."""
    held = session(name, who, start=start, hours=hours, **stated)
    return Shift(trust="RVV", session=held, said_id=name)


def drawn(*reads: PlannedRead, shifts: tuple[Shift, ...] = (), day: date = TODAY, **given: Any) -> Gantt:
    """Return the chart of a day, today's; R1 reports for four hours unless something else is said."""
    held = shifts or (shift("S1", "R1"),)
    part = part_of(held, day, NOW)
    counted = gantt((R1, R2), held, days_of(reads, part), part, day=day, elsewhere=given.pop("elsewhere", ()))
    return replace(counted, rows=draw(counted.rows, reads, part, marks=MARKS, **given))


def test_consecutive_reads_of_one_class_are_one_block() -> None:
    """Two urgent, one routine, one urgent again: three blocks, in the places of their time."""
    urgent = {"priority": "urgent"}
    reads = [
        planned(number, place, place, **(urgent if number != 3 else {}))
        for number, place in enumerate((spot("R1", 0), spot("R1", 0.5), spot("R1", 1), spot("R1", 1.5)), start=1)
    ]
    row = drawn(*reads).rows[0]
    assert [(block.mark and block.mark.code, block.count) for block in row.blocks] == [
        ("urgent", 2),
        ("routine", 1),
        ("urgent", 1),
    ]
    assert [(block.place, block.width) for block in row.blocks] == [(0.0, 25.0), (25.0, 12.5), (37.5, 12.5)]
    assert row.blocks[0].name == "Urgent, 2 reads, 08:00 to 09:00"


def test_short_reads_of_several_classes_are_one_block_that_shows_each_where_it_stands() -> None:
    """Two minutes of four hours are too narrow for a letter: five of them are told apart in a ribbon, and counted."""
    classes = ("urgent", "routine", "urgent", "emergency", "urgent")
    reads = [
        planned(number, place, place, priority=code)
        for number, (code, place) in enumerate(
            ((code, spot("R1", number / 30, minutes=2)) for number, code in enumerate(classes)), start=1
        )
    ]
    (block,) = drawn(*reads).rows[0].blocks
    assert (block.mark, block.count) == (None, 5)
    assert block.width == pytest.approx(100 / 24, abs=0.01)
    assert [part.mark.code for part in block.parts] == list(classes)
    assert sum(part.width for part in block.parts) == pytest.approx(block.width, abs=0.01)
    assert block.name == "3 urgent, 1 routine, 1 emergency, 5 reads, 08:00 to 08:10"


def test_what_has_room_for_itself_stays_a_block_of_its_own() -> None:
    """A read of half an hour between two of two minutes is seen for what it is."""
    places = (spot("R1", 0, minutes=2), spot("R1", 1 / 30, minutes=30), spot("R1", 1 / 30 + 0.5, minutes=2))
    row = drawn(
        *(
            planned(number, place, place, priority=code)
            for number, (place, code) in enumerate(zip(places, ("urgent", "routine", "urgent"), strict=True), start=1)
        )
    ).rows[0]
    assert [block.mark and block.mark.code for block in row.blocks] == ["urgent", "routine", "urgent"]
    assert [bool(block.label_fits) for block in row.blocks] == [False, True, False]


def test_what_is_drawn_in_pixels_is_left_out_where_it_has_no_room() -> None:
    """A block of an eighth has its letter in the narrowest row, and the mark of what is late in a wider one."""
    place = spot("R1", 0)
    (block,) = drawn(planned(1, place, place)).rows[0].blocks
    assert (block.width, block.label_fits, block.late_fits) == (12.5, "b-g-from-320", "b-g-from-480")
    narrow = replace(block, width=2.0)
    assert (narrow.label_fits, narrow.finger_fits, narrow.pill_fits) == ("", "", "")


def test_a_block_does_not_go_from_one_session_into_the_next() -> None:
    """There is time in between that is nobody's."""
    first, second = spot("R1", 0), spot("R1", 3, session_id="S2")
    row = drawn(planned(1, first, first), planned(2, second, second)).rows[0]
    assert [block.count for block in row.blocks] == [1, 1]


def test_a_gap_ends_a_block() -> None:
    """What is in between may be another trust's: nothing is drawn over it."""
    first, second = spot("R1", 0), spot("R1", 1)
    row = drawn(planned(1, first, first), planned(2, second, second)).rows[0]
    assert [(block.place, block.width) for block in row.blocks] == [(0.0, 12.5), (25.0, 12.5)]


def test_what_moves_stands_with_both() -> None:
    """In with whoever gets it, out with whoever had it; and each day is as full as each plan makes it."""
    moved = planned(1, spot("R1", 0, 60), spot("R2", 1, 60, "S2"))
    stays = planned(2, spot("R1", 2, 60), spot("R1", 2, 60))
    one, other = drawn(moved, stays, shifts=(shift("S1", "R1"), shift("S2", "R2", hours=2))).rows
    assert (one.came, one.left, other.came, other.left) == (0, 1, 1, 0)
    assert ([gone.count for gone in one.gone], other.blocks[0].came) == ([1], 1)
    assert (one.was, one.filled, other.was, other.filled) == (0.5, 0.25, 0.0, 0.5)


def test_what_is_read_for_trusts_beyond_reach_fills_the_day_and_is_not_shown() -> None:
    """An empty session that is not empty would be planned over."""
    hidden = [(spot("R1", 0, 60), spot("R1", 0, 60)), (None, spot("R1", 1, 60))]
    row = drawn(elsewhere=hidden).rows[0]
    assert (row.was, row.filled, row.withheld, row.blocks) == (0.25, 0.5, 2, [])
    assert [(box.place, box.width) for box in row.elsewhere] == [(0.0, 50.0)]


def test_a_read_that_ends_after_it_is_due_marks_its_block() -> None:
    """And its row."""
    place = spot("R1", 1)
    row = drawn(planned(1, place, place, due_at=NOW)).rows[0]
    assert (row.late, row.blocks[0].late) == (1, 1)
    assert "1 late" in row.blocks[0].name


def test_blocks_begin_at_now_and_what_should_have_been_read_is_counted() -> None:
    """A read that is under way is drawn from now on; one whose time has passed is behind."""
    passed, under_way = spot("R1", -1), spot("R1", -0.25)
    row = drawn(planned(1, passed, passed), planned(2, under_way, under_way)).rows[0]
    assert [(block.count, block.place) for block in row.blocks] == [(1, 0.0)]
    assert drawn(planned(1, passed, passed)).now_at == 0.0


def test_a_day_ahead_has_no_line_for_now() -> None:
    """It is not that day yet."""
    place = spot("R1", 25)
    tomorrow = drawn(planned(1, place, place), shifts=(shift("S1", "R1", start=24),), day=spot("R1", 24).start.date())
    assert tomorrow.now_at is None
    assert [row.reporter_id for row in tomorrow.rows] == ["R1"]


def test_whoever_has_no_session_and_nothing_to_read_is_not_there() -> None:
    """R2 is not rostered."""
    assert [row.reporter_id for row in drawn().rows] == ["R1"]


def test_other_work_is_drawn_with_its_name_and_fills_no_session() -> None:
    """Nobody reports in a clinic."""
    row = drawn(shifts=(shift("S1", "R1"), shift("C1", "R1", start=4, activity="clinic"))).rows[0]
    assert [box.words for box in row.other] == ["Clinic"]
    assert (len(row.sessions), row.hours) == (1, 4.0)


def test_pins_are_counted() -> None:
    """By study and read."""
    place = spot("R1", 1)
    row = drawn(planned(1, place, place), planned(2, place, place), pinned={(1, 1)}).rows[0]
    assert row.blocks[0].pinned == 1


def test_the_best_skills_are_named_and_the_rest_counted() -> None:
    """The best three."""
    person = reporter("R9", skills={"neuro": 2, "msk": 3, "breast": 1, "head_neck": 2, "neuro/MR": 3})
    assert skill_words(person) == "MSK 3, Neuro 3, Head neck 2, 1 more"

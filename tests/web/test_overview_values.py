"""The overview's parts as values: steps of the forecast, bars of age, hours spare or short."""

from __future__ import annotations

import pytest

from balancer.domain.age import Age
from balancer.domain.becoming_late import BecomingLate
from balancer.domain.half_day_room import Room, room, rostered
from balancer.domain.half_days import HalfDay
from balancer.store.which_unreported import Counted
from balancer.web.capacity_grid import Tone, capacity_grid
from balancer.web.class_table import class_table, pieces
from balancer.web.forecast import forecast
from tests.worlds import NOW, at, policy, priority, reporter, session


def becoming(hours: float, *, minutes: float = 60, subspecialty: str = "neuro") -> BecomingLate:
    """Return a study that becomes late in so many hours."""
    return BecomingLate(
        study_id=int(hours * 100),
        trust="RVV",
        priority="urgent",
        subspecialty=subspecialty,
        minutes=minutes,
        due_at=at(hours),
        reasons=frozenset({"planned_late"}),
    )


# --- the forecast -----------------------------------------------------------------------------------------------------


def test_the_forecast_says_in_words_steps_and_table_the_same() -> None:
    """Two within 4 hours, three within 24, by the published plan; one by the other."""
    found = forecast([becoming(1), becoming(1.02), becoming(20)], [becoming(20)], NOW, listed=True)
    assert found.name == (
        "Becoming late by the published plan: 2 within 4 h, 3 within 24 h, 3 within 72 h. "
        "If the proposed plan were published: 0, 1, 1."
    )
    by_hours = {row.hours: (row.published, row.proposed, row.link) for row in found.rows}
    assert by_hours[4] == (2, 0, "/studies?within=4")
    assert by_hours[24] == (3, 1, "/studies?within=24")
    published, proposed = found.chart["lines"]
    assert [total for _, total in published["points"]] == [0, 1, 2, 3, 3]
    assert [total for _, total in proposed["points"]] == [0, 1, 1]
    assert found.chart["marks"][1]["words"] == "24 h: 3, or 1"


def test_a_chart_has_no_more_points_than_it_can_show() -> None:
    """Three days have 288 quarters of an hour, whatever the queue."""
    found = forecast([becoming(72 * n / 5000) for n in range(5000)], None, NOW, listed=False)
    points = found.chart["lines"][0]["points"]
    assert len(points) <= 290
    assert points[-1][1] == 5000
    assert {row.link for row in found.rows} == {""}


def test_nights_are_londons() -> None:
    """From 20:00 to 08:00; at 08:00 on a Monday three lie ahead."""
    nights = forecast([], None, NOW, listed=True).chart["nights"]
    assert [(end - start) / 3_600_000 for start, end in nights] == [12, 12, 12]


# --- the class table --------------------------------------------------------------------------------------------------


def test_totals_are_the_sums_of_their_columns() -> None:
    """By trust and by age; a class that the policy has lost still counts."""
    counted = [
        Counted(trust="RVV", priority="urgent", ages=dict(zip(Age, (5, 4, 3, 2), strict=True)), oldest_at=at(-30)),
        Counted(trust="RVV", priority="gone", ages=dict(zip(Age, (1, 0, 0, 0), strict=True)), oldest_at=at(-1)),
        Counted(trust="RWF", priority="urgent", ages=dict(zip(Age, (1, 1, 1, 1), strict=True)), oldest_at=at(-50)),
    ]
    table = class_table(
        counted, policy(priority("urgent", ceiling_hours=48)), {"RVV": "East", "RWF": "West"}, NOW, listed=True
    )
    assert [row.mark.code for row in table.rows] == ["urgent", "gone"]
    assert [item.number for item in table.totals.trusts] == [15, 4]
    assert table.totals.total.number == 19
    assert table.totals.late.number == 7
    urgent = table.rows[0]
    assert urgent.trusts[1].link == "/studies?class=urgent&trust=RWF"
    assert urgent.ages["over"].link == "/studies?class=urgent&age=over"
    assert urgent.oldest is not None
    assert (urgent.oldest.words, urgent.oldest.is_over) == ("2 days", True)


def test_a_handful_that_is_late_is_seen_among_thousands() -> None:
    """Never thinner than 3.4% of the bar, and the bar is full."""
    found = {piece.age: piece for piece in pieces({Age.FIRST: 3000, Age.SECOND: 2000, Age.LATE: 1, Age.OVER: 0})}
    assert Age.OVER not in found
    assert found[Age.LATE].width == pytest.approx(240 * 0.034, abs=0.1)
    assert sum(piece.width for piece in found.values()) == pytest.approx(240, abs=0.2)
    assert found[Age.FIRST].width / found[Age.SECOND].width == pytest.approx(1.5, abs=0.01)


def test_a_bar_of_nothing_but_late_ones_is_full_too() -> None:
    """Whatever the shares."""
    assert sum(piece.width for piece in pieces({Age.LATE: 1, Age.OVER: 99})) == pytest.approx(240, abs=0.2)
    assert pieces({}) == []


# --- hours ------------------------------------------------------------------------------------------------------------

MORNING, AFTERNOON = HalfDay.at(NOW), HalfDay.at(NOW).following


def test_spare_is_what_nothing_is_planned_in_and_short_what_becomes_late() -> None:
    """R1 has three hours left this morning, of which one is planned; an hour of reading takes two of a session."""
    found = room(
        (MORNING, AFTERNOON),
        [reporter("R1", skills={"neuro": 3, "msk": 1})],
        [session("S1", "R1", start=-1, hours=4)],
        {MORNING: {"R1": 1.0, "R2": 1.0}},
        [becoming(2), becoming(7, minutes=30, subspecialty="breast")],
        now=NOW,
        productivity=0.5,
    )
    assert found["neuro", MORNING] == Room(rostered=3.0, spare=2.0, short=2.0, studies=1)
    assert found["msk", MORNING] == Room(rostered=3.0, spare=2.0, short=0.0, studies=0)
    assert found["breast", AFTERNOON] == Room(rostered=0.0, spare=0.0, short=1.0, studies=1)
    grid = capacity_grid(found, (MORNING, AFTERNOON), listed=True, rosters=True)
    assert [row.name for row in grid.rows] == ["Neuro", "Breast", "MSK"]
    assert [(cell.tone, cell.text) for cell in grid.rows[0].cells] == [(Tone.FAR_SHORT, "2.0"), (Tone.NONE, "0")]
    assert grid.rows[0].cells[0].link == "/studies?late=planned&due=2026-03-02am&subspecialty=neuro"
    assert (grid.rows[2].cells[0].text, grid.rows[2].cells[0].link) == (
        "+2.0",
        "/rosters?short=msk&at=2026-03-02am#open",
    )


def test_what_is_filled_is_a_share_of_what_is_left() -> None:
    """Two hours of four are over: of the two that are left one is planned."""
    found = rostered([session("S1", "R1", start=-2, hours=4)], {"R1": 1.0, "R2": 1.0}, at(-8), at(16), NOW)
    assert (found.hours, found.reporters, found.filled) == (4.0, 1, 0.5)
    assert rostered([], {}, at(-8), at(16), NOW).filled is None


def test_nothing_is_filled_beyond_its_sessions() -> None:
    """A plan that slips fills what is left, and no more."""
    assert rostered([session("S1", "R1", hours=1)], {"R1": 9.0}, NOW, at(16), NOW).filled == 1.0

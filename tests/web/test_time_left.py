"""Time left is said in words that hold, from the top of the scale, the first that is true."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.web.time_left import Level, at_words, span, time_left

NOW = datetime(2026, 3, 2, 10, 19, tzinfo=UTC)
HOURS = st.integers(-24_000, 24_000).map(lambda minutes: minutes / 60)


def left(*, due: float, target: float = 12.0, ceiling: float | None = None) -> tuple[Level, str, str]:
    """Return what is said of something due in so many hours; ``ceiling`` in hours from now."""
    due_at = NOW + timedelta(hours=due)
    ceiling_at = None if ceiling is None else NOW + timedelta(hours=ceiling)
    found = time_left(began_at=due_at - timedelta(hours=target), due_at=due_at, ceiling_at=ceiling_at, now=NOW)
    return found.level, found.words, found.due


@pytest.mark.parametrize(
    ("given", "level", "words", "due"),
    [
        ({"due": -40, "ceiling": -26}, Level.OVER, "Over ceiling by 1 d 2 h", "was due Sat 18:19"),
        ({"due": -2.25}, Level.LATE, "Late by 2 h 15 min", "was due 08:04"),
        ({"due": 0.75}, Level.SOON, "45 min left", "due 11:04"),
        ({"due": 1.4}, Level.SOON, "1 h 24 min left", "due 11:43"),  # under an eighth of twelve hours
        ({"due": 5.75}, Level.TODAY, "5 h 45 min left", "due 16:04"),
        ({"due": 96, "target": 120}, Level.LATER, "4 days left", "due Fri 10:19"),
        ({"due": 96, "target": 336}, Level.TODAY, "4 days left", "due Fri 10:19"),  # under half of two weeks
    ],
)
def test_the_first_of_the_scale_that_holds_is_said(given: dict[str, float], level: Level, words: str, due: str) -> None:
    """Past the ceiling before late, late before soon, and so on down."""
    assert left(**given) == (level, words, due)


@given(HOURS, st.integers(1, 700), HOURS)
def test_lateness_is_never_said_of_what_is_on_time_and_always_of_what_is_not(
    due: float, target: float, ceiling: float
) -> None:
    """Whatever the target and the ceiling are."""
    level, words, said = left(due=due, target=target, ceiling=ceiling)
    assert (level is Level.OVER) == (ceiling < 0)
    if level is not Level.OVER:
        assert (level is Level.LATE) == (due < 0) == words.startswith("Late by")
    assert said.startswith("was due") == (due < 0)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0.99, "0 min"),
        (46, "46 min"),
        (60, "1 h"),
        (350, "5 h 50 min"),
        (1440, "1 d"),
        (1740, "1 d 5 h"),
        (5760, "4 days"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(minutes: float, words: str) -> None:
    """From two days on, days alone."""
    assert span(timedelta(minutes=minutes)) == words


def test_an_instant_is_said_in_london_and_as_far_as_it_must_be() -> None:
    """The hour today, the day within a week, the date beyond, the year if it is another."""
    summer = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert at_words(summer, summer) == "13:00"
    assert at_words(datetime(2026, 3, 28, 12, tzinfo=UTC), summer) == "Sat 12:00"
    assert at_words(datetime(2026, 4, 30, 12, tzinfo=UTC), summer) == "30 Apr 13:00"
    assert at_words(datetime(2027, 1, 5, 12, tzinfo=UTC), summer) == "5 Jan 2027 12:00"

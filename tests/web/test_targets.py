"""What a class is to be read within, and what a point is, in the same words wherever they stand."""

from __future__ import annotations

import pytest

from balancer.domain.policy import PriorityClass, TargetClock
from balancer.web.points import point_words
from balancer.web.targets import hours_words, short_target, target_words
from tests.worlds import policy, priority


@pytest.mark.parametrize(
    ("hours", "words"), [(4, "4 h"), (72, "72 h"), (96, "4 d"), (100, "100 h"), (336, "14 d"), (672, "28 d")]
)
def test_a_length_of_time_is_said_in_days_once_hours_cannot_be_counted(hours: float, words: str) -> None:
    """Nobody says 336 hours."""
    assert hours_words(hours) == words


@pytest.mark.parametrize(
    ("target", "short", "words"),
    [
        (priority(target_hours=4), "4 h", "4 hours"),
        (priority(target_hours=1), "1 h", "1 hour"),
        (priority(target_hours=336), "14 d", "14 days"),
        (priority(target_working_days=1), "1 wd", "1 working day"),
        (priority(target_hours=120, clock=TargetClock.WORKING_DAYS), "5 wd", "5 working days"),
        (priority(target_hours=30, clock=TargetClock.WORKING_DAYS), "30 h", "30 hours"),
    ],
)
def test_a_target_says_whether_its_clock_stands_still_at_weekends(
    target: PriorityClass, short: str, words: str
) -> None:
    """Five days on which the clock runs are a week."""
    assert (short_target(target), target_words(target)) == (short, words)


def test_a_point_is_said_by_the_class_that_weighs_one() -> None:
    """Of a policy without such a class, by the weight."""
    assert point_words(policy(priority("routine"))) == "A point is one hour late for one routine study."
    assert point_words(policy(priority("urgent", weight=5))) == "A point is one hour late for one study of weight 1."
    assert point_words(None) == "A point is one hour late for one study of weight 1."

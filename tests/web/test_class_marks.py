"""Classes are told apart by a letter and an order of one hue."""

from __future__ import annotations

from balancer.web.class_marks import TONES, class_marks, mark_of
from tests.worlds import EXAMPLE_POLICY, policy, priority


def test_every_class_has_a_letter_of_its_own() -> None:
    """Also where several begin alike."""
    marks = class_marks(EXAMPLE_POLICY)
    assert len({mark.letter for mark in marks.values()}) == len(marks)


def test_the_letter_of_a_class_is_the_one_that_its_name_calls_to_mind() -> None:
    """Trusts write C for suspected cancer and S for screening: the other way round, one is taken for the other."""
    codes = ("emergency", "inpatient_urgent", "inpatient", "suspected_cancer", "urgent", "screening", "routine")
    marks = class_marks(policy(*(priority(code) for code in codes)))
    assert "".join(mark.letter for mark in marks.values()) == "ENICUSR"


def test_tones_get_lighter_with_what_may_wait_longer() -> None:
    """A class is an order, not a set of colours."""
    many = policy(*(priority(f"class {number}") for number in range(8)))
    tones = [mark.tone for mark in class_marks(many).values()]
    assert tones == sorted(tones)
    assert (tones[0], tones[-1]) == (0, TONES - 1)
    assert [mark.tone for mark in class_marks(policy(priority("a"), priority("b"))).values()] == [0, 1]


def test_a_class_whose_letters_are_all_taken_has_a_number() -> None:
    """Two classes never look the same."""
    marks = class_marks(policy(priority("a"), priority("aa")))
    assert [mark.letter for mark in marks.values()] == ["A", "2"]


def test_a_class_that_the_policy_has_lost_is_still_shown() -> None:
    """A read of it waits all the same."""
    assert mark_of({}, "old_class").letter == "?"

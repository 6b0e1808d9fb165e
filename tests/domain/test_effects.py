"""What a change does to a plan, in figures."""

from __future__ import annotations

from balancer.domain.effects import SOON, Completion, completions, figures, turned
from balancer.domain.plan import UnallocatedReason
from balancer.domain.study import StudyKey
from tests.networks import minutes
from tests.worlds import NOW, lay_out, overloaded_morning

KEYS = {name: StudyKey("RVV", name) for name in ("A", "B", "C")}


def ending(due: float, completed: float) -> Completion:
    """Return that a study is due and completed so many minutes after ``NOW``."""
    return Completion(due_at=minutes(due), completed_at=minutes(completed))


def test_a_study_is_late_if_it_is_completed_after_it_is_due() -> None:
    """To the second it is in time; time in hand is less than nothing late."""
    assert not ending(60, 60).is_late
    assert ending(60, 61).is_late
    assert (ending(60, 90).late_minutes, ending(60, 45).late_minutes) == (30.0, -15.0)


def test_what_turns_late_comes_first_and_the_latest_of_it() -> None:
    """What is in time again follows; what is late in both, or in time in both, has not turned."""
    before = {KEYS["A"]: ending(60, 50), KEYS["B"]: ending(60, 90), KEYS["C"]: ending(60, 50)}
    after = {KEYS["A"]: ending(60, 70), KEYS["B"]: ending(60, 30), KEYS["C"]: ending(60, 200)}
    assert [one.key.accession_number for one in turned(before, after)] == ["C", "A", "B"]
    assert turned(before, before) == ()


def test_what_leaves_the_queue_has_not_turned() -> None:
    """It is in one of the plans only."""
    assert turned({KEYS["A"]: ending(60, 50)}, {}) == ()
    assert turned({}, {KEYS["A"]: ending(60, 70)}) == ()


def test_a_plan_is_told_in_figures() -> None:
    """One study of six is read at once, the others have no place: they end beyond the horizon, and count as such."""
    whole = overloaded_morning(6)
    left = dict.fromkeys(("A2", "A3", "A4", "A5", "A6"), UnallocatedReason.NO_CAPACITY)
    plan = lay_out(whole, {whole.sessions[0].session_id: ["A1"]}, left)
    ends = completions(whole, plan)
    assert len(ends) == 6
    assert sum(one.completed_at == whole.beyond_at for one in ends.values()) == 5
    told = figures(ends, plan, NOW)
    assert (told.not_placed, told.late_soon, told.total) == (5, 5, plan.summary.terms.total)
    assert figures(ends, plan, NOW - SOON).late_soon == 0

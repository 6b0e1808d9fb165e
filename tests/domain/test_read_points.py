"""What one read costs where it stands, worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from balancer.domain.read_points import Waiting, read_points
from tests.worlds import EXAMPLE_POLICY, NOW, at, policy, priority, reporter

PRICED = policy(
    priority("urgent", weight=10, breach=24, target_hours=24, ceiling_hours=48),
    wait_rate=0.02,
    ceiling_weight=50,
    general=0.5,
    remote=0.2,
    prior=0.5,
)
READ = Waiting(
    trust="RVV", priority="urgent", subspecialty="neuro", modality="CT", clock_started_at=at(-20), due_at=at(4)
)
SPECIALIST = reporter("R1", trusts=("RVV",), skills={"neuro": 3})
GENERALIST = reporter("R2", home_trust="RWF", trusts=("RVV",), skills={"neuro": 2})


def test_in_time_a_read_costs_its_wait() -> None:
    """Two hours at a fiftieth of the class's weight."""
    assert read_points(READ, SPECIALIST, at(2), NOW, PRICED) == pytest.approx(10 * 0.02 * 2)


def test_late_it_costs_the_breach_and_every_hour() -> None:
    """Ten hours from now, six after it was due."""
    assert read_points(READ, SPECIALIST, at(10), NOW, PRICED) == pytest.approx(10 * (24 + 6 + 0.02 * 10))


def test_another_trusts_generalist_who_did_not_read_the_prior_costs_each_of_it() -> None:
    """Match, distance, prior."""
    read = replace(READ, prior_reporter="R1")
    extra = read_points(read, GENERALIST, at(2), NOW, PRICED) - read_points(read, SPECIALIST, at(2), NOW, PRICED)
    assert extra == pytest.approx(0.5 + 0.2 + 0.5)


def test_nowhere_it_ends_beyond_the_horizon() -> None:
    """A week and a day from now, 164 hours over its ceiling."""
    late, wait, over = 188, 192, 164
    assert read_points(READ, None, None, NOW, PRICED) == pytest.approx(10 * (24 + late + 0.02 * wait) + 50 * over)


def test_a_class_that_the_policy_does_not_know_has_no_price() -> None:
    """As in a run."""
    with pytest.raises(KeyError):
        read_points(replace(READ, priority="unheard of"), SPECIALIST, at(2), NOW, EXAMPLE_POLICY)

"""Ruin and recreate: what it carries out saves what it says, what it refuses leaves no trace, and claims stay."""

from __future__ import annotations

import numpy as np
import pytest

from balancer.domain.plan import StoppedBy
from balancer.optimise.chance import chance_from
from balancer.optimise.dispatch import deal
from balancer.optimise.plan import make_plan
from balancer.optimise.problem import NOBODY, UNPLACED, Compiled, compile_problem
from balancer.optimise.referee import judge
from balancer.optimise.ruin import new_room, ruin_and_recreate
from balancer.optimise.schedule import Schedule, copy_schedule, empty_schedule, insert, score
from balancer.simulate.instances import Shape, generate
from tests.worlds import policy, reporter, session, study, world

LEAST_GAIN = 1e-9


def ruined(compiled: Compiled, x: Schedule, threshold: float, times: int) -> int:
    """Ruin around each unclaimed read in turn, every session of a read's pool being near; return how many were kept."""
    p = compiled.arrays
    order = np.arange(len(p.reads), dtype=np.int32)
    most = int(np.diff(p.candidates_ptr).max())
    near, number = np.full((len(order), most), UNPLACED, np.int32), np.zeros(len(order), np.int32)
    for read in order:
        pool = p.studies["pool"][p.reads["study"][read]]
        sessions = p.candidates[p.candidates_ptr[pool] : p.candidates_ptr[pool + 1]]
        near[read, : len(sessions)], number[read] = sessions, len(sessions)
    moving = p.reads["claimed"] == NOBODY
    chance, room, kept = chance_from(1), new_room(), 0
    for turn in range(times):
        around = turn % len(order)
        if moving[around] and number[around]:
            kept += ruin_and_recreate(
                *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool),
                *(*x, near, number, moving, *room, chance, order, len(order), around, threshold),
            )
    return kept


@pytest.fixture(scope="module")
def crowded() -> Compiled:
    """Return a synthetic week with more work than time, second reads and claims."""
    return compile_problem(generate(Shape(trusts=2, studies=150, reporters=6, seed=2, load=1.3)))


def test_a_ruin_that_is_refused_leaves_everything_as_it_was(crowded: Compiled) -> None:
    """Record for record, with a threshold that nothing can reach."""
    x = deal(crowded.arrays)
    before = copy_schedule(x)
    assert ruined(crowded, x, threshold=-1e9, times=2_000) == 0
    for field in x.reads.dtype.names or ():
        assert np.array_equal(x.reads[field], before.reads[field])
    for field in x.sessions.dtype.names or ():
        assert np.array_equal(x.sessions[field], before.sessions[field])
    assert np.allclose(x.reporters["used"], before.reporters["used"])
    for row in x.sessions:
        sequence = slice(row["slot"], row["slot"] + row["length"])
        assert np.array_equal(x.slots[sequence], before.slots[sequence])


def test_every_ruin_that_is_kept_lowers_the_total(crowded: Compiled) -> None:
    """By its own reckoning, which is the score's; claimed reads stay where they are, and the plan stays allowed."""
    p = crowded.arrays
    x = deal(p)
    claimed = p.reads["claimed"] != NOBODY
    seats, points, kept = x.reads["session"][claimed].copy(), score(p, x).sum(), 0
    for _ in range(20):
        done = ruined(crowded, x, threshold=-LEAST_GAIN, times=100)
        now = score(p, x).sum()
        assert (now < points) == (done > 0)
        points, kept = now, kept + done
    assert kept > 0
    assert np.array_equal(x.reads["session"][claimed], seats)
    assert judge(crowded.problem, make_plan(crowded, x, bound=0.0, stopped_by=StoppedBy.WORK, seconds={}, seed=0)).ok


def test_two_reads_take_the_room_of_three_that_are_worth_less() -> None:
    """A knapsack: no insertion and no exchange of two is any better, both short ones in place of all three are."""
    problem = world(
        studies=[study(f"A{number}", minutes=taken, due=1) for number, taken in enumerate((17, 2, 2, 12, 12))],
        reporters=[reporter()],
        sessions=[session(hours=24 / 60)],
        policy=policy(),
    )
    compiled = compile_problem(problem)
    p = compiled.arrays
    p.studies["jump"] = [100, 1, 1, 60, 60]  # what is left out is late
    p.studies["a1"] = 0
    x = empty_schedule(p)
    for position in range(3):
        insert(p.studies, *x, position, 0, position)
    assert ruined(compiled, x, threshold=-LEAST_GAIN, times=500) > 0
    assert (x.reads["session"] == UNPLACED).tolist() == [True, True, True, False, False]

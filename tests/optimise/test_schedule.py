"""What adding, taking away and exchanging a read is said to change is what it changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from balancer.domain.problem import AllocationProblem
from balancer.optimise.problem import UNPLACED, Compiled, compile_problem
from balancer.optimise.schedule import (
    INFEASIBLE,
    Schedule,
    can_hold,
    can_read,
    change_of_holder,
    change_of_holders,
    copy_schedule,
    duration,
    durations,
    insert,
    insertion,
    insertion_at,
    insertion_without,
    removal,
    remove,
    score,
)
from tests.optimise.test_order import crowded, thrown_together

many = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def laid(drawn: tuple[AllocationProblem, int]) -> tuple[Compiled, Schedule]:
    """Return a problem in arrays and some schedule for it."""
    problem, seed = drawn
    compiled = compile_problem(problem)
    return compiled, thrown_together(compiled, seed)


def terms(compiled: Compiled, x: Schedule) -> tuple[float, float]:
    """Return the clinical points and all others."""
    points = score(compiled.arrays, x)
    return float(points[0]), float(points[1:].sum())


def placed(x: Schedule) -> list[int]:
    """Return the reads that have a place."""
    return [int(read) for read in np.flatnonzero(x.reads["session"] != UNPLACED)]


def put(compiled: Compiled, x: Schedule, read: int, session: int, position: int) -> None:
    """Put a read at a position of a session."""
    insert(compiled.arrays.studies, *x, read, session, position)


def take(compiled: Compiled, x: Schedule, read: int) -> None:
    """Take a read out."""
    remove(compiled.arrays.prices, compiled.arrays.studies, *x, read)


@many
@given(crowded())
def test_all_durations_at_once_are_those_of_each(drawn: tuple[AllocationProblem, int]) -> None:
    """To the second; what has no place takes none."""
    compiled, x = laid(drawn)
    studies, reads, sessions = compiled.arrays.studies, x.reads, x.sessions
    each = {read: int(duration(studies, reads, sessions, read, reads["session"][read])) for read in placed(x)}
    assert durations(studies, reads, sessions).tolist() == [each.get(read, 0) for read in range(len(reads))]


@many
@given(crowded())
def test_the_best_position_is_the_best_of_all_positions(drawn: tuple[AllocationProblem, int]) -> None:
    """One pass over a session finds what trying every position finds, whoever waits or expires there."""
    compiled, x = laid(drawn)
    p = compiled.arrays
    for read in range(len(p.reads)):
        if x.reads["session"][read] != UNPLACED:
            take(compiled, x, read)
        for session in range(len(p.sessions)):
            row = x.sessions[session]
            is_claimed = p.reads["claimed"][read] != UNPLACED
            first, last = (0, int(row["claims"])) if is_claimed else (int(row["claims"]), int(row["length"]))
            tried = [
                insertion_at(p.studies, p.latest, x.reads, x.sessions, x.slots, read, session, at)
                for at in range(first, last + 1)
            ]
            position, points = insertion(p.studies, p.latest, *x, read, session)
            assert points == pytest.approx(min(tried))
            if min(tried) < INFEASIBLE:
                assert tried[position - first] == pytest.approx(points)
                assert insertion(p.studies, p.latest, *x, read, session, points + 1.0)[0] == position
                assert insertion(p.studies, p.latest, *x, read, session, points - 1.0) == (-1, INFEASIBLE)


@many
@given(crowded())
def test_a_place_as_if_somebody_were_gone_is_the_place_when_they_are(drawn: tuple[AllocationProblem, int]) -> None:
    """And looking for it leaves everything as it was."""
    compiled, x = laid(drawn)
    p = compiled.arrays
    for gone in placed(x):
        session = int(x.reads["session"][gone])
        for read in range(len(p.reads)):
            reporter = int(p.sessions["reporter"][session])
            if read != gone and x.reads["session"][read] == session:
                continue
            if not can_read(p.studies, p.people, p.level, x.reads, x.sessions, read, reporter):
                continue
            before = copy_schedule(x)
            found = insertion_without(p.prices, p.studies, p.latest, *x, read, session, gone, INFEASIBLE)
            assert all(np.array_equal(now, then) for now, then in zip(x, before, strict=True))
            without = copy_schedule(x)
            take(compiled, without, gone)
            wanted = insertion(p.studies, p.latest, *without, read, session)
            assert found[1] == pytest.approx(wanted[1])
            if wanted[0] != found[0]:
                at = [
                    insertion_at(p.studies, p.latest, without.reads, without.sessions, without.slots, read, session, k)
                    for k in (wanted[0], found[0])
                ]
                assert at[0] == pytest.approx(at[1])


@many
@given(crowded())
def test_a_move_changes_the_total_by_what_is_said(drawn: tuple[AllocationProblem, int]) -> None:
    """Its own terms and everybody's clinical ones, for every read and every session it may stand in."""
    compiled, x = laid(drawn)
    p = compiled.arrays
    for read in placed(x):
        old = int(x.reads["session"][read])
        for session in range(len(p.sessions)):
            reporter = int(p.sessions["reporter"][session])
            if session == old or not can_hold(p.studies, p.takes_pool, x.reads, x.sessions, read, session):
                continue
            if not can_read(p.studies, p.people, p.level, x.reads, x.sessions, read, reporter):
                continue
            moved = copy_schedule(x)
            others = change_of_holder(
                *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level),
                *(x.reads, x.sessions, x.reporters, read, old, session),
            )
            gone = removal(p.studies, x.reads, x.sessions, x.slots, read)
            take(compiled, moved, read)
            position, added = insertion(p.studies, p.latest, *moved, read, session)
            if position < 0:
                continue
            beyond = terms(compiled, moved)[0]
            put(compiled, moved, read, session, position)
            was, now = terms(compiled, x), terms(compiled, moved)
            assert now[1] - was[1] == pytest.approx(others)
            if np.all(np.diff(p.reads["study"]) > 0):  # each read is a study, and nothing is priced by two
                assert now[0] - was[0] == pytest.approx(gone + added)
                assert beyond - was[0] >= gone - 1e-6


@many
@given(crowded())
def test_an_exchange_changes_the_other_terms_by_what_is_said(drawn: tuple[AllocationProblem, int]) -> None:
    """Match, remote, prior, churn, split and load, of two reads that change places."""
    compiled, x = laid(drawn)
    p = compiled.arrays
    for read in range(len(p.reads)):
        for other in placed(x):
            here, there = int(x.reads["session"][read]), int(x.reads["session"][other])
            if here == there or p.reads["study"][read] == p.reads["study"][other]:
                continue
            said = change_of_holders(
                *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level),
                *(x.reads, x.sessions, x.reporters, read, other),
            )
            changed = copy_schedule(x)
            take(compiled, changed, other)
            if here != UNPLACED:
                take(compiled, changed, read)
                put(compiled, changed, other, here, int(changed.sessions["length"][here]))
            put(compiled, changed, read, there, int(changed.sessions["length"][there]))
            assert terms(compiled, changed)[1] - terms(compiled, x)[1] == pytest.approx(said)

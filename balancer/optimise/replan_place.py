"""The least step of mending: take a read out, find its best place, put it in; every read looked at is counted.

What is noted of reads and of the work done stands here, because these kernels keep it: reads that are *locked* never
change reporter, and of the published ones no more than ``BUDGET`` are away from the reporter who had them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, Records
from balancer.optimise.schedule import (
    INFEASIBLE,
    can_hold,
    can_read,
    duration,
    insert,
    insertion,
    price_of_end,
    price_of_holding,
    removal,
    remove,
)

NOTE = np.dtype(
    [
        ("base", "i4"),  # whose the read was when the plan was opened, or where an event has put it since; or NOBODY
        ("held", "i4"),  # whose it was when these events came; or NOBODY
        ("because", "i4"),  # the read that it made room for, or -1
        ("event", "i4"),  # the event that brought it or took its place away, or -1
        ("was_session", "i4"),  # where it stood when these events came; or UNPLACED
        ("was_position", "i4"),
        ("counted", "i1"),  # 1 if it counts against the budget when it is not with ``base``
        ("locked", "i1"),  # 1 if it may not leave ``held``
    ],
    align=True,
)
"""What is noted of a read beside where it stands."""

AWAY, BUDGET, WORK, LIMIT, KEPT = range(5)
"""Entries of a tally: published reads away from their reporter, how many may be; reads looked at, how many may;
changes kept."""


LEAST_GAIN = 1e-9  # points; or rounding could be taken for progress, for ever


@kernel
def take_out(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    notes: Records,
    tally: Ints,
    read: int,
) -> float:
    """Take a placed read out of its session and return by how much that raises the total."""
    session = int(reads[read].session)
    change = removal(studies, reads, sessions, slots, read) + price_of_end(studies, reads, read, prices[0].beyond)
    remove(prices, studies, reads, sessions, reporters, slots, read)
    if notes[read].counted == 1 and notes[read].base == sessions[session].reporter:
        tally[AWAY] += 1
    return change - price_of_holding(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
    )


@kernel
def put_in(
    studies: Records,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    notes: Records,
    tally: Ints,
    read: int,
    session: int,
    position: int,
) -> None:
    """Put an unplaced read into a session; the tally says whether one more published read is back with its reporter."""
    insert(studies, reads, sessions, reporters, slots, read, session, position)
    if notes[read].counted == 1 and notes[read].base == sessions[session].reporter:
        tally[AWAY] -= 1


@kernel
def place_in(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    tally: Ints,
    read: int,
    session: int,
    bar: float,
) -> tuple[int, float]:
    """Return the best position in one session for an unplaced read that may be there, and how that changes the total.

    (-1, INFEASIBLE) if there is no room, or none at which the change could be below ``bar``: to begin with, nobody
    behind would have to wait.
    """
    row = sessions[session]
    ready = studies[reads[read].study].ready
    begin = max(row.start, ready)
    if reads[read].claimed == NOBODY and row.claims > 0:
        begin = max(begin, reads[slots[row.slot + row.claims - 1]].end)
    taken = duration(studies, reads, sessions, read, session)
    tally[WORK] += 3
    is_slow = row.waits > 0 or reporters[row.reporter].is_expiring == 1 or ready > row.start
    if begin + taken > row.end:
        return -1, INFEASIBLE
    if not is_slow and row.length > 0 and reads[slots[row.slot + row.length - 1]].end + taken > row.end:
        return -1, INFEASIBLE
    others = -price_of_end(studies, reads, read, prices[0].beyond)
    least = others + price_of_end(studies, reads, read, begin + taken)
    # the only other term that a read can lower is churn, by one reporter who keeps it
    if least - prices[0].churn >= bar:
        return -1, INFEASIBLE
    holding = price_of_holding(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
    )
    others += holding
    tally[WORK] += 3
    if least + holding >= bar:
        return -1, INFEASIBLE
    if is_slow:
        position, points = _insertion_below(studies, latest, reads, sessions, slots, tally, read, session, bar - others)
    else:
        tally[WORK] += row.length
        position, points = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
    if position < 0 or points + others >= bar:
        return -1, INFEASIBLE
    return position, points + others


@kernel
def _insertion_below(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    slots: Ids,
    tally: Ints,
    read: int,
    session: int,
    bar: float,
) -> tuple[int, float]:
    """Return what ``schedule.insertion`` does, where somebody waits or an entitlement ends, if it is below ``bar``.

    An insertion makes nobody earlier, so a position is given up as soon as those it has delayed so far cost too much.
    """
    row = sessions[session]
    if row.length + 1 > row.max_reads and (reads[read].claimed == NOBODY or row.length > row.claims):
        return -1, INFEASIBLE
    base, best, best_position = row.slot, bar, -1
    lowest, highest = (row.claims, row.length) if reads[read].claimed == NOBODY else (0, row.claims)
    for position in range(highest, lowest - 1, -1):
        at = reads[slots[base + position - 1]].end if position else row.start
        points = 0.0
        for step in range(position, row.length + 1):
            mover = read if step == position else slots[base + step - 1]
            study = reads[mover].study
            begin = max(at, studies[study].ready)
            at = begin + duration(studies, reads, sessions, mover, session)
            if at > row.end or begin >= latest[row.reporter, studies[study].trust]:
                points = INFEASIBLE
            elif step == position:
                points += price_of_end(studies, reads, mover, at)
            elif at == reads[mover].end:
                break
            else:
                before = reads[mover].end
                points += price_of_end(studies, reads, mover, at) - price_of_end(studies, reads, mover, before)
            tally[WORK] += 1
            if points >= best:
                break
        if points < best:
            best, best_position = points, position
    return (best_position, best) if best_position >= 0 else (-1, INFEASIBLE)


@kernel
def may_go_to(
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    reads: Records,
    sessions: Records,
    notes: Records,
    tally: Ints,
    read: int,
    reporter: int,
) -> bool:
    """Tell whether rules about people, the lock and the budget let an unplaced read go to this reporter."""
    if level[studies[reads[read].study].pool, reporter] == 0:
        return False
    if notes[read].locked == 1 and notes[read].held != reporter:
        return False
    returns = 1 if notes[read].counted == 1 and notes[read].base == reporter else 0
    if notes[read].counted == 1 and returns == 0 and tally[AWAY] > tally[BUDGET]:
        return False
    return can_read(studies, people, level, reads, sessions, read, reporter)


@kernel
def best_place(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    notes: Records,
    tally: Ints,
    read: int,
    bar: float,
) -> tuple[int, int, float]:
    """Return the best session and position for an unplaced read and how that changes the total.

    -1 if there is none at which the change is below ``bar``, points.
    """
    best, best_session, best_position = bar, -1, -1
    for reporter in range(len(reporters)):
        if not may_go_to(studies, people, level, reads, sessions, notes, tally, read, reporter):
            continue
        for session in range(reporters[reporter].first_session, reporters[reporter].end_session):
            if sessions[session].end <= sessions[session].start:
                continue
            if not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            position, change = place_in(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, tally, read, session, best,
            )  # fmt: skip
            if change < best:
                best, best_session, best_position = change, session, position
    return best_session, best_position, best


@kernel
def relocate(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    notes: Records,
    tally: Ints,
    read: int,
) -> bool:
    """Move an unclaimed read to its best place if that lowers the total; tell whether it did."""
    old, back = int(reads[read].session), int(reads[read].position)
    change = 0.0
    if old != UNPLACED:
        change = take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, read
        )
    session, position, _ = best_place(
        prices, bands, studies, people, patient_reads, level, latest, takes_pool,
        reads, sessions, reporters, slots, notes, tally, read, -LEAST_GAIN - change,
    )  # fmt: skip
    if session >= 0:
        put_in(studies, reads, sessions, reporters, slots, notes, tally, read, session, position)
        return True
    if old != UNPLACED:
        put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
    return False

"""Ejection chains: a read takes the place it wants, whoever suffers most looks for another, and so on (Glover 1996).

A read that is late because everybody before it is in time cannot get in by an exchange: two or three others have to
make room, each going where it costs little. Who had better go is told by the prices of time: what the others gain if
it leaves, and what it costs where it is best off at those prices (``worth``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.chance import Chance, below
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

_LINKS = 4  # of a chain; more were tried on the Kent instances and gained nothing
_STEPS_A_LINK = 4  # that may have to be taken back
PUT_IN = -2  # in a trail, where a session would be: the read was put in and has to be taken out again


@kernel
def new_trail() -> Ints:
    """Return room for the steps of a chain: (read, session it was taken from or ``PUT_IN``, position)."""
    return np.zeros((_LINKS * _STEPS_A_LINK + 1, 3), np.int64)


@kernel
def eject(
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
    nearby: Ids,
    nearby_count: Ids,
    worth: Floats,
    moving: Flags,
    trail: Ints,
    chance: Chance,
    read: int,
    session: int,
    threshold: float,
) -> bool:
    """Put ``read`` into ``session`` and let others make room, if all that raises the total by less than ``threshold``.

    Returns whether it did; if not, everything is as it was.
    """
    old = int(reads[read].session)
    if old == session:
        return False
    trail[0, 0], trail[0, 1] = read, old
    if old == UNPLACED:
        change = -price_of_end(studies, reads, read, prices[0].beyond)
    else:
        trail[0, 2] = reads[read].position
        change = take_out(prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, read)
    steps = 1
    mover, target = read, session
    for _ in range(_LINKS):
        if not can_read(studies, people, level, reads, sessions, mover, sessions[target].reporter):
            break
        position, added = insertion(studies, latest, reads, sessions, reporters, slots, mover, target)
        overflow = 0
        if position >= 0:
            change += added + price_of_holding(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, mover, target
            )
            insert(studies, reads, sessions, reporters, slots, mover, target, position)
            trail[steps, 0], trail[steps, 1] = mover, PUT_IN
            steps += 1
            if change < threshold:
                return True
        else:
            length = sessions[target].length
            if length == 0:
                break
            last_end = reads[slots[sessions[target].slot + length - 1]].end
            overflow = last_end + duration(studies, reads, sessions, mover, target) - sessions[target].end
        victim = _who_had_better_go(studies, reads, sessions, slots, worth, moving, read, mover, target, overflow)
        if victim < 0:
            break
        trail[steps, 0], trail[steps, 1], trail[steps, 2] = victim, target, reads[victim].position
        steps += 1
        change += take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, victim
        )
        if position >= 0:
            # with the victim gone, the mover may be better off elsewhere in the session
            trail[steps, 0], trail[steps, 1], trail[steps, 2] = mover, target, reads[mover].position
            steps += 1
            change += take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, mover
            )
        position, added = insertion(studies, latest, reads, sessions, reporters, slots, mover, target)
        if position < 0:
            break
        change += added + price_of_holding(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, mover, target
        )
        insert(studies, reads, sessions, reporters, slots, mover, target, position)
        trail[steps, 0], trail[steps, 1] = mover, PUT_IN
        steps += 1
        added, there, position = best_place(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, nearby, nearby_count, victim,
        )  # fmt: skip
        if added < INFEASIBLE and change + added < threshold:
            if there != UNPLACED:
                insert(studies, reads, sessions, reporters, slots, victim, there, position)
            return True
        if change + worth[victim] >= threshold or nearby_count[victim] == 0:
            break
        mover, target = victim, int(nearby[victim, below(chance, nearby_count[victim])])
        if not can_hold(studies, takes_pool, reads, sessions, mover, target):
            break
    undo(prices, studies, reads, sessions, reporters, slots, trail, steps)
    return False


@kernel
def undo(
    prices: Records,
    studies: Records,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    trail: Ints,
    steps: int,
) -> None:
    """Take back the steps of a trail, the last one first."""
    for step in range(steps - 1, -1, -1):
        moved, place = int(trail[step, 0]), int(trail[step, 1])
        if place == PUT_IN:
            remove(prices, studies, reads, sessions, reporters, slots, moved)
        elif place != UNPLACED:
            insert(studies, reads, sessions, reporters, slots, moved, place, int(trail[step, 2]))


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
    read: int,
) -> float:
    """Take a placed read out; return the change of the total if it did not exist, in points."""
    session = int(reads[read].session)
    change = removal(studies, reads, sessions, slots, read)
    remove(prices, studies, reads, sessions, reporters, slots, read)
    return change - price_of_holding(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
    )


@kernel
def _who_had_better_go(
    studies: Records,
    reads: Records,
    sessions: Records,
    slots: Ids,
    worth: Floats,
    moving: Flags,
    first: int,
    mover: int,
    session: int,
    overflow: int,
) -> int:
    """Return who, having left ``session``, costs least in all at the prices of time; -1 if nobody takes long enough."""
    best, victim = np.inf, -1
    base = sessions[session].slot
    for at in range(sessions[session].length):
        other = int(slots[base + at])
        if other == mover or other == first or not moving[other]:  # noqa: SIM109 - Numba compiles two comparisons
            continue
        if overflow > 0 and duration(studies, reads, sessions, other, session) < overflow:
            continue
        points = removal(studies, reads, sessions, slots, other) + worth[other]
        if points < best:
            best, victim = points, other
    return victim


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
    nearby: Ids,
    nearby_count: Ids,
    read: int,
) -> tuple[float, int, int]:
    """Return what an unplaced read costs in its best place nearby, or in none, and that session and position.

    A claimed read is never left without a place (H8): INFEASIBLE if it fits nowhere.
    """
    best, best_session, best_position = INFEASIBLE, UNPLACED, -1
    if reads[read].claimed == NOBODY:
        best = price_of_end(studies, reads, read, prices[0].beyond)
    for choice in range(nearby_count[read]):
        session = int(nearby[read, choice])
        if not can_hold(studies, takes_pool, reads, sessions, read, session):
            continue
        if not can_read(studies, people, level, reads, sessions, read, sessions[session].reporter):
            continue
        limit = best + prices[0].churn + prices[0].split  # the only terms that can fall
        position, added = insertion(studies, latest, reads, sessions, reporters, slots, read, session, limit)
        if position < 0:
            continue
        added += price_of_holding(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
        )
        if added < best:
            best, best_session, best_position = added, session, position
    return best, best_session, best_position

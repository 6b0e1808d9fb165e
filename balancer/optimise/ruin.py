"""Ruin and recreate: take a few neighbours out of a few sessions, and put each back where it now costs least.

A session full of the wrong reads is a knapsack: two of twelve minutes may have to come in where one of seventeen and
two of two go out, and each of these elsewhere. No exchange of two does that, and no chain, for half of it is always
dearer than before. So strings of reads that stand together are taken out of several sessions at once and go in again
one by one: the longest first, or the dearest for each minute, or anyone (Schrimpf and others 2000; strings and greedy
reinsertion as Christiaens and Vanden Berghe 2020).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.chance import Chance, below, unit
from balancer.optimise.compiled import kernel
from balancer.optimise.eject import PUT_IN, best_place, take_out, undo
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, Records
from balancer.optimise.schedule import insert, price_of_end

_MOST_STRINGS, _MOST_OF_A_STRING = 4, 6
_DRAWS = 6  # of reads, to find some that have no place
_MOST_OUT = _MOST_STRINGS * _MOST_OF_A_STRING + _DRAWS + 1
_ANYONE, _LONGEST, _ORDERS = 0, 1, 3  # in which reads go in again


@kernel
def new_room() -> tuple[Ints, Ints, Floats]:
    """Return room for the steps of a ruin (as in a chain's trail), the reads that are out, and what orders them."""
    return np.zeros((2 * _MOST_OUT, 3), np.int64), np.zeros(_MOST_OUT, np.int64), np.zeros(_MOST_OUT)


@kernel
def ruin_and_recreate(
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
    moving: Flags,
    steps: Ints,
    out: Ints,
    key: Floats,
    chance: Chance,
    order: Ids,
    moved: int,
    read: int,
    threshold: float,
) -> bool:
    """Take out reads that stand where ``read`` does or might, put them back and it, and others that had no place.

    Carried out if it raises the total by less than ``threshold``; returns whether it was. Claimed reads stay where they
    are.
    """
    change, count = 0.0, 0
    for draw in range(1 + _DRAWS):
        other = read if draw == 0 else int(order[below(chance, moved)])
        if reads[other].session != UNPLACED or reads[other].claimed != NOBODY or not moving[other]:
            continue
        if _is_among(out, count, other):
            continue
        change -= price_of_end(studies, reads, other, prices[0].beyond)
        steps[count, 0], steps[count, 1] = other, UNPLACED
        out[count] = other
        count += 1
    session = int(reads[read].session)
    for string in range(1 + below(chance, _MOST_STRINGS)):
        if string > 0 or session == UNPLACED:
            session = int(nearby[read, below(chance, nearby_count[read])])
        spare = int(sessions[session].length - sessions[session].claims)
        if spare == 0:
            continue
        number = min(spare, 1 + below(chance, _MOST_OF_A_STRING))
        centre = int(sessions[session].claims + below(chance, spare))
        if string == 0 and reads[read].session == session:
            centre = int(reads[read].position)
        first = min(centre - below(chance, number), int(sessions[session].length) - number)
        first = max(int(sessions[session].claims), first)
        for _ in range(number):
            other = int(slots[sessions[session].slot + first])
            if not moving[other]:
                break
            change += take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, other
            )
            steps[count, 0], steps[count, 1], steps[count, 2] = other, session, first
            out[count] = other
            count += 1
    _order(studies, reads, out, key, count, chance)
    taken = count
    for at in range(count):
        if change >= threshold + prices[0].churn * (count - at):
            break  # putting a read in saves nothing but churn
        mover = int(out[at])
        added, there, position = best_place(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, nearby, nearby_count, mover,
        )  # fmt: skip
        change += added
        if there != UNPLACED:
            insert(studies, reads, sessions, reporters, slots, mover, there, position)
            steps[taken, 0], steps[taken, 1] = mover, PUT_IN
            taken += 1
    if change < threshold:
        return True
    undo(prices, studies, reads, sessions, reporters, slots, steps, taken)
    return False


@kernel
def _is_among(some: Ints, count: int, read: int) -> bool:
    for at in range(count):  # noqa: SIM110 - Numba compiles loops, not generators
        if some[at] == read:
            return True
    return False


@kernel
def _order(studies: Records, reads: Records, out: Ints, key: Floats, count: int, chance: Chance) -> None:
    """Put the reads that are out into the order in which they go in again."""
    kind = below(chance, _ORDERS)
    for at in range(count):
        row = studies[reads[out[at]].study]
        if kind == _ANYONE:
            key[at] = unit(chance)
        elif kind == _LONGEST:
            key[at] = -row.minutes
        else:
            key[at] = -(row.a0 + row.a1) / row.minutes * (0.5 + unit(chance))
    for at in range(1, count):
        moved, by = out[at], key[at]
        place = at
        while place > 0 and key[place - 1] > by:
            out[place], key[place] = out[place - 1], key[place - 1]
            place -= 1
        out[place], key[place] = moved, by

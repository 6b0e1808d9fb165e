"""Two reads change places: where that is likely to pay is looked up before anything is touched."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import UNPLACED, Flags, Floats, Ids, Ints, Records
from balancer.optimise.replan_place import (
    AWAY,
    BUDGET,
    LEAST_GAIN,
    WORK,
    best_place,
    may_go_to,
    place_in,
    put_in,
    take_out,
)
from balancer.optimise.schedule import INFEASIBLE, can_hold, duration, price_of_end, price_of_holding

WIDTH = 20  # sessions in which an exchange is tried
_DEPTH = 6  # exchanges of which is found out where the other read could go


@kernel
def _crowding(
    studies: Records, reads: Records, sessions: Records, slots: Ids, read: int, session: int
) -> tuple[float, int]:
    """Return about what clinical points inserting would add if somebody else left and made the room, and where."""
    row = sessions[session]
    taken = duration(studies, reads, sessions, read, session)
    ready = studies[reads[read].study].ready
    best, best_position, delayed = INFEASIBLE, -1, 0.0
    for position in range(row.length, row.claims - 1, -1):
        before = reads[slots[row.slot + position - 1]].end if position else row.start
        begin = max(before, ready)
        if begin + taken <= row.end:
            points = delayed + price_of_end(studies, reads, read, begin + taken)
            if points < best:
                best, best_position = points, position
        if position > row.claims:
            other = slots[row.slot + position - 1]
            delayed += price_of_end(studies, reads, other, before + taken) - price_of_end(studies, reads, other, before)
    return best, best_position


@kernel
def _standing_in(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    slots: Ids,
    read: int,
    other: int,
    position: int,
) -> float:
    """Return the clinical points of having ``read`` at a position of a session instead of ``other`` at its own.

    The price of ``other`` is taken off, wherever it goes. O(length).
    """
    session = reads[other].session
    row = sessions[session]
    base, out = row.slot, reads[other].position
    first = min(position, out)
    at = reads[slots[base + first - 1]].end if first > 0 else row.start
    points = -price_of_end(studies, reads, other, reads[other].end)
    for step in range(first, row.length + 1):
        if step == position:
            study = reads[read].study
            begin = max(at, studies[study].ready)
            at = begin + duration(studies, reads, sessions, read, session)
            if at > row.end or begin >= latest[row.reporter, studies[study].trust]:
                return INFEASIBLE
            points += price_of_end(studies, reads, read, at)
        if step == out or step == row.length:
            continue
        mover = slots[base + step]
        study = reads[mover].study
        begin = max(at, studies[study].ready)
        at = begin + duration(studies, reads, sessions, mover, session)
        if at > row.end or begin >= latest[row.reporter, studies[study].trust]:
            return INFEASIBLE
        if at == reads[mover].end:
            if step > position and step > out:
                break
            continue
        points += price_of_end(studies, reads, mover, at) - price_of_end(studies, reads, mover, reads[mover].end)
    return points


@kernel
def most_promising(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    notes: Records,
    tally: Ints,
    read: int,
    found: Ids,
    places: Ids,
    costs: Floats,
) -> int:
    """Write the sessions where an unplaced read would cost least if there were room; return how many are written.

    With the position there, and by how much the total would change; the cheapest first.
    """
    costs[:] = INFEASIBLE
    count = 0
    nowhere = price_of_end(studies, reads, read, prices[0].beyond)
    for reporter in range(len(reporters)):
        if not may_go_to(studies, people, level, reads, sessions, notes, tally, read, reporter):
            continue
        for session in range(reporters[reporter].first_session, reporters[reporter].end_session):
            if sessions[session].end <= sessions[session].start or sessions[session].max_reads == 0:
                continue
            if not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            tally[WORK] += 3
            end = max(sessions[session].start, studies[reads[read].study].ready)
            end += duration(studies, reads, sessions, read, session)
            if price_of_end(studies, reads, read, end) - nowhere - prices[0].churn >= costs[-1]:
                continue
            tally[WORK] += sessions[session].length
            cost, position = _crowding(studies, reads, sessions, slots, read, session)
            cost -= nowhere
            if position < 0 or cost - prices[0].churn >= costs[-1]:
                continue
            cost += price_of_holding(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
            )
            at = rank(costs, cost)
            if at < len(found):
                for later in range(len(found) - 1, at, -1):
                    found[later], places[later], costs[later] = found[later - 1], places[later - 1], costs[later - 1]
                found[at], places[at], costs[at] = session, position, cost
                count = min(count + 1, len(found))
    return count


@kernel
def rank(costs: Floats, cost: float) -> int:
    """Return where a cost would stand among costs that rise."""
    at = len(costs)
    while at > 0 and costs[at - 1] > cost:
        at -= 1
    return at


@kernel
def exchange(
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
) -> int:
    """Put a read where another one makes room, which goes to its best place or to none, if that lowers the total.

    Returns the other read, or -1 if nothing was changed.
    """
    old, back = int(reads[read].session), int(reads[read].position)
    gone = 0.0
    if old != UNPLACED:
        gone = take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, read
        )
    hopeful, front, hopes = np.empty(WIDTH, np.int32), np.empty(WIDTH, np.int32), np.empty(WIDTH)
    number = most_promising(
        prices, bands, studies, people, patient_reads, level, takes_pool,
        reads, sessions, reporters, slots, notes, tally, read, hopeful, front, hopes,
    )  # fmt: skip
    nowhere = price_of_end(studies, reads, read, prices[0].beyond)
    # the most promising exchanges, as if the other read found a place as good as its own ...
    costs, others = np.full(_DEPTH, INFEASIBLE), np.full(_DEPTH, -1, np.int32)
    # ... and the one that is best if it finds none
    worst, last = INFEASIBLE, -1
    for index in range(number):
        if gone + hopes[index] >= -LEAST_GAIN:
            break  # it would be no better there if somebody left
        session = int(hopeful[index])
        holding = price_of_holding(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
        )
        for place in range(sessions[session].claims, sessions[session].length):
            other = int(slots[sessions[session].slot + place])
            if notes[other].locked == 1 or reads[other].study == reads[read].study:
                continue
            tally[WORK] += 2 * sessions[session].length - place - min(place, front[index]) + 2
            cost = min(
                _standing_in(studies, latest, reads, sessions, slots, read, other, place),
                _standing_in(studies, latest, reads, sessions, slots, read, other, int(front[index])),
            )
            if cost >= INFEASIBLE:
                continue
            cost += holding - nowhere
            waits = cost + price_of_end(studies, reads, other, prices[0].beyond)
            if waits < worst:
                worst, last = waits, other
            cost += price_of_end(studies, reads, other, reads[other].end)
            at = rank(costs, cost)
            if at < _DEPTH:
                for later in range(_DEPTH - 1, at, -1):
                    costs[later], others[later] = costs[later - 1], others[later - 1]
                costs[at], others[at] = cost, other
    best, chosen = -LEAST_GAIN, -1
    for index in range(_DEPTH + 1):
        other = int(others[index]) if index < _DEPTH else last
        if other < 0 or (index < _DEPTH and gone + costs[index] >= -LEAST_GAIN):
            continue
        change = gone + _carry_out(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, notes, tally, read, other, 0,
        )  # fmt: skip
        if change < best:
            best, chosen = change, other
    if chosen >= 0:
        _carry_out(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, notes, tally, read, chosen, 1,
        )  # fmt: skip
        if notes[chosen].because < 0:
            notes[chosen].because = read
        return chosen
    if old != UNPLACED:
        put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
    return -1


@kernel
def _carry_out(
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
    other: int,
    for_good: int,
) -> float:
    """Put an unplaced read into the session of ``other`` and that one where it is best; undone unless ``for_good``.

    Returns the change of the total, INFEASIBLE if a rule or limit would break.
    """
    session, place = int(reads[other].session), int(reads[other].position)
    change = take_out(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, other
    )
    position, added = place_in(
        prices, bands, studies, people, patient_reads, level, latest,
        reads, sessions, reporters, slots, tally, read, session, INFEASIBLE,
    )  # fmt: skip
    if position < 0:
        put_in(studies, reads, sessions, reporters, slots, notes, tally, other, session, place)
        return INFEASIBLE
    put_in(studies, reads, sessions, reporters, slots, notes, tally, read, session, position)
    change += added
    to, at, gained = best_place(
        prices, bands, studies, people, patient_reads, level, latest, takes_pool,
        reads, sessions, reporters, slots, notes, tally, other, -LEAST_GAIN,
    )  # fmt: skip
    if to >= 0:
        change += gained
        put_in(studies, reads, sessions, reporters, slots, notes, tally, other, to, at)
    if tally[AWAY] > tally[BUDGET]:
        change = INFEASIBLE
    if for_good == 0:
        if to >= 0:
            take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                other,
            )  # fmt: skip
        take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, read
        )
        put_in(studies, reads, sessions, reporters, slots, notes, tally, other, session, place)
    return change

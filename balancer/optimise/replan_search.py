"""Mending a schedule around what an event touched: best places, exchanges and room made, counted in work.

Descent only: every change that is kept lowers the total, so each of them gains more than it costs. Three limits hold at
every step: reads that are *locked* never change reporter; of the published ones no more than ``BUDGET`` are away from
the reporter who had them; the work (reads looked at) ends at ``LIMIT``. There is no chance in it.
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
    insertion_at,
    price_of_end,
    price_of_holding,
    removal,
    remove,
    retime,
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

_LEAST_GAIN = 1e-9  # points; or rounding could be taken for progress, for ever
_MOST_EJECTED = 6  # reads that make room for one
_WIDTH = 20  # sessions in which an exchange is tried
_DEPTH = 6  # exchanges of which is found out where the other read could go
_ROUNDS = 3
_MOST_PULLS = 4  # reads pulled into one session that has room
_PULLABLE = 48  # reads of which is found out what pulling them gains
_AT_REST, _TOUCHED, _LOOSENED = range(3)  # a session in which nothing, something, or something that left time changed


@kernel
def _take_out(
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
def _put_in(
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
    insert(studies, reads, sessions, reporters, slots, read, session, position)
    if notes[read].counted == 1 and notes[read].base == sessions[session].reporter:
        tally[AWAY] -= 1


@kernel
def _place_in(
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
def _may_go_to(
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
def _best_place(
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
        if not _may_go_to(studies, people, level, reads, sessions, notes, tally, read, reporter):
            continue
        for session in range(reporters[reporter].first_session, reporters[reporter].end_session):
            if sessions[session].end <= sessions[session].start:
                continue
            if not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            position, change = _place_in(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, tally, read, session, best,
            )  # fmt: skip
            if change < best:
                best, best_session, best_position = change, session, position
    return best_session, best_position, best


@kernel
def _relocate(
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
        change = _take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, read
        )
    session, position, _ = _best_place(
        prices, bands, studies, people, patient_reads, level, latest, takes_pool,
        reads, sessions, reporters, slots, notes, tally, read, -_LEAST_GAIN - change,
    )  # fmt: skip
    if session >= 0:
        _put_in(studies, reads, sessions, reporters, slots, notes, tally, read, session, position)
        return True
    if old != UNPLACED:
        _put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
    return False


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
def _most_promising(
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
        if not _may_go_to(studies, people, level, reads, sessions, notes, tally, read, reporter):
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
            at = _rank(costs, cost)
            if at < len(found):
                for later in range(len(found) - 1, at, -1):
                    found[later], places[later], costs[later] = found[later - 1], places[later - 1], costs[later - 1]
                found[at], places[at], costs[at] = session, position, cost
                count = min(count + 1, len(found))
    return count


@kernel
def _rank(costs: Floats, cost: float) -> int:
    at = len(costs)
    while at > 0 and costs[at - 1] > cost:
        at -= 1
    return at


@kernel
def _exchange(
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
        gone = _take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, read
        )
    hopeful, front, hopes = np.empty(_WIDTH, np.int32), np.empty(_WIDTH, np.int32), np.empty(_WIDTH)
    number = _most_promising(
        prices, bands, studies, people, patient_reads, level, takes_pool,
        reads, sessions, reporters, slots, notes, tally, read, hopeful, front, hopes,
    )  # fmt: skip
    nowhere = price_of_end(studies, reads, read, prices[0].beyond)
    # the most promising exchanges, as if the other read found a place as good as its own ...
    costs, others = np.full(_DEPTH, INFEASIBLE), np.full(_DEPTH, -1, np.int32)
    # ... and the one that is best if it finds none
    worst, last = INFEASIBLE, -1
    for index in range(number):
        if gone + hopes[index] >= -_LEAST_GAIN:
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
            at = _rank(costs, cost)
            if at < _DEPTH:
                for later in range(_DEPTH - 1, at, -1):
                    costs[later], others[later] = costs[later - 1], others[later - 1]
                costs[at], others[at] = cost, other
    best, chosen = -_LEAST_GAIN, -1
    for index in range(_DEPTH + 1):
        other = int(others[index]) if index < _DEPTH else last
        if other < 0 or (index < _DEPTH and gone + costs[index] >= -_LEAST_GAIN):
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
        _put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
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
    change = _take_out(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, other
    )
    position, added = _place_in(
        prices, bands, studies, people, patient_reads, level, latest,
        reads, sessions, reporters, slots, tally, read, session, INFEASIBLE,
    )  # fmt: skip
    if position < 0:
        _put_in(studies, reads, sessions, reporters, slots, notes, tally, other, session, place)
        return INFEASIBLE
    _put_in(studies, reads, sessions, reporters, slots, notes, tally, read, session, position)
    change += added
    to, at, gained = _best_place(
        prices, bands, studies, people, patient_reads, level, latest, takes_pool,
        reads, sessions, reporters, slots, notes, tally, other, -_LEAST_GAIN,
    )  # fmt: skip
    if to >= 0:
        change += gained
        _put_in(studies, reads, sessions, reporters, slots, notes, tally, other, to, at)
    if tally[AWAY] > tally[BUDGET]:
        change = INFEASIBLE
    if for_good == 0:
        if to >= 0:
            _take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                other,
            )  # fmt: skip
        _take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally, read
        )
        _put_in(studies, reads, sessions, reporters, slots, notes, tally, other, session, place)
    return change


@kernel
def _make_room(
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
    ejected: Ids,
) -> int:
    """Place an unplaced read where several others make room for it, if that lowers the total.

    The cheapest for their time leave first; then each goes to its best place, or to none. Writes who left; returns how
    many, 0 if nothing was changed.
    """
    hopeful, front, hopes = np.empty(_WIDTH, np.int32), np.empty(_WIDTH, np.int32), np.empty(_WIDTH)
    places, went = np.empty(_MOST_EJECTED, np.int32), np.empty(_MOST_EJECTED, np.int32)
    number = _most_promising(
        prices, bands, studies, people, patient_reads, level, takes_pool,
        reads, sessions, reporters, slots, notes, tally, read, hopeful, front, hopes,
    )  # fmt: skip
    for index in range(number):
        if tally[WORK] >= tally[LIMIT]:
            break
        session = int(hopeful[index])
        change, count, position, added = 0.0, 0, -1, INFEASIBLE
        while position < 0 and count < _MOST_EJECTED:
            cheapest, other = INFEASIBLE, -1
            for place in range(sessions[session].claims, sessions[session].length):
                some = int(slots[sessions[session].slot + place])
                if notes[some].locked == 1 or reads[some].study == reads[read].study:
                    continue
                tally[WORK] += sessions[session].length
                cost = removal(studies, reads, sessions, slots, some)
                cost += price_of_end(studies, reads, some, prices[0].beyond)
                cost /= max(1, duration(studies, reads, sessions, some, session))
                if cost < cheapest:
                    cheapest, other = cost, some
            if other < 0:
                break
            places[count], ejected[count] = reads[other].position, other
            count += 1
            change += _take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                other,
            )  # fmt: skip
            position, added = _place_in(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, tally, read, session, INFEASIBLE,
            )  # fmt: skip
        if position >= 0:
            change += added
            _put_in(studies, reads, sessions, reporters, slots, notes, tally, read, session, position)
            for out in range(count):
                went[out] = -1
                to, at, gained = _best_place(
                    prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                    reads, sessions, reporters, slots, notes, tally, int(ejected[out]), -_LEAST_GAIN,
                )  # fmt: skip
                if to >= 0:
                    change += gained
                    went[out] = to
                    _put_in(studies, reads, sessions, reporters, slots, notes, tally, int(ejected[out]), to, at)
            if change < -_LEAST_GAIN and tally[AWAY] <= tally[BUDGET]:
                for out in range(count):
                    if notes[ejected[out]].because < 0:
                        notes[ejected[out]].because = read
                return count
            for out in range(count - 1, -1, -1):
                if went[out] >= 0:
                    _take_out(
                        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes,
                        tally, int(ejected[out]),
                    )  # fmt: skip
            _take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                read,
            )  # fmt: skip
        for out in range(count - 1, -1, -1):
            _put_in(
                studies, reads, sessions, reporters, slots, notes, tally, int(ejected[out]), session, int(places[out])
            )
    return 0


@kernel
def _rates_behind(studies: Records, reads: Records, sessions: Records, slots: Ids) -> Floats:
    """Return about what a second's delay of everything behind each read costs, in points; shape (N,)."""
    rates = np.zeros(len(reads))
    for session in range(len(sessions)):
        row, rate = sessions[session], 0.0
        for place in range(row.length - 1, -1, -1):
            read = slots[row.slot + place]
            rates[read] = rate
            study = studies[reads[read].study]
            rate += study.a0
            if reads[read].end > study.due:
                rate += study.a1
            if reads[read].end > study.ceiling:
                rate += study.a2
    return rates


@kernel
def _pull(
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
    behind: Floats,
    session: int,
) -> tuple[int, int]:
    """Put into a session the unclaimed read, from elsewhere or nowhere, for which that lowers the total most.

    Tried are those that promise most, by their own gain in time and by ``behind`` (see ``_rates_behind``). Returns the
    read and where it was before; (-1, -1) if there is none.
    """
    reporter = int(sessions[session].reporter)
    hopes, hopeful = np.full(_PULLABLE, INFEASIBLE), np.full(_PULLABLE, -1, np.int32)
    for read in range(len(reads)):
        old = int(reads[read].session)
        if reads[read].claimed != NOBODY or old == session or level[studies[reads[read].study].pool, reporter] == 0:
            continue
        if old != UNPLACED and notes[read].locked == 1 and sessions[old].reporter != reporter:
            continue
        if not can_hold(studies, takes_pool, reads, sessions, read, session):
            continue
        tally[WORK] += 1
        start = max(sessions[session].start, studies[reads[read].study].ready)
        soonest = start + duration(studies, reads, sessions, read, session)
        if soonest >= reads[read].end:
            continue
        hope = price_of_end(studies, reads, read, soonest) - price_of_end(studies, reads, read, reads[read].end)
        if old != UNPLACED:
            hope -= behind[read] * duration(studies, reads, sessions, read, old)
        if hope < hopes[-1]:
            at = _rank(hopes, hope)
            for later in range(_PULLABLE - 1, at, -1):
                hopes[later], hopeful[later] = hopes[later - 1], hopeful[later - 1]
            hopes[at], hopeful[at] = hope, read
    best, chosen = -_LEAST_GAIN, -1
    for index in range(_PULLABLE):
        read = int(hopeful[index])
        if read < 0:
            break
        old, back, change = int(reads[read].session), int(reads[read].position), 0.0
        if old != UNPLACED:
            tally[WORK] += 3 * (sessions[old].length - back)
            change = _take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                read,
            )  # fmt: skip
        if _may_go_to(studies, people, level, reads, sessions, notes, tally, read, reporter):
            position, added = _place_in(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, tally, read, session, best - change,
            )  # fmt: skip
            if position >= 0 and change + added < best:
                best, chosen = change + added, read
        if old != UNPLACED:
            _put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
    if chosen < 0:
        return -1, -1
    old = int(reads[chosen].session)
    if old != UNPLACED:
        _take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
            chosen,
        )  # fmt: skip
    position, _ = insertion(studies, latest, reads, sessions, reporters, slots, chosen, session)
    _put_in(studies, reads, sessions, reporters, slots, notes, tally, chosen, session, position)
    return chosen, old


@kernel
def _touch(queue: Ids, state: NDArray[np.int8], ends: Ints, session: int, how: int) -> None:
    """Put a session at the end of the queue unless it waits there; remember whether it has lost a read."""
    if session == UNPLACED:
        return
    if state[session] == _AT_REST:
        queue[(ends[0] + ends[1]) % len(queue)] = session
        ends[1] += 1
    state[session] = max(state[session], how)


@kernel
def mend(
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
    homeless: Ids,
    loosened: Ids,
) -> None:
    """Find places for ``homeless`` reads (the dearest first), then improve around every session that was touched.

    ``loosened`` are sessions in which time has become free.
    """
    queue, state, ends = np.empty(len(sessions), np.int32), np.zeros(len(sessions), np.int8), np.zeros(2, np.int64)
    for session in loosened:
        _touch(queue, state, ends, session, _LOOSENED)
    for read in homeless:
        if reads[read].session == UNPLACED and _relocate(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, notes, tally, read,
        ):  # fmt: skip
            _touch(queue, state, ends, reads[read].session, _TOUCHED)
    restless = np.empty(4 * len(homeless) + 64, np.int32)
    for _ in range(_ROUNDS):
        before = tally[KEPT]
        number = _by_regret(
            prices, bands, studies, people, patient_reads, level, takes_pool,
            reads, sessions, reporters, slots, notes, tally, homeless, restless,
        )  # fmt: skip
        _find_better_places(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, notes, tally, restless, number, queue, state, ends,
        )  # fmt: skip
        _improve_touched(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, notes, tally, queue, state, ends,
        )  # fmt: skip
        if tally[WORK] >= tally[LIMIT] or tally[KEPT] == before:
            break


@kernel
def _by_regret(
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
    some: Ids,
    ordered: Ids,
) -> int:
    """Write those of some reads that would be better off somewhere if somebody left; return how many.

    Those first that would gain most.
    """
    session, front, hope = np.empty(1, np.int32), np.empty(1, np.int32), np.empty(1)
    gains = np.zeros(len(some))
    for index in range(len(some)):
        read, change = int(some[index]), 0.0
        if reads[read].claimed != NOBODY:
            continue
        old, back = int(reads[read].session), int(reads[read].position)
        if old != UNPLACED:
            change = _take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                read,
            )  # fmt: skip
        if _most_promising(
            prices, bands, studies, people, patient_reads, level, takes_pool,
            reads, sessions, reporters, slots, notes, tally, read, session, front, hope,
        ):  # fmt: skip
            gains[index] = change + hope[0]
        if old != UNPLACED:
            _put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
    count = 0
    for index in np.argsort(gains, kind="mergesort"):
        if gains[index] < -_LEAST_GAIN:
            ordered[count] = some[index]
            count += 1
    return count


@kernel
def _find_better_places(
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
    restless: Ids,
    number: int,
    queue: Ids,
    state: NDArray[np.int8],
    ends: Ints,
) -> None:
    """Let each of the first ``number`` reads of ``restless`` take another one's place, and those in turn another's."""
    ejected = np.empty(_MOST_EJECTED, np.int32)
    first, last = 0, number
    while first < last and tally[WORK] < tally[LIMIT]:
        read = int(restless[first])
        first += 1
        if reads[read].claimed != NOBODY:
            continue
        was, count = int(reads[read].session), 0
        other = _exchange(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, notes, tally, read,
        )  # fmt: skip
        if other >= 0:
            ejected[0], count = other, 1
        elif was == UNPLACED:
            count = _make_room(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, notes, tally, read, ejected,
            )  # fmt: skip
        if count == 0:
            continue
        tally[KEPT] += 1
        _touch(queue, state, ends, was, _LOOSENED)
        _touch(queue, state, ends, reads[read].session, _TOUCHED)
        for index in range(count):
            _touch(queue, state, ends, reads[ejected[index]].session, _TOUCHED)
            if last < len(restless):
                restless[last] = ejected[index]
                last += 1


@kernel
def _improve_touched(
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
    queue: Ids,
    state: NDArray[np.int8],
    ends: Ints,
) -> None:
    """Pull reads into the sessions of the queue that have room, and let those that stand there leave."""
    behind = _rates_behind(studies, reads, sessions, slots)
    while ends[1] > 0 and tally[WORK] < tally[LIMIT]:
        session = int(queue[ends[0]])
        ends[0] = (ends[0] + 1) % len(queue)
        ends[1] -= 1
        is_loosened = state[session] == _LOOSENED
        state[session] = _AT_REST
        if sessions[session].end <= sessions[session].start:
            continue
        pulls = 0
        while is_loosened and pulls < _MOST_PULLS and tally[WORK] < tally[LIMIT]:
            chosen, old = _pull(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, notes, tally, behind, session,
            )  # fmt: skip
            if chosen < 0:
                break
            tally[KEPT] += 1
            pulls += 1
            _touch(queue, state, ends, old, _LOOSENED)
        base = sessions[session].slot
        for read in slots[base : base + sessions[session].length].copy():
            if reads[read].claimed != NOBODY or tally[WORK] >= tally[LIMIT]:
                continue
            if _relocate(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, notes, tally, read,
            ):  # fmt: skip
                tally[KEPT] += 1
                _touch(queue, state, ends, session, _LOOSENED)
                _touch(queue, state, ends, reads[read].session, _TOUCHED)


# ---------------------------------------------------------------- what events leave no choice about


@kernel
def lock_next(sessions: Records, reporters: Records, slots: Ids, notes: Records, most: int) -> None:
    """Lock the unclaimed reads that each reporter comes to next, ``most`` of them."""
    for reporter in range(len(reporters)):
        left = most
        for session in range(reporters[reporter].first_session, reporters[reporter].end_session):
            row = sessions[session]
            for place in range(row.claims, row.length):
                if left > 0:
                    notes[slots[row.slot + place]].locked = 1
                    left -= 1


@kernel
def append_all(
    studies: Records,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    order: Ids,
    session_of: Ids,
) -> None:
    """Put each read of ``order`` at the end of its session, whatever the rules say."""
    for index in range(len(order)):
        session = int(session_of[index])
        insert(studies, reads, sessions, reporters, slots, int(order[index]), session, int(sessions[session].length))


@kernel
def reseat(
    prices: Records,
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    session: int,
    out: Ids,
) -> int:
    """Re-time a session whose hours have changed; take out whatever no longer fits, written to ``out``; how many."""
    base = sessions[session].slot
    waits = 0
    for place in range(sessions[session].length):
        if studies[reads[slots[base + place]].study].ready > sessions[session].start:
            waits += 1
    sessions[session].waits = waits
    retime(studies, reads, sessions, slots, session, 0)
    count, place = 0, 0
    while place < sessions[session].length:
        read = int(slots[base + place])
        begin = reads[read].end - duration(studies, reads, sessions, read, session)
        is_over = begin >= latest[sessions[session].reporter, studies[reads[read].study].trust]
        if reads[read].end > sessions[session].end or is_over:
            remove(prices, studies, reads, sessions, reporters, slots, read)
            out[count] = read
            count += 1
        else:
            place += 1
    return count


@kernel
def seat_claim(
    prices: Records,
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    out: Ids,
) -> int:
    """Put an unplaced claimed read into its claimant's first or second session; unclaimed reads give way (H8).

    Behind what the claimant has opened before, where that costs least; the first session goes before the second.
    Writes the reads that gave way, those at the end first, and returns how many.
    """
    claimant = int(reads[read].claimed)
    count = 0
    row = studies[reads[read].study]
    for other in range(row.first_read, row.end_read):
        # the claimant cannot read the study twice (H9), and what is only planned gives way to what is claimed
        if other == read or reads[other].session == UNPLACED or reads[other].claimed != NOBODY:
            continue
        if sessions[reads[other].session].reporter == claimant:
            back, home = int(reads[other].position), int(reads[other].session)
            remove(prices, studies, reads, sessions, reporters, slots, other)
            if not can_read(studies, people, level, reads, sessions, read, claimant):
                insert(studies, reads, sessions, reporters, slots, other, home, back)
                return 0
            out[count] = other
            count += 1
    if not can_read(studies, people, level, reads, sessions, read, claimant):
        return count
    for session in range(reporters[claimant].first_session, reporters[claimant].end_session):
        if sessions[session].is_claimable == 0:
            continue
        if not _fits_among_claims(studies, latest, reads, sessions, slots, read, session):
            continue
        position = _place_of_claim(studies, latest, reads, sessions, slots, read, session)
        while position < 0:
            last = int(slots[sessions[session].slot + sessions[session].length - 1])
            remove(prices, studies, reads, sessions, reporters, slots, last)
            out[count] = last
            count += 1
            position = _place_of_claim(studies, latest, reads, sessions, slots, read, session)
        insert(studies, reads, sessions, reporters, slots, read, session, position)
        return count
    return count


@kernel
def _fits_among_claims(
    studies: Records, latest: Ints, reads: Records, sessions: Records, slots: Ids, read: int, session: int
) -> bool:
    """Tell whether a claimed read fits if all unclaimed ones leave."""
    length = sessions[session].length
    sessions[session].length = sessions[session].claims
    fits = False
    for position in range(sessions[session].claims + 1):
        if insertion_at(studies, latest, reads, sessions, slots, read, session, position) < INFEASIBLE:
            fits = True
            break
    sessions[session].length = length
    return fits


@kernel
def _place_of_claim(
    studies: Records, latest: Ints, reads: Records, sessions: Records, slots: Ids, read: int, session: int
) -> int:
    """Return the position among the claimed reads that costs least: behind the open one if possible; -1 if none."""
    row = sessions[session]
    if row.length > row.claims and row.length + 1 > row.max_reads:
        return -1
    best, best_position = INFEASIBLE, -1
    for position in range(row.claims, 0, -1):
        points = insertion_at(studies, latest, reads, sessions, slots, read, session, position)
        if points < best:
            best, best_position = points, position
    if best_position < 0 and insertion_at(studies, latest, reads, sessions, slots, read, session, 0) < INFEASIBLE:
        return 0
    return best_position

"""Several reads make room for one that has no place, and reads are pulled into a session that has room."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, Records
from balancer.optimise.replan_exchange import WIDTH, most_promising, rank
from balancer.optimise.replan_place import (
    AWAY,
    BUDGET,
    LEAST_GAIN,
    LIMIT,
    WORK,
    best_place,
    may_go_to,
    place_in,
    put_in,
    take_out,
)
from balancer.optimise.schedule import INFEASIBLE, can_hold, duration, insertion, price_of_end, removal

MOST_EJECTED = 6  # reads that make room for one
_PULLABLE = 48  # reads of which is found out what pulling them gains


@kernel
def make_room(
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
    hopeful, front, hopes = np.empty(WIDTH, np.int32), np.empty(WIDTH, np.int32), np.empty(WIDTH)
    places, went = np.empty(MOST_EJECTED, np.int32), np.empty(MOST_EJECTED, np.int32)
    number = most_promising(
        prices, bands, studies, people, patient_reads, level, takes_pool,
        reads, sessions, reporters, slots, notes, tally, read, hopeful, front, hopes,
    )  # fmt: skip
    for index in range(number):
        if tally[WORK] >= tally[LIMIT]:
            break
        session = int(hopeful[index])
        change, count, position, added = 0.0, 0, -1, INFEASIBLE
        while position < 0 and count < MOST_EJECTED:
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
            change += take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                other,
            )  # fmt: skip
            position, added = place_in(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, tally, read, session, INFEASIBLE,
            )  # fmt: skip
        if position >= 0:
            change += added
            put_in(studies, reads, sessions, reporters, slots, notes, tally, read, session, position)
            for out in range(count):
                went[out] = -1
                to, at, gained = best_place(
                    prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                    reads, sessions, reporters, slots, notes, tally, int(ejected[out]), -LEAST_GAIN,
                )  # fmt: skip
                if to >= 0:
                    change += gained
                    went[out] = to
                    put_in(studies, reads, sessions, reporters, slots, notes, tally, int(ejected[out]), to, at)
            if change < -LEAST_GAIN and tally[AWAY] <= tally[BUDGET]:
                for out in range(count):
                    if notes[ejected[out]].because < 0:
                        notes[ejected[out]].because = read
                return count
            for out in range(count - 1, -1, -1):
                if went[out] >= 0:
                    take_out(
                        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes,
                        tally, int(ejected[out]),
                    )  # fmt: skip
            take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                read,
            )  # fmt: skip
        for out in range(count - 1, -1, -1):
            put_in(
                studies, reads, sessions, reporters, slots, notes, tally, int(ejected[out]), session, int(places[out])
            )
    return 0


@kernel
def rates_behind(studies: Records, reads: Records, sessions: Records, slots: Ids) -> Floats:
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
def pull(
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

    Tried are those that promise most, by their own gain in time and by ``behind`` (see ``rates_behind``). Returns the
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
            at = rank(hopes, hope)
            for later in range(_PULLABLE - 1, at, -1):
                hopes[later], hopeful[later] = hopes[later - 1], hopeful[later - 1]
            hopes[at], hopeful[at] = hope, read
    best, chosen = -LEAST_GAIN, -1
    for index in range(_PULLABLE):
        read = int(hopeful[index])
        if read < 0:
            break
        old, back, change = int(reads[read].session), int(reads[read].position), 0.0
        if old != UNPLACED:
            tally[WORK] += 3 * (sessions[old].length - back)
            change = take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                read,
            )  # fmt: skip
        if may_go_to(studies, people, level, reads, sessions, notes, tally, read, reporter):
            position, added = place_in(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, tally, read, session, best - change,
            )  # fmt: skip
            if position >= 0 and change + added < best:
                best, chosen = change + added, read
        if old != UNPLACED:
            put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
    if chosen < 0:
        return -1, -1
    old = int(reads[chosen].session)
    if old != UNPLACED:
        take_out(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
            chosen,
        )  # fmt: skip
    position, _ = insertion(studies, latest, reads, sessions, reporters, slots, chosen, session)
    put_in(studies, reads, sessions, reporters, slots, notes, tally, chosen, session, position)
    return chosen, old

"""What a plan that people work from keeps in front: claimed reads, and the next few of each reporter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, UNPLACED, Ids, Ints, Records
from balancer.optimise.schedule import INFEASIBLE, can_read, duration, insert, insertion_at, remove, retime


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

"""Mending a schedule around what an event touched: best places, exchanges and room made, counted in work.

Descent only: every change that is kept lowers the total, so each of them gains more than it costs. The work (reads
looked at) ends at ``LIMIT``, the other limits are those of ``replan_place``. There is no chance in it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, Records
from balancer.optimise.replan_exchange import exchange, most_promising
from balancer.optimise.replan_place import KEPT, LEAST_GAIN, LIMIT, WORK, put_in, relocate, take_out
from balancer.optimise.replan_room import MOST_EJECTED, make_room, pull, rates_behind

_ROUNDS = 3
_MOST_PULLS = 4  # reads pulled into one session that has room
_AT_REST, _TOUCHED, _LOOSENED = range(3)  # a session in which nothing, something, or something that left time changed


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
        if reads[read].session == UNPLACED and relocate(
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
            change = take_out(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, notes, tally,
                read,
            )  # fmt: skip
        if most_promising(
            prices, bands, studies, people, patient_reads, level, takes_pool,
            reads, sessions, reporters, slots, notes, tally, read, session, front, hope,
        ):  # fmt: skip
            gains[index] = change + hope[0]
        if old != UNPLACED:
            put_in(studies, reads, sessions, reporters, slots, notes, tally, read, old, back)
    count = 0
    for index in np.argsort(gains, kind="mergesort"):
        if gains[index] < -LEAST_GAIN:
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
    ejected = np.empty(MOST_EJECTED, np.int32)
    first, last = 0, number
    while first < last and tally[WORK] < tally[LIMIT]:
        read = int(restless[first])
        first += 1
        if reads[read].claimed != NOBODY:
            continue
        was, count = int(reads[read].session), 0
        other = exchange(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, notes, tally, read,
        )  # fmt: skip
        if other >= 0:
            ejected[0], count = other, 1
        elif was == UNPLACED:
            count = make_room(
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
    behind = rates_behind(studies, reads, sessions, slots)
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
            chosen, old = pull(
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
            if relocate(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, notes, tally, read,
            ):  # fmt: skip
                tally[KEPT] += 1
                _touch(queue, state, ends, session, _LOOSENED)
                _touch(queue, state, ends, reads[read].session, _TOUCHED)


@kernel
def _touch(queue: Ids, state: NDArray[np.int8], ends: Ints, session: int, how: int) -> None:
    """Put a session at the end of the queue unless it waits there; remember whether it has lost a read."""
    if session == UNPLACED:
        return
    if state[session] == _AT_REST:
        queue[(ends[0] + ends[1]) % len(queue)] = session
        ends[1] += 1
    state[session] = max(state[session], how)

"""Simulated annealing over feasible schedules: one read moved, two exchanged, one dropped; millions of times.

Work is counted in proposals, so that the same seed and work give the same schedule wherever it runs. The temperature
falls geometrically with the share of the work done (``cooling``). Large problems are searched in two halves at once,
small ones by two rivals.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.chance import Chance, below, unit
from balancer.optimise.compiled import kernel
from balancer.optimise.cooling import Cooling
from balancer.optimise.eject import eject, new_trail
from balancer.optimise.halves import Halves
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.rivals import Rivals
from balancer.optimise.ruin import new_room, ruin_and_recreate
from balancer.optimise.schedule import (
    Schedule,
    can_hold,
    can_read,
    change_of_holder,
    change_of_holders,
    copy_schedule,
    duration,
    insert,
    insertion,
    insertion_without,
    overwrite,
    price_of_end,
    price_of_holding,
    removal,
    remove,
    retime,
    score,
)

_EXCHANGES = 0.3  # share of proposals; measured on the Kent instances, flat between 0.2 and 0.5
_DROPS = 0.01
_CHAINS = 0.2
_LEAST_REGRET = 3.0  # times the temperature, at most: reads that could hardly do better begin no chain
_RESEQUENCES = 0.1
_SMALL = 2_000  # reads; two halves of so few leave each other too little, and there is time for two searches and ruins
_RUINS = 0.1  # of small problems; a ruin takes as long as twenty other proposals
_NEARBY = 0.8  # share of proposals that try a session nearby; the rest try any
_DRAWS = 4  # of a session, until one may hold the read
_LEAST_GAIN = 1e-9  # points; or rounding could be taken for progress, for ever


class Nearby(NamedTuple):
    """Sessions in which each read should be tried first: (N, K), and how many of the K there are, (N,).

    ``worth`` is what a read costs in points where it is best off at the prices of time, (N,).
    """

    sessions: Ids
    number: Ids
    worth: Floats


def improve(
    p: ProblemArrays,
    x: Schedule,
    nearby: Nearby,
    seed: int,
    cooling: Cooling,
    ahead: Callable[[int, float], int],
    workers: int = 1,
) -> tuple[Schedule, float]:
    """Return the best schedule met and its points, without what no decision changes.

    ``ahead(done, best points)`` says, before every chunk of proposals, how far along the cooling the next one goes:
    ``done + cooling.chunk`` where work is what counts, further where time is short, ``done`` to stop. The schedule is
    the same whatever the number of workers (threads).
    """
    best, best_points = copy_schedule(x), float(score(p, x).sum())
    moving = _is_free_to_move(p, x)
    is_small = len(p.reads) <= _SMALL
    parts: Rivals | Halves = Rivals(p, x, moving, seed) if is_small else Halves(p, moving, seed)
    ruins = _RUINS if is_small else 0.0
    done = 0
    with ThreadPoolExecutor(max(1, min(workers, len(parts.own)))) as pool:

        def anneal(part: int) -> None:
            now, then = cooling.at(done), cooling.at(until)
            _anneal(
                *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool),
                *(p.candidates_ptr, p.candidates, nearby.sessions, nearby.number, nearby.worth, parts.moving[part]),
                *parts.own[part],
                *(parts.chances[part], cooling.order, cooling.moved(then)),
                *(now, then, min(cooling.chunk, until - done), ruins),
            )

        while done < cooling.proposals:
            until = min(ahead(done, best_points), cooling.proposals)
            if until <= done:
                break
            parts.divide(x)
            deque(pool.map(anneal, range(len(parts.own))), maxlen=0)
            parts.unite(x)
            done = until
            points = float(score(p, x).sum())
            if points < best_points:
                overwrite(best, x)
                best_points = points
    return best, best_points


def _is_free_to_move(p: ProblemArrays, x: Schedule) -> NDArray[np.bool_]:
    """Return which reads a search may touch.

    Claimed reads stay with their claimant and may only change place between two sessions; while one of them has no
    place at all, they all stay, or it might come to fit after all (H8).
    """
    claimed = p.reads["claimed"] != NOBODY
    stuck = bool(np.any(claimed & (x.reads["session"] == UNPLACED)))
    has_sessions = np.diff(p.candidates_ptr)[p.studies["pool"][p.reads["study"]]] > 0
    free: NDArray[np.bool_] = np.where(claimed, not stuck, has_sessions)
    return free


@kernel
def _anneal(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    nearby: Ids,
    nearby_count: Ids,
    worth: Floats,
    moving: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    chance: Chance,
    order: Ids,
    moved: int,
    hot: float,
    cold: float,
    proposals: int,
    ruins: float,
) -> None:
    trail = new_trail()
    steps, out, key = new_room()
    for step in range(proposals):
        read = int(order[below(chance, moved)])
        if not moving[read]:
            continue
        threshold = -_LEAST_GAIN
        if cold > 0.0:
            threshold -= hot * (cold / hot) ** (step / proposals) * np.log(unit(chance) + 1e-300)
        if unit(chance) < _RESEQUENCES:
            _resequence(studies, latest, reads, sessions, slots, chance, read, threshold)
            continue
        claimed = reads[read].claimed
        if ruins > 0.0 and unit(chance) < ruins:
            if claimed == NOBODY and nearby_count[read] > 0:
                ruin_and_recreate(
                    prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                    reads, sessions, reporters, slots, nearby, nearby_count, moving,
                    steps, out, key, chance, order, moved, read, threshold,
                )  # fmt: skip
            continue
        session = -1
        if claimed != NOBODY:
            choices = min(2, reporters[claimed].end_session - reporters[claimed].first_session)
            session = int(reporters[claimed].first_session + below(chance, choices))
        else:
            pool = studies[reads[read].study].pool
            start = candidates_ptr[pool]
            is_near = nearby_count[read] > 0 and unit(chance) < _NEARBY
            for _ in range(_DRAWS):
                if is_near:
                    session = int(nearby[read, below(chance, nearby_count[read])])
                else:
                    session = int(candidates[start + below(chance, candidates_ptr[pool + 1] - start)])
                if can_hold(studies, takes_pool, reads, sessions, read, session):
                    break
        if not can_hold(studies, takes_pool, reads, sessions, read, session):
            continue
        draw = unit(chance)
        if claimed == NOBODY and nearby_count[read] > 0 and unit(chance) < _CHAINS:
            regret = price_of_end(studies, reads, read, reads[read].end) - worth[read]
            if regret > _LEAST_REGRET * unit(chance) * hot:
                eject(
                    prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                    reads, sessions, reporters, slots, nearby, nearby_count, worth, moving,
                    trail, chance, read, session, threshold,
                )  # fmt: skip
            continue
        if claimed == NOBODY and draw < _DROPS:
            _drop(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots, read, threshold
            )
        elif claimed == NOBODY and draw < _DROPS + _EXCHANGES and sessions[session].length > sessions[session].claims:
            spare = sessions[session].length - sessions[session].claims
            other = int(slots[sessions[session].slot + sessions[session].claims + below(chance, spare)])
            exchange(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, read, other, threshold,
            )  # fmt: skip
        else:
            relocate(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, read, session, threshold,
            )  # fmt: skip


@kernel
def _drop(
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
    threshold: float,
) -> None:
    """Leave a placed read unplaced if that raises the total by less than ``threshold``."""
    session = int(reads[read].session)
    if session == UNPLACED:
        return
    change = removal(studies, reads, sessions, slots, read) + price_of_end(studies, reads, read, prices[0].beyond)
    position = int(reads[read].position)
    remove(prices, studies, reads, sessions, reporters, slots, read)
    change -= price_of_holding(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
    )
    if change >= threshold:
        insert(studies, reads, sessions, reporters, slots, read, session, position)


@kernel
def _resequence(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    slots: Ids,
    chance: Chance,
    read: int,
    threshold: float,
) -> None:
    """Move a placed read to another place in its session by chance, or exchange it with what stands there.

    Carried out if it raises the total by less than ``threshold``. Claimed reads stay before the others (H8).
    """
    session = int(reads[read].session)
    if session == UNPLACED:
        return
    row = sessions[session]
    lowest, highest = (0, row.claims) if reads[read].claimed != NOBODY else (row.claims, row.length)
    if highest - lowest < 2:
        return
    here, there = int(reads[read].position), int(lowest + below(chance, highest - lowest))
    if here == there:
        return
    exchange = below(chance, 2)
    first, last = min(here, there), max(here, there)
    _permute(slots, row.slot, here, there, exchange)
    change = 0.0
    at = reads[slots[row.slot + first - 1]].end if first > 0 else row.start
    fits = True
    for step in range(first, row.length):
        mover = slots[row.slot + step]
        study = reads[mover].study
        begin = max(at, studies[study].ready)
        at = begin + duration(studies, reads, sessions, mover, session)
        if at > row.end or begin >= latest[row.reporter, studies[study].trust]:
            fits = False
            break
        if step > last and at == reads[mover].end:
            break
        change += price_of_end(studies, reads, mover, at) - price_of_end(studies, reads, mover, reads[mover].end)
    if fits and change < threshold:
        retime(studies, reads, sessions, slots, session, first)
    else:
        _permute(slots, row.slot, there, here, exchange)


@kernel
def _permute(slots: Ids, base: int, here: int, there: int, exchange: int) -> None:
    """Exchange (1) what stands at two positions, or take it from one to the other and move up what is between (0)."""
    mover = slots[base + here]
    if exchange == 1:
        slots[base + here], slots[base + there] = slots[base + there], mover
        return
    step = 1 if there > here else -1
    for position in range(here, there, step):
        slots[base + position] = slots[base + position + step]
    slots[base + there] = mover


@kernel
def relocate(
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
    read: int,
    session: int,
    threshold: float,
) -> None:
    """Put a read at its best position in ``session`` if that raises the total by less than ``threshold``."""
    old = int(reads[read].session)
    if old == session:
        change = removal(studies, reads, sessions, slots, read)
        position, _ = insertion_without(
            prices, studies, latest, reads, sessions, reporters, slots, read, session, read, threshold - change
        )
    else:
        if not can_read(studies, people, level, reads, sessions, read, sessions[session].reporter):
            return
        change = change_of_holder(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, old, session
        )
        if old == UNPLACED:
            change -= price_of_end(studies, reads, read, prices[0].beyond)
        else:
            change += removal(studies, reads, sessions, slots, read)
        position, _ = insertion(studies, latest, reads, sessions, reporters, slots, read, session, threshold - change)
    if position < 0:
        return
    if old != UNPLACED:
        remove(prices, studies, reads, sessions, reporters, slots, read)
    insert(studies, reads, sessions, reporters, slots, read, session, position)


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
    read: int,
    other: int,
    threshold: float,
) -> None:
    """Exchange two reads, each going to its best position, if that raises the total by less than ``threshold``.

    ``read`` goes into the session of ``other`` and that one where ``read`` was, which may be nowhere.
    """
    session, old = int(reads[other].session), int(reads[read].session)
    if old == session or reads[other].study == reads[read].study:
        return
    if not can_read(studies, people, level, reads, sessions, read, sessions[session].reporter):
        return
    if old != UNPLACED and not (
        can_hold(studies, takes_pool, reads, sessions, other, old)
        and can_read(studies, people, level, reads, sessions, other, sessions[old].reporter)
    ):
        return
    change = removal(studies, reads, sessions, slots, other)
    least = 0.0
    if old == UNPLACED:
        beyond = prices[0].beyond
        change += price_of_end(studies, reads, other, beyond) - price_of_end(studies, reads, read, beyond)
    else:
        change += removal(studies, reads, sessions, slots, read)
        soonest = sessions[old].start + duration(studies, reads, sessions, other, old)
        least = price_of_end(studies, reads, other, soonest)
    change += change_of_holders(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, other
    )
    position, added = insertion_without(
        prices, studies, latest, reads, sessions, reporters, slots, read, session, other, threshold - change - least
    )
    if position < 0:
        return
    back = -1
    if old != UNPLACED:
        back, _ = insertion_without(
            prices, studies, latest, reads, sessions, reporters, slots, other, old, read, threshold - change - added
        )
        if back < 0:
            return
        remove(prices, studies, reads, sessions, reporters, slots, read)
    remove(prices, studies, reads, sessions, reporters, slots, other)
    insert(studies, reads, sessions, reporters, slots, read, session, position)
    if old != UNPLACED:
        insert(studies, reads, sessions, reporters, slots, other, old, back)


def tidy(p: ProblemArrays, x: Schedule, order: Ids) -> None:
    """Take out every read whose place does not pay, then put in every read that fits and pays, in this order."""
    _drop_what_does_not_pay(
        *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level),
        *x,
        order,
    )
    place_what_fits(p, x, order)


@kernel
def _drop_what_does_not_pay(
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
    order: Ids,
) -> None:
    for read in order:
        if reads[read].claimed == NOBODY:
            _drop(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, slots,
                read, -_LEAST_GAIN,
            )  # fmt: skip


def place_what_fits(p: ProblemArrays, x: Schedule, order: Ids) -> int:
    """Put every unplaced, unclaimed read, in this order, where it lowers the total most; return how many."""
    return _place_what_fits(
        *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool),
        *(p.candidates_ptr, p.candidates),
        *x,
        order,
    )


@kernel
def _place_what_fits(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    order: Ids,
) -> int:
    placed = 0
    for read in order:
        if reads[read].session != UNPLACED or reads[read].claimed != NOBODY:
            continue
        pool = studies[reads[read].study].pool
        best, best_session, best_position = price_of_end(studies, reads, read, prices[0].beyond), -1, -1
        for at in range(candidates_ptr[pool], candidates_ptr[pool + 1]):
            session = int(candidates[at])
            if not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            if not can_read(studies, people, level, reads, sessions, read, sessions[session].reporter):
                continue
            position, points = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
            if position < 0:
                continue
            points += price_of_holding(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
            )
            if points < best:
                best, best_session, best_position = points, session, position
        if best_session >= 0:
            insert(studies, reads, sessions, reporters, slots, read, best_session, best_position)
            placed += 1
    return placed

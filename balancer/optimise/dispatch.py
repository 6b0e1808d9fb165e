"""Simple dispatching rules: what departments and worklist products do today, and where the search starts.

``pull`` runs the sessions forward in time; whoever is free takes the best waiting read by an index rule. ``push`` deals
the reads out in order of priority and due time to whoever has the least to do. Both only ever build feasible schedules.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NEVER, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import (
    INFEASIBLE,
    Schedule,
    can_hold,
    can_read,
    duration,
    empty_schedule,
    insert,
    insertion,
    insertion_at,
    price_of_completion,
    price_of_person,
    remove,
)

_TRIES_PER_GROUP = 6  # how far past a head that this reporter may not read a rule looks


class Rule(IntEnum):
    """Whom a free reporter serves first."""

    STRICT_PRIORITY = 0  # most urgent class, then earliest due: today's shared worklist
    EARLIEST_DUE = 1
    GENERALISED_C_MU = 2  # greatest marginal cost rate per minute of work (Van Mieghem 1995)
    LOOK_AHEAD = 3  # greatest cost of waiting a given time longer, per minute of work, mismatch counted


class Groups(NamedTuple):
    """Reads that differ in nothing but their due time (and names on them), sorted by it; G groups.

    ``by_reporter`` lists for each reporter the groups whose pool they may read.
    """

    ptr: Ints  # (G+1,)
    reads: Ids  # (N,)
    due: Floats  # (N,) due second of ``reads``
    reporter_ptr: Ids  # (R+1,)
    by_reporter: Ids


def group_reads(p: ProblemArrays) -> Groups:
    """Return the reads in groups of equal (pool, priority, minutes, pin), claimed ones left out."""
    free = np.flatnonzero(p.reads["claimed"] == UNPLACED)
    of = p.studies[p.reads["study"][free]]
    keys = [of["due"], p.reads["pinned"][free], of["minutes"], of["priority"], of["pool"]]
    order = np.lexsort([np.arange(len(free)), *keys])
    reads = free[order].astype(np.int32)
    changes = np.zeros(len(reads), np.bool_)
    changes[:1] = True
    for key in keys[1:]:
        changes[1:] |= key[order][1:] != key[order][:-1]
    ptr = np.append(np.flatnonzero(changes), len(reads)).astype(np.int64)
    pools = p.studies["pool"][p.reads["study"][reads[ptr[:-1]]]] if len(reads) else np.zeros(0, np.int32)
    able = [np.flatnonzero(p.level[pools, r] > 0) for r in range(len(p.reporters))]
    reporter_ptr = np.zeros(len(able) + 1, np.int32)
    np.cumsum([len(row) for row in able], out=reporter_ptr[1:])
    by_reporter = np.concatenate(able).astype(np.int32) if able else np.zeros(0, np.int32)
    return Groups(ptr, reads, p.studies["due"][p.reads["study"][reads]], reporter_ptr, by_reporter)


def place_claimed(p: ProblemArrays, x: Schedule) -> None:
    """Put every claimed read into its claimant's first or second session, where it fits (H8).

    Those first whose lateness costs most for each minute of work; or, if somebody's do not all fit so, the longest
    first. Where somebody has claimed more than two sessions hold, which of them are left is decided here and not
    searched over.
    """
    claimed = np.flatnonzero(p.reads["claimed"] != UNPLACED)
    rows = p.studies[p.reads["study"]]
    worth = (rows["a0"] + rows["a1"]) / rows["minutes"]
    for reporter in np.unique(p.reads["claimed"][claimed]):
        reads = claimed[p.reads["claimed"][claimed] == reporter]
        left = _seat(p, x, sorted(reads, key=lambda k: (-worth[k], k)), reporter)
        if not left:
            continue
        _unseat(p, x, reads)
        if len(_seat(p, x, sorted(reads, key=lambda k: (-rows["minutes"][k], k)), reporter)) >= len(left):
            _unseat(p, x, reads)
            _seat(p, x, sorted(reads, key=lambda k: (-worth[k], k)), reporter)


def _seat(p: ProblemArrays, x: Schedule, reads: Sequence[int], reporter: int) -> list[int]:
    """Put a reporter's claimed reads, in this order, into the first session where they fit; return which do not."""
    left = []
    first, last = p.reporters["first_session"][reporter], p.reporters["end_session"][reporter]
    for read in reads:
        position = -1
        if can_read(p.studies, p.people, p.level, x.reads, x.sessions, read, reporter):
            for session in range(first, min(first + 2, last)):
                position, _ = insertion(p.studies, p.latest, x.reads, x.sessions, x.reporters, x.slots, read, session)
                if position >= 0:
                    insert(p.studies, x.reads, x.sessions, x.reporters, x.slots, read, session, position)
                    break
        if position < 0:
            left.append(read)
    return left


def _unseat(p: ProblemArrays, x: Schedule, reads: Iterable[int]) -> None:
    for read in reads:
        if x.reads["session"][read] != UNPLACED:
            remove(p.prices, p.studies, x.reads, x.sessions, x.reporters, x.slots, read)


def dispatch(p: ProblemArrays, groups: Groups, rule: Rule, look_ahead: float = 0.0) -> Schedule:
    """Return the schedule a rule makes; ``look_ahead`` in seconds, for ``LOOK_AHEAD`` alone."""
    x = empty_schedule(p)
    place_claimed(p, x)
    _pull(
        *(p.prices, p.studies, p.people, p.level, p.latest, p.takes_pool),
        *x,
        *(groups.ptr, groups.reads, groups.due, groups.reporter_ptr, groups.by_reporter),
        *(int(rule), look_ahead),
    )
    return x


def deal(p: ProblemArrays) -> Schedule:
    """Return the schedule that least-loaded dealing makes: what worklist products' assignment engines do."""
    x = empty_schedule(p)
    place_claimed(p, x)
    _push(p.studies, p.people, p.level, p.latest, p.takes_pool, *x, _order_of_urgency(p))
    return x


def _order_of_urgency(p: ProblemArrays) -> Ids:
    """Return the unclaimed reads by priority, then due time: the order in which they are dealt out."""
    free = np.flatnonzero(p.reads["claimed"] == UNPLACED).astype(np.int32)
    of = p.studies[p.reads["study"][free]]
    return free[np.lexsort([free, of["due"], of["priority"]])]


@kernel
def _next_waiting(after: Ids, at: int) -> int:
    """Return the first position from ``at`` on that still waits, shortening the way for the next who asks."""
    found = at
    while after[found] != found:
        found = after[found]
    while after[at] != found:
        after[at], at = found, after[at]
    return found


@kernel
def _pull(
    prices: Records,
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    group_ptr: Ints,
    group_reads: Ids,
    group_due: Floats,
    reporter_ptr: Ids,
    by_reporter: Ids,
    rule: int,
    look_ahead: float,
) -> None:
    """Let each reporter, whenever free, take the best waiting read under ``rule``."""
    after = np.arange(len(group_reads) + 1).astype(np.int32)
    queue = [(0, 0) for _ in range(0)]
    for session in range(len(sessions)):
        at = sessions[session].start
        if sessions[session].length:
            at = reads[slots[sessions[session].slot + sessions[session].length - 1]].end
        heapq.heappush(queue, (int(at), int(session)))
    while queue:
        at, session = heapq.heappop(queue)
        row = sessions[session]
        if row.length >= row.max_reads:
            continue
        reporter = row.reporter
        home = reporters[reporter].home
        best, best_index, wake = -1, -np.inf, NEVER
        for entry in range(reporter_ptr[reporter], reporter_ptr[reporter + 1]):
            group = by_reporter[entry]
            first, last = group_ptr[group], group_ptr[group + 1]
            some = group_reads[first]
            if not can_hold(studies, takes_pool, reads, sessions, some, session):
                continue
            taken = duration(studies, reads, sessions, some, session)
            if at + taken > row.end or at >= latest[reporter, studies[reads[some].study].trust]:
                continue
            # The oldest, and the first that is still in time: within a group one of the two is best under every rule.
            split = first + np.searchsorted(group_due[first:last], at + taken)
            for head in (first, split):
                spot = _next_waiting(after, head)
                for _ in range(_TRIES_PER_GROUP):
                    if spot >= last or can_read(studies, people, level, reads, sessions, group_reads[spot], reporter):
                        break
                    spot = _next_waiting(after, spot + 1)
                if spot >= last:
                    continue
                read = group_reads[spot]
                if not can_read(studies, people, level, reads, sessions, read, reporter):
                    continue
                study = reads[read].study
                if studies[study].ready > at:
                    wake = min(wake, studies[study].ready)
                    continue
                index = _index(studies, study, at + taken, taken, rule, look_ahead)
                if rule == 3:
                    index -= price_of_person(prices, studies, people, level, home, study, reporter) / taken
                if index > best_index:
                    best, best_index = spot, index
                if rule <= 1:
                    break
        if best >= 0:
            read = group_reads[best]
            insert(studies, reads, sessions, reporters, slots, read, session, row.length)
            after[best] = best + 1
            heapq.heappush(queue, (int(reads[read].end), int(session)))
        elif wake < row.end:
            heapq.heappush(queue, (int(wake), int(session)))


@kernel
def _index(studies: Records, study: int, end: int, taken: int, rule: int, look_ahead: float) -> float:
    row = studies[study]
    if rule == 0:
        return -1e13 * row.priority - row.due
    if rule == 1:
        return -row.due
    if rule == 2:
        rate = row.a0
        if end > row.due:
            rate += row.a1
        if end > row.ceiling:
            rate += row.a2
        return rate / taken
    gain = price_of_completion(studies, study, end + look_ahead) - price_of_completion(studies, study, float(end))
    return gain / taken


@kernel
def _push(
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    order: Ids,
) -> None:
    """Give each read, in this order, to whoever has the least relative load, in the first session with room."""
    for read in order:
        best, best_load, best_session = -1, np.inf, -1
        for reporter in range(len(reporters)):
            rostered = reporters[reporter].rostered
            if rostered <= 0.0 or reporters[reporter].used / rostered >= best_load:
                continue
            if not can_read(studies, people, level, reads, sessions, read, reporter):
                continue
            for session in range(reporters[reporter].first_session, reporters[reporter].end_session):
                length = sessions[session].length
                if length >= sessions[session].max_reads or not can_hold(
                    studies, takes_pool, reads, sessions, read, session
                ):
                    continue
                if insertion_at(studies, latest, reads, sessions, slots, read, session, length) < INFEASIBLE:
                    best, best_load = reporter, reporters[reporter].used / rostered
                    best_session = session
                    break
        if best >= 0:
            length = sessions[best_session].length
            insert(studies, reads, sessions, reporters, slots, read, best_session, length)

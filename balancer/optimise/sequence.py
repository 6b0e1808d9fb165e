"""The order within each session, brought to a local optimum and shaken out of it again: iterated local search.

The annealing of ``improve`` shares reads out between sessions and tries few orders within one; a long session has more
orders than it ever sees. Here every read stays in its session, and each exchange of two reads and each move of one to
another place is tried until none lowers the total: the neighbourhoods of single-machine weighted tardiness (Crauwels,
Potts and Van Wassenhove 1998). Then a few random changes disturb the order and all begins again from there, the better
order of the two being kept (iterated local search, as Congram, Potts and van de Velde 2002 do with dynasearch).

Work is counted in steps: one read priced at one place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from balancer.optimise.chance import Chance, below
from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, UNPLACED, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import INFEASIBLE, Schedule, duration, retime

_LEAST_GAIN = 1e-9  # points; or rounding could be taken for progress, for ever
_REACH = 64  # places a read is moved by, at most, in one change
_LEAST_CHANGES, _MORE_CHANGES = 2, 8
_REACH_OF_A_KICK = 10
_KICKS_A_READ = 8  # five found every optimum of thirty searches on the hardest five of OR-Library's forty-job instances
_DESCENTS = 4  # a session's share is at least as many steps as so many looks at all changes take
_CHUNK = 10_000_000  # steps between two looks at the clock
_EXCHANGE, _LATER, _EARLIER = 0, 1, 2

_JOB = np.dtype(
    [
        ("taken", "i8"),
        ("ready", "i8"),
        ("latest", "i8"),  # it must start before this second (H1)
        ("others", "i8"),  # when the study's other reads are done
        ("a0", "f8"),  # these as in STUDY
        ("a1", "f8"),
        ("a2", "f8"),
        ("jump", "f8"),
        ("due", "f8"),
        ("ceiling", "f8"),
        ("end", "i8"),  # where the order has it now,
        ("price", "f8"),  # and what that costs, in points
    ],
    align=True,
)
"""What a search within one session needs to know of a read: close together, because it is asked so often."""


def sequence(
    p: ProblemArrays, x: Schedule, chance: Chance, *, work: int, go_on: Callable[[], bool] = lambda: True
) -> float:
    """Put the reads of every session into a better order, in place; return the points saved.

    Parameters
    ----------
    work
        Steps, shared out between the sessions by the cube of their length (a look at all changes takes as many); each
        session may take a few such looks in any case.
    go_on
        Is asked now and then; whenever it says no, the orders are the best found so far.
    """
    length = x.sessions["length"].astype(np.float64)
    look = length * np.minimum(length, _REACH) ** 2
    share = work / max(1.0, float(look.sum()))
    jobs = np.zeros(int(length.max(initial=0)), _JOB)
    # while a claimed read has no place at all, those that have one stay as they are, or it might come to fit (H8)
    claims_stay = bool(np.any((p.reads["claimed"] != NOBODY) & (x.reads["session"] == UNPLACED)))
    saved = 0.0
    for session in np.argsort(-length, kind="stable"):
        if length[session] < 2:
            break
        lowest = int(x.sessions["claims"][session]) if claims_stay else 0
        left = int(look[session] * max(share, _DESCENTS))
        kicks = int(_KICKS_A_READ * length[session])
        while left > 0 and kicks > 0:
            if not go_on():
                return saved
            gain, steps, kicked = _iterate(
                *(p.studies, p.latest, x.reads, x.sessions, x.slots, jobs, chance),
                *(int(session), lowest, int(min(left, max(_CHUNK, look[session]))), kicks),
            )
            saved += gain
            left -= steps
            kicks -= kicked
    return saved


@kernel
def _iterate(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    slots: Ids,
    jobs: Records,
    chance: Chance,
    session: int,
    lowest: int,
    most_steps: int,
    most_kicks: int,
) -> tuple[float, int, int]:
    """Search the orders of one session from place ``lowest`` on; return points saved, steps taken and kicks given."""
    base, length = int(sessions[session].slot), int(sessions[session].length)
    start, end, claims = int(sessions[session].start), int(sessions[session].end), int(sessions[session].claims)
    _gather(studies, latest, reads, sessions, slots, jobs, session)
    order = np.arange(length)
    _retime(jobs, order, start, 0)
    change, steps = _descend(jobs, order, start, end, lowest, claims, most_steps)
    best, best_change = order.copy(), change
    kicks = 0
    while steps < most_steps and kicks < most_kicks:
        kicks += 1
        for _ in range(_LEAST_CHANGES + below(chance, _MORE_CHANGES)):
            here = below(chance, length)
            there = here + 1 + below(chance, _REACH_OF_A_KICK)
            steps += 1
            if there >= length or here < lowest or here < claims <= there:
                continue
            by, looked = _by(jobs, order, start, end, here, there, _EXCHANGE)
            steps += looked
            if by < INFEASIBLE:
                _carry_out(jobs, order, start, here, there, _EXCHANGE)
                change += by
        by, looked = _descend(jobs, order, start, end, lowest, claims, most_steps - steps)
        change += by
        steps += looked
        if change <= best_change + _LEAST_GAIN:
            # an equally good order is a new place to start from
            best[:] = order
            best_change = min(change, best_change)
        else:
            order[:] = best
            _retime(jobs, order, start, 0)
            change = best_change
    read_of = slots[base : base + length].copy()
    for place in range(length):
        slots[base + place] = read_of[best[place]]
    retime(studies, reads, sessions, slots, session, 0)
    return -best_change, steps, kicks


@kernel
def _gather(
    studies: Records, latest: Ints, reads: Records, sessions: Records, slots: Ids, jobs: Records, session: int
) -> None:
    """Fill ``jobs`` with the reads of a session in their present order."""
    row = sessions[session]
    for place in range(row.length):
        read = slots[row.slot + place]
        study = reads[read].study
        jobs[place].taken = duration(studies, reads, sessions, read, session)
        jobs[place].ready = studies[study].ready
        jobs[place].latest = latest[row.reporter, studies[study].trust]
        jobs[place].others = 0
        for other in range(studies[study].first_read, studies[study].end_read):
            if other != read:  # in another session, for another reporter has it (H9)
                jobs[place].others = max(jobs[place].others, reads[other].end)
        jobs[place].a0 = studies[study].a0
        jobs[place].a1 = studies[study].a1
        jobs[place].a2 = studies[study].a2
        jobs[place].jump = studies[study].jump
        jobs[place].due = studies[study].due
        jobs[place].ceiling = studies[study].ceiling


@kernel
def _descend(
    jobs: Records, order: Ints, start: int, end: int, lowest: int, claims: int, most_steps: int
) -> tuple[float, int]:
    """Carry out every change that lowers the total until none does; return the change in points and the steps taken."""
    length = len(order)
    change, steps = 0.0, 0
    gained = True
    while gained and steps < most_steps:
        gained = False
        for first in range(lowest, length - 1):
            if steps >= most_steps:
                break
            for last in range(first + 1, min(length, first + _REACH)):
                if first < claims <= last:
                    continue
                for kind in range(3):
                    if kind != _EXCHANGE and last == first + 1:
                        continue
                    by, looked = _by(jobs, order, start, end, first, last, kind)
                    steps += looked
                    if by < -_LEAST_GAIN:
                        _carry_out(jobs, order, start, first, last, kind)
                        change += by
                        gained = True
    return change, steps


@kernel
def _by(jobs: Records, order: Ints, start: int, end: int, first: int, last: int, kind: int) -> tuple[float, int]:
    """Return by how many points a change would change the total (INFEASIBLE if not allowed), and the steps taken."""
    change = 0.0
    at = jobs[order[first - 1]].end if first > 0 else start
    for place in range(first, len(order)):
        job = order[_source(place, first, last, kind)]
        begin = max(at, jobs[job].ready)
        at = begin + jobs[job].taken
        if at > end or begin >= jobs[job].latest:
            return INFEASIBLE, place - first + 1
        if place > last and at == jobs[job].end:
            return change, place - first + 1
        change += _price(jobs, job, at) - jobs[job].price
    return change, len(order) - first


@kernel
def _price(jobs: Records, job: int, at: int) -> float:
    """Return what ``schedule.price_of_end`` does."""
    row = jobs[job]
    completed = float(max(at, row.others))
    points = row.a0 * completed
    if completed > row.due:
        points += row.jump + row.a1 * (completed - row.due)
    if completed > row.ceiling:
        points += row.a2 * (completed - row.ceiling)
    return points


@kernel
def _source(place: int, first: int, last: int, kind: int) -> int:
    """Return where what will stand at ``place`` stands now."""
    if place < first or place > last:
        return place
    if kind == _EXCHANGE:
        return last if place == first else (first if place == last else place)
    if kind == _LATER:
        return first if place == last else place + 1
    return last if place == first else place - 1


@kernel
def _carry_out(jobs: Records, order: Ints, start: int, first: int, last: int, kind: int) -> None:
    """Exchange what stands at two places, or move the first behind the last or the last before the first."""
    front, back = order[first], order[last]
    if kind == _EXCHANGE:
        order[first], order[last] = back, front
    elif kind == _LATER:
        for place in range(first, last):
            order[place] = order[place + 1]
        order[last] = front
    else:
        for place in range(last, first, -1):
            order[place] = order[place - 1]
        order[first] = back
    _retime(jobs, order, start, first)


@kernel
def _retime(jobs: Records, order: Ints, start: int, first: int) -> None:
    """Set end and price from a place on."""
    at = jobs[order[first - 1]].end if first > 0 else start
    for place in range(first, len(order)):
        job = order[place]
        at = max(at, jobs[job].ready) + jobs[job].taken
        jobs[job].end = at
        jobs[job].price = _price(jobs, job, at)

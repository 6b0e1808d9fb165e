"""The problem with the reporters' time for rent: each read takes the cheapest place for itself, as if it were alone.

Given prices of every second of every session, and of every reporter's load, what reads pay less what all rent brings
is a lower bound on every plan; ``bound`` looks for the best prices. And where reads would go at those prices is where
a search should look first.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.chance import Chance, chance_from, unit
from balancer.optimise.compiled import kernel
from balancer.optimise.flow import Flow
from balancer.optimise.problem import NEVER, NOBODY, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import can_hold, can_read, duration, price_of_completion, price_of_person

# Sessions of the first hours, where much is due and little can move, are priced finely.
_EARLY_SECONDS = 6 * 3600
_EARLY_CELL, _LATER_CELL = 60, 300  # seconds
_MOST_CELLS = 500  # a session
_MORE = 16  # sessions that a read may find cheapest in the course of it, beside those it is given
_COARSENESS = 4  # of the grid on which sessions are chosen to be tried
_PARTS = 4  # of the reads, so that as many workers can share the choosing
_SLACK = 1e-9  # relative; sums of floating point numbers are not exact


class Grid(NamedTuple):
    """Sessions cut into cells (the last one of each shorter); a price is constant within a cell.

    ``ptr`` (S+1,) points to a session's first edge; a session of n cells has n + 1 edges.
    """

    cell: Ints  # (S,) seconds
    ptr: Ints
    width: Floats  # (E,) seconds of the cell after each edge; 0 after a session's last
    session: Ids  # (E,)


def lay_grid(p: ProblemArrays, coarseness: int = 1) -> Grid:
    """Return the cells of a problem's sessions; ``coarseness`` makes cells that many times longer."""
    start, end = p.sessions["start"], np.maximum(p.sessions["start"], p.sessions["end"])
    is_early = start < _EARLY_SECONDS
    usual = np.where(is_early, _EARLY_CELL, _LATER_CELL) * coarseness
    cell = np.maximum(usual, -(-(end - start) // _MOST_CELLS)).astype(np.int64)
    cells = -(-(end - start) // cell)
    ptr = np.zeros(len(start) + 1, np.int64)
    np.cumsum(cells + 1, out=ptr[1:])
    session = np.repeat(np.arange(len(start)), cells + 1).astype(np.int32)
    number = np.arange(len(session)) - ptr[:-1][session]
    width = np.clip(end[session] - start[session] - number * cell[session], 0, cell[session]).astype(np.float64)
    return Grid(cell=cell, ptr=ptr, width=width, session=session)


def price_of_cells(p: ProblemArrays, grid: Grid, flow: Flow) -> Floats:
    """Return the flow's price, in points a second, of the piece in which each cell's middle lies."""
    pieces = flow.pieces
    number = np.arange(len(grid.session)) - grid.ptr[:-1][grid.session]
    middle = p.sessions["start"][grid.session] + number * grid.cell[grid.session] + grid.width / 2.0
    # pieces are sorted by session and time: one search over (session, end)
    reach = float(p.sessions["end"].max() + grid.cell.max()) + 1.0
    key = pieces.session * reach + pieces.end
    found = np.searchsorted(key, grid.session * reach + np.minimum(middle, p.sessions["end"][grid.session]))
    return flow.time_price[np.minimum(found, len(key) - 1)] if len(key) else np.zeros(len(grid.session))


class Response(NamedTuple):
    """What reads would take at given prices, each as if alone."""

    points: float  # lower bound, without what no decision changes
    taken: Floats  # (E,) seconds taken of each cell
    work: int  # sessions looked into


class Relaxation:
    """The relaxed problem: prices in, a valid bound and the reads' response out."""

    def __init__(self, p: ProblemArrays, grid: Grid, few: Ids, few_count: Ids) -> None:
        self.p, self.grid = p, grid
        self.few = np.full((len(p.reads), few.shape[1] + _MORE), UNPLACED, np.int32)
        self.few[:, : few.shape[1]] = few
        self.few_count = few_count.copy()
        self.favourite = np.full(len(p.reads), UNPLACED, np.int64)  # where each read went last time: looked at first
        widths = np.diff(p.bands[:, 0], prepend=0.0)
        self.band_seconds = widths[:, None] * p.reporters["rostered"][None, :]
        self.most_load_price = float(p.bands[-1, 1]) if len(p.bands) else 0.0
        published = (p.studies["published_end"] - p.studies["published"]).astype(np.float64)
        self.claims_end = _claims_end(p.studies, p.reads, p.sessions, p.reporters)
        self.churn_at_most = float(p.prices["churn"][0] * published.sum())

    def respond(self, price: Floats, load_price: Floats) -> Response:
        """Return the bound at these prices of cells and loads (points a second, not negative)."""
        everybody = np.arange(len(self.p.reads), dtype=np.int32)
        points, taken, work = self.take(everybody, price, load_price, everywhere=True)
        rent = float((price * self.grid.width).sum())
        for band, (_, band_price) in enumerate(self.p.bands[:-1]):
            rent += float(np.sum(np.maximum(0.0, load_price - band_price) * self.band_seconds[band]))
        points += self.churn_at_most - rent
        return Response(points - _SLACK * abs(points), taken, work)

    def take(
        self, some: Ids, price: Floats, load_price: Floats, *, everywhere: bool = False
    ) -> tuple[float, Floats, int]:
        """Return what some of the reads pay in all, what they take of each cell, and the sessions looked into.

        They look into the few sessions that have been the cheapest for them at some prices before, or ``everywhere``:
        only then are the points a bound.
        """
        p, grid = self.p, self.grid
        taken = np.zeros(len(price))
        points, work = _respond(
            *(p.prices, p.studies, p.people, p.level, p.latest, p.takes_pool, p.candidates_ptr, p.candidates),
            *(p.reads, p.sessions, p.reporters),
            *(cumulative_rent(grid, price), grid.ptr, grid.cell, cheapest_cell(p, grid, price), load_price),
            *(some, self.claims_end, self.favourite, self.few, self.few_count, everywhere, taken),
        )
        return points, taken, work


def cumulative_rent(grid: Grid, price: Floats) -> Floats:
    """Return the rent of each session's time from its start until each edge, in points; shape (E,)."""
    worth = price * grid.width
    if len(worth) == 0:
        return worth
    before = np.concatenate([[0.0], np.cumsum(worth)[:-1]])
    return before - before[grid.ptr[:-1]][grid.session]


def cheapest_cell(p: ProblemArrays, grid: Grid, price: Floats) -> Floats:
    """Return the least price of each session's time, in points a second; shape (S,)."""
    cheapest = np.full(len(p.sessions), np.inf)
    inside = grid.width > 0
    np.minimum.at(cheapest, grid.session[inside], price[inside])
    return cheapest


def cheapest_sessions(
    p: ProblemArrays, flow: Flow, *, count: int, noise: float, seed: int, workers: int = 1
) -> tuple[Ids, Ids, Floats]:
    """Return each read's ``count`` cheapest sessions at the flow's prices, how many it has, and what it costs there.

    Shapes (N, count), (N,) and (N,); the cost in points, or that of no place at all if that is less. Up to ``noise``
    points are added by chance, for what is as cheap as many others should not always be the first of them. What is
    returned is the same whatever the number of workers (threads).
    """
    chosen = np.full((len(p.reads), count), UNPLACED, np.int32)
    worth = np.zeros(len(p.reads))
    if len(p.sessions) == 0:
        return chosen, np.zeros(len(p.reads), np.int32), worth
    grid = lay_grid(p, _COARSENESS)
    price = price_of_cells(p, grid, flow)
    rent, cheapest = cumulative_rent(grid, price), cheapest_cell(p, grid, price)

    def choose(part: int) -> None:
        _choose(
            *(p.prices, p.studies, p.people, p.level, p.latest, p.takes_pool, p.candidates_ptr, p.candidates),
            *(p.reads, p.sessions, p.reporters),
            *(rent, grid.ptr, grid.cell, cheapest, flow.load_price),
            *(len(p.reads) * part // _PARTS, len(p.reads) * (part + 1) // _PARTS),
            *(noise, chance_from(seed, stream=10 + part), chosen, worth),
        )

    with ThreadPoolExecutor(max(1, min(workers, _PARTS))) as pool:
        deque(pool.map(choose, range(_PARTS)), maxlen=0)
    return chosen, np.sum(chosen != UNPLACED, axis=1).astype(np.int32), worth


@kernel
def _choose(
    prices: Records,
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    cumulative: Floats,
    ptr: Ints,
    cell: Ints,
    cheapest: Floats,
    load_price: Floats,
    first_read: int,
    end_read: int,
    noise: float,
    chance: Chance,
    chosen: Ids,
    worth: Floats,
) -> None:
    most = chosen.shape[1]
    cost = np.empty(most)
    for read in range(first_read, end_read):
        claimed = reads[read].claimed
        study = reads[read].study
        row = studies[study]
        share = 1.0 / (row.end_read - row.first_read)
        cost[:] = np.inf
        if claimed == NOBODY:
            first, last = candidates_ptr[row.pool], candidates_ptr[row.pool + 1]
        else:
            first = reporters[claimed].first_session
            last = min(first + 2, reporters[claimed].end_session)
        for at in range(first, last):
            session = int(candidates[at]) if claimed == NOBODY else int(at)
            reporter = sessions[session].reporter
            seconds = duration(studies, reads, sessions, read, session)
            least = share * price_of_completion(studies, study, float(sessions[session].start + seconds))
            if least + seconds * (cheapest[session] + load_price[reporter]) - prices[0].churn >= cost[most - 1]:
                continue
            if not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            if not can_read(studies, people, level, reads, sessions, read, reporter):
                continue
            last_start = latest[reporter, row.trust] - 1
            points, _ = _cheapest_end(
                studies,
                sessions,
                cumulative,
                ptr,
                cell[session],
                study,
                share,
                seconds,
                session,
                last_start,
                seconds * cheapest[session],
                np.inf,
            )
            points += seconds * load_price[reporter] + noise * unit(chance)
            points += price_of_person(prices, studies, people, level, reporters[reporter].home, study, reporter)
            place = most
            while place > 0 and cost[place - 1] > points:
                place -= 1
            for later in range(most - 1, place, -1):
                cost[later], chosen[read, later] = cost[later - 1], chosen[read, later - 1]
            if place < most:
                cost[place], chosen[read, place] = points, session
        worth[read] = (
            cost[0]
            if claimed != NOBODY
            else min(cost[0], share * price_of_completion(studies, study, float(prices[0].beyond)))
        )


@kernel
def _respond(
    prices: Records,
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    cumulative: Floats,
    ptr: Ints,
    cell: Ints,
    cheapest: Floats,
    load_price: Floats,
    some: Ids,
    claims_end: Ints,
    favourite: Ints,
    few: Ids,
    few_count: Ids,
    everywhere: bool,  # noqa: FBT001 - Numba knows no keyword-only arguments
    taken: Floats,
) -> tuple[float, int]:
    """Return the sum over some reads of the cheapest choice, and the sessions looked into; fill ``taken``."""
    total, work = 0.0, 0
    for read in some:
        study = reads[read].study
        row = studies[study]
        share = 1.0 / (row.end_read - row.first_read)
        best = share * price_of_completion(studies, study, float(prices[0].beyond))
        best_session, best_end, best_taken = -1, 0, 0
        claimed = reads[read].claimed
        if claimed != NOBODY:
            first = reporters[claimed].first_session
            last = min(first + 2, reporters[claimed].end_session)
        elif everywhere:
            first, last = candidates_ptr[row.pool], candidates_ptr[row.pool + 1]
        else:
            first, last = 0, few_count[read]
        for at in range(first - 1, last):
            if at < first:
                session = favourite[read]
                if session == UNPLACED:
                    continue
            else:
                if claimed != NOBODY:
                    session = int(at)
                elif everywhere:
                    session = int(candidates[at])
                else:
                    session = int(few[read, at])
                if session == favourite[read]:
                    continue
            reporter = sessions[session].reporter
            seconds = duration(studies, reads, sessions, read, session)
            least = share * price_of_completion(studies, study, float(sessions[session].start + seconds))
            if least + seconds * (cheapest[session] + load_price[reporter]) - prices[0].churn >= best:
                continue
            if not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            if not can_read(studies, people, level, reads, sessions, read, reporter):
                continue
            work += 1
            last_start = latest[reporter, row.trust] - 1
            if claimed != NOBODY:
                last_start = min(last_start, claims_end[session] - seconds)
            others = seconds * load_price[reporter]
            others += price_of_person(prices, studies, people, level, reporters[reporter].home, study, reporter)
            points, end = _cheapest_end(
                studies,
                sessions,
                cumulative,
                ptr,
                cell[session],
                study,
                share,
                seconds,
                session,
                last_start,
                seconds * cheapest[session],
                best - others,
            )
            points += others
            if points < best:
                best, best_session, best_end, best_taken = points, session, end, seconds
        total += best
        favourite[read] = best_session
        if everywhere and best_session != UNPLACED:
            _remember(few, few_count, read, best_session)
        if best_session != UNPLACED:
            start, at_second = sessions[best_session].start, best_end - best_taken
            while at_second < best_end:
                number = (at_second - start) // cell[best_session]
                until = min(best_end, start + (number + 1) * cell[best_session])
                taken[ptr[best_session] + number] += until - at_second
                at_second = until
    return total, work


@kernel
def _claims_end(studies: Records, reads: Records, sessions: Records, reporters: Records) -> Ints:
    """Return by when the claimed reads in each session end at the latest, NEVER if one has to be waited for; (S,).

    They stand first (H8), so they end no later than all of them together take.
    """
    ends = sessions["start"].copy()
    for read in range(len(reads)):
        claimed = reads[read].claimed
        if claimed == NOBODY:
            continue
        first = reporters[claimed].first_session
        for session in range(first, min(first + 2, reporters[claimed].end_session)):
            if studies[reads[read].study].ready > sessions[session].start:
                ends[session] = NEVER
            elif ends[session] < NEVER:
                ends[session] += duration(studies, reads, sessions, read, session)
    return ends


@kernel
def _remember(few: Ids, few_count: Ids, read: int, session: int) -> None:
    """Put a session among the few in which a read is looked for; if they are all taken, in place of the last one."""
    for at in range(few_count[read]):
        if few[read, at] == session:
            return
    if few_count[read] < few.shape[1]:
        few_count[read] += 1
    few[read, few_count[read] - 1] = session


@kernel
def _cheapest_end(
    studies: Records,
    sessions: Records,
    cumulative: Floats,
    ptr: Ints,
    cell: int,
    study: int,
    share: float,
    seconds: int,
    session: int,
    last_start: int,
    rent_at_least: float,
    limit: float,
) -> tuple[float, int]:
    """Return the least of clinical price and rent over all whole seconds at which a read could end in a session.

    Rent is known to be ``rent_at_least``, in points; what is not less than ``limit`` is of no interest.

    Both are linear between breakpoints: the edges of cells under the read's start and end, its due time and ceiling,
    and the first and last possible end. So the least is at one of those (or a second after due time or ceiling).
    """
    start, end = sessions[session].start, sessions[session].end
    row = studies[study]
    lowest, highest = max(start, row.ready) + seconds, min(end, last_start + seconds)
    if lowest > highest:
        return np.inf, 0
    base = ptr[session]
    cells = ptr[session + 1] - base - 1
    best, best_end = limit, 0
    for shift in (0, seconds):
        first = max(0, -((start + shift - lowest) // cell))
        last = min(cells, (highest - shift - start) // cell)
        for number in range(first, last + 1):
            at = min(end, start + number * cell) + shift
            if at < lowest or at > highest:
                continue
            clinical = share * price_of_completion(studies, study, float(at))
            if clinical + rent_at_least >= best:
                break  # later is dearer
            if shift == 0:
                rent = cumulative[base + number] - _rent_until(cumulative, base, cells, cell, start, end, at - seconds)
            else:
                rent = _rent_until(cumulative, base, cells, cell, start, end, at) - cumulative[base + number]
            points = rent + clinical
            if points < best:
                best, best_end = points, at
    for kind in range(6):
        if kind == 0:
            at = lowest
        elif kind == 1:
            at = highest
        else:
            at = int(np.floor(row.due if kind < 4 else row.ceiling)) + kind % 2
        if at < lowest or at > highest:
            continue
        rent = _rent_until(cumulative, base, cells, cell, start, end, at)
        rent -= _rent_until(cumulative, base, cells, cell, start, end, at - seconds)
        points = rent + share * price_of_completion(studies, study, float(at))
        if points < best:
            best, best_end = points, at
    return (best, best_end) if best < limit else (np.inf, 0)


@kernel
def _rent_until(cumulative: Floats, base: int, cells: int, cell: int, start: int, end: int, at: int) -> float:
    """Return the price of a session's time from its start until second ``at``."""
    number = (at - start) // cell
    if number >= cells:
        return cumulative[base + cells]
    low = start + number * cell
    high = min(end, low + cell)
    here = cumulative[base + number]
    return here + (cumulative[base + number + 1] - here) * ((at - low) / (high - low))

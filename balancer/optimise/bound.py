"""A lower bound on the total of every plan that obeys the rules: Lagrangian relaxation of the reporters' time.

Give every second of every session a price, and every second of a reporter's load one too. If each read then takes the
cheapest place for itself, as if it were alone, and the prices of all time there is are given back, no plan can cost
less: that holds for every choice of prices that are not negative, so only how *good* the bound is hangs on them
(Geoffrion 1974; the bound of the time-indexed formulation, Dyer and Wolsey 1990, at best prices). They start from the
flow's and rise by the volume algorithm (Barahona and Anbil 2000).

What is left out, each in the plan's favour: H9 and H8's order, ``max_reads``, and the split term. A study of several
reads is priced by the mean of its reads' ends, which is no more than the latest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.flow import Flow
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import can_hold, can_read, duration, price_of_completion, price_of_person

_CELL_SECONDS = 300
_MOST_CELLS = 500  # a session
_CELLS_A_KNOT = 12
_STEP = 0.05
_MEMORY = 0.2  # weight of the newest response in the volume algorithm's average
_HOPE = 0.1  # how far above the best bound, in shares of what is avoidable, the steps aim
_PATIENCE = 4
_LEAST_STEP, _MOST_STEP = 1e-5, 2.0
_NO_DIRECTION = 1e-9  # seconds: what is taken is what there is
_SLACK = 1e-9  # relative; sums of floating point numbers are not exact


class Grid(NamedTuple):
    """Sessions cut into cells of equal length (the last one shorter); a price is constant within a cell.

    ``ptr`` (S+1,) points to a session's first edge; a session of n cells has n + 1 edges. Knots are where prices are
    decided; between two of them they change linearly from cell to cell.
    """

    cell: int  # seconds
    ptr: Ints
    width: Floats  # (E,) seconds of the cell after each edge; 0 after a session's last
    session: Ids  # (E,)
    knot: Ids  # (E, 2) the knots left and right of each cell
    share: Floats  # (E, 2) and their shares in its price
    knots: int


def lay_grid(p: ProblemArrays) -> Grid:
    """Return the cells and knots of a problem's sessions."""
    start, end = p.sessions["start"], np.maximum(p.sessions["start"], p.sessions["end"])
    longest = int((end - start).max()) if len(start) else 0
    cell = max(_CELL_SECONDS, -(-longest // _MOST_CELLS))
    cells = -(-(end - start) // cell)
    ptr = np.zeros(len(start) + 1, np.int64)
    np.cumsum(cells + 1, out=ptr[1:])
    session = np.repeat(np.arange(len(start)), cells + 1).astype(np.int32)
    number = np.arange(len(session)) - ptr[:-1][session]
    width = np.clip(end[session] - start[session] - number * cell, 0, cell).astype(np.float64)
    gaps = np.maximum(1, -(-cells // _CELLS_A_KNOT))
    first_knot = np.cumsum(gaps + 1) - gaps - 1
    at = number * gaps[session] / np.maximum(1, cells[session] - 1)
    left = np.minimum(np.floor(at), gaps[session] - 1).astype(np.int64)
    share = np.clip(at - left, 0.0, 1.0)
    knot = first_knot[session] + left
    return Grid(
        cell=cell,
        ptr=ptr,
        width=width,
        session=session,
        knot=np.stack([knot, knot + 1], axis=1).astype(np.int32),
        share=np.stack([1.0 - share, share], axis=1),
        knots=int((gaps + 1).sum()),
    )


class Response(NamedTuple):
    """What reads would take at given prices, each as if alone."""

    points: float  # lower bound, without what no decision changes
    taken: Floats  # (E,) seconds taken of each cell
    used: Floats  # (R,) seconds taken of each reporter
    work: int  # sessions looked into


class Relaxation:
    """The relaxed problem: prices in, a valid bound and the reads' response out."""

    def __init__(self, p: ProblemArrays, grid: Grid) -> None:
        self.p, self.grid = p, grid
        self.favourite = np.full(len(p.reads), UNPLACED, np.int64)  # where each read went last time: looked at first
        widths = np.diff(p.bands[:, 0], prepend=0.0)
        self.band_seconds = widths[:, None] * p.reporters["rostered"][None, :]
        self.most_load_price = float(p.bands[-1, 1]) if len(p.bands) else 0.0
        published = (p.studies["published_end"] - p.studies["published"]).astype(np.float64)
        self.churn_at_most = float(p.prices["churn"][0] * published.sum())

    def respond(self, price: Floats, load_price: Floats) -> Response:
        """Return the bound at these prices of cells and loads (points a second, not negative)."""
        p, grid = self.p, self.grid
        worth = price * grid.width
        before = np.concatenate([[0.0], np.cumsum(worth)[:-1]]) if len(worth) else worth
        cumulative = before - before[grid.ptr[:-1]][grid.session] if len(worth) else worth
        cheapest = np.full(len(p.sessions), np.inf)
        inside = grid.width > 0
        np.minimum.at(cheapest, grid.session[inside], price[inside])
        taken, used = np.zeros(len(price)), np.zeros(len(p.reporters))
        points, work = _respond(
            *(p.prices, p.studies, p.people, p.level, p.latest, p.takes_pool, p.candidates_ptr, p.candidates),
            *(p.reads, p.sessions, p.reporters),
            *(cumulative, grid.ptr, grid.cell, cheapest, load_price, self.favourite, taken, used),
        )
        rent = float(worth.sum())
        for band, (_, band_price) in enumerate(p.bands[:-1]):
            rent += float(np.sum(np.maximum(0.0, load_price - band_price) * self.band_seconds[band]))
        points += self.churn_at_most - rent
        return Response(points - _SLACK * abs(points), taken, used, work)

    def load_supply(self, load_price: Floats) -> Floats:
        """Return how many seconds each reporter would give at a price of load."""
        supply = np.zeros(len(self.p.reporters))
        for band, (_, band_price) in enumerate(self.p.bands):
            supply += np.where(load_price > band_price, self.band_seconds[band], 0.0)
        return supply


def lower_bound(
    p: ProblemArrays, flow: Flow, *, sunk: float, work: int, go_on: Callable[[float], bool]
) -> tuple[float, int]:
    """Return the best bound found and the work done (sessions looked into).

    ``sunk`` is what every plan costs at least; ``go_on`` hears the best bound after every response.
    """
    grid = lay_grid(p)
    relaxation = Relaxation(p, grid)
    if len(p.sessions) == 0:
        return relaxation.respond(np.zeros(0), np.zeros(len(p.reporters))).points, 0
    ascent = _Ascent(relaxation, _price_of_cells(p, grid, flow), flow.load_price, sunk)
    while ascent.work < work and go_on(ascent.best) and ascent.step():
        pass
    return ascent.best, ascent.work


def _price_of_cells(p: ProblemArrays, grid: Grid, flow: Flow) -> Floats:
    """Return the flow's price of the piece in which each cell's middle lies."""
    pieces = flow.pieces
    number = np.arange(len(grid.session)) - grid.ptr[:-1][grid.session]
    middle = p.sessions["start"][grid.session] + number * grid.cell + grid.width / 2.0
    # pieces are sorted by session and time: one search over (session, end)
    reach = float(p.sessions["end"].max()) + grid.cell + 1.0
    key = pieces.session * reach + pieces.end
    found = np.searchsorted(key, grid.session * reach + np.minimum(middle, p.sessions["end"][grid.session]))
    return flow.time_price[np.minimum(found, len(key) - 1)] if len(key) else np.zeros(len(grid.session))


class _Ascent:
    """The volume algorithm on the knots' prices: steps along an average of past responses, from the best prices."""

    def __init__(self, relaxation: Relaxation, price: Floats, load_price: Floats, sunk: float) -> None:
        self.relaxation, self.sunk = relaxation, sunk
        grid = relaxation.grid
        self.seconds = self._to_knots(grid.width)
        self.centre = self._to_knots(price * grid.width) / np.maximum(1e-9, self.seconds)
        self.load_price = np.clip(load_price, 0.0, relaxation.most_load_price)
        first = relaxation.respond(self._to_cells(self.centre), self.load_price)
        self.best, self.work = first.points, first.work
        self.direction = self._excess(first)
        self.step_size, self.failures = _STEP, 0

    def _to_cells(self, knots: Floats) -> Floats:
        grid = self.relaxation.grid
        return knots[grid.knot[:, 0]] * grid.share[:, 0] + knots[grid.knot[:, 1]] * grid.share[:, 1]

    def _to_knots(self, cells: Floats) -> Floats:
        grid = self.relaxation.grid
        left: Floats = np.bincount(grid.knot[:, 0], cells * grid.share[:, 0], grid.knots).astype(np.float64)
        return left + np.bincount(grid.knot[:, 1], cells * grid.share[:, 1], grid.knots)

    def _excess(self, response: Response) -> Floats:
        """Return demand less supply at the knots, scaled by the root of the supply."""
        excess = self._to_knots(response.taken - self.relaxation.grid.width)
        return excess / np.sqrt(np.maximum(1.0, self.seconds))

    def step(self) -> bool:
        """Try prices a step further; keep them if the bound rises. Return whether a further step could help."""
        norm = float(self.direction @ self.direction)
        if norm < _NO_DIRECTION or self.step_size < _LEAST_STEP:
            return False
        aim = _HOPE * max(1.0, self.best - self.sunk)
        stride = self.step_size * aim / norm
        trial = np.maximum(0.0, self.centre + stride * self.direction / np.sqrt(np.maximum(1.0, self.seconds)))
        response = self.relaxation.respond(self._to_cells(trial), self.load_price)
        self.work += response.work + 1
        self.direction = _MEMORY * self._excess(response) + (1.0 - _MEMORY) * self.direction
        if response.points > self.best:
            self.best, self.centre = response.points, trial
            self.step_size, self.failures = min(_MOST_STEP, self.step_size * 1.1), 0
        else:
            self.failures += 1
            if self.failures >= _PATIENCE:
                self.step_size, self.failures = self.step_size * 0.7, 0
        return True


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
    cell: int,
    cheapest: Floats,
    load_price: Floats,
    favourite: Ints,
    taken: Floats,
    used: Floats,
) -> tuple[float, int]:
    """Return the sum over reads of the cheapest choice, and the sessions looked into; fill ``taken`` and ``used``."""
    total, work = 0.0, 0
    for read in range(len(reads)):
        study = reads[read].study
        row = studies[study]
        share = 1.0 / (row.end_read - row.first_read)
        best = share * price_of_completion(studies, study, float(prices[0].beyond))
        best_session, best_end, best_taken = -1, 0, 0
        claimed = reads[read].claimed
        if claimed == NOBODY:
            first, last = candidates_ptr[row.pool], candidates_ptr[row.pool + 1]
        else:
            first = reporters[claimed].first_session
            last = min(first + 2, reporters[claimed].end_session)
        for at in range(first - 1, last):
            if at < first:
                session = favourite[read]
                if session == UNPLACED:
                    continue
            else:
                session = int(candidates[at]) if claimed == NOBODY else int(at)
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
            points, end = _cheapest_end(
                studies, sessions, cumulative, ptr, cell, study, share, seconds, session, last_start
            )
            points += seconds * load_price[reporter]
            points += price_of_person(prices, studies, people, level, reporters[reporter].home, study, reporter)
            if points < best:
                best, best_session, best_end, best_taken = points, session, end, seconds
        total += best
        favourite[read] = best_session
        if best_session != UNPLACED:
            used[sessions[best_session].reporter] += best_taken
            start, at_second = sessions[best_session].start, best_end - best_taken
            while at_second < best_end:
                number = (at_second - start) // cell
                until = min(best_end, start + (number + 1) * cell)
                taken[ptr[best_session] + number] += until - at_second
                at_second = until
    return total, work


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
) -> tuple[float, int]:
    """Return the least of clinical price and rent over all whole seconds at which a read could end in a session.

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
    best, best_end = np.inf, 0
    for shift in (0, seconds):
        first = max(0, -((start + shift - lowest) // cell))
        last = min(cells, (highest - shift - start) // cell)
        for number in range(first, last + 1):
            at = min(end, start + number * cell) + shift
            if at < lowest or at > highest:
                continue
            if shift == 0:
                rent = cumulative[base + number] - _rent_until(cumulative, base, cells, cell, start, end, at - seconds)
            else:
                rent = _rent_until(cumulative, base, cells, cell, start, end, at) - cumulative[base + number]
            points = rent + share * price_of_completion(studies, study, float(at))
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
    return best, best_end


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

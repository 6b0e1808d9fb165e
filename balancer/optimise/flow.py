"""The pooled problem as a min-cost flow of expected minutes: what time is worth, and a plan to start from.

Time is cut into buckets. Reads that are alike form a class; a class sends its minutes through the hub of its pool in a
bucket to the sessions that pool may use then, or leaves them unread. A read may be split over sessions and its price is
that of the middle of a bucket, so the flow's cost proves nothing; but its node potentials are prices of time that
``bound`` starts from, and its flows say which reads belong where, which is what a greedy rule cannot see.

Integers inside, as OR-Tools wants: minutes in tenths, points in thousandths a tenth of a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ortools.graph.python import min_cost_flow

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, Floats, Ids, Ints, ProblemArrays

_UNIT = 0.1  # minutes
_SCALE = 1000.0
_MOST_COST = 1e17
_AMPLE = 1 << 40
_NOWHERE = -1
_FINE_SECONDS, _FINE_UNTIL, _COARSE_SECONDS = 900, 6 * 3600, 3600
_LONGEST_SESSION = 48 * 3600  # seconds; sessions longer than this are cut into longer pieces


class Pieces(NamedTuple):
    """Sessions cut at the borders of buckets: K pieces, sorted by session and time."""

    session: Ids  # (K,)
    bucket: Ids  # (K,) index into ``middle``
    start: Ints  # (K,) second
    end: Ints
    minutes: Floats  # (K,) expected minutes that fit
    middle: Floats  # (B,) second in the middle of what is rostered in the bucket


class Flow(NamedTuple):
    """What the flow says. Prices in points a clock second."""

    pieces: Pieces
    time_price: Floats  # (K,) of a session's time in a piece
    load_price: Floats  # (R,) of a reporter's load
    piece_of: Ids  # (N,) where most of each read went, NOWHERE if it was left


def borders(p: ProblemArrays) -> Ints:
    """Return where time is cut, in seconds: finely at first, when much is due and little can move, then by the hour.

    Coarser where sessions are so long that hours would be too many.
    """
    start, end = p.sessions["start"], p.sessions["end"]
    last = int(end.max(initial=0))
    stretch = max(1, -(-int((end - start).max(initial=0)) // _LONGEST_SESSION))
    fine = np.arange(0, _FINE_UNTIL * stretch, _FINE_SECONDS * stretch)
    coarse = np.arange(_FINE_UNTIL * stretch, max(last, _FINE_UNTIL * stretch) + 1, _COARSE_SECONDS * stretch)
    return np.concatenate([fine, coarse, [coarse[-1] + _COARSE_SECONDS * stretch]]).astype(np.int64)


def cut(p: ProblemArrays, edges: Ints) -> Pieces:
    """Return the sessions cut at ``edges``, the first of which is no later than any session."""
    start, end = p.sessions["start"], p.sessions["end"]
    first = np.searchsorted(edges, start, "right") - 1
    count = np.maximum(0, np.searchsorted(edges, end, "left") - first)
    session = np.repeat(np.arange(len(start)), count).astype(np.int32)
    number = first[session] + np.arange(len(session)) - np.repeat(np.cumsum(count) - count, count)
    opens = np.maximum(start[session], edges[number])
    closes = np.minimum(end[session], edges[number + 1])
    used, bucket = np.unique(number, return_inverse=True)
    share = np.bincount(bucket, minlength=len(used))
    middle = np.bincount(bucket, (opens + closes) / 2.0, len(used)) / np.maximum(1, share)
    minutes = (closes - opens) / p.sessions["pace"][session]
    return Pieces(session, bucket.astype(np.int32), opens, closes, minutes, middle)


class _Classes(NamedTuple):
    """Reads alike in pool, priority, minutes and, roughly, due time and ceiling. G classes."""

    of_read: Ids  # (N,)
    pool: Ids  # (G,)
    priority: Ids
    minutes: Floats
    size: Ints
    price: Floats  # (G, B) mean points of one read completed in each bucket
    unread: Floats  # (G,) mean points of one read left unallocated


def _classes(p: ProblemArrays, pieces: Pieces, edges: Ints) -> _Classes:
    study = p.reads["study"]
    rows = p.studies[study]
    beyond = int(p.prices["beyond"][0])
    due = np.searchsorted(edges, rows["due"])
    ceiling = np.searchsorted(edges[::2], rows["ceiling"])
    thousandths = np.round(rows["minutes"] * 1000.0)
    key = np.stack([rows["pool"], rows["priority"], thousandths, due, ceiling], axis=1).astype(np.int64)
    alike, of_read, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    of_read = of_read.ravel()
    share = 1.0 / (p.studies["end_read"] - p.studies["first_read"])[study]

    def mean_price(second: float) -> Floats:
        points = rows["a0"] * second
        points = points + np.where(second > rows["due"], rows["jump"] + rows["a1"] * (second - rows["due"]), 0.0)
        points += np.where(second > rows["ceiling"], rows["a2"] * (second - rows["ceiling"]), 0.0)
        return np.bincount(of_read, share * points, len(alike)) / count

    price = np.stack([mean_price(second) for second in pieces.middle], axis=1)
    return _Classes(
        of_read=np.asarray(of_read, np.int32),
        pool=alike[:, 0].astype(np.int32),
        priority=alike[:, 1].astype(np.int32),
        minutes=alike[:, 2] / 1000.0,
        size=count,
        price=price,
        unread=mean_price(float(beyond)),
    )


class _Arcs:
    """Arcs gathered as arrays; ends, capacities in tenths of a minute, costs in points a tenth of a minute."""

    def __init__(self) -> None:
        self.parts: list[tuple[NDArray[Any], ...]] = []

    def add(self, tail: Ints, head: Ints | int, capacity: Ints | int, points: Floats | float) -> None:
        self.parts.append(tuple(a.ravel() for a in np.broadcast_arrays(tail, head, capacity, np.asarray(points))))

    def columns(self, nodes: int) -> tuple[Ints, Ints, Ints, Ints, float]:
        """Return tails, heads, capacities and whole costs, and how many of these make a point."""
        tail, head, capacity, points = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        # OR-Tools multiplies costs by the number of nodes, and refuses what may then overflow
        scale = min(_SCALE, _MOST_COST / (nodes * max(1.0, float(np.abs(points).max()))))
        cost = np.round(points * scale).astype(np.int64)
        return tail.astype(np.int64), head.astype(np.int64), capacity.astype(np.int64), cost, scale


def pooled_flow(p: ProblemArrays) -> Flow:
    """Return the optimal flow's prices and where it puts each read."""
    edges = borders(p)
    pieces = cut(p, edges)
    reporters = len(p.reporters)
    if len(p.reads) == 0 or len(pieces.session) == 0:
        nowhere = np.full(len(p.reads), _NOWHERE, np.int32)
        return Flow(pieces, np.zeros(len(pieces.session)), np.zeros(reporters), nowhere)
    classes = _classes(p, pieces, edges)
    time_price = np.zeros(len(pieces.session))
    load_price = np.zeros(reporters)
    piece_of = np.full(len(p.reads), _NOWHERE, np.int32)
    for pools, members in _components(p):
        of_piece = np.flatnonzero(members[p.sessions["reporter"][pieces.session]])
        of_class = np.flatnonzero(pools[classes.pool])
        if len(of_class) and len(of_piece):
            _solve_component(p, pieces, classes, of_class, of_piece, time_price, load_price, piece_of)
    return Flow(pieces, time_price, load_price, piece_of)


def _components(p: ProblemArrays) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield (pools, reporters) that share work with nobody outside: imaging networks, found rather than told."""
    able = p.level > 0
    pools_left = able.any(axis=1)
    while pools_left.any():
        pools: NDArray[np.bool_] = np.zeros(len(able), np.bool_)
        pools[np.argmax(pools_left)] = True
        while True:
            reporters = np.asarray(able[pools].any(axis=0))
            reached = np.asarray(able[:, reporters].any(axis=1))
            if (reached == pools).all():
                break
            pools = reached
        yield pools, reporters
        pools_left &= ~pools


def _solve_component(
    p: ProblemArrays,
    pieces: Pieces,
    classes: _Classes,
    of_class: Ints,
    of_piece: Ints,
    time_price: Floats,
    load_price: Floats,
    piece_of: Ids,
) -> None:
    """Solve one component and write its prices and places into the last three arrays."""
    net = _Network(p, pieces, classes, of_class, of_piece)
    flow = net.solve()
    price_to_pass, price_to_end = net.prices(flow)
    pace = p.sessions["pace"][pieces.session[of_piece]]
    time_price[of_piece] = price_to_pass / pace
    load_price[net.reporters] = price_to_end / net.reporter_pace
    through = net.shares(flow)
    _spread(p, classes, of_class, of_piece, through, piece_of)


class _Network:
    """Nodes and arcs of one component. Nodes: classes, hubs (pool, bucket), pieces, reporters, one sink."""

    def __init__(self, p: ProblemArrays, pieces: Pieces, classes: _Classes, of_class: Ints, of_piece: Ints) -> None:
        self.p, self.pieces, self.classes = p, pieces, classes
        self.of_class, self.of_piece = of_class, of_piece
        self.reporters, self.reporter_of_piece = np.unique(
            p.sessions["reporter"][pieces.session[of_piece]], return_inverse=True
        )
        self.pools, pool_of_class = np.unique(classes.pool[of_class], return_inverse=True)
        buckets = len(pieces.middle)
        session = pieces.session[of_piece]
        reporter = p.sessions["reporter"][session]
        takes = p.takes_pool[p.sessions["restriction"][session][None, :], self.pools[:, None]]
        able = (p.level[self.pools][:, reporter] > 0) & takes  # (pools, pieces)
        everything = (1 << (int(p.studies["priority"].max()) + 1)) - 1
        is_open = (p.sessions["priority_mask"][session] & everything) == everything
        count = len(of_class)
        hub_of = np.full((len(self.pools), buckets), -1, np.int64)
        pool_at, piece_at = np.nonzero(able & is_open[None, :])
        bucket_at = pieces.bucket[of_piece][piece_at]
        hub_of[pool_at, bucket_at] = 0
        hub_of[hub_of == 0] = count + np.arange(int((hub_of == 0).sum()))
        self.first_piece = count + int((hub_of >= 0).sum())
        self.first_reporter = self.first_piece + len(of_piece)
        self.sink = self.first_reporter + len(self.reporters)
        self.supply = np.maximum(1, np.round(classes.minutes * classes.size / _UNIT).astype(np.int64))[of_class]
        minutes = classes.minutes[of_class]

        arcs = _Arcs()
        row, bucket = np.nonzero(hub_of[pool_of_class] >= 0)
        hub = hub_of[pool_of_class[row], bucket]
        arcs.add(row, hub, self.supply[row], classes.price[of_class][row, bucket] / minutes[row] * _UNIT)
        mean_minutes = np.bincount(pool_of_class, minutes * self.supply) / np.bincount(pool_of_class, self.supply)
        person = self._person(self.pools[pool_at], reporter[piece_at])
        arcs.add(
            hub_of[pool_at, bucket_at],
            self.first_piece + piece_at,
            _AMPLE,
            person / mean_minutes[pool_at] * _UNIT,
        )
        self._add_restricted(arcs, able, is_open, pool_of_class)
        arcs.add(np.arange(count), self.sink, self.supply, classes.unread[of_class] / minutes * _UNIT)
        capacity = np.round(pieces.minutes[of_piece] / _UNIT).astype(np.int64)
        here = np.arange(len(of_piece))
        arcs.add(self.first_piece + here, self.first_reporter + self.reporter_of_piece, capacity, 0.0)
        self.reporter_pace = np.bincount(self.reporter_of_piece, p.sessions["pace"][session]) / np.bincount(
            self.reporter_of_piece
        )
        self._add_load(arcs)
        self.tail, self.head, self.capacity, self.cost, self.scale = arcs.columns(self.sink + 1)

    def _person(self, pool: Ids, reporter: Ids) -> Floats:
        """Return match + remote of one read of a pool by a reporter."""
        p, prices = self.p, self.p.prices[0]
        trust = np.zeros(len(p.level), np.int64)
        trust[p.studies["pool"]] = p.studies["trust"]
        by_level = np.array([0.0, prices["fallback"], prices["general"], 0.0])
        points = by_level[p.level[pool, reporter]]
        return points + np.where(p.reporters["home"][reporter] != trust[pool], prices["remote"], 0.0)

    def _add_restricted(
        self, arcs: _Arcs, able: NDArray[np.bool_], is_open: NDArray[np.bool_], pool_of_class: Ints
    ) -> None:
        """Join classes directly to pieces that take only some priorities: on call, say."""
        classes, rows = self.classes, self.of_class
        for piece in np.flatnonzero(~is_open):
            mask = int(self.p.sessions["priority_mask"][self.pieces.session[self.of_piece[piece]]])
            taken = np.flatnonzero(able[pool_of_class, piece] & (((mask >> classes.priority[rows]) & 1) == 1))
            bucket = self.pieces.bucket[self.of_piece[piece]]
            points = classes.price[rows[taken], bucket] / classes.minutes[rows[taken]] * _UNIT
            arcs.add(taken, self.first_piece + int(piece), self.supply[taken], points)

    def _add_load(self, arcs: _Arcs) -> None:
        """Join reporters to the sink by one arc a band of utilisation: convex, so the cheap ones fill first."""
        here = self.first_reporter + np.arange(len(self.reporters))
        units = self.p.reporters["rostered"][self.reporters] / self.reporter_pace / _UNIT
        below = 0.0
        for band, (top, price) in enumerate(self.p.bands):
            last = band == len(self.p.bands) - 1
            room = np.full(len(here), _AMPLE) if last else np.round((top - below) * units).astype(np.int64)
            arcs.add(here, self.sink, room, price * self.reporter_pace * _UNIT)
            below = top
        if len(self.p.bands) == 0:
            arcs.add(here, self.sink, _AMPLE, 0.0)

    def solve(self) -> Ints:
        """Return the flow on every arc, in tenths of a minute."""
        solver = min_cost_flow.SimpleMinCostFlow()
        arcs = solver.add_arcs_with_capacity_and_unit_cost(
            self.tail.astype(np.int32), self.head.astype(np.int32), self.capacity, self.cost
        )
        solver.set_nodes_supplies(np.arange(len(self.supply)), self.supply)
        solver.set_node_supply(self.sink, -int(self.supply.sum()))
        status = solver.solve()
        if status != solver.OPTIMAL:
            # every class has an arc of its own to the sink, so there is always a flow
            raise RuntimeError(f"min-cost flow ended with {status.name}")
        flow: Ints = solver.flows(arcs)
        return flow

    def prices(self, flow: Ints) -> tuple[Floats, Floats]:
        """Return what one more expected minute is worth in each piece and under each reporter's load, in points."""
        forward, backward = np.flatnonzero(flow < self.capacity), np.flatnonzero(flow > 0)
        tail = np.concatenate([self.tail[forward], self.head[backward]])
        head = np.concatenate([self.head[forward], self.tail[backward]])
        cost = np.concatenate([self.cost[forward], -self.cost[backward]])
        order = np.argsort(tail, kind="stable")
        ptr = np.zeros(self.sink + 2, np.int64)
        np.cumsum(np.bincount(tail, minlength=self.sink + 1), out=ptr[1:])
        distance = _potentials(ptr, head[order], cost[order])
        reporter = distance[self.first_reporter : self.sink]
        piece = distance[self.first_piece : self.first_reporter]
        to_pass = np.maximum(0, reporter[self.reporter_of_piece] - piece) / self.scale / _UNIT
        to_end = np.maximum(0, distance[self.sink] - reporter) / self.scale / _UNIT
        return to_pass, to_end

    def shares(self, flow: Ints) -> tuple[Ids, Ids, Ints]:
        """Return (class, piece, tenths of a minute) of all flow, hubs matched first come, first served."""
        used = flow > 0
        tail, head, amount = self.tail[used], self.head[used], flow[used]
        is_class = tail < len(self.supply)
        direct = is_class & (head >= self.first_piece) & (head < self.first_reporter)
        into = np.flatnonzero(is_class & (head < self.first_piece))
        out = np.flatnonzero(~is_class & (tail < self.first_piece))
        into = into[np.argsort(head[into], kind="stable")]
        out = out[np.argsort(tail[out], kind="stable")]
        matched = _match(head[into], tail[into], amount[into], tail[out], head[out], amount[out])
        rows: Ints = np.concatenate([matched[0], tail[direct]])
        where: Ints = np.concatenate([matched[1], head[direct]]) - self.first_piece
        units: Ints = np.concatenate([matched[2], amount[direct]])
        bucket: Ids = self.pieces.bucket[self.of_piece[where]]
        order = np.lexsort((where, bucket, rows))
        return rows[order].astype(np.int32), where[order].astype(np.int32), units[order]


@kernel
def _potentials(ptr: Ints, head: Ints, cost: Ints) -> Ints:
    """Return shortest distances over residual arcs, from all nodes at 0 (Bellman and Ford, with a queue).

    There is no negative cycle in the residual network of an optimal flow, so this ends.
    """
    nodes = len(ptr) - 1
    distance = np.zeros(nodes, np.int64)
    waiting = np.ones(nodes, np.bool_)
    queue = np.arange(nodes)
    first, count = 0, nodes
    while count > 0:
        node = queue[first]
        first = (first + 1) % nodes
        count -= 1
        waiting[node] = False
        for arc in range(ptr[node], ptr[node + 1]):
            reached = distance[node] + cost[arc]
            if reached < distance[head[arc]]:
                distance[head[arc]] = reached
                if not waiting[head[arc]]:
                    queue[(first + count) % nodes] = head[arc]
                    count += 1
                    waiting[head[arc]] = True
    return distance


@kernel
def _match(
    in_hub: Ints, in_class: Ints, in_units: Ints, out_hub: Ints, out_piece: Ints, out_units: Ints
) -> tuple[Ints, Ints, Ints]:
    """Pair what flows into each hub with what flows out of it; both sides sorted by hub."""
    most = len(in_hub) + len(out_hub)
    rows, where, units = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    count, out, left = 0, 0, 0
    for at in range(len(in_hub)):
        need = in_units[at]
        while need > 0:
            if left == 0:
                left = out_units[out]
            taken = min(need, left)
            rows[count], where[count], units[count] = in_class[at], out_piece[out], taken
            count += 1
            need -= taken
            left -= taken
            if left == 0:
                out += 1
    return rows[:count], where[:count], units[:count]


def _spread(
    p: ProblemArrays,
    classes: _Classes,
    of_class: Ints,
    of_piece: Ints,
    through: tuple[Ids, Ids, Ints],
    piece_of: Ids,
) -> None:
    """Give each read the piece that most of its minutes went to: the earliest due of a class to the earliest piece."""
    rows, where, units = through
    local = np.full(len(classes.pool), -1, np.int64)
    local[of_class] = np.arange(len(of_class))
    reads = np.flatnonzero((local[classes.of_read] >= 0) & (p.reads["claimed"] == NOBODY))
    reads = reads[np.lexsort([p.studies["due"][p.reads["study"][reads]], local[classes.of_read[reads]]])]
    ptr = np.searchsorted(rows, np.arange(len(of_class) + 1))
    need = np.maximum(1, np.round(classes.minutes[of_class] / _UNIT)).astype(np.int64)
    chosen = _fill(local[classes.of_read[reads]], need, ptr, where.astype(np.int64), units)
    piece_of[reads] = np.where(chosen >= 0, of_piece[np.maximum(chosen, 0)], _NOWHERE)


@kernel
def _fill(class_of: Ints, need: Ints, ptr: Ints, where: Ints, units: Ints) -> Ints:
    chosen = np.full(len(class_of), -1, np.int64)
    current, at, left = -1, 0, 0
    for i in range(len(class_of)):
        row = class_of[i]
        if row != current:
            current, at = row, ptr[row]
            left = units[at] if at < ptr[row + 1] else 0
        missing, most = need[row], 0
        while missing > 0 and at < ptr[row + 1]:
            taken = min(missing, left)
            if taken > most:
                most, chosen[i] = taken, where[at]
            missing -= taken
            left -= taken
            if left == 0:
                at += 1
                left = units[at] if at < ptr[row + 1] else 0
        if 2 * missing > need[row]:
            chosen[i] = -1
    return chosen

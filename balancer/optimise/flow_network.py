"""One component of the pooled problem as a network of nodes and arcs, and what its flow says.

Integers inside, as OR-Tools wants: minutes in tenths, points in thousandths a tenth of a minute.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.flow_solver import Arcs
from balancer.optimise.problem import Floats, Ids, Ints, ProblemArrays

UNIT = 0.1  # minutes
_SCALE = 1000.0
_MOST_COST = 1e17
_AMPLE = 1 << 40


class Pieces(NamedTuple):
    """Sessions cut at the borders of buckets: K pieces, sorted by session and time."""

    session: Ids  # (K,)
    bucket: Ids  # (K,) index into ``middle``
    start: Ints  # (K,) second
    end: Ints
    minutes: Floats  # (K,) expected minutes that fit
    middle: Floats  # (B,) second in the middle of what is rostered in the bucket


class Classes(NamedTuple):
    """Reads alike in pool, priority, minutes and, roughly, due time and ceiling. G classes."""

    of_read: Ids  # (N,)
    pool: Ids  # (G,)
    priority: Ids
    minutes: Floats
    size: Ints
    price: Floats  # (G, B) mean points of one read completed in each bucket
    unread: Floats  # (G,) mean points of one read left unallocated


class _Gathered:
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


class Network:
    """Nodes and arcs of one component. Nodes: classes, hubs (pool, bucket), pieces, reporters, one sink."""

    def __init__(self, p: ProblemArrays, pieces: Pieces, classes: Classes, of_class: Ints, of_piece: Ints) -> None:
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
        self.supply = np.maximum(1, np.round(classes.minutes * classes.size / UNIT).astype(np.int64))[of_class]
        minutes = classes.minutes[of_class]

        arcs = _Gathered()
        row, bucket = np.nonzero(hub_of[pool_of_class] >= 0)
        hub = hub_of[pool_of_class[row], bucket]
        arcs.add(row, hub, self.supply[row], classes.price[of_class][row, bucket] / minutes[row] * UNIT)
        mean_minutes = np.bincount(pool_of_class, minutes * self.supply) / np.bincount(pool_of_class, self.supply)
        person = self._person(self.pools[pool_at], reporter[piece_at])
        arcs.add(
            hub_of[pool_at, bucket_at],
            self.first_piece + piece_at,
            _AMPLE,
            person / mean_minutes[pool_at] * UNIT,
        )
        self._add_restricted(arcs, able, is_open, pool_of_class)
        arcs.add(np.arange(count), self.sink, self.supply, classes.unread[of_class] / minutes * UNIT)
        capacity = np.round(pieces.minutes[of_piece] / UNIT).astype(np.int64)
        here = np.arange(len(of_piece))
        arcs.add(self.first_piece + here, self.first_reporter + self.reporter_of_piece, capacity, 0.0)
        self.reporter_pace = np.bincount(self.reporter_of_piece, p.sessions["pace"][session]) / np.bincount(
            self.reporter_of_piece
        )
        self._add_load(arcs)
        self.tail, self.head, self.capacity, self.cost, self.scale = arcs.columns(self.sink + 1)

    @property
    def arcs(self) -> Arcs:
        """What there is to solve."""
        return Arcs(self.tail, self.head, self.capacity, self.cost, self.supply, np.array([self.sink]))

    def _person(self, pool: Ids, reporter: Ids) -> Floats:
        """Return match + remote of one read of a pool by a reporter."""
        p, prices = self.p, self.p.prices[0]
        trust = np.zeros(len(p.level), np.int64)
        trust[p.studies["pool"]] = p.studies["trust"]
        by_level = np.array([0.0, prices["fallback"], prices["general"], 0.0])
        points = by_level[p.level[pool, reporter]]
        return points + np.where(p.reporters["home"][reporter] != trust[pool], prices["remote"], 0.0)

    def _add_restricted(
        self, arcs: _Gathered, able: NDArray[np.bool_], is_open: NDArray[np.bool_], pool_of_class: Ints
    ) -> None:
        """Join classes directly to pieces that take only some priorities: on call, say."""
        classes, rows = self.classes, self.of_class
        for piece in np.flatnonzero(~is_open):
            mask = int(self.p.sessions["priority_mask"][self.pieces.session[self.of_piece[piece]]])
            taken = np.flatnonzero(able[pool_of_class, piece] & (((mask >> classes.priority[rows]) & 1) == 1))
            bucket = self.pieces.bucket[self.of_piece[piece]]
            points = classes.price[rows[taken], bucket] / classes.minutes[rows[taken]] * UNIT
            arcs.add(taken, self.first_piece + int(piece), self.supply[taken], points)

    def _add_load(self, arcs: _Gathered) -> None:
        """Join reporters to the sink by one arc a band of utilisation: convex, so the cheap ones fill first."""
        here = self.first_reporter + np.arange(len(self.reporters))
        units = self.p.reporters["rostered"][self.reporters] / self.reporter_pace / UNIT
        below = 0.0
        for band, (top, price) in enumerate(self.p.bands):
            last = band == len(self.p.bands) - 1
            room = np.full(len(here), _AMPLE) if last else np.round((top - below) * units).astype(np.int64)
            arcs.add(here, self.sink, room, price * self.reporter_pace * UNIT)
            below = top
        if len(self.p.bands) == 0:
            arcs.add(here, self.sink, _AMPLE, 0.0)

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
        to_pass = np.maximum(0, reporter[self.reporter_of_piece] - piece) / self.scale / UNIT
        to_end = np.maximum(0, distance[self.sink] - reporter) / self.scale / UNIT
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

"""The pooled problem as a min-cost flow of expected minutes: what time is worth, and a plan to start from.

Time is cut into buckets. Reads that are alike form a class; a class sends its minutes through the hub of its pool in a
bucket to the sessions that pool may use then, or leaves them unread. A read may be split over sessions and its price is
that of the middle of a bucket, so the flow's cost proves nothing; but its node potentials are prices of time that
``bound`` starts from, and its flows say which reads belong where, which is what a greedy rule cannot see.

Here time is cut and reads are put into classes; ``flow_network`` makes arcs of them, ``flow_solver`` has them solved.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.flow_network import UNIT, Classes, Network, Pieces
from balancer.optimise.flow_solver import solve_all
from balancer.optimise.problem import NOBODY, Floats, Ids, Ints, ProblemArrays

_NOWHERE = -1
_FINE_SECONDS, _FINE_UNTIL, _COARSE_SECONDS = 900, 6 * 3600, 3600
_LONGEST_SESSION = 48 * 3600  # seconds; sessions longer than this are cut into longer pieces


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


def _classes(p: ProblemArrays, pieces: Pieces, edges: Ints) -> Classes:
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
    return Classes(
        of_read=np.asarray(of_read, np.int32),
        pool=alike[:, 0].astype(np.int32),
        priority=alike[:, 1].astype(np.int32),
        minutes=alike[:, 2] / 1000.0,
        size=count,
        price=price,
        unread=mean_price(float(beyond)),
    )


def pooled_flow(p: ProblemArrays, workers: int = 1) -> Flow:
    """Return the optimal flow's prices and where it puts each read; the same whatever the number of workers."""
    edges = borders(p)
    pieces = cut(p, edges)
    reporters = len(p.reporters)
    flow = Flow(
        pieces=pieces,
        time_price=np.zeros(len(pieces.session)),
        load_price=np.zeros(reporters),
        piece_of=np.full(len(p.reads), _NOWHERE, np.int32),
    )
    if len(p.reads) == 0 or len(pieces.session) == 0:
        return flow
    classes = _classes(p, pieces, edges)
    networks = []
    for pools, members in _components(p):
        of_piece = np.flatnonzero(members[p.sessions["reporter"][pieces.session]])
        of_class = np.flatnonzero(pools[classes.pool])
        if len(of_class) and len(of_piece):
            networks.append(Network(p, pieces, classes, of_class, of_piece))
    for network, units in zip(networks, solve_all([network.arcs for network in networks], workers), strict=True):
        _enter(p, network, units, flow)
    return flow


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


def _enter(p: ProblemArrays, network: Network, units: Ints, flow: Flow) -> None:
    """Write the prices and places of one component into the whole."""
    price_to_pass, price_to_end = network.prices(units)
    pace = p.sessions["pace"][flow.pieces.session[network.of_piece]]
    flow.time_price[network.of_piece] = price_to_pass / pace
    flow.load_price[network.reporters] = price_to_end / network.reporter_pace
    _spread(p, network.classes, network.of_class, network.of_piece, network.shares(units), flow.piece_of)


def _spread(
    p: ProblemArrays,
    classes: Classes,
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
    need = np.maximum(1, np.round(classes.minutes[of_class] / UNIT)).astype(np.int64)
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

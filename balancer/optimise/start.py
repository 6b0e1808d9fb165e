"""A schedule from the pooled flow: every read where most of its minutes went, the rest where they cost least."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.dispatch import place_claimed
from balancer.optimise.flow import Flow
from balancer.optimise.improve import place_what_fits
from balancer.optimise.problem import NOBODY, Flags, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import Schedule, can_hold, can_read, empty_schedule, insert, insertion


def start_from_flow(p: ProblemArrays, flow: Flow) -> Schedule:
    """Return a feasible schedule that follows the flow as far as whole reads allow."""
    x = empty_schedule(p)
    place_claimed(p, x)
    wanted = np.flatnonzero((flow.piece_of >= 0) & (p.reads["claimed"] == NOBODY))
    piece = flow.piece_of[wanted]
    minutes = p.studies["minutes"][p.reads["study"][wanted]]
    # earlier buckets first; longest first within one, for short reads still fit where long ones do not
    order = wanted[np.lexsort([wanted, -minutes, flow.pieces.bucket[piece]])].astype(np.int32)
    session_of = np.full(len(p.reads), -1, np.int32)
    session_of[wanted] = flow.pieces.session[piece]
    _follow(p.studies, p.people, p.level, p.latest, p.takes_pool, *x, order, session_of)
    place_what_fits(p, x, by_urgency(p))
    return x


def by_urgency(p: ProblemArrays) -> Ids:
    """Return all reads, those first whose lateness costs most for each minute of work."""
    rows = p.studies[p.reads["study"]]
    return np.lexsort([np.arange(len(rows)), -(rows["a1"] / rows["minutes"])]).astype(np.int32)


@kernel
def _follow(
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
    session_of: Ids,
) -> None:
    for read in order:
        session = int(session_of[read])
        if not can_hold(studies, takes_pool, reads, sessions, read, session):
            continue
        if not can_read(studies, people, level, reads, sessions, read, sessions[session].reporter):
            continue
        position, _ = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
        if position >= 0:
            insert(studies, reads, sessions, reporters, slots, read, session, position)

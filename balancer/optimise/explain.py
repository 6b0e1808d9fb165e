"""Why a read has no place: the first reason of section 5 that holds in the plan.

What each reason is taken to mean stands in ``referee.reasons``, which works it out from the files with code of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.domain.plan import UnallocatedReason
from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, Flags, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import Schedule, can_hold, can_read, duration, insertion

_REASONS = tuple(UnallocatedReason)
_ENTITLED, _SKILLED, _HAS_SESSION, _FITS = range(4)


def reason_unallocated(p: ProblemArrays, x: Schedule, read: int) -> UnallocatedReason:
    """Return why ``read`` has no place in ``x``."""
    if p.reads["claimed"][read] != NOBODY:
        return UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE
    study = p.studies[p.reads["study"][read]]
    barred = p.people[study["excluded"] : study["excluded_end"]]
    far = _how_far(p.studies, p.people, p.level, p.latest, p.takes_pool, p.entitled[study["trust"]], barred, *x, read)
    if p.reads["pinned"][read] != NOBODY and far < _FITS:
        return UnallocatedReason.PINNED_REPORTER_UNAVAILABLE
    return _REASONS[_REASONS.index(UnallocatedReason.NO_ENTITLED_REPORTER) + far + 1]


@kernel
def _how_far(
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    entitled: Flags,
    barred: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
) -> int:
    """Return the last test that somebody passes: -1 none, then entitled, skilled, has a session, fits."""
    far = -1
    row = studies[reads[read].study]
    pinned = reads[read].pinned
    for reporter in range(len(reporters)):
        if not entitled[reporter] or np.any(barred == reporter):
            continue
        far = max(far, _ENTITLED)
        if level[row.pool, reporter] == 0:
            continue
        far = max(far, _SKILLED)
        for session in range(reporters[reporter].first_session, reporters[reporter].end_session):
            if sessions[session].max_reads == 0 or not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            begin = max(sessions[session].start, row.ready)
            end = begin + duration(studies, reads, sessions, read, session)
            if end > sessions[session].end or begin >= latest[reporter, row.trust]:
                continue
            far = max(far, _HAS_SESSION)
            if pinned != NOBODY and pinned != reporter:
                continue
            if can_read(studies, people, level, reads, sessions, read, reporter):
                position, _ = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
                if position >= 0:
                    return _FITS
    return far

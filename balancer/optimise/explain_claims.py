"""Whether a claimed read that has no place would have to have one (H8)."""

from __future__ import annotations

import numpy as np

from balancer.optimise.problem import NOBODY, UNPLACED, ProblemArrays
from balancer.optimise.schedule import Schedule, can_read, duration


def claim_fits(p: ProblemArrays, x: Schedule, reporter: int, *, besides: int) -> bool:
    """Tell whether some unplaced read that ``reporter`` has claimed, other than ``besides``, would fit.

    As H8 has it: into the first or second session that counts, among the claimed reads placed there, for unclaimed
    ones give way.
    """
    waiting = np.flatnonzero((x.reads["claimed"] == reporter) & (x.reads["session"] == UNPLACED))
    first, last = int(x.reporters["first_session"][reporter]), int(x.reporters["end_session"][reporter])
    return any(
        can_read(p.studies, p.people, p.level, x.reads, x.sessions, read, reporter)
        and any(_fits(p, x, read, session) for session in range(first, min(first + 2, last)))
        for read in waiting.tolist()
        if read != besides
    )


def _fits(p: ProblemArrays, x: Schedule, read: int, session: int) -> bool:
    row = x.sessions[session]
    claimed = x.slots[row["slot"] : row["slot"] + row["claims"]].tolist()
    return any(
        _holds(p, x, [*claimed[:position], read, *claimed[position:]], session) for position in range(len(claimed) + 1)
    )


def _holds(p: ProblemArrays, x: Schedule, sequence: list[int], session: int) -> bool:
    row = x.sessions[session]
    at = int(row["start"])
    for read in sequence:
        study = p.studies[x.reads["study"][read]]
        begin = max(at, int(study["ready"]))
        if begin >= p.latest[row["reporter"], study["trust"]]:
            return False
        at = begin + int(duration(p.studies, x.reads, x.sessions, read, session))
    return at <= row["end"]


def has_waiting_claim(x: Schedule, reporter: int, *, besides: int) -> bool:
    """Tell whether ``reporter`` has claimed some read, other than ``besides``, that has no place."""
    waiting = (x.reads["claimed"] == reporter) & (x.reads["session"] == UNPLACED)
    waiting[besides] = False
    return bool(waiting.any()) and reporter != NOBODY

"""Reads go back to whoever has them on their list, wherever that costs nothing: what a search does when it is cold.

A proposal tries one of many sessions, and hardly ever the one from which a read was taken: on Kent, five minutes after
a plan was published, the next one gave a third of its reads to somebody else, and four in ten of those for nothing. So
each read that has changed hands is tried with those to whom it is published, alone and in exchange with every read
that stands there. Each change lowers the total, churn being part of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.improve import exchange, relocate
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import Schedule, can_hold

_ROUNDS = 8  # at Kent the second finds a third of what the first did
_CHUNK = 20_000  # reads between two looks at the clock
_LEAST_GAIN = 1e-9  # points; or rounding could be taken for progress, for ever


def give_back(p: ProblemArrays, x: Schedule, go_on: Callable[[], bool] = lambda: True) -> int:
    """Give reads back, in place, until no more of them can go without raising the total; return how many went.

    ``go_on`` is asked now and then; whenever it says no, what has gone back has gone back.
    """
    returned = 0
    for _ in range(_ROUNDS):
        before = returned
        for first in range(0, len(p.reads), _CHUNK):
            if not go_on():
                return returned
            returned += _give_back(
                *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool),
                *x,
                *(first, min(first + _CHUNK, len(p.reads))),
            )
        if returned == before:
            break
    return returned


@kernel
def _give_back(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    first: int,
    last: int,
) -> int:
    returned = 0
    for read in range(first, last):
        if reads[read].session == UNPLACED or reads[read].claimed != NOBODY:
            continue
        row = studies[reads[read].study]
        holder = sessions[reads[read].session].reporter
        is_theirs = False
        for at in range(row.published, row.published_end):
            is_theirs |= people[at] == holder
        if is_theirs:
            continue
        for at in range(row.published, row.published_end):
            if _goes_to(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, read, people[at],
            ):  # fmt: skip
                returned += 1
                break
    return returned


@kernel
def _goes_to(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    reporter: int,
) -> bool:
    """Put a read into a session of the reporter's, if one can be found that lowers the total; tell whether it was."""
    for session in range(reporters[reporter].first_session, reporters[reporter].end_session):
        if not can_hold(studies, takes_pool, reads, sessions, read, session):
            continue
        relocate(
            prices, bands, studies, people, patient_reads, level, latest,
            reads, sessions, reporters, slots, read, session, -_LEAST_GAIN,
        )  # fmt: skip
        if reads[read].session == session:
            return True
        for position in range(sessions[session].claims, sessions[session].length):
            other = int(slots[sessions[session].slot + position])
            exchange(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, read, other, -_LEAST_GAIN,
            )  # fmt: skip
            if reads[read].session == session:
                return True
    return False

"""Force one read into one session, and put right what that displaces: a bounded search that leaves nothing to chance.

Three steps. ``rank_sessions`` gives every session a first guess. ``force`` puts the read into one of them, where need
be for another read, which then goes where it costs least. ``settle`` takes reads of the sessions touched, and every
read that a touched session might suit better, to its cheapest place, as long as that lowers the total. The forced
read stays in its session; claimed reads stay where they are; every schedule on the way is feasible.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import (
    INFEASIBLE,
    Schedule,
    can_hold,
    can_read,
    insert,
    insertion,
    price_of_end,
    price_of_holding,
    removal,
    remove,
)

SEVERAL = 1e200  # the guess for a session that more than one read must leave
_LEAST_GAIN = 1e-9  # points; or rounding could be taken for progress, for ever
_EJECTIONS = 5  # reads tried for ejection in earnest, the most promising ones
_ROUNDS = 2  # of settling, and in all of them together:
_LOOKS = 1000  # insertions tried to see who might gain,
_TRIES = 40  # reads for which every place is tried


def rank_sessions(p: ProblemArrays, x: Schedule, read: int, home: int) -> Floats:
    """Return a guess, (S,), of the points of putting an unplaced read into each session; INFEASIBLE by the rules.

    There, if there is room; or in place of one read, which goes to session ``home``, where this one comes from, or
    nowhere (``UNPLACED``: nowhere); ``SEVERAL`` if one does not suffice.
    """
    points: Floats = np.full(len(x.sessions), INFEASIBLE)
    _rank(
        p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool, *x, read, home, points
    )
    return points


def force(p: ProblemArrays, x: Schedule, read: int, session: int, home: int) -> bool:
    """Put an unplaced read into a session in place; return whether that can be done.

    What must leave goes where it costs least, or is left unplaced.
    """
    return bool(
        _force(
            *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool),
            *(p.candidates_ptr, p.candidates),
            *x,
            *(read, session, home),
        )
    )


def settle(p: ProblemArrays, x: Schedule, read: int, touched: Flags) -> None:
    """Take reads to cheaper places, in place, as long as that lowers the total and the work lasts.

    ``touched`` marks the sessions (S,) to look at; those that reads come from and go to are marked as well. ``read``,
    if placed, stays in its session.
    """
    _settle(
        *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool),
        *(p.candidates_ptr, p.candidates),
        *x,
        *(read, touched),
    )


@kernel
def _points_in(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    session: int,
) -> tuple[int, float]:
    """Return position and points, against the read not existing, of its best place in a session that may hold it."""
    position, points = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
    if position < 0:
        return -1, INFEASIBLE
    points += price_of_holding(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
    )
    return position, points


@kernel
def _may_be_in(
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    read: int,
    session: int,
) -> bool:
    if not can_hold(studies, takes_pool, reads, sessions, read, session):
        return False
    return can_read(studies, people, level, reads, sessions, read, sessions[session].reporter)


@kernel
def _rank(
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
    home: int,
    points: Floats,
) -> None:
    for session in range(len(sessions)):
        if not _may_be_in(studies, people, level, takes_pool, reads, sessions, read, session):
            continue
        row = sessions[session]
        if row.max_reads == 0 and reads[read].claimed == NOBODY:
            continue
        _, best = _points_in(
            prices, bands, studies, people, patient_reads, level, latest,
            reads, sessions, reporters, slots, read, session,
        )  # fmt: skip
        for position in range(row.claims, row.length):
            other = int(slots[row.slot + position])
            guess = _instead(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                reads, sessions, reporters, slots, read, session, other, home,
            )  # fmt: skip
            best = min(best, guess)
        points[session] = best if best < INFEASIBLE else SEVERAL


@kernel
def _instead(
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
    session: int,
    other: int,
    home: int,
) -> float:
    """Return the points of a read in a session in place of another, which goes to session ``home`` or nowhere."""
    back = int(reads[other].position)
    points = removal(studies, reads, sessions, slots, other)
    remove(prices, studies, reads, sessions, reporters, slots, other)
    _, added = _points_in(
        prices, bands, studies, people, patient_reads, level, latest,
        reads, sessions, reporters, slots, read, session,
    )  # fmt: skip
    if added < INFEASIBLE:
        points -= price_of_holding(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, other, session
        )
        elsewhere = price_of_end(studies, reads, other, prices[0].beyond)
        if home not in (UNPLACED, session) and _may_be_in(
            studies, people, level, takes_pool, reads, sessions, other, home
        ):
            _, there = _points_in(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, other, home,
            )  # fmt: skip
            elsewhere = min(elsewhere, there)
        points += added + elsewhere
    else:
        points = INFEASIBLE
    insert(studies, reads, sessions, reporters, slots, other, session, back)
    return points


@kernel
def _cheapest_place(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
) -> tuple[int, int, float]:
    """Return session, position and points of the cheapest place for an unplaced, unclaimed read; perhaps nowhere."""
    best_session, best_position = UNPLACED, -1
    best = price_of_end(studies, reads, read, prices[0].beyond)
    pool = int(studies[reads[read].study].pool)
    for at in range(candidates_ptr[pool], candidates_ptr[pool + 1]):
        session = int(candidates[at])
        if not _may_be_in(studies, people, level, takes_pool, reads, sessions, read, session):
            continue
        position, points = _points_in(
            prices, bands, studies, people, patient_reads, level, latest,
            reads, sessions, reporters, slots, read, session,
        )  # fmt: skip
        if points < best - _LEAST_GAIN:
            best, best_session, best_position = points, session, position
    return best_session, best_position, best


@kernel
def _force(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    session: int,
    home: int,
) -> bool:
    position, best = _points_in(
        prices, bands, studies, people, patient_reads, level, latest,
        reads, sessions, reporters, slots, read, session,
    )  # fmt: skip
    row = sessions[session]
    count = row.length - row.claims
    guess = np.full(count, INFEASIBLE)
    for k in range(count):
        other = int(slots[row.slot + row.claims + k])
        guess[k] = _instead(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            reads, sessions, reporters, slots, read, session, other, home,
        )  # fmt: skip
    order = np.argsort(guess, kind="mergesort")
    leaves = -1
    for k in order[:_EJECTIONS]:
        if guess[k] >= INFEASIBLE:
            break
        other = int(slots[row.slot + row.claims + k])
        back = int(reads[other].position)
        points = removal(studies, reads, sessions, slots, other)
        remove(prices, studies, reads, sessions, reporters, slots, other)
        points -= price_of_holding(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, other, session
        )
        at, added = _points_in(
            prices, bands, studies, people, patient_reads, level, latest,
            reads, sessions, reporters, slots, read, session,
        )  # fmt: skip
        if at >= 0:
            insert(studies, reads, sessions, reporters, slots, read, session, at)
            _, _, elsewhere = _cheapest_place(
                prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                candidates_ptr, candidates, reads, sessions, reporters, slots, other,
            )  # fmt: skip
            if points + added + elsewhere < best:
                best, leaves = points + added + elsewhere, other
            remove(prices, studies, reads, sessions, reporters, slots, read)
        insert(studies, reads, sessions, reporters, slots, other, session, back)
    gone = [0 for _ in range(0)]
    if leaves >= 0:
        remove(prices, studies, reads, sessions, reporters, slots, leaves)
        gone.append(leaves)
        position, _ = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
    while position < 0:
        # the one that is cheapest to do without for each second of it, until there is room
        worst, rate = -1, np.inf
        for k in range(sessions[session].claims, sessions[session].length):
            other = int(slots[sessions[session].slot + k])
            loss = price_of_end(studies, reads, other, prices[0].beyond)
            loss += removal(studies, reads, sessions, slots, other)
            loss /= studies[reads[other].study].minutes
            if loss < rate:
                worst, rate = other, loss
        if worst < 0:
            break
        remove(prices, studies, reads, sessions, reporters, slots, worst)
        gone.append(worst)
        position, _ = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
    if position >= 0:
        insert(studies, reads, sessions, reporters, slots, read, session, position)
    for other in gone:
        place, at, _ = _cheapest_place(
            prices, bands, studies, people, patient_reads, level, latest, takes_pool,
            candidates_ptr, candidates, reads, sessions, reporters, slots, other,
        )  # fmt: skip
        if place != UNPLACED:
            insert(studies, reads, sessions, reporters, slots, other, place, at)
    return position >= 0


@kernel
def _settle(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    touched: Flags,
) -> None:
    looks, tries = _LOOKS, _TRIES
    for _ in range(_ROUNDS):
        moved = False
        near = np.flatnonzero(touched)
        # first what stands in the sessions touched and what stands nowhere, then what stands elsewhere
        for elsewhere in range(2):
            for other in range(len(reads)):
                session = int(reads[other].session)
                if other == read or reads[other].claimed != NOBODY or looks <= 0 or tries <= 0:
                    continue
                is_near = session != UNPLACED and touched[session]
                if (elsewhere == 1) == (is_near or session == UNPLACED):
                    continue
                if not is_near:
                    seen, gains = _could_gain(
                        prices, studies, people, level, latest, takes_pool,
                        reads, sessions, reporters, slots, other, near,
                    )  # fmt: skip
                    looks -= seen
                    if not gains:
                        continue
                tries -= 1
                if _better_place(
                    prices, bands, studies, people, patient_reads, level, latest, takes_pool,
                    candidates_ptr, candidates, reads, sessions, reporters, slots, other,
                ):  # fmt: skip
                    moved = True
                    if session != UNPLACED:
                        touched[session] = True
                    if reads[other].session != UNPLACED:
                        touched[reads[other].session] = True
        if read >= 0 and reads[read].session != UNPLACED:
            # to the best position of its session, now that others have moved
            session, back = int(reads[read].session), int(reads[read].position)
            remove(prices, studies, reads, sessions, reporters, slots, read)
            position, _ = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
            insert(studies, reads, sessions, reporters, slots, read, session, position if position >= 0 else back)
        if not moved:
            break


@kernel
def _could_gain(
    prices: Records,
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    near: Ints,
) -> tuple[int, bool]:
    """Return how many of the sessions ``near`` were looked into and whether the study ends sooner in one of them."""
    seen, gain = 0, 0.0
    for session in near:
        if not _may_be_in(studies, people, level, takes_pool, reads, sessions, read, session):
            continue
        if seen == 0 and reads[read].session == UNPLACED:
            gain = price_of_end(studies, reads, read, prices[0].beyond)
        elif seen == 0:
            gain = -removal(studies, reads, sessions, slots, read)
        seen += 1
        position, added = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
        if position >= 0 and added < gain:
            return seen, True
    return seen, False


@kernel
def _better_place(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    candidates_ptr: Ids,
    candidates: Ids,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
) -> bool:
    """Take a read to its cheapest place if that lowers the total; tell whether it did."""
    session, back = int(reads[read].session), int(reads[read].position)
    now = price_of_end(studies, reads, read, prices[0].beyond)
    if session != UNPLACED:
        now = -removal(studies, reads, sessions, slots, read)
        remove(prices, studies, reads, sessions, reporters, slots, read)
        now += price_of_holding(
            prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
        )
    place, position, points = _cheapest_place(
        prices, bands, studies, people, patient_reads, level, latest, takes_pool,
        candidates_ptr, candidates, reads, sessions, reporters, slots, read,
    )  # fmt: skip
    gains = points < now - _LEAST_GAIN - 1e-12 * abs(now)
    if gains and place != UNPLACED:
        insert(studies, reads, sessions, reporters, slots, read, place, position)
    elif not gains and session != UNPLACED:
        insert(studies, reads, sessions, reporters, slots, read, session, back)
    return gains and (place != session or position != back)

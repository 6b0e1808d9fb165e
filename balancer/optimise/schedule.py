"""A schedule in the making: which read stands where, and what adding or taking away one read does to the cost.

Kernels only: compiled by Numba, on plain arrays, without allocation in the inner loops. Three kinds of function:
``can_*`` are the hard rules H1 to H9, ``price_of_*`` the cost terms, and ``insertion`` / ``removal`` / ``insert`` /
``remove`` the two changes from which every search is made, evaluated or carried out.

Feasibility is kept at every step: a schedule that starts feasible cannot become anything else.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records

INFEASIBLE = 1e300
_ROUNDING_SLACK_SECONDS = 1e-6  # as in domain.instant: 7 min / 0.7 is 600 s, not 601


class Schedule(NamedTuple):
    """The state, changed in place: where every read is, what every session holds, how much every reporter has."""

    reads: Records  # (N,) READ
    sessions: Records  # (S,) SESSION
    reporters: Records  # (R,) REPORTER
    slots: Ids  # the sequences of all sessions, see SESSION


def empty_schedule(p: ProblemArrays) -> Schedule:
    """Return a schedule with every read unplaced."""
    return Schedule(p.reads.copy(), p.sessions.copy(), p.reporters.copy(), np.zeros(p.slots, np.int32))


def copy_schedule(schedule: Schedule) -> Schedule:
    """Return a schedule that can be changed without changing this one."""
    return Schedule(schedule.reads.copy(), schedule.sessions.copy(), schedule.reporters.copy(), schedule.slots.copy())


def overwrite(target: Schedule, source: Schedule) -> None:
    """Make ``target`` equal to ``source``, in place."""
    for mine, theirs in zip(target, source, strict=True):
        mine[:] = theirs


# ---------------------------------------------------------------- the cost terms (section 4)


@kernel
def price_of_completion(studies: Records, study: int, at: float) -> float:
    """Return clinical(i) in points for completion at second ``at``."""
    row = studies[study]
    points = row.a0 * at
    if at > row.due:
        points += row.jump + row.a1 * (at - row.due)
    if at > row.ceiling:
        points += row.a2 * (at - row.ceiling)
    return points


@kernel
def price_of_end(studies: Records, reads: Records, read: int, end: int) -> float:
    """Return clinical(i) if this read ended at ``end`` and the study's other reads where they are now."""
    study = reads[read].study
    latest = end
    first, last = studies[study].first_read, studies[study].end_read
    if last - first > 1:
        for other in range(first, last):
            if other != read and reads[other].end > latest:
                latest = reads[other].end
    return price_of_completion(studies, study, float(latest))


@kernel
def price_of_load(bands: Floats, rostered: float, used: float) -> float:
    """Return load(r): rostered time x the integral of the marginal price up to the utilisation; times in seconds."""
    if rostered <= 0.0:
        return 0.0
    utilisation = used / rostered
    points = 0.0
    below = 0.0
    last = len(bands) - 1
    for band in range(last + 1):
        top = utilisation if band == last else min(utilisation, bands[band, 0])
        if top > below:
            points += (top - below) * bands[band, 1]
        below = bands[band, 0]
    return points * rostered


@kernel
def price_of_level(prices: Records, level: int) -> float:
    """Return the match term of a read by a reporter of this level."""
    if level == 2:
        return prices[0].general
    return prices[0].fallback if level == 1 else 0.0


@kernel
def price_of_person(
    prices: Records, studies: Records, people: Ids, level: NDArray[np.int8], home: int, study: int, reporter: int
) -> float:
    """Return match + remote + prior for this reporter, less the churn that reading it saves.

    Churn is paid for each reporter in ``published_to`` who has none of the study's reads. As no reporter reads a study
    twice (H9), that is a constant less one credit for each read placed with one of them: linear.
    """
    row = studies[study]
    points = price_of_level(prices, level[row.pool, reporter])
    if home != row.trust:
        points += prices[0].remote
    if row.prior != -1 and row.prior != reporter:
        points += prices[0].prior
    for at in range(row.published, row.published_end):
        if people[at] == reporter:
            points -= prices[0].churn
    return points


@kernel
def price_of_split(
    prices: Records,
    studies: Records,
    reads: Records,
    sessions: Records,
    patient_reads: Ids,
    read: int,
    reporter: int,
) -> float:
    """Return the split term of a read's patient if ``read`` were with ``reporter`` (UNPLACED: with nobody)."""
    first, last = studies[reads[read].study].patient, studies[reads[read].study].patient_end
    distinct = 0
    for at in range(first, last):
        mine = _holder(reads, sessions, patient_reads[at], read, reporter)
        if mine == UNPLACED:
            continue
        fresh = True
        for before in range(first, at):
            if _holder(reads, sessions, patient_reads[before], read, reporter) == mine:
                fresh = False
                break
        if fresh:
            distinct += 1
    return prices[0].split * (distinct - 1) if distinct > 1 else 0.0


@kernel
def _holder(reads: Records, sessions: Records, read: int, moved: int, to: int) -> int:
    if read == moved:
        return to
    session = reads[read].session
    return UNPLACED if session == UNPLACED else sessions[session].reporter


@kernel
def price_of_holding(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    reads: Records,
    sessions: Records,
    reporters: Records,
    read: int,
    session: int,
) -> float:
    """Return every term but the clinical one of putting an unplaced read into ``session``."""
    reporter = sessions[session].reporter
    study = reads[read].study
    points = price_of_person(prices, studies, people, level, reporters[reporter].home, study, reporter)
    rostered, used = reporters[reporter].rostered, reporters[reporter].used
    taken = duration(studies, reads, sessions, read, session)
    points += price_of_load(bands, rostered, used + taken) - price_of_load(bands, rostered, used)
    if studies[study].patient_end - studies[study].patient > 1:
        points += price_of_split(prices, studies, reads, sessions, patient_reads, read, reporter)
        points -= price_of_split(prices, studies, reads, sessions, patient_reads, read, UNPLACED)
    return points


@kernel
def change_of_holder(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    reads: Records,
    sessions: Records,
    reporters: Records,
    read: int,
    old: int,
    new: int,
) -> float:
    """Return the change of every term but the clinical one if a read went from one session (or none) to another."""
    giver = -1 if old == UNPLACED else sessions[old].reporter
    taker = -1 if new == UNPLACED else sessions[new].reporter
    lost = 0 if old == UNPLACED else duration(studies, reads, sessions, read, old)
    gained = 0 if new == UNPLACED else duration(studies, reads, sessions, read, new)
    if giver == taker:
        return _change_of_load(bands, reporters, giver, gained - lost)
    study = reads[read].study
    points = 0.0
    if giver >= 0:
        points -= price_of_person(prices, studies, people, level, reporters[giver].home, study, giver)
        points += _change_of_load(bands, reporters, giver, -lost)
    if taker >= 0:
        points += price_of_person(prices, studies, people, level, reporters[taker].home, study, taker)
        points += _change_of_load(bands, reporters, taker, gained)
    if studies[study].patient_end - studies[study].patient > 1:
        points += price_of_split(prices, studies, reads, sessions, patient_reads, read, taker)
        points -= price_of_split(prices, studies, reads, sessions, patient_reads, read, giver)
    return points


@kernel
def change_of_holders(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    reads: Records,
    sessions: Records,
    reporters: Records,
    read: int,
    other: int,
) -> float:
    """Return the change of every term but the clinical one if two reads, the first perhaps unplaced, changed places."""
    here, there = int(reads[read].session), int(reads[other].session)
    giver, taker = (-1 if here == UNPLACED else sessions[here].reporter), sessions[there].reporter
    gained = duration(studies, reads, sessions, read, there) - duration(studies, reads, sessions, other, there)
    lost = 0
    if giver >= 0:
        lost = duration(studies, reads, sessions, read, here) - duration(studies, reads, sessions, other, here)
    if giver == taker:
        return _change_of_load(bands, reporters, taker, gained - lost)
    points = _change_of_load(bands, reporters, taker, gained) + _change_of_load(bands, reporters, giver, -lost)
    mine, its = reads[read].study, reads[other].study
    points += price_of_person(prices, studies, people, level, reporters[taker].home, mine, taker)
    points -= price_of_person(prices, studies, people, level, reporters[taker].home, its, taker)
    if giver >= 0:
        points -= price_of_person(prices, studies, people, level, reporters[giver].home, mine, giver)
        points += price_of_person(prices, studies, people, level, reporters[giver].home, its, giver)
    if studies[mine].patient == studies[its].patient:
        return points  # the same people hold the patient's reads before and after
    if studies[mine].patient_end - studies[mine].patient > 1:
        points += price_of_split(prices, studies, reads, sessions, patient_reads, read, taker)
        points -= price_of_split(prices, studies, reads, sessions, patient_reads, read, giver)
    if studies[its].patient_end - studies[its].patient > 1:
        points += price_of_split(prices, studies, reads, sessions, patient_reads, other, giver)
        points -= price_of_split(prices, studies, reads, sessions, patient_reads, other, taker)
    return points


@kernel
def _change_of_load(bands: Floats, reporters: Records, reporter: int, seconds: int) -> float:
    if reporter < 0 or seconds == 0:
        return 0.0
    rostered, used = reporters[reporter].rostered, reporters[reporter].used
    return price_of_load(bands, rostered, used + seconds) - price_of_load(bands, rostered, used)


# ---------------------------------------------------------------- the hard rules (section 3)


@kernel
def duration(studies: Records, reads: Records, sessions: Records, read: int, session: int) -> int:
    """Return d(i, r, s) in whole seconds (section 2)."""
    return int(np.ceil(studies[reads[read].study].minutes * sessions[session].pace - _ROUNDING_SLACK_SECONDS))


def durations(studies: Records, reads: Records, sessions: Records) -> Ints:
    """Return d(i, r, s) of every read where it stands, in whole seconds, shape (N,); 0 of those that have no place."""
    placed = np.flatnonzero(reads["session"] != UNPLACED)
    minutes, pace = studies["minutes"][reads["study"][placed]], sessions["pace"][reads["session"][placed]]
    took = np.zeros(len(reads), np.int64)
    took[placed] = np.ceil(minutes * pace - _ROUNDING_SLACK_SECONDS)
    return took


@kernel
def can_read(
    studies: Records,
    people: Ids,
    level: NDArray[np.int8],
    reads: Records,
    sessions: Records,
    read: int,
    reporter: int,
) -> bool:
    """Tell whether H1 (at ``now``), H2, H3, H6, H7, H8 (who) and H9 let this reporter do this read."""
    study = reads[read].study
    row = studies[study]
    if level[row.pool, reporter] == 0:
        return False
    pinned, claimed = reads[read].pinned, reads[read].claimed
    if pinned != -1 and pinned != reporter:
        return False
    if claimed != -1 and claimed != reporter:
        return False
    for at in range(row.excluded, row.excluded_end):
        if people[at] == reporter:
            return False
    for other in range(row.first_read, row.end_read):
        if other != read and reads[other].session != UNPLACED and sessions[reads[other].session].reporter == reporter:
            return False
    return True


@kernel
def can_hold(studies: Records, takes_pool: Flags, reads: Records, sessions: Records, read: int, session: int) -> bool:
    """Tell whether H4 lets this session hold this read, its number of reads apart; for a claimed read, H8's where."""
    if reads[read].claimed != -1:
        return sessions[session].is_claimable == 1
    row = studies[reads[read].study]
    if not takes_pool[sessions[session].restriction, row.pool]:
        return False
    return (sessions[session].priority_mask >> row.priority) & 1 == 1


@kernel
def _is_full(reads: Records, sessions: Records, read: int, session: int) -> bool:
    """Tell whether ``max_reads`` keeps one more read out; claimed reads on their own never do (H8)."""
    row = sessions[session]
    if reads[read].claimed != -1 and row.length == row.claims:
        return False
    return row.length + 1 > row.max_reads


@kernel
def _may_expire(latest: Ints, sessions: Records, reporters: Records, session: int) -> bool:
    """Tell whether an entitlement of the reporter's ends within the session: where reads begin then matters (H1)."""
    row = sessions[session]
    if reporters[row.reporter].is_expiring == 0:
        return False
    for trust in range(latest.shape[1]):  # noqa: SIM110 - Numba compiles loops, not generators
        if row.start < latest[row.reporter, trust] < row.end:
            return True
    return False


# ---------------------------------------------------------------- one read in, one read out


@kernel
def insertion(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    session: int,
    limit: float = INFEASIBLE,
) -> tuple[int, float]:
    """Return the best position (from 0) for an unplaced read in a session, and the clinical points it adds.

    The points are against the read not existing: its own price at its end, and what it costs those it delays.
    (-1, INFEASIBLE) if there is no feasible position that adds less than ``limit``.

    One backward pass: a place further forward delays one read more, each by what the new one takes. Where somebody
    behind waits to be ready, their idle time takes up some of that, and the delays behind are worked out anew.
    """
    if _is_full(reads, sessions, read, session):
        return -1, INFEASIBLE
    row = sessions[session]
    length, base, start = row.length, row.slot, row.start
    lowest, highest = row.claims, length
    if reads[read].claimed != NOBODY:
        lowest, highest = 0, row.claims
    study = reads[read].study
    ready, last_start = studies[study].ready, latest[row.reporter, studies[study].trust]
    if start >= last_start:
        return -1, INFEASIBLE
    if _may_expire(latest, sessions, reporters, session):
        return _insertion_by_simulation(studies, latest, reads, sessions, slots, read, session, lowest, highest, limit)
    taken = duration(studies, reads, sessions, read, session)
    last_end = reads[slots[base + length - 1]].end if length else start
    room = row.end - last_end
    may_idle = row.waits > 0
    if not may_idle and taken > room:
        return -1, INFEASIBLE
    best, best_position = limit, -1
    least = price_of_end(studies, reads, read, max(start, ready) + taken)
    delayed, shift = 0.0, taken  # of those behind, in points, and of the last one's end, in seconds
    for position in range(length, lowest - 1, -1):
        if delayed + least >= best and not may_idle:
            break
        before = reads[slots[base + position - 1]].end if position else start
        if position <= highest:
            if before < ready:
                # it waits here, and further forward it would wait as long with more behind it
                points = insertion_at(studies, latest, reads, sessions, slots, read, session, position)
                if points < best:
                    best, best_position = points, position
                break
            if shift <= room:
                points = delayed + price_of_end(studies, reads, read, before + taken)
                if points < best:
                    best, best_position = points, position
        if position > lowest:
            other = slots[base + position - 1]
            end = reads[other].end
            if may_idle:
                earlier = reads[slots[base + position - 2]].end if position > 1 else start
                if earlier + duration(studies, reads, sessions, other, session) < end:
                    delayed, shift = _delay(studies, reads, sessions, slots, session, position - 1, earlier + taken)
                    continue
            delayed += price_of_end(studies, reads, other, end + taken) - price_of_end(studies, reads, other, end)
    if best_position < 0:
        return -1, INFEASIBLE
    return best_position, best


@kernel
def _delay(
    studies: Records, reads: Records, sessions: Records, slots: Ids, session: int, position: int, at: int
) -> tuple[float, int]:
    """Return what it costs, and by how much the last read ends later, if those from ``position`` begin from ``at``."""
    points, shift = 0.0, 0
    for step in range(position, sessions[session].length):
        other = slots[sessions[session].slot + step]
        at = max(at, studies[reads[other].study].ready) + duration(studies, reads, sessions, other, session)
        shift = at - reads[other].end
        if shift == 0:
            break
        points += price_of_end(studies, reads, other, at) - price_of_end(studies, reads, other, reads[other].end)
    return points, shift


@kernel
def insertion_without(
    prices: Records,
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    session: int,
    without: int,
    limit: float,
) -> tuple[int, float]:
    """Return as ``insertion`` would after ``remove(without)``, which stands in the session; all stays as it is."""
    row = sessions[session]
    ready = studies[reads[read].study].ready
    if row.waits > 0 or ready > row.start or reporters[row.reporter].is_expiring == 1:
        back = int(reads[without].position)
        remove(prices, studies, reads, sessions, reporters, slots, without)
        position, points = insertion(studies, latest, reads, sessions, reporters, slots, read, session, limit)
        insert(studies, reads, sessions, reporters, slots, without, session, back)
        return position, points
    length, claims = row.length - 1, row.claims
    if reads[without].claimed != NOBODY:
        claims -= 1
    lowest, highest = claims, length
    if reads[read].claimed != NOBODY:
        lowest, highest = 0, claims
    if length + 1 > row.max_reads and not (reads[read].claimed != NOBODY and length == claims):
        return -1, INFEASIBLE
    base, start, gap = row.slot, row.start, reads[without].position
    taken = duration(studies, reads, sessions, read, session)
    freed = duration(studies, reads, sessions, without, session)
    before = reads[slots[base + length]].end - freed
    if before + taken > row.end:
        return -1, INFEASIBLE
    best, best_position = limit, -1
    least = price_of_end(studies, reads, read, start + taken)
    delayed = 0.0
    for position in range(length, lowest - 1, -1):
        if delayed + least >= best:
            break
        if position <= highest:
            points = delayed + price_of_end(studies, reads, read, before + taken)
            if points < best:
                best, best_position = points, position
        if position > lowest:
            # whoever stands behind the gap stands one place further on, and ends later by what was freed
            other = slots[base + (position if position > gap else position - 1)]
            delayed += price_of_end(studies, reads, other, before + taken) - price_of_end(studies, reads, other, before)
            if position == 1:
                before = start
            elif position - 1 > gap:
                before = reads[slots[base + position - 1]].end - freed
            else:
                before = reads[slots[base + position - 2]].end
    if best_position < 0:
        return -1, INFEASIBLE
    return best_position, best


@kernel
def _insertion_by_simulation(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    slots: Ids,
    read: int,
    session: int,
    lowest: int,
    highest: int,
    limit: float,
) -> tuple[int, float]:
    best, best_position = limit, -1
    for position in range(lowest, highest + 1):
        points = insertion_at(studies, latest, reads, sessions, slots, read, session, position)
        if points < best:
            best, best_position = points, position
    if best_position < 0:
        return -1, INFEASIBLE
    return best_position, best


@kernel
def insertion_at(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    slots: Ids,
    read: int,
    session: int,
    position: int,
) -> float:
    """Return the clinical points of inserting at one position, by simulation; INFEASIBLE if a rule would break."""
    row = sessions[session]
    base = row.slot
    at = reads[slots[base + position - 1]].end if position else row.start
    points = 0.0
    for step in range(position, row.length + 1):
        mover = read if step == position else slots[base + step - 1]
        study = reads[mover].study
        begin = max(at, studies[study].ready)
        at = begin + duration(studies, reads, sessions, mover, session)
        if at > row.end or begin >= latest[row.reporter, studies[study].trust]:
            return INFEASIBLE
        points += price_of_end(studies, reads, mover, at)
        if step != position:
            points -= price_of_end(studies, reads, mover, reads[mover].end)
    return points


@kernel
def removal(studies: Records, reads: Records, sessions: Records, slots: Ids, read: int) -> float:
    """Return the change of clinical points if this read did not exist: its own price gone, those behind it earlier."""
    session = reads[read].session
    row = sessions[session]
    base = row.slot
    position = reads[read].position
    points = -price_of_end(studies, reads, read, reads[read].end)
    at = reads[slots[base + position - 1]].end if position else row.start
    shift = reads[read].end - at
    for step in range(position + 1, row.length):
        other = slots[base + step]
        end = reads[other].end
        if row.waits == 0:
            at = end - shift
        else:
            at = max(at, studies[reads[other].study].ready) + duration(studies, reads, sessions, other, session)
            if at == end:
                break
        points += price_of_end(studies, reads, other, at) - price_of_end(studies, reads, other, end)
    return points


@kernel
def insert(
    studies: Records,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    session: int,
    position: int,
) -> None:
    """Put an unplaced read at ``position`` of a session."""
    base = sessions[session].slot
    for step in range(sessions[session].length, position, -1):
        slots[base + step] = slots[base + step - 1]
    slots[base + position] = read
    sessions[session].length += 1
    reads[read].session = session
    if reads[read].claimed != -1:
        sessions[session].claims += 1
    if studies[reads[read].study].ready > sessions[session].start:
        sessions[session].waits += 1
    reporters[sessions[session].reporter].used += duration(studies, reads, sessions, read, session)
    retime(studies, reads, sessions, slots, session, position)


@kernel
def remove(
    prices: Records, studies: Records, reads: Records, sessions: Records, reporters: Records, slots: Ids, read: int
) -> None:
    """Take a placed read out of its session."""
    session = reads[read].session
    base = sessions[session].slot
    position = reads[read].position
    sessions[session].length -= 1
    for step in range(position, sessions[session].length):
        slots[base + step] = slots[base + step + 1]
    if reads[read].claimed != -1:
        sessions[session].claims -= 1
    if studies[reads[read].study].ready > sessions[session].start:
        sessions[session].waits -= 1
    reporters[sessions[session].reporter].used -= duration(studies, reads, sessions, read, session)
    reads[read].session = UNPLACED
    reads[read].end = prices[0].beyond
    retime(studies, reads, sessions, slots, session, position)


@kernel
def retime(studies: Records, reads: Records, sessions: Records, slots: Ids, session: int, position: int) -> None:
    """Set the ends and positions of a session's reads from ``position`` on."""
    base = sessions[session].slot
    at = reads[slots[base + position - 1]].end if position else sessions[session].start
    for step in range(position, sessions[session].length):
        read = slots[base + step]
        at = max(at, studies[reads[read].study].ready) + duration(studies, reads, sessions, read, session)
        reads[read].end = at
        reads[read].position = step


# ---------------------------------------------------------------- the whole


def score(p: ProblemArrays, x: Schedule) -> Floats:
    """Return the terms (clinical, match, remote, prior, churn, split, load) in points, computed from nothing.

    Churn leaves out people who are no longer listed (``Compiled.fixed``).
    """
    return _score(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, x.reads, x.sessions, x.reporters)


@kernel
def _score(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    reads: Records,
    sessions: Records,
    reporters: Records,
) -> Floats:
    terms = np.zeros(7)
    for study in range(len(studies)):
        row = studies[study]
        latest = 0
        kept = 0
        for read in range(row.first_read, row.end_read):
            latest = max(latest, reads[read].end)
            session = reads[read].session
            if session == UNPLACED:
                continue
            reporter = sessions[session].reporter
            terms[1] += price_of_level(prices, level[row.pool, reporter])
            if reporters[reporter].home != row.trust:
                terms[2] += prices[0].remote
            if row.prior != -1 and row.prior != reporter:
                terms[3] += prices[0].prior
            for at in range(row.published, row.published_end):
                if people[at] == reporter:
                    kept += 1
        terms[0] += price_of_completion(studies, study, float(latest))
        terms[4] += prices[0].churn * (row.published_end - row.published - kept)
        # a patient's reads are counted once, with the study that comes first
        if patient_reads[row.patient] == row.first_read:
            terms[5] += price_of_split(
                prices, studies, reads, sessions, patient_reads, row.first_read, _where(reads, sessions, row.first_read)
            )
    for reporter in range(len(reporters)):
        terms[6] += price_of_load(bands, reporters[reporter].rostered, reporters[reporter].used)
    return terms


@kernel
def _where(reads: Records, sessions: Records, read: int) -> int:
    return _holder(reads, sessions, read, -1, UNPLACED)

"""What one more minute of capacity is worth: by subspecialty and modality, trust and half-day.

The dual prices of the pooled flow say it for all of them at once. Its time prices belong to sessions; what a minute is
worth to a pool (trust, subspecialty, modality) in a bucket of time follows from them in two steps, as in any
transportation problem. What a read costs where it is best off, per minute:

    u(i) = min( price left unread, min over buckets b of clinical(i, b) + supply(pool, b) )

where supply(pool, b) is the cheapest minute of anybody who may read the pool then: time, load, match and remote. An
extra minute, free, in bucket b then saves

    worth(pool, b) = max over reads i of the pool of u(i) - clinical(i, b), at least 0

The flow may split reads and prices buckets by their middles, so this is an estimate. ``tried`` holds it against real
sessions: an hour of one more specialist, filled from the plan by the best insertions, and what that vacates filled
once in the same way: whole reads, exact points, a plan that could be made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from balancer.domain.capacity import Scarcity
from balancer.domain.half_days import HalfDay
from balancer.domain.instant import local_instant
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session, SkillLevel
from balancer.optimise.compiled import kernel
from balancer.optimise.flow import Flow, pooled_flow
from balancer.optimise.opened import OpenPlan, open_plan
from balancer.optimise.problem import NOBODY, UNPLACED, Compiled, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import (
    Schedule,
    can_hold,
    can_read,
    copy_schedule,
    insert,
    insertion,
    price_of_end,
    price_of_holding,
    removal,
    remove,
    score,
)

_TRIED_MINUTES = 60
_FREE_OF_LOAD = 1e15  # rostered seconds of the extra reporter, so that load costs nothing
_LEAST_GAIN = 1e-9
_VACATED, _REFILLS = 6, 4  # sessions, those that most reads have left, and reads for each, to fill what was vacated


def scarcity(opened: OpenPlan, *, count: int = 10, flow: Flow | None = None) -> tuple[Scarcity, ...]:
    """Return the ``count`` scarcest of each kind, by the dual price of a minute, dearest first.

    Kinds, in this order: trust, subspecialty, modality and half-day together, each tried as well with a real session;
    then subspecialty with modality, trust, and half-day alone, averaged over the rest: over pools by the minutes that
    wait there, over half-days by the time in them.
    """
    compiled = opened.compiled
    flow = flow if flow is not None else pooled_flow(compiled.arrays)
    worth = worth_of_minutes(compiled, flow)
    if worth.size == 0:
        return ()
    halves, of_bucket = _half_days(compiled, flow)
    width = _widths(flow)
    share = np.zeros((len(flow.pieces.middle), len(halves)))
    share[np.arange(len(of_bucket)), of_bucket] = width
    by_half = worth @ (share / share.sum(axis=0))  # (Q, half-days)
    waiting = _waiting_minutes(compiled)
    names = _pool_names(compiled)
    cells = [
        Scarcity(
            trust=names[pool][0],
            subspecialty=names[pool][1],
            modality=names[pool][2],
            start=halves[half][0],
            end=halves[half][1],
            waiting_minutes=float(waiting[pool]),
            worth=float(by_half[pool, half]),
        )
        for pool, half in zip(*np.nonzero(by_half > _LEAST_GAIN), strict=True)
    ]
    ranked = _ranked(cells, count)
    time_share = share.sum(axis=0) / share.sum()
    return (*tried(opened, ranked), *_averages(names, halves, by_half, waiting, time_share, count))


def _averages(
    names: Sequence[tuple[str, str, str]],
    halves: Sequence[tuple[datetime, datetime]],
    by_half: Floats,
    waiting: Floats,
    time_share: Floats,
    count: int,
) -> Iterable[Scarcity]:
    skills, trusts = sorted({name[1:] for name in names}), sorted({name[0] for name in names})
    by_pool = by_half @ time_share
    of_skill = {skill: np.array([name[1:] == skill for name in names]) for skill in skills}
    of_trust = {trust: np.array([name[0] == trust for name in names]) for trust in trusts}
    yield from _ranked(
        [
            Scarcity(
                subspecialty=skill[0],
                modality=skill[1],
                waiting_minutes=float(waiting[rows].sum()),
                worth=float(np.average(by_pool[rows], weights=waiting[rows])),
            )
            for skill, rows in of_skill.items()
        ],
        count,
    )
    yield from _ranked(
        [
            Scarcity(
                trust=trust,
                waiting_minutes=float(waiting[rows].sum()),
                worth=float(np.average(by_pool[rows], weights=waiting[rows])),
            )
            for trust, rows in of_trust.items()
        ],
        count,
    )
    yield from _ranked(
        [
            Scarcity(
                start=start,
                end=end,
                waiting_minutes=float(waiting.sum()),
                worth=float(np.average(by_half[:, half], weights=waiting)),
            )
            for half, (start, end) in enumerate(halves)
        ],
        count,
    )


def _ranked(found: Iterable[Scarcity], count: int) -> list[Scarcity]:
    def dearest(one: Scarcity) -> tuple[float, str, str, str, float]:
        start = one.start.timestamp() if one.start is not None else 0.0
        return (-one.worth, one.trust, one.subspecialty, one.modality, start)

    return sorted(found, key=dearest)[:count]


# ---------------------------------------------------------------- by dual prices


def worth_of_minutes(compiled: Compiled, flow: Flow) -> Floats:
    """Return what one more expected minute saves for each pool in each bucket of the flow, (Q, B), in points."""
    p = compiled.arrays
    buckets = len(flow.pieces.middle)
    worth: Floats = np.zeros((len(p.level), buckets))
    free = p.reads["claimed"] == NOBODY
    pool_of = p.studies["pool"][p.reads["study"]]
    for pool in range(len(p.level)):
        reads = np.flatnonzero(free & (pool_of == pool))
        if len(reads) and buckets:
            rows = p.studies[p.reads["study"][reads]]
            share = 1.0 / (rows["end_read"] - rows["first_read"]) / rows["minutes"]
            here = share[:, None] * _clinical(rows, flow.pieces.middle)
            here[rows["ready"][:, None] > flow.pieces.middle[None, :]] = np.inf
            unread = share * _clinical(rows, np.array([float(p.prices["beyond"][0])]))[:, 0]
            best = np.minimum(unread, (here + _supply(p, flow, pool, rows)[None, :]).min(axis=1))
            worth[pool] = np.maximum(0.0, (best[:, None] - here).max(axis=0))
    return worth


def _clinical(rows: Records, at: Floats) -> Floats:
    """Return the clinical points of studies completed at each second: (reads, instants)."""
    second = at[None, :]
    late = np.maximum(0.0, second - rows["due"][:, None])
    over = np.maximum(0.0, second - rows["ceiling"][:, None])
    points = rows["a0"][:, None] * second + rows["a1"][:, None] * late + rows["a2"][:, None] * over
    return np.asarray(points + np.where(late > 0.0, rows["jump"][:, None], 0.0))


def _supply(p: ProblemArrays, flow: Flow, pool: int, rows: Records) -> Floats:
    """Return the price of the cheapest expected minute for a pool in each bucket, (B,); infinite where none is."""
    session = flow.pieces.session
    reporter = p.sessions["reporter"][session]
    everything = (1 << (int(p.studies["priority"].max()) + 1)) - 1
    able = (p.level[pool, reporter] > 0) & p.takes_pool[p.sessions["restriction"][session], pool]
    able &= (p.sessions["priority_mask"][session] & everything) == everything
    piece = np.flatnonzero(able)
    who = reporter[piece]
    by_level = np.array([0.0, float(p.prices["fallback"][0]), float(p.prices["general"][0]), 0.0])
    person = by_level[p.level[pool, who]] + np.where(
        p.reporters["home"][who] != rows["trust"][0], float(p.prices["remote"][0]), 0.0
    )
    pace = p.sessions["pace"][session[piece]]
    price = pace * (flow.time_price[piece] + flow.load_price[who]) + person / float(rows["minutes"].mean())
    cheapest: Floats = np.full(len(flow.pieces.middle), np.inf)
    np.minimum.at(cheapest, flow.pieces.bucket[piece], price)
    return cheapest


def _widths(flow: Flow) -> Floats:
    """Return how long each bucket is, by the longest piece in it, (B,), in seconds."""
    width: Floats = np.zeros(len(flow.pieces.middle))
    np.maximum.at(width, flow.pieces.bucket, (flow.pieces.end - flow.pieces.start).astype(np.float64))
    return np.maximum(1.0, width)


def _half_days(compiled: Compiled, flow: Flow) -> tuple[list[tuple[datetime, datetime]], Ints]:
    """Return the half-days in which anybody is rostered, and that of each bucket, (B,)."""
    halves = [_half_day(compiled.instant(int(second)), compiled.problem) for second in flow.pieces.middle]
    known = {half: number for number, half in enumerate(sorted(set(halves)))}
    return list(known), np.array([known[half] for half in halves], np.int64)


def _half_day(instant: datetime, problem: AllocationProblem) -> tuple[datetime, datetime]:
    half = HalfDay.at(instant)
    return max(half.start, problem.now), min(half.end, problem.horizon_end)


def _pool_names(compiled: Compiled) -> list[tuple[str, str, str]]:
    names = {
        pool: (study.trust, study.subspecialty, study.modality)
        for study, pool in zip(compiled.problem.studies, compiled.arrays.studies["pool"].tolist(), strict=True)
    }
    return [names[pool] for pool in range(len(names))]


def _waiting_minutes(compiled: Compiled) -> Floats:
    p = compiled.arrays
    rows = p.studies[p.reads["study"]]
    minutes: Floats = np.bincount(rows["pool"], rows["minutes"], len(p.level)).astype(np.float64)
    return minutes


# ---------------------------------------------------------------- by real sessions


def tried(opened: OpenPlan, cells: Sequence[Scarcity]) -> list[Scarcity]:
    """Return the cells with what an hour of one more specialist of each really saves, each alone, plan otherwise kept.

    The hour begins at 09:00 or 13:00 in London, or at ``now``, or as late as the half-day ends. The best insertion,
    per minute, is made until none lowers the total, then likewise into every session that this has made shorter (the
    ``_VACATED`` that lost most). What the latter would have gained without the hour is not counted.
    """
    extras = [_extra(opened.problem, cell, number) for number, cell in enumerate(cells)]
    if not extras:
        return []
    problem = replace(
        opened.problem,
        reporters=(*opened.problem.reporters, *(reporter for reporter, _ in extras)),
        sessions=(*opened.problem.sessions, *(session for _, session in extras)),
    )
    wider = open_plan(problem, opened.plan)
    p, base = wider.copy()
    x = copy_schedule(base)
    found = []
    for cell, (_, session) in zip(cells, extras, strict=True):
        for mine, theirs in zip(x, base, strict=True):
            mine[:] = theirs
        row = wider.session_of[session.session_id]
        x.reporters["rostered"][p.sessions["reporter"][row]] = _FREE_OF_LOAD
        _fill_up(p, x, row, most=len(x.reads))
        start = int(x.sessions["slot"][row])
        reads = x.slots[start : start + int(x.sessions["length"][row])]
        minutes = float(p.studies["minutes"][x.reads["study"][reads]].sum())
        lost = base.sessions["length"] - x.sessions["length"]
        alone = copy_schedule(base)
        for vacated in np.argsort(-lost, kind="stable")[:_VACATED].tolist():
            if lost[vacated] > 0:
                _fill_up(p, x, vacated, most=_REFILLS)
                _fill_up(p, alone, vacated, most=_REFILLS)
        saved = float(score(p, alone).sum()) - float(score(p, x).sum())
        fewer = _late(p, alone) - _late(p, x)
        found.append(replace(cell, saved=saved / minutes if minutes else 0.0, minutes_read=minutes, fewer_late=fewer))
    return found


def _late(p: ProblemArrays, x: Schedule) -> int:
    """Return how many studies a schedule does not complete before they are due; one without a place it does not."""
    if not len(p.studies):
        return 0
    ends = np.where(x.reads["session"] == UNPLACED, float(p.prices["beyond"][0]), x.reads["end"])
    return int((np.maximum.reduceat(ends, p.studies["first_read"]) > p.studies["due"]).sum())


def _fill_up(p: ProblemArrays, x: Schedule, session: int, *, most: int) -> None:
    _fill(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool, *x, session, most)


def _extra(problem: AllocationProblem, cell: Scarcity, number: int) -> tuple[Reporter, Session]:
    """Return one more specialist for a cell, with a session in it."""
    taken = {reporter.reporter_id for reporter in problem.reporters} | {one.session_id for one in problem.sessions}
    name = f"extra-{number}"
    while name in taken:
        name += "+"
    if cell.start is None or cell.end is None:
        raise ValueError("a cell has a half-day")
    half = HalfDay.at(cell.start)
    usual = local_instant(datetime.combine(half.day, time(13) if half.is_afternoon else time(9)))
    length = timedelta(minutes=_TRIED_MINUTES)
    start = max(cell.start, min(max(cell.start, usual), cell.end - length))
    reporter = Reporter(
        reporter_id=name,
        name=name,
        grade="",
        home_trust=cell.trust,
        trusts={cell.trust: None},
        skills={(cell.subspecialty, cell.modality): SkillLevel.SPECIALIST},
    )
    return reporter, Session(session_id=name, reporter_id=name, start=start, end=min(start + length, cell.end))


@kernel
def _fill(
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
    session: int,
    most: int,
) -> None:
    """Move at most ``most`` reads into a session, what saves most for each minute first, while that saves anything."""
    reporter = int(sessions[session].reporter)
    person = prices[0].fallback + prices[0].remote + prices[0].prior + prices[0].churn + 2.0 * prices[0].split
    for _ in range(most):
        best, best_rate = -1, -_LEAST_GAIN
        for read in range(len(reads)):
            here = int(reads[read].session)
            if here == session or reads[read].claimed != NOBODY:
                continue
            if not can_hold(studies, takes_pool, reads, sessions, read, session):
                continue
            if not can_read(studies, people, level, reads, sessions, read, reporter):
                continue
            position, added = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
            if position < 0:
                continue
            # load apart, a read can gain no more than this by who does it
            if here != UNPLACED and removal(studies, reads, sessions, slots, read) + added >= person:
                continue
            back = int(reads[read].position)
            change = -price_of_end(studies, reads, read, prices[0].beyond)
            if here != UNPLACED:
                change = removal(studies, reads, sessions, slots, read)
                remove(prices, studies, reads, sessions, reporters, slots, read)
                change -= price_of_holding(
                    prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, here
                )
            change += added + price_of_holding(
                prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
            )
            rate = change / studies[reads[read].study].minutes
            if rate < best_rate:
                best, best_rate = read, rate
            if here != UNPLACED:
                insert(studies, reads, sessions, reporters, slots, read, here, back)
        if best < 0:
            break
        if reads[best].session != UNPLACED:
            remove(prices, studies, reads, sessions, reporters, slots, best)
        position, _ = insertion(studies, latest, reads, sessions, reporters, slots, best, session)
        insert(studies, reads, sessions, reporters, slots, best, session, position)

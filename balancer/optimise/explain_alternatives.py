"""Who else could do a read, and the best repaired plan that has it there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from balancer.domain.explanation import Alternative, Move
from balancer.optimise.explain_claims import claim_fits
from balancer.optimise.opened import OpenPlan
from balancer.optimise.plan import terms_of
from balancer.optimise.problem import NOBODY, UNPLACED, Flags, Floats, Ints, ProblemArrays
from balancer.optimise.repair import SEVERAL, force, rank_sessions, settle
from balancer.optimise.schedule import INFEASIBLE, Schedule, copy_schedule, overwrite, remove, score

_TRIES = 16  # sessions into which the read is forced, of as many reporters as there are
_MORE = 1  # more than are asked for are repaired in full


def alternatives(opened: OpenPlan, read: int, *, count: int) -> tuple[tuple[Alternative, ...], int]:
    """Return the best alternatives, cheapest first and one a reporter, and how many reporters could do the read.

    An alternative of the reporter who has it now is another of their sessions. Guessed for every session, forced for
    the ``_TRIES`` that look cheapest, repaired in full for the best of those: what is returned is feasible and exact,
    and the cheapest that this search finds.
    """
    p, base = opened.copy()
    here = int(base.reads["session"][read])
    if here != UNPLACED:
        remove(p.prices, p.studies, *base, read)
    guess = rank_sessions(p, base, read, here)
    reporter = p.sessions["reporter"]
    able = len(np.unique(reporter[guess < INFEASIBLE]))
    if here != UNPLACED:
        guess[here] = INFEASIBLE
    forced: list[tuple[float, int]] = []
    trial = copy_schedule(base)
    for session in _promising(guess, reporter, _TRIES):
        overwrite(trial, base)
        if force(p, trial, read, session, here) and not _lets_a_claim_in(p, trial, read):
            forced.append((float(score(p, trial).sum()), session))
    found: dict[str, tuple[Alternative, Flags]] = {}
    for _, session in sorted(forced)[: count + _MORE]:
        overwrite(trial, base)
        force(p, trial, read, session, here)
        touched = np.zeros(len(trial.sessions), np.bool_)
        touched[_touched(opened.x, trial)] = True
        disturbed = touched.copy()
        settle(p, trial, read, touched)
        alternative = alternative_of(opened, trial, read)
        who = opened.compiled.sessions[session].reporter_id
        if who not in found or alternative.total < found[who][0].total:
            found[who] = alternative, disturbed
    ranked = sorted(found.items(), key=lambda one: (one[1][0].total, one[0]))[:count]
    return tuple(replace(one, anyway=_anyway(opened, p, read, disturbed)) for _, (one, disturbed) in ranked), able


def _anyway(opened: OpenPlan, p: ProblemArrays, read: int, disturbed: Flags) -> float:
    """Return what putting these sessions right changes while the read stays where it is, in points."""
    x = copy_schedule(opened.x)
    before = float(score(p, x).sum())
    settle(p, x, read, disturbed)
    return float(score(p, x).sum()) - before


def left_out(opened: OpenPlan, read: int) -> Alternative | None:
    """Return the best repaired plan in which nobody does a placed read; ``None`` if it is claimed (H8)."""
    p, x = opened.copy()
    session = int(x.reads["session"][read])
    if p.reads["claimed"][read] != NOBODY or session == UNPLACED:
        return None
    remove(p.prices, p.studies, *x, read)
    x.reads["pinned"][read] = len(p.reporters)  # to nobody, so that the repair cannot put it back
    touched = np.zeros(len(x.sessions), np.bool_)
    touched[session] = True
    settle(p, x, read, touched)
    return alternative_of(opened, x, read)


def alternative_of(opened: OpenPlan, x: Schedule, read: int) -> Alternative:
    """Return a schedule as what it changes in the opened plan."""
    terms = terms_of(opened.compiled, x)
    before, after = opened.x.reads["session"], x.reads["session"]
    moved = np.flatnonzero(before != after)
    return Alternative(
        placement=opened.placement(x, read),
        terms=terms,
        difference=terms.total - opened.terms.total,
        moves=tuple(
            Move(
                key=opened.keys[other],
                before=opened.placement(opened.x, other),
                after=opened.placement(x, other),
            )
            for other in moved.tolist()
            if other != read
        ),
        sequences={
            opened.compiled.sessions[session].session_id: opened.sequence(x, session)
            for session in _touched(opened.x, x).tolist()
        },
    )


def _promising(guess: Floats, reporter: Ints, count: int) -> Iterable[int]:
    """Return up to ``count`` sessions: the best of each reporter first, the second best of each then, and so on."""
    order = np.lexsort((np.arange(len(guess)), guess))
    order = order[guess[order] < INFEASIBLE]
    rank: dict[int, int] = {}
    keyed: list[tuple[bool, int, int, int]] = []
    for session in order.tolist():
        who = int(reporter[session])
        rank[who] = rank.get(who, -1) + 1
        keyed.append((bool(guess[session] >= SEVERAL), rank[who], len(keyed), session))
    return [session for *_, session in sorted(keyed)[:count]]


def _touched(before: Schedule, after: Schedule) -> Ints:
    """Return the sessions whose sequence differs."""
    differs = before.sessions["length"] != after.sessions["length"]
    places = before.reads["session"] != after.reads["session"]
    places |= before.reads["position"] != after.reads["position"]
    places &= (before.reads["session"] != UNPLACED) | (after.reads["session"] != UNPLACED)
    for x in (before, after):
        sessions = x.reads["session"][places]
        differs[sessions[sessions != UNPLACED]] = True
    return np.flatnonzero(differs)


def _lets_a_claim_in(p: ProblemArrays, x: Schedule, read: int) -> bool:
    """Tell whether moving a claimed read made room for one of the same claimant's that has none, which H8 forbids."""
    who = int(p.reads["claimed"][read])
    return who != NOBODY and claim_fits(p, x, who, besides=read)

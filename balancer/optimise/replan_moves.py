"""What mending did, read by read: which reads changed their place, and what each change was worth.

The gains are worked out after the search and do not depend on its way: from the schedule before, every read that moved
is taken out, in order; then every one is put into its place in the schedule after, session by session from the front.
Each step's exact change of the total is the read's, so the gains add up to the difference of the two totals.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

import numpy as np

from balancer.optimise.problem import UNPLACED, Floats, Ids
from balancer.optimise.replan_arrays import LiveArrays
from balancer.optimise.schedule import (
    Schedule,
    insert,
    insertion_at,
    price_of_completion,
    price_of_end,
    price_of_holding,
    removal,
    remove,
    score,
)


def moved_reads(before: Schedule, after: Schedule) -> Ids:
    """Return the reads that must be taken out and put in to make one schedule of the other, as few as possible."""
    was, now = before.reads["session"], after.reads["session"]
    moved = set(np.flatnonzero(was != now).tolist())
    shifted = (was == now) & (now != UNPLACED) & (before.reads["position"] != after.reads["position"])
    for session in np.unique(now[shifted]):
        base, length = after.sessions["slot"][session], after.sessions["length"][session]
        kept = [read for read in after.slots[base : base + length].tolist() if read not in moved]
        places = [int(before.reads["position"][read]) for read in kept]
        moved.update(kept[index] for index in _out_of_order(places))
    return np.array(sorted(moved), np.int32)


def _out_of_order(places: list[int]) -> list[int]:
    """Return the indices outside one longest rising subsequence."""
    tops: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, place in enumerate(places):
        at = bisect_left(tops, place)
        before.append(ends[at - 1] if at else -1)
        tops[at : at + 1] = [place]
        ends[at : at + 1] = [index]
    rising = set()
    index = ends[-1] if ends else -1
    while index >= 0:
        rising.add(index)
        index = before[index]
    return [index for index in range(len(places)) if index not in rising]


def gains_of(arrays: LiveArrays, before: Schedule, after: Schedule, moved: Ids) -> Floats:
    """Return what moving each of these reads gained, in points; ``before`` becomes ``after``."""
    gains = np.zeros(len(moved))
    waiting = _Waiting(arrays, before)
    for index, read in enumerate(moved.tolist()):
        if before.reads["session"][read] != UNPLACED:
            gains[index] -= _take_out(arrays, before, read) + waiting.one_more(read)
    to, place = after.reads["session"][moved], after.reads["position"][moved]
    for index in np.lexsort([place, to]).tolist():
        if to[index] != UNPLACED:
            read = int(moved[index])
            gains[index] -= _put_in(arrays, before, read, int(to[index]), int(place[index])) + waiting.one_less(read)
    return gains


def _take_out(a: LiveArrays, x: Schedule, read: int) -> float:
    session = int(x.reads["session"][read])
    change = removal(a.studies, x.reads, x.sessions, x.slots, read)
    change += price_of_end(a.studies, x.reads, read, int(a.prices["beyond"][0]))
    remove(a.prices, a.studies, x.reads, x.sessions, x.reporters, x.slots, read)
    return change - _holding(a, x, read, session)


def _put_in(a: LiveArrays, x: Schedule, read: int, session: int, position: int) -> float:
    change = insertion_at(a.studies, a.latest, x.reads, x.sessions, x.slots, read, session, position)
    change -= price_of_end(a.studies, x.reads, read, int(a.prices["beyond"][0]))
    change += _holding(a, x, read, session)
    insert(a.studies, x.reads, x.sessions, x.reporters, x.slots, read, session, position)
    return change


def _holding(a: LiveArrays, x: Schedule, read: int, session: int) -> float:
    return price_of_holding(
        *(a.prices, a.bands, a.studies, a.people, a.patient_reads, a.level),
        *(x.reads, x.sessions, x.reporters, read, session),
    )


class _Waiting:
    """Studies with an unplaced read are deemed to end a fraction of a second later than the arrays' whole seconds."""

    def __init__(self, arrays: LiveArrays, x: Schedule) -> None:
        self.arrays = arrays
        studies = x.reads["study"][x.reads["session"] == UNPLACED]
        self.unplaced = dict(Counter(studies.tolist()))

    def one_more(self, read: int) -> float:
        """Return the change of the total when a read loses its place."""
        study = int(self.arrays.reads["study"][read])
        self.unplaced[study] = self.unplaced.get(study, 0) + 1
        return self._fraction(study) if self.unplaced[study] == 1 else 0.0

    def one_less(self, read: int) -> float:
        """Return the change of the total when a read gets one."""
        study = int(self.arrays.reads["study"][read])
        self.unplaced[study] -= 1
        return -self._fraction(study) if self.unplaced[study] == 0 else 0.0

    def _fraction(self, study: int) -> float:
        a = self.arrays
        exact, whole = a.beyond, float(a.prices["beyond"][0])
        return price_of_completion(a.studies, study, exact) - price_of_completion(a.studies, study, whole)


def total_of(a: LiveArrays) -> float:
    """Return the exact total of what the arrays hold, in points."""
    return float(terms_of(a).sum())


def terms_of(a: LiveArrays) -> Floats:
    """Return the exact terms of what the arrays hold, in points and in the order of ``domain.plan.Terms``."""
    terms = score(a.as_arrays(with_candidates=False), a.schedule)
    waiting = np.unique(a.reads["study"][a.reads["session"] == UNPLACED])
    rows, exact, whole = a.studies[waiting], a.beyond, float(a.prices["beyond"][0])
    points = rows["a0"] * (exact - whole)
    for field, rate, jump in (("due", "a1", "jump"), ("ceiling", "a2", None)):
        for end, sign in ((exact, 1.0), (whole, -1.0)):
            past = end > rows[field]
            step = rows[jump] if jump else 0.0
            points += sign * np.where(past, step + rows[rate] * (end - rows[field]), 0.0)
    terms[0] += float(points.sum()) + a.waited
    terms[4] += a.lost
    return terms

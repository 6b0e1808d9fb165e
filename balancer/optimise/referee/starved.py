"""Nobody starves: whether a read that could wait stands directly before one past its ceiling.

Not a rule of section 3, so it makes no plan wrong; but no plan of ours has any. What the words are taken to mean: read
B is starved by read A directly before it in its session if

* B ends after its study's ceiling; were the two exchanged, A would end at or before its due time;
* A is no emergency, neither is claimed, and B is ready when A starts;
* A would still be entitled when it then starts (H1);
* and the exchange would not starve A in turn: A past its own ceiling then and B in time now.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from balancer.optimise.referee.case import Case, Finding, Placed, first_second


def starved(case: Case) -> Iterator[Finding]:
    """Yield every read that is starved, with the read that starves it."""
    for items in case.by_session.values():
        free = first_second(items[0].session.start)
        for ahead, behind in pairwise(items):
            if _starves(case, ahead, behind, free):
                ceiling = _ceiling_at(case, behind)
                what = f"ends at {behind.row.end}, past its ceiling ({ceiling}), behind {ahead.where}, which could wait"
                yield Finding(rule="starved", where=behind.where, what=what)
            free = ahead.row.end


def _starves(case: Case, ahead: Placed, behind: Placed, free: datetime) -> bool:
    """Tell whether ``ahead`` could wait for ``behind``; ``free`` is when the read before the two ends."""
    policy = case.problem.policy
    if ahead.is_claimed or behind.is_claimed or policy.priority(ahead.study.priority).is_emergency:
        return False
    if behind.row.end <= _ceiling_at(case, behind):
        return False
    if behind.study.ready_at is not None and behind.study.ready_at > ahead.row.start:
        return False
    between = _start(behind, free) + timedelta(seconds=behind.seconds)
    start = _start(ahead, between)
    until = ahead.reporter.entitled_until(ahead.study.trust) if ahead.study.trust in ahead.reporter.trusts else None
    if until is not None and start >= until:
        return False
    end = start + timedelta(seconds=ahead.seconds)
    if end > case.due_at[ahead.study.key]:
        return False
    return end <= _ceiling_at(case, ahead) or behind.row.end > case.due_at[behind.study.key]


def _start(item: Placed, free: datetime) -> datetime:
    ready_at = item.study.ready_at
    return free if ready_at is None else max(free, first_second(ready_at))


def _ceiling_at(case: Case, item: Placed) -> datetime:
    return case.problem.policy.priority(item.study.priority).ceiling_at(item.study.acquired_at)

"""A schedule becomes a plan: rows with instants, reasons, and the figures of section 5."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from balancer.domain.plan import Allocation, Plan, Status, StoppedBy, Summary, Terms, Unallocated
from balancer.optimise.explain import reason_unallocated
from balancer.optimise.problem import HOUR, UNPLACED, Compiled, Floats
from balancer.optimise.schedule import Schedule, duration, score

# The share of the total below which total and bound are called equal: twice what the relaxation takes off its bound for
# the rounding of its sums, or a bound that is the total itself would be called lower.
_EQUAL = 2e-9


def make_plan(
    compiled: Compiled, x: Schedule, *, bound: float, stopped_by: StoppedBy, seconds: Mapping[str, float], seed: int
) -> Plan:
    """Return the plan; ``bound`` in points of the total."""
    terms = terms_of(compiled, x)
    bound = min(bound, terms.total)
    proven = terms.total - bound <= _EQUAL * max(1.0, terms.total)
    allocations, unallocated = _rows(compiled, x)
    late, longest = _waits(compiled, x)
    return Plan(
        allocations=allocations,
        unallocated=unallocated,
        summary=Summary(
            now=compiled.problem.now,
            status=Status.OPTIMAL if proven else Status.FEASIBLE,
            stopped_by=StoppedBy.OPTIMAL if proven else stopped_by,
            seconds=seconds,
            terms=terms,
            sunk=compiled.sunk,
            bound=bound,
            studies=len(compiled.problem.studies),
            reads=len(x.reads),
            allocated=len(allocations),
            late=late,
            longest_wait_hours=longest,
            seed=seed,
            digest="",
        ),
    )


def terms_of(compiled: Compiled, x: Schedule) -> Terms:
    """Return the terms of a schedule, in points."""
    _, match, remote, prior, churn, split, load = (float(points) for points in score(compiled.arrays, x))
    return Terms(
        clinical=_clinical(compiled, _completions(compiled, x)) + compiled.waited,
        match=match,
        remote=remote,
        prior=prior,
        churn=churn + compiled.lost,
        split=split,
        load=load,
    )


def _clinical(compiled: Compiled, completed: Floats) -> float:
    rows = compiled.arrays.studies
    points = rows["a0"] * completed
    points = points + np.where(completed > rows["due"], rows["jump"] + rows["a1"] * (completed - rows["due"]), 0.0)
    return float(np.sum(points + rows["a2"] * np.maximum(0.0, completed - rows["ceiling"])))


def _rows(compiled: Compiled, x: Schedule) -> tuple[tuple[Allocation, ...], tuple[Unallocated, ...]]:
    problem, p = compiled.problem, compiled.arrays
    allocations, unallocated = [], []
    first_read = p.studies["first_read"]
    for i in sorted(range(len(problem.studies)), key=lambda i: problem.studies[i].key):
        study = problem.studies[i]
        for number in range(1, study.reads + 1):
            read = int(first_read[i]) + number - 1
            session = int(x.reads["session"][read])
            if session == UNPLACED:
                reason = reason_unallocated(p, x, read)
                unallocated.append(
                    Unallocated(trust=study.trust, accession_number=study.accession_number, read=number, reason=reason)
                )
                continue
            end = int(x.reads["end"][read])
            start = end - duration(p.studies, x.reads, x.sessions, read, session)
            allocations.append(
                Allocation(
                    trust=study.trust,
                    accession_number=study.accession_number,
                    read=number,
                    reporter_id=compiled.sessions[session].reporter_id,
                    session_id=compiled.sessions[session].session_id,
                    position=int(x.reads["position"][read]) + 1,
                    start=compiled.instant(start),
                    end=compiled.instant(end),
                    due_at=compiled.due_at[i],
                )
            )
    return tuple(allocations), tuple(unallocated)


def _completions(compiled: Compiled, x: Schedule) -> Floats:
    """Return C of every study in seconds after the origin, shape (M,)."""
    ends = np.where(x.reads["session"] == UNPLACED, compiled.beyond_second, x.reads["end"].astype(np.float64))
    first = compiled.arrays.studies["first_read"]
    return np.maximum.reduceat(ends, first) if len(first) else np.zeros(0)


def _waits(compiled: Compiled, x: Schedule) -> tuple[dict[str, int], dict[str, float]]:
    """Return, by class, how many studies are late and the longest wait since acquisition in hours."""
    studies, priorities = compiled.arrays.studies, compiled.problem.policy.priorities
    completed = _completions(compiled, x)
    acquired = np.array([(s.acquired_at - compiled.origin).total_seconds() for s in compiled.problem.studies])
    late, longest = {}, {}
    for index, priority in enumerate(priorities):
        of = studies["priority"] == index
        late[priority.code] = int(np.sum(completed[of] > studies["due"][of]))
        longest[priority.code] = float(np.max((completed - acquired)[of], initial=0.0)) / HOUR
    return late, longest

"""Let the referee judge some people's lists of a plan: those that are to be published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from balancer.domain.plan import Allocation, Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import Study, StudyKey
from balancer.optimise.referee import judge

# What a plan says of its own cost is of the whole plan, and what has no place may have none for want of others' time.
_OF_THE_WHOLE = frozenset({"figure", "reason"})


def judge_lists(
    frame: AllocationProblem, studies: Mapping[StudyKey, Study], plan: Plan, reporter_ids: Collection[str]
) -> list[str]:
    """Return what is wrong with what these reporters would be given, in words; empty if nothing is.

    Every rule of section 3 is judged, and every time, in a smaller case: these reporters' sessions and the reads in
    them. A study of which somebody else has another read is there with the reads that are theirs, and that other
    reader excluded, which is what rule H9 asks. ``frame`` is the problem, of which the studies do not count.

    Raises
    ------
    KeyError
        If the plan names a study that there is not.
    """
    theirs: dict[StudyKey, list[Allocation]] = defaultdict(list)
    for row in plan.allocations:
        if row.reporter_id in reporter_ids:
            theirs[StudyKey(row.trust, row.accession_number)].append(row)
    shared = {key for key, rows in theirs.items() if len(rows) < studies[key].reads}
    others: dict[StudyKey, set[str]] = defaultdict(set)
    for row in plan.allocations if shared else ():
        if row.reporter_id not in reporter_ids and (key := StudyKey(row.trust, row.accession_number)) in shared:
            others[key].add(row.reporter_id)
    case = replace(
        frame,
        studies=tuple(_as_if_alone(studies[key], rows, others[key]) for key, rows in theirs.items()),
        sessions=tuple(item for item in frame.sessions if item.reporter_id in reporter_ids),
    )
    rows = [replace(row, read=read) for of_study in theirs.values() for read, row in enumerate(_sorted(of_study), 1)]
    verdict = judge(case, replace(plan, allocations=tuple(_sorted(rows)), unallocated=()))
    return [str(finding) for finding in verdict.findings if finding.rule not in _OF_THE_WHOLE]


def _sorted(rows: Sequence[Allocation]) -> list[Allocation]:
    return sorted(rows, key=lambda row: row.key)


def _as_if_alone(study: Study, rows: Sequence[Allocation], others: Collection[str]) -> Study:
    """Return a study as if only the reads of these rows were to be done."""
    if len(rows) == study.reads:
        return study
    reads = [row.read for row in _sorted(rows)]
    return replace(
        study,
        reads=len(reads),
        excluded=study.excluded | set(others),
        pinned_to=tuple(study.pinned(read) for read in reads),
        claimed_by=tuple(study.claimed(read) for read in reads),
    )

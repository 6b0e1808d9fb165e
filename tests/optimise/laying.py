"""Plans laid out by hand from sequences of reads, with nothing of the solver's: what explanations are judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from balancer.domain.instant import reading_seconds
from balancer.domain.plan import Allocation, Plan, Unallocated, UnallocatedReason
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import ReadKey
from balancer.optimise.referee import judge
from tests.worlds import blank_summary

Sequences = Mapping[str, Sequence[ReadKey]]


def sequences_of(plan: Plan) -> dict[str, list[ReadKey]]:
    """Return the reads of each session that has any, in order."""
    found: dict[str, list[ReadKey]] = {}
    for row in sorted(plan.allocations, key=lambda row: row.position):
        found.setdefault(row.session_id, []).append(row.key)
    return found


def lay(problem: AllocationProblem, sequences: Sequences) -> Plan:
    """Return the plan that reads these sequences, timed by section 2; all other reads are called deferred."""
    studies = {study.key: study for study in problem.studies}
    sessions = {session.session_id: session for session in problem.counted_sessions()}
    speed = {reporter.reporter_id: reporter.speed for reporter in problem.reporters}
    rows: list[Allocation] = []
    for name, reads in sequences.items():
        session = sessions[name]
        free = session.start
        for position, key in enumerate(reads, start=1):
            study = studies[key[:2]]  # type: ignore[index]  # a StudyKey is a plain pair as a dictionary key
            start = max(free, study.ready_at or free)
            seconds = reading_seconds(study.minutes, speed[session.reporter_id], session.productivity)
            free = start + timedelta(seconds=seconds)
            rows.append(
                Allocation(
                    **key._asdict(),
                    reporter_id=session.reporter_id,
                    session_id=name,
                    position=position,
                    start=start,
                    end=free,
                    due_at=problem.due_at(study),
                )
            )
    placed = {row.key for row in rows}
    left = [
        Unallocated(**key._asdict(), reason=UnallocatedReason.DEFERRED)
        for study in problem.studies
        for number in range(1, study.reads + 1)
        if (key := ReadKey(*study.key, number)) not in placed
    ]
    return Plan(allocations=tuple(rows), unallocated=tuple(left), summary=blank_summary(problem))


def insertions(sequences: Sequences, key: ReadKey, session_id: str) -> Iterator[Sequences]:
    """Yield the sequences with one read put into a session, at every position."""
    own = list(sequences.get(session_id, ()))
    for position in range(len(own) + 1):
        yield {**sequences, session_id: [*own[:position], key, *own[position:]]}


def total(problem: AllocationProblem, plan: Plan) -> float:
    """Return the total by the referee, in points; infinite if a hard rule is broken.

    Or if a read ends after its session, be it by the second that checkers forgive.
    """
    verdict = judge(problem, plan)
    ends = {session.session_id: session.end for session in problem.counted_sessions()}
    broken = any(finding.rule.startswith("H") for finding in verdict.findings)
    broken = broken or any(row.end > ends[row.session_id] for row in plan.allocations)
    return float("inf") if broken else verdict.terms.total


def total_anyway(problem: AllocationProblem, plan: Plan) -> float:
    """Return the total by the referee, in points, whatever is broken."""
    return judge(problem, plan).terms.total


def in_whole_seconds(problem: AllocationProblem) -> AllocationProblem:
    """Return the problem with every instant that a read can start or end by on a whole second."""
    hours = max(1.0, round(problem.policy.horizon_hours * 4) / 4)
    return replace(
        problem,
        policy=replace(problem.policy, horizon_hours=hours),
        studies=tuple(
            replace(study, ready_at=study.ready_at.replace(microsecond=0)) if study.ready_at else study
            for study in problem.studies
        ),
    )

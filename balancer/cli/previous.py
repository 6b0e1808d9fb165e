"""What ``--previous`` supplies: who has which read by an earlier plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from balancer.cli.exits import gathering
from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import StudyKey
from balancer.ingest.problem_folder import read_problem
from balancer.publish.plan_folder import read_plan


def read_problem_after(problem_dir: Path, now: datetime, previous: Path | None) -> tuple[AllocationProblem, list[str]]:
    """Return the problem with what is published by the ``previous`` plan, if there is one, and warnings for people.

    Raises
    ------
    InputRefusedError
        With every fault of both folders.
    """
    faults: list[Fault] = []
    with gathering(faults):
        problem, warnings = read_problem(problem_dir, now=now)
    with gathering(faults):
        published = _read_published(previous) if previous is not None else {}
    if faults:
        raise InputRefusedError(faults)
    return problem.with_published(published), warnings


def _read_published(previous: Path) -> Mapping[StudyKey, tuple[str | None, ...]]:
    """Return ``published_by`` the plan in a folder; its faults name the folder: another plan has such files too."""
    try:
        return published_by(read_plan(previous))
    except InputRefusedError as error:
        of = str(previous)
        raise InputRefusedError(
            fault if fault.file == of else replace(fault, file=str(previous / fault.file)) for fault in error.faults
        ) from error


def published_by(previous: Plan) -> dict[StudyKey, tuple[str | None, ...]]:
    """Return, for every study an earlier plan lists, who has its reads there: in read order, ``None`` for nobody."""
    readers: dict[StudyKey, dict[int, str | None]] = {}
    for left in previous.unallocated:
        readers.setdefault(StudyKey(left.trust, left.accession_number), {})[left.read] = None
    for row in previous.allocations:
        readers.setdefault(StudyKey(row.trust, row.accession_number), {})[row.read] = row.reporter_id
    return {key: tuple(of_study[read] for read in sorted(of_study)) for key, of_study in readers.items()}

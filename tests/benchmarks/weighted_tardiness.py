"""OR-Library's single-machine total weighted tardiness as allocation problems: truth from outside.

One reporter, one long session, one priority class a weight, every other price 0: then the points of a plan are exactly
the sum over jobs of weight x tardiness, with hours as unit of time (allocation model, section 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from balancer.domain.network import Examination, Trust
from balancer.domain.policy import LoadBand, Policy, PriorityClass, Weights
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session, SkillLevel
from balancer.domain.study import Study

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
_MINUTES = 60.0  # a unit of processing time is an hour, so that no rounding to seconds takes place
_BEYOND = 10  # an unallocated job ends that many times the sum of processing times later: never worth it


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """Jobs of one machine: processing times, weights and due dates, each of shape (n,), and the least known value."""

    number: int
    processing: tuple[int, ...]
    weights: tuple[int, ...]
    due: tuple[int, ...]
    optimum: int

    def value(self, order: Sequence[int]) -> int:
        """Return the sum of weight x tardiness when the jobs are done in this order."""
        at, total = 0, 0
        for job in order:
            at += self.processing[job]
            total += self.weights[job] * max(0, at - self.due[job])
        return total


def read_instances(folder: Path, jobs: int = 40) -> Iterator[Instance]:
    """Yield the instances of ``wt<jobs>.txt`` with the values of ``wtopt<jobs>.txt``; numbers count from 1.

    Raises
    ------
    ValueError
        If the numbers in the two files do not belong together.
    """
    optima = _integers(folder / f"wtopt{jobs}.txt")
    numbers = _integers(folder / f"wt{jobs}.txt")
    if len(numbers) != 3 * jobs * len(optima):
        raise ValueError(f"wt{jobs}.txt has {len(numbers)} numbers; {len(optima)} optima need {3 * jobs * len(optima)}")
    for index, optimum in enumerate(optima):
        rows = [tuple(numbers[at : at + jobs]) for at in range(3 * jobs * index, 3 * jobs * (index + 1), jobs)]
        yield Instance(number=index + 1, processing=rows[0], weights=rows[1], due=rows[2], optimum=optimum)


def _integers(file: Path) -> list[int]:
    return [int(word) for word in file.read_text(encoding="ascii").split()]


def as_problem(instance: Instance) -> AllocationProblem:
    """Return the instance as an allocation problem whose total in points is the instance's value."""
    hours = sum(instance.processing) + 1
    end = NOW + timedelta(hours=hours)
    return AllocationProblem(
        now=NOW,
        policy=Policy(
            horizon_hours=hours,
            beyond_hours=_BEYOND * hours,
            default_productivity=1,
            priorities=tuple(
                PriorityClass(code=f"w{weight}", weight=weight, breach=0, ceiling_hours=hours, target_hours=hours)
                for weight in sorted(set(instance.weights), reverse=True)
            ),
            weights=Weights(wait_rate=0, ceiling_weight=0, general=0, fallback=0, remote=0, churn=0, prior=0, split=0),
            bands=(LoadBand(up_to=1, price=0),),
        ),
        trusts=(Trust(code="WT", name="Weighted tardiness"),),
        examinations=(
            Examination(
                code="JOB", name="A job", modality="CT", body_region="none", subspecialty="job", minutes=_MINUTES
            ),
        ),
        reporters=(
            Reporter(
                reporter_id="machine",
                name="The machine",
                grade="",
                home_trust="WT",
                trusts={"WT": None},
                skills={("job", None): SkillLevel.SPECIALIST},
            ),
        ),
        sessions=(Session(session_id="run", reporter_id="machine", start=NOW, end=end),),
        studies=tuple(
            Study(
                trust="WT",
                accession_number=f"{job:03d}",
                patient_id="",
                exam_code="JOB",
                priority=f"w{weight}",
                acquired_at=NOW,
                modality="CT",
                subspecialty="job",
                minutes=_MINUTES * time,
                due_at=NOW + timedelta(hours=due),
            )
            for job, (time, weight, due) in enumerate(
                zip(instance.processing, instance.weights, instance.due, strict=True)
            )
        ),
    )

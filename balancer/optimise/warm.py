"""``python -m balancer.optimise.warm``: compile every kernel once, so that nobody waits for it later.

The compiled code is kept in the user's cache folder (see ``compiled``); this is what an installation ends with.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from balancer.domain.events import SessionLost
from balancer.domain.network import Examination, Trust
from balancer.domain.policy import LoadBand, Policy, PriorityClass, Weights
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session, SkillLevel
from balancer.domain.study import Study
from balancer.optimise.replan import replan
from balancer.optimise.solve import solve

_NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


def smallest_problem() -> AllocationProblem:
    """Return two studies for one reporter, one of them claimed and one more than there is time for."""
    studies = tuple(
        Study(
            trust="A",
            accession_number=str(number),
            patient_id="p",
            exam_code="x",
            priority="routine",
            acquired_at=_NOW,
            modality="CT",
            subspecialty="neuro",
            minutes=40,
            claimed_by=("r",) if number == 0 else (),
        )
        for number in range(3)
    )
    return AllocationProblem(
        now=_NOW,
        policy=Policy(
            horizon_hours=24,
            beyond_hours=24,
            default_productivity=1,
            priorities=(PriorityClass(code="routine", weight=1, breach=1, ceiling_hours=48, target_hours=1),),
            weights=Weights(
                wait_rate=0.02, ceiling_weight=1, general=1, fallback=1, remote=1, churn=1, prior=1, split=1
            ),
            bands=(LoadBand(up_to=1, price=1),),
        ),
        trusts=(Trust(code="A", name="A"),),
        examinations=(
            Examination(code="x", name="x", modality="CT", body_region="head", subspecialty="neuro", minutes=40),
        ),
        reporters=(
            Reporter(
                reporter_id="r",
                name="r",
                grade="",
                home_trust="A",
                trusts={"A": None},
                skills={("neuro", None): SkillLevel.SPECIALIST},
            ),
        ),
        sessions=(Session(session_id="s", reporter_id="r", start=_NOW, end=_NOW + timedelta(hours=1.5)),),
        studies=studies,
    )


def main() -> None:
    """Compile every kernel by solving and mending the smallest problem that needs them all."""
    problem = smallest_problem()
    replan(problem, solve(problem, work=1_000), [SessionLost(at=problem.now, session_id="s")])


if __name__ == "__main__":
    main()

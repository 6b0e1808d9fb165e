"""``balancer check``: the referee."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from balancer.cli.exits import FOUND_WANTING, gathering, parse_now, refusing_bad_input, warn
from balancer.cli.progress import Stages

if TYPE_CHECKING:
    from balancer.domain.filed_plan import FiledPlan
    from balancer.domain.problem import AllocationProblem


def check(
    problem_dir: Annotated[Path, typer.Argument(help="The problem folder the plan is for.")],
    plan_dir: Annotated[Path, typer.Argument(help="The plan folder to judge.")],
    now: Annotated[str, typer.Option(help="The instant the plan was made at, with offset.")],
    previous: Annotated[
        Path | None, typer.Option(help="The earlier plan that ``solve --previous`` was given, if it was.")
    ] = None,
) -> None:
    """List every broken rule of a plan and recompute every figure; exit 1 if anything is wrong."""
    from balancer.optimise.referee import judge

    stages = Stages()
    with refusing_bad_input(), stages.stage("read", "reading"):
        problem, filed = _read(problem_dir, plan_dir, parse_now(now), previous)
    with stages.stage("judge", "judging"):
        verdict = judge(problem, filed.plan, filed.stated)
    for fault in filed.impossible:
        typer.echo(f"impossible: {fault}")
    for fault in filed.form:
        typer.echo(f"form: {fault}")
    for finding in verdict.findings:
        typer.echo(str(finding))
    for name, points in verdict.terms.as_dict().items():
        typer.echo(f"{name:>10} {points:18,.4f}")
    typer.echo(f"{'total':>10} {verdict.terms.total:18,.4f}   sunk {verdict.sunk:,.4f}")
    for priority in problem.policy.priorities:
        typer.echo(
            f"{priority.code:>20}: {verdict.late[priority.code]:,} late, longest wait "
            f"{verdict.longest_wait_hours[priority.code]:,.1f} h (ceiling {priority.ceiling_hours:g} h)"
        )
    if verdict.starved:
        first = verdict.starved[0]
        typer.echo(f"{len(verdict.starved):,} past its ceiling behind a read that could wait, e.g. {first}")
    count = len(verdict.findings) + len(filed.impossible) + len(filed.form)
    typer.echo("nothing wrong was found" if count == 0 else f"{count:,} finding{'' if count == 1 else 's'}")
    if count:
        raise typer.Exit(FOUND_WANTING)


def _read(
    problem_dir: Path, plan_dir: Path, now: datetime, previous: Path | None
) -> tuple[AllocationProblem, FiledPlan]:
    """Return problem and plan; all faults of all folders are refused together."""
    from balancer.cli.previous import read_problem_after
    from balancer.domain.errors import Fault, InputRefusedError
    from balancer.publish.plan_folder import read_filed_plan

    faults: list[Fault] = []
    with gathering(faults):
        problem, warnings = read_problem_after(problem_dir, now, previous)
    with gathering(faults):
        filed = read_filed_plan(plan_dir)
    if faults:
        raise InputRefusedError(faults)
    warn(warnings)
    return problem, filed

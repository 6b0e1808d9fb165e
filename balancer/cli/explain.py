"""``balancer explain``: why a read is where it is, or nowhere, and what would change that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from balancer.cli.exits import FOUND_WANTING, parse_now, refusing_bad_input, warn
from balancer.cli.progress import Stages

if TYPE_CHECKING:
    from balancer.optimise.explain_read import OpenPlan


def explain(  # noqa: PLR0913, PLR0917 - one parameter an argument
    problem_dir: Annotated[Path, typer.Argument(help="The problem folder the plan is for.")],
    plan_dir: Annotated[Path, typer.Argument(help="The plan folder.")],
    trust: Annotated[str, typer.Argument(help="The study's trust.")],
    accession_number: Annotated[str, typer.Argument(help="The study's accession number.")],
    now: Annotated[str, typer.Option(help="The instant the plan was made at, with offset.")],
    read: Annotated[int, typer.Option(min=1, help="Which read, where the study needs several.")] = 1,
    alternatives: Annotated[int, typer.Option(min=0, help="How many alternatives to show.")] = 5,
    previous: Annotated[
        Path | None, typer.Option(help="The earlier plan that ``solve --previous`` was given, if it was.")
    ] = None,
) -> None:
    """Say what a read costs, who else could do it at what total, or what would give it a place."""
    stages = Stages()
    opened = opened_plan(stages, problem_dir, plan_dir, now, previous)
    from balancer.domain.errors import Fault, InputRefusedError, NotFoundError
    from balancer.domain.explanation_words import sentences
    from balancer.domain.study import ReadKey
    from balancer.optimise.explain_read import explain as explanation_of

    with refusing_bad_input(), stages.stage("explain", "explaining"):
        try:
            explanation = explanation_of(opened, ReadKey(trust, accession_number, read), count=alternatives)
        except NotFoundError as error:
            raise InputRefusedError([Fault(file=str(problem_dir), reason=str(error))]) from error
    for sentence in sentences(explanation):
        typer.echo(sentence)


def opened_plan(stages: Stages, problem_dir: Path, plan_dir: Path, now: str, previous: Path | None) -> OpenPlan:
    """Return the plan opened; exit 2 on bad input, 1 on a plan that the referee would not let pass."""
    from balancer.cli.previous import read_problem_after
    from balancer.domain.errors import PlanRejectedError
    from balancer.publish.plan_folder import read_plan

    with refusing_bad_input(), stages.stage("read", "reading"):
        problem, warnings = read_problem_after(problem_dir, parse_now(now), previous)
        plan = read_plan(plan_dir)
    warn(warnings)
    with stages.stage("load", "loading the solver"):
        from balancer.optimise.explain_read import open_plan
        from balancer.optimise.referee import judge
    with stages.stage("judge", "judging"):
        broken = [str(finding) for finding in judge(problem, plan).findings if finding.rule.startswith("H")]
    if broken:
        typer.echo("\n".join(["a plan that breaks a rule is not explained:", *broken]), err=True)
        raise typer.Exit(FOUND_WANTING)
    try:
        with stages.stage("open", "opening the plan"):
            return open_plan(problem, plan)
    except PlanRejectedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FOUND_WANTING) from error

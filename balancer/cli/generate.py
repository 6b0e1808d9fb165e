"""``balancer generate``: a synthetic problem folder of any size."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from balancer.cli.exits import parse_now, refusing_bad_input
from balancer.cli.progress import Stages


def generate(  # noqa: PLR0913, PLR0917 - one parameter a flag of the contract
    out_dir: Annotated[Path, typer.Argument(help="Folder to write; must not exist, or hold an earlier problem.")],
    trusts: Annotated[int, typer.Option(help="How many trusts.")] = 4,
    studies: Annotated[int, typer.Option(help="How many unreported studies.")] = 24_000,
    reporters: Annotated[int, typer.Option(help="How many radiologists and reporting radiographers.")] = 180,
    days: Annotated[int, typer.Option(help="Length of the rosters and of the horizon.")] = 7,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    load: Annotated[float, typer.Option(help="Expected minutes of all reads / session minutes x productivity.")] = 1.0,
    published: Annotated[float, typer.Option(help="Share of the studies already on somebody's list.")] = 0.33,
    now: Annotated[
        str, typer.Option(help="The instant the problem is seen at, with offset.")
    ] = "2026-03-02T08:00:00+00:00",
) -> None:
    """Write a synthetic problem that looks like an imaging network's week."""
    from balancer.publish.problem_folder import PROBLEM_FILES, write_problem
    from balancer.publish.whole_folder import refuse_target
    from balancer.simulate.instances import Shape
    from balancer.simulate.instances import generate as draw

    stages = Stages()
    with refusing_bad_input():
        shape = Shape(
            trusts=trusts,
            studies=studies,
            reporters=reporters,
            days=days,
            seed=seed,
            load=load,
            published=published,
            now=parse_now(now),
        )
        refuse_target(out_dir, PROBLEM_FILES)
        with stages.stage("draw", "drawing studies"):
            problem = draw(shape, on_progress=lambda count: stages.say(f"{count:,} of {studies:,}"))
        with stages.stage("write", f"writing {out_dir}"):
            write_problem(problem, out_dir, on_progress=lambda count: stages.say(f"{count:,} of {studies:,} studies"))
    typer.echo(
        f"{out_dir}: {len(problem.studies):,} studies, {len(problem.reporters):,} reporters, "
        f"{len(problem.sessions):,} sessions, {len(problem.trusts):,} trusts; "
        f"seen at {problem.now.isoformat()}, load {load:g}"
    )

"""``balancer run``: what was kept of allocation runs."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

import typer

from balancer.cli.exits import BAD_INPUT, FOUND_WANTING, refusing_bad_input
from balancer.cli.progress import Stages
from balancer.cli.serve import DatabaseOption
from balancer.domain.errors import GoneError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="Allocation runs that were made.")


@app.callback()
def run() -> None:
    """Keep a group although there is one command."""


@app.command("remake")
def remake(
    run_id: Annotated[int, typer.Argument(min=1, help="The run's number, as /api/v1/runs and the log show it.")],
    out: Annotated[Path | None, typer.Option(help="Folder to write the plan to that comes.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes or threads; changes no plan.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Solve again what a run solved and say whether the same plan comes; exit 1 if not. Nothing is published."""
    stages = Stages()
    with refusing_bad_input(), stages.stage("start", "starting"):
        from balancer import bootstrap
        from balancer.config import read_settings
        from balancer.optimise.solve import solve
        from balancer.publish.plan_folder import refuse_plan_target, write_plan
        from balancer.services.remake_run import remake_run

        if out is not None:
            refuse_plan_target(out)
        opened = bootstrap.open_database(read_settings(database_url=database))
    try:
        with refusing_bad_input(), stages.stage("solve", "solving"):
            remade = remake_run(opened, run_id, solver=functools.partial(solve, workers=workers))
    except (GoneError, NotFoundError) as error:
        typer.echo(f"refused: {error}; nothing was written", err=True)
        raise typer.Exit(BAD_INPUT) from error
    finally:
        opened.close()
    if out is not None:
        with refusing_bad_input():
            write_plan(remade.plan, out)
    if remade.is_same:
        typer.echo(
            f"run {run_id} made again gives the same plan: {len(remade.plan.allocations):,} reads in their places"
        )
        return
    why = "; the clock had ended the run, so another plan is no surprise" if remade.was_hurried else ""
    typer.echo(f"run {run_id} made again gives another plan: {len(remade.differ):,} reads differ{why}", err=True)
    raise typer.Exit(FOUND_WANTING)

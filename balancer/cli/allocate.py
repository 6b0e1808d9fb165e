"""``balancer allocate``: one allocation run, published if the referee passes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from balancer.cli.exits import FOUND_WANTING, refusing_bad_input, warn
from balancer.cli.progress import Stages
from balancer.cli.serve import DatabaseOption

if TYPE_CHECKING:
    from balancer.services.outcomes import RunOutcome


def allocate(
    database: DatabaseOption = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="For the solver; unless given BALANCER_ALLOCATE_SECONDS, else 20.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same plan.")] = 0,
) -> None:
    """Allocate what is open now and publish new worklists; exit 1 if that was not to be, and the last ones stand."""
    stages = Stages()
    with refusing_bad_input(), stages.stage("start", "starting"):
        from balancer import bootstrap, telemetry
        from balancer.config import read_settings
        from balancer.domain.errors import InputRefusedError, NotFoundError
        from balancer.optimise.solve import solve
        from balancer.services.run_allocation import run_allocation

        settings = read_settings(database_url=database, allocate_seconds=seconds)
        telemetry.configure(settings.log_format)
        opened = bootstrap.open_database(settings)
        try:
            bootstrap.require_approver(settings, opened)
        except InputRefusedError:
            opened.close()
            raise

    def show(progress: Any) -> None:
        best = "" if progress.incumbent is None else f", best {progress.incumbent:,.1f}"
        stages.say(f"{progress.stage}, {progress.seconds:.0f} s{best}")

    try:
        with stages.stage("allocate", "allocating"):
            outcome = run_allocation(
                opened,
                bootstrap.service_clock(settings).now(),
                seed=seed,
                seconds=settings.allocate_seconds,
                solver=solve,
                on_progress=show,
            )
    except NotFoundError as error:
        typer.echo(f"nothing was published: {error}; `balancer refresh` loads a network", err=True)
        raise typer.Exit(FOUND_WANTING) from error
    finally:
        opened.close()
    warn(outcome.warnings)
    _say(outcome)


def _say(outcome: RunOutcome) -> None:
    if outcome.error or outcome.plan is None:
        typer.echo(f"nothing was published: {outcome.error}", err=True)
        raise typer.Exit(FOUND_WANTING)
    summary = outcome.plan.summary
    typer.echo(
        f"run {outcome.run_id} {outcome.state}: {summary.allocated:,} of {summary.reads:,} reads allocated, "
        f"{sum(summary.late.values()):,} studies late, gap {summary.gap:.2%}"
    )

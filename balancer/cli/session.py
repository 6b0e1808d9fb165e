"""``balancer session``: what people and systems have been let in with."""

from __future__ import annotations

from typing import Annotated

import typer

from balancer.cli.exits import BAD_INPUT, refusing_bad_input
from balancer.cli.serve import DatabaseOption
from balancer.domain.errors import NotFoundError

app = typer.Typer(no_args_is_help=True, help="Who has signed in.")


@app.callback()
def session() -> None:
    """Who has signed in."""


@app.command("end")
def end(
    subject: Annotated[str, typer.Argument(help="As /api/v1/me and the audit trail name them: entra:..., cis2:...")],
    database: DatabaseOption = None,
) -> None:
    """End every session of somebody, from their next request on; take their role away at the provider first."""
    with refusing_bad_input():
        from balancer import bootstrap
        from balancer.config import read_settings
        from balancer.services.end_sessions import end_sessions

        opened = bootstrap.open_database(read_settings(database_url=database))
        try:
            ended = end_sessions(opened, subject, bootstrap.SystemClock().now())
        except NotFoundError as error:
            typer.echo(f"refused: {error}; nothing was written", err=True)
            raise typer.Exit(BAD_INPUT) from error
        finally:
            opened.close()
    typer.echo(f"{ended} sessions of {subject} ended")

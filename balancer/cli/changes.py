"""``balancer changes``: what whoever runs the service does to the change feed."""

from __future__ import annotations

import typer

from balancer.cli.exits import refusing_bad_input
from balancer.cli.serve import DatabaseOption

app = typer.Typer(no_args_is_help=True, help="The change feed that PACS follow.")


@app.callback()
def changes() -> None:
    """Keep a group although there is one command."""


@app.command("void")
def void(database: DatabaseOption = None) -> None:
    """Make every cursor void, so that each PACS begins again: do this after a backup has been restored."""
    with refusing_bad_input():
        from balancer import bootstrap
        from balancer.config import read_settings
        from balancer.store.assignments import void_cursors

        opened = bootstrap.open_database(read_settings(database_url=database))
    try:
        with opened.transaction() as session:
            void_cursors(session)
    finally:
        opened.close()
    typer.echo("every cursor is void: whoever follows changes is told to begin again")

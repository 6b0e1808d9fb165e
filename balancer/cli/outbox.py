"""``balancer outbox``: what others could not be told, and how it is told again."""

from __future__ import annotations

from typing import Annotated

import typer

from balancer.cli.exits import BAD_INPUT, refusing_bad_input
from balancer.cli.serve import DatabaseOption
from balancer.domain.actor import job
from balancer.domain.errors import ConflictError, NotFoundError

app = typer.Typer(no_args_is_help=True, help="What others are told: outlets, and letters that were given up.")
_MOST = 1_000


@app.command("list")
def list_dead(database: DatabaseOption = None) -> None:
    """List outlets, and the newest letters that were given up; no study is named."""
    with refusing_bad_input():
        from balancer import bootstrap
        from balancer.config import read_settings
        from balancer.domain.letter import LetterState
        from balancer.store import outbox
        from balancer.store.pages import Cut

        opened = bootstrap.open_database(read_settings(database_url=database))
    try:
        with opened.session() as session:
            for status in outbox.outlets(session):
                well = f"failing since {status.row.failing_since:%Y-%m-%d %H:%M}: " if status.row.failing_since else ""
                typer.echo(f"{status.row.name}  {status.waiting} waiting  {status.dead} dead  {well}{status.row.error}")
            for row, _ in outbox.letters(session, Cut(limit=_MOST), state=LetterState.DEAD).items:
                typer.echo(f"{row.id}  {row.outlet}  {row.what}  {row.made_at:%Y-%m-%d %H:%M}  {row.error}")
    finally:
        opened.close()


@app.command("put-back")
def put_back(
    letter: Annotated[int, typer.Argument(help="The letter's number.")], database: DatabaseOption = None
) -> None:
    """Send a letter that was given up again."""
    with refusing_bad_input():
        from balancer import bootstrap
        from balancer.config import read_settings
        from balancer.services.put_back_letter import put_back_letter

        opened = bootstrap.open_database(read_settings(database_url=database))
    try:
        put_back_letter(opened, letter, bootstrap.SystemClock().now(), by=job("operator"))
    except (ConflictError, NotFoundError) as error:
        typer.echo(f"refused: {error}; nothing was written", err=True)
        raise typer.Exit(BAD_INPUT) from error
    finally:
        opened.close()
    typer.echo(f"letter {letter} will be sent again")

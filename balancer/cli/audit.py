"""``balancer audit verify``: prove that nobody has changed the audit trail."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from balancer.cli.exits import FOUND_WANTING, refusing_bad_input
from balancer.cli.serve import DatabaseOption

app = typer.Typer(no_args_is_help=True, help="The trail of who did what.")
_END = re.compile(r"([0-9]+):([0-9a-f]{64})")


@app.callback()
def audit() -> None:
    """The trail of who did what."""


@app.command("verify")
def verify(
    database: DatabaseOption = None,
    witnessed: Annotated[
        str | None,
        typer.Option(help="An end that this command printed earlier, kept elsewhere: the trail must still hold it."),
    ] = None,
) -> None:
    """Follow the trail's chain of hashes from its beginning; exit 1 if it is broken, and say where.

    Keep the end that is printed somewhere that whoever may write the database may not write: a trail that was
    rewritten as a whole is found out by that alone.
    """
    with refusing_bad_input():
        from balancer import bootstrap
        from balancer.config import read_settings
        from balancer.domain.errors import InvalidValueError
        from balancer.store.audit import AuditEnd
        from balancer.store.audit import verify as follow

        known = None
        if witnessed is not None:
            parts = _END.fullmatch(witnessed)
            if parts is None:
                raise InvalidValueError("--witnessed", "is not an end as this command prints it: number:hash")
            known = AuditEnd(sequence=int(parts.group(1)), hash=parts.group(2))
        opened = bootstrap.open_database(read_settings(database_url=database))
    try:
        with opened.session() as session:
            verdict = follow(session, witnessed=known)
    finally:
        opened.close()
    if verdict.fault:
        typer.echo(f"the audit trail is broken: {verdict.fault}", err=True)
        raise typer.Exit(FOUND_WANTING)
    typer.echo(f"the audit trail holds: {verdict.end.sequence:,} entries")
    typer.echo(f"its end: {verdict.end.sequence}:{verdict.end.hash}")

"""``balancer refresh``: take in what the trusts have delivered, once, and say what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from balancer.cli.exits import FOUND_WANTING, refusing_bad_input, warn
from balancer.cli.progress import Stages
from balancer.cli.serve import DatabaseOption, NetworkOption

if TYPE_CHECKING:
    from balancer.ingest.feed_file import FeedDescription
    from balancer.ingest.roster_file import RosterDescription
    from balancer.services.outcomes import BatchOutcome, RosterOutcome


def refresh(network: NetworkOption = None, database: DatabaseOption = None) -> None:
    """Take in rosters and feeds once, as the scheduler does on their intervals; exit 1 if any could not be fetched."""
    stages = Stages()
    with refusing_bad_input(), stages.stage("start", "starting"):
        from balancer import bootstrap, telemetry
        from balancer.config import read_settings

        settings = read_settings(network=network, database_url=database)
        telemetry.configure(settings.log_format)
        folder = bootstrap.read_network(settings.network)
        opened = bootstrap.open_database(settings)
    warn(folder.warnings)
    try:
        failures = []
        with stages.stage("refresh", "taking in rosters and feeds"):
            take_in = bootstrap.build_intake(settings, opened, folder)
            sources: list[FeedDescription | RosterDescription] = [*folder.rosters, *folder.feeds]
            for source in sources:
                stages.say(source.name)
                try:
                    outcomes = take_in(source)
                except OSError as error:
                    failures.append(f"{source.name}: {error.filename}: {error.strerror}")
                    continue
                for line in _said(source.name, outcomes):
                    typer.echo(line)
    finally:
        opened.close()
    for failure in failures:
        typer.echo(failure, err=True)
    if failures:
        raise typer.Exit(FOUND_WANTING)


def _said(name: str, outcomes: Sequence[BatchOutcome | RosterOutcome]) -> Iterable[str]:
    """Yield what became of a source's files, a line each."""
    from balancer.services.outcomes import BatchOutcome

    if not outcomes:
        yield f"{name}: nothing has been delivered"
    for outcome in outcomes:
        reason = f" ({outcome.reason})" if outcome.reason else ""
        if isinstance(outcome, BatchOutcome):
            books = outcome.books
            yield (
                f"{name}: {outcome.state}{reason}: {books.rows_read:,} rows = {books.new:,} new + {books.changed:,} "
                f"changed + {books.unchanged:,} unchanged + {books.duplicate:,} duplicate + {books.excluded:,} excluded"
                f" + {books.quarantined:,} quarantined; {books.open_after:,} open"
            )
        else:
            yield (
                f"{name}: {outcome.state}{reason}: {outcome.sessions:,} sessions, "
                f"{outcome.quarantined:,} rows quarantined"
            )

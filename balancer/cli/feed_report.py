"""Printing what a dry run found: tables on a terminal, plain columns elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import typer

from balancer.domain.feed import ParsedExtract
from balancer.domain.roster import ParsedRoster
from balancer.ingest.dry_run import ReasonGroup, counts, lines_to_paste, masked, reason_groups
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder


def print_extract(
    parsed: ParsedExtract, feed: FeedDescription, network: NetworkFolder, *, file_name: str, examples: int
) -> None:
    """Print what a file of studies would bring."""
    made = f"{parsed.extracted_at:%Y-%m-%d %H:%M} UTC" if parsed.extracted_at else "it does not say"
    _table((), [("file", file_name), ("feed", f"{feed.name} ({feed.kind})"), ("made at", made)])
    if _problem(parsed.problem):
        return
    rules: dict[str, int] = {}
    for row in parsed.excluded:
        rules[row.rule] = rules.get(row.rule, 0) + 1
    groups = reason_groups(parsed.quarantined, examples)
    _table(
        ("rows", ""),
        [
            ("read", f"{parsed.rows_read:,}"),
            ("accepted", f"{len(parsed.studies):,}"),
            ("the same study again", f"{len(parsed.duplicates):,}"),
            *((f"left out: {rule}", f"{rows:,}") for rule, rows in rules.items()),
            ("quarantined", f"{len(parsed.quarantined):,}"),
        ],
    )
    for what, found in counts(parsed, network).items():
        _table((what, "accepted"), [(name, f"{rows:,}") for name, rows in found])
    _print_groups(groups)
    lines = lines_to_paste(parsed, feed, network)
    if lines:
        typer.echo("To paste into the description, once somebody who knows has completed each line:\n")
        typer.echo("\n".join(lines))


def print_rota(parsed: ParsedRoster, *, file_name: str, examples: int) -> None:
    """Print what a rota would bring."""
    _table((), [("file", file_name), ("rota", parsed.feed)])
    if _problem(parsed.problem):
        return
    hours: dict[str, float] = {}
    for session in parsed.sessions:
        only = f"{'/'.join(sorted(session.priorities))} only, " if session.priorities else ""
        kind = only + (parsed.locations.get(session.session_id) or "place not given")
        hours[kind] = hours.get(kind, 0.0) + (session.end - session.start).total_seconds() / 3600
    _table(
        ("rota", ""),
        [
            ("speaks for", f"{parsed.covers_from:%a %d %b %Y} to {parsed.covers_to:%a %d %b %Y}"),
            ("rows read", f"{parsed.rows_read:,}"),
            ("rows quarantined", f"{len(parsed.quarantined):,}"),
            ("people reporting", f"{len({session.reporter_id for session in parsed.sessions}):,}"),
            ("reporting sessions", f"{len(parsed.sessions):,}"),
            *((f"hours: {kind}", f"{total:,.1f}") for kind, total in sorted(hours.items())),
        ],
    )
    _print_groups(reason_groups(parsed.quarantined, examples))


def _problem(problem: str) -> bool:
    if problem:
        typer.echo(f"nothing of this file could be used: {masked(problem)}")
    return bool(problem)


def _print_groups(groups: Iterable[ReasonGroup]) -> None:
    for group in groups:
        typer.echo(f"{group.rows:,} quarantined: {_words(group.reason)}. To do: {group.advice}.")
        _table((), [(f"  {example.place}", example.column, example.detail) for example in group.examples])


def _words(reason: str) -> str:
    return reason.replace("_", " ").replace("nhs", "NHS")


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        return
    if sys.stdout.isatty():
        _rich_table(header, rows)
    else:
        _plain_table([header, *rows] if header else rows)
    typer.echo()


def _plain_table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _rich_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=bool(header), box=None, pad_edge=False)
    for at in range(len(rows[0])):
        table.add_column(header[at] if header else "", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)

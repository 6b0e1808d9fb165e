"""``balancer feed check``: a dry run of one file against its description, for a trust's analyst."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from balancer.cli.exits import FOUND_WANTING, refusing_bad_input, warn
from balancer.cli.progress import Stages

app = typer.Typer(no_args_is_help=True, help="Try what trusts deliver before it counts.")

# The pseudonyms of a dry run are shown to nobody.
_NO_KEY = b"dry run"


@app.callback()
def feed() -> None:
    """Try what trusts deliver before it counts."""


@app.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A file as the trust delivers it.")],
    feed: Annotated[Path, typer.Option(help="Its description: feeds/RVV.toml, rosters/RWF.toml, or RVV.toml.")],
    network: Annotated[
        Path | None, typer.Option(help="The network folder; by default the one that holds the description.")
    ] = None,
    examples: Annotated[int, typer.Option(help="How many rows to show of each reason.", min=0)] = 3,
    most_quarantined: Annotated[
        float, typer.Option(help="Exit 1 if a greater share of the rows is quarantined.", min=0, max=1)
    ] = 0.1,
) -> None:
    """Show what would become of every row of a file of studies or of a rota; nothing is stored.

    Exit 0 if the file is usable, 1 if it is not or too much of it is quarantined, 2 if the description or the network
    folder has faults.
    """
    from balancer.cli.feed_report import print_extract, print_rota
    from balancer.ingest.extract import parse_extract
    from balancer.ingest.feed_file import FeedDescription
    from balancer.ingest.network_folder import read_description, read_network
    from balancer.ingest.rota import parse_rota

    stages = Stages()
    with refusing_bad_input():
        path = _find(feed, network, file)
        path.stat()  # before a missing description is mistaken for a missing network
        known = read_network(network or path.resolve().parent.parent)
        description = read_description(path, known)
        content = file.read_bytes()
    warn(description.warnings)
    with stages.stage("parse", f"reading {file.name}"):
        if isinstance(description, FeedDescription):
            extract = parse_extract(content, description, known, file_name=file.name, pseudonym_key=_NO_KEY)
            quarantined, rows, usable = len(extract.quarantined), extract.rows_read, bool(extract.studies)
        else:
            rota = parse_rota(content, description, known, file_name=file.name)
            quarantined, rows, usable = len(rota.quarantined), rota.rows_read, bool(rota.sessions)
    if isinstance(description, FeedDescription):
        print_extract(extract, description, known, file_name=file.name, examples=examples)
    else:
        print_rota(rota, file_name=file.name, examples=examples)
    if not usable:
        typer.echo("verdict: nothing usable")
        raise typer.Exit(FOUND_WANTING)
    share = quarantined / rows
    typer.echo(f"verdict: usable; {share:.1%} of the rows quarantined")
    if share > most_quarantined:
        typer.echo(f"that is more than {most_quarantined:.0%}", err=True)
        raise typer.Exit(FOUND_WANTING)


def _find(feed: Path, network: Path | None, file: Path) -> Path:
    """Return where the description is: as given, or below the network folder, or below a folder that holds the file."""
    places = [feed, *(candidate for folder in _folders(network, file) for candidate in _within(folder, feed))]
    return next((place for place in places if place.is_file()), feed)


def _folders(network: Path | None, file: Path) -> Iterator[Path]:
    if network is not None:
        yield network
    else:
        yield from file.resolve().parents


def _within(folder: Path, feed: Path) -> Iterator[Path]:
    yield folder / feed
    yield folder / "feeds" / feed
    yield folder / "rosters" / feed

"""``balancer policy``: versions of the clinical policy, written out, compared, proposed and decided about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from balancer.cli.exits import BAD_INPUT, FOUND_WANTING, refusing_bad_input
from balancer.cli.serve import DatabaseOption
from balancer.cli.terminal import whoever_types
from balancer.domain.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from balancer.domain.policy import Policy
    from balancer.store.database import Database, Session

app = typer.Typer(no_args_is_help=True, help="Versions of the clinical policy.")
VersionArgument = Annotated[
    int, typer.Argument(min=1, help="The version's number, as `balancer policy list` shows it.")
]
ReasonOption = Annotated[str, typer.Option(help="Why; it is kept with the version.")]


@app.command("list")
def list_versions(database: DatabaseOption = None) -> None:
    """List every version, newest first: what became of it, whose it is, and who approved it."""
    from balancer.store import policies

    with _database(database) as opened, opened.session() as session:
        for item in policies.versions(session):
            row, by = item.row, f", approved by {item.approver}" if item.approver else ""
            named = " ".join(filter(None, [row.owner, row.version])) or "unnamed"
            typer.echo(f"{row.id}  {item.state}  {named}, by {row.author}{by}")


@app.command("export")
def export(
    version: Annotated[int | None, typer.Argument(min=1, help="Its number; the one in force if not given.")] = None,
    out: Annotated[Path | None, typer.Option(help="File to write; to the terminal if not given.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Write a version as the file of a network folder, with its author and its approver."""
    from balancer.publish.problem_folder import policy_text
    from balancer.store import policies

    with _database(database) as opened, opened.session() as session:
        number = version or policies.current_policy_row(session).id or 0
        text = policy_text(policies.signed(policies.version(session, number)))
        if out is None:
            typer.echo(text, nl=False)
            return
        out.write_text(text, encoding="utf-8", newline="\n")
    typer.echo(f"version {number} written to {out}")


@app.command("compare")
def compare_versions(
    before: Annotated[str, typer.Argument(help="A version's number, or a policy file.")],
    after: Annotated[str, typer.Argument(help="A version's number, or a policy file.")],
    database: DatabaseOption = None,
) -> None:
    """Say in which fields two versions differ, a line each; exit 1 if they do, 0 if they say the same."""
    from balancer.domain.policy_version import compare

    with _database(database) as opened, opened.session() as session:
        changes = compare(_policy(session, before), _policy(session, after))
    for change in changes:
        typer.echo(f"{change.field}: {_told(change.was)} -> {_told(change.becomes)}")
    if changes:
        raise typer.Exit(FOUND_WANTING)


@app.command("propose")
def propose(
    file: Annotated[Path, typer.Argument(help="A whole policy file.")],
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Propose a version; nothing is changed by it until somebody approves it."""
    from balancer.bootstrap import SystemClock
    from balancer.ingest.policy_file import read_policy
    from balancer.services.propose_policy import propose_policy

    with _database(database) as opened:
        policy, by = read_policy(file.read_bytes(), str(file)), whoever_types()
        number = propose_policy(
            opened, policy, SystemClock().now(), by=by, author=policy.author or by.name, reason=reason
        )
    typer.echo(f"version {number} waits to be approved: balancer policy approve {number} --approver NAME --reason WHY")


@app.command("approve")
def approve(
    version: VersionArgument,
    approver: Annotated[str, typer.Option(help="Who answers for the policy, by name.")],
    reason: ReasonOption,
    database: DatabaseOption = None,
) -> None:
    """Bring a proposed version into force: open studies are due by it at once, and a run is asked for."""
    from balancer.bootstrap import SystemClock
    from balancer.services.decide_policy import approve_policy

    with _database(database) as opened:
        approve_policy(opened, version, SystemClock().now(), by=whoever_types(), approver=approver, reason=reason)
    typer.echo(f"version {version} is in force")


@app.command("decline")
def decline(version: VersionArgument, reason: ReasonOption, database: DatabaseOption = None) -> None:
    """Decide against a proposed version."""
    from balancer.bootstrap import SystemClock
    from balancer.services.decide_policy import decline_policy

    with _database(database) as opened:
        decline_policy(opened, version, SystemClock().now(), by=whoever_types(), reason=reason)
    typer.echo(f"version {version} is declined")


@contextmanager
def _database(url: str | None) -> Iterator[Database]:
    """Yield the database; what is refused is said on stderr, and nothing is written."""
    from balancer import bootstrap
    from balancer.config import read_settings

    with refusing_bad_input():
        opened = bootstrap.open_database(read_settings(database_url=url))
        try:
            yield opened
        except (ConflictError, NotFoundError) as error:
            typer.echo(f"refused: {error}; nothing was written", err=True)
            raise typer.Exit(BAD_INPUT) from error
        finally:
            opened.close()


def _policy(session: Session, named: str) -> Policy:
    from balancer.ingest.policy_file import read_policy
    from balancer.store import policies

    if named.isdecimal():
        return policies.signed(policies.version(session, int(named)))
    return read_policy(Path(named).read_bytes(), named)


def _told(value: object) -> str:
    return "nothing" if value is None else str(value)

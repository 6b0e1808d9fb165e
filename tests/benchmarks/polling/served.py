"""What is polled: the Kent sample, allocated and served as ever, and beside it a route that does nothing."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import Response

from balancer import bootstrap, telemetry
from balancer.api.app import PREFIX
from balancer.api.callers import anybody
from balancer.api.routes import worklists
from balancer.config import Settings, read_settings
from balancer.services.run_allocation import run_allocation

EMPTY: Final = f"{PREFIX}/empty"
_NICE = 10  # as the scheduler's own solves
_ENDLESS = 2 * 10**9  # proposals: a plan that is published during the measure is another thing than a solve


def settings(url: str) -> Settings:
    """Return the settings of the benchmark, whatever the environment says."""
    root = Path(__file__).parents[3]
    return read_settings(
        database_url=url,
        network=root / "data" / "kent",
        shift_to_present=True,
        sign_in="local",
        pseudonym_key="a key for pseudonyms of what is synthetic",  # PostgreSQL has replicas, which need the same one
    )


def prepare(url: str) -> None:
    """Take the sample in, and publish a first plan."""
    given = settings(url)
    database = bootstrap.open_database(given)
    folder = bootstrap.read_network(given.network)
    take_in = bootstrap.build_intake(given, database, folder)
    for roster in folder.rosters:
        take_in(roster)
    for feed in folder.feeds:
        take_in(feed)
    database.close()
    solve(url, 3.0)


def solve(url: str, seconds: float, work: int | None = None) -> None:
    """Run an allocation in this process for so many seconds, with one worker at reduced priority."""
    from balancer.optimise.solve import solve as solver  # noqa: PLC0415 - OR-Tools takes seconds to import

    os.nice(_NICE)
    database = bootstrap.open_database(settings(url))
    now = bootstrap.SystemClock().now()
    outcome = run_allocation(database, now, seconds=seconds, work=work, solver=functools.partial(solver, workers=1))
    assert outcome.error == "", outcome.error
    database.close()


async def _nothing() -> Response:
    return Response()


def serve(url: str, port: int) -> None:
    """Serve in this process until told to stop."""
    given = settings(url)
    telemetry.configure(given.log_format)
    # beside what is polled: behind all other routes half of its time went into passing them
    worklists.router.add_api_route(EMPTY.removeprefix(PREFIX), _nothing, dependencies=[anybody()])
    app = bootstrap.build_app(given, bootstrap.open_database(given))
    bootstrap.settle()  # as `balancer serve` does
    uvicorn.run(
        app, port=port, log_config=None, access_log=False, lifespan="off", proxy_headers=False, server_header=False
    )


if __name__ == "__main__":
    what, url = sys.argv[1:3]
    if what == "prepare":
        prepare(url)
    elif what == "solve":
        solve(url, float(sys.argv[3]), _ENDLESS)
    else:
        serve(url, int(sys.argv[3]))

"""Whether worklists can be had and are kept up to date."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from balancer.api.models.health import Check, CheckOut
from balancer.api.serving import Serving
from balancer.store import jobs, runs
from balancer.store.database import Database

_log = structlog.get_logger("balancer.api")
SCHEDULER = "scheduler"
# Without these nothing can be had. A scheduler is needed for what is new; it may be silent on this machine alone.
NEEDED = frozenset({Check.DATABASE, Check.WORKLISTS})
# The scheduler beats every few seconds; this many without a beat and it is taken for dead.
MOST_SILENT = timedelta(seconds=30)


def checks(served: Serving) -> list[CheckOut]:
    """Return each thing the service needs, and whether it has it; whatever the database does, this answers."""
    try:
        return [
            CheckOut(check=Check.DATABASE, ok=True, detail="answers"),
            *_in_database(served.database, (served.beats or served.clock).now()),
        ]
    except Exception:  # noqa: BLE001 - whichever way a database fails, the answer is that it does
        _log.exception("readiness.database_failed")
        return [CheckOut(check=Check.DATABASE, ok=False, detail="does not answer")]


def _in_database(database: Database, now: datetime) -> list[CheckOut]:
    with database.session() as session:
        published = runs.current_run(session)
        beat = jobs.heartbeats(session).get(SCHEDULER)
    worklists = CheckOut(check=Check.WORKLISTS, ok=False, detail="none have been published yet")
    if published is not None:
        when = published.finished_at or published.started_at
        worklists = CheckOut(check=Check.WORKLISTS, ok=True, detail=f"last published {_said(when)}")
    scheduler = CheckOut(check=Check.SCHEDULER, ok=False, detail="has not started yet")
    if beat is not None:
        alive = now - beat.beat_at <= MOST_SILENT
        said = "is alive" if alive else "is silent: lists stand, but nothing new is taken in"
        scheduler = CheckOut(check=Check.SCHEDULER, ok=alive, detail=f"{said} (last beat {_said(beat.beat_at)})")
    return [worklists, scheduler]


def _said(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")

"""Emergencies of a file are put on lists before the rest of it is taken in: each would hold up the other."""

from __future__ import annotations

import time
from collections.abc import Callable

from balancer.store import runs
from balancer.store.database import Database

# By then it is on a list, or it has no place and the rest need not wait for it.
MOST_SECONDS = 1.0
# Whoever follows the lists fetches theirs.
_FETCHED_SECONDS = 0.25
_LOOK_EVERY_SECONDS = 0.02


def wait_until_listed(database: Database, is_another_coming: Callable[[], bool]) -> bool:
    """Wait until lists have been mended, or another file has come; tell whether they have been.

    Raises
    ------
    StoreBusyError
        If the database does not answer.
    """
    ends_at = time.monotonic() + MOST_SECONDS
    before = _last(database)
    while _last(database) == before:
        if is_another_coming() or time.monotonic() >= ends_at:
            return False
        time.sleep(_LOOK_EVERY_SECONDS)
    time.sleep(_FETCHED_SECONDS)
    return True


def _last(database: Database) -> int | None:
    with database.session() as session:
        return runs.last_mending(session)

"""Whose keys and tokens were good a moment ago: who polls is not looked up anew for each question.

On PostgreSQL the look-up costs more than an answer that says that nothing has changed. What is kept holds for a second
at most, and until this process writes anything. So a key that another replica or the command line disables opens
nothing after that second, and never changes anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from balancer.domain.actor import Actor
from balancer.domain.instant import Clock
from balancer.services.secret import digest_of
from balancer.services.whose_bearer import Bearer, whose_bearer
from balancer.store.database import Database

OLDEST_SECONDS: Final = 1.0
# Each is a system's that was let in within the last moments: there are never so many.
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Seen:
    bearer: Bearer
    writes: int
    at: float


class Bearers:
    """Tells whose a key or token is; under its digest, so that none lies about in memory.

    Parameters
    ----------
    database
        Returns the database, whole.
    """

    def __init__(self, database: Callable[[], Database], clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def recent(self, shown: str) -> Actor | None:
        """Return whose it was a moment ago, without asking the database; ``None`` if that has to be looked up."""
        seen = self._seen.get(digest_of(shown))
        if seen is None or seen.writes != self._database().writes or time.monotonic() - seen.at >= OLDEST_SECONDS:
            return None
        ends = seen.bearer.expires_at
        return seen.bearer.actor if ends is None or self._clock.now() < ends else None

    def look_up(self, shown: str) -> Actor | None:
        """Return whose it is; ``None`` if it is no good. This waits for the database."""
        database = self._database()
        # noted before the look: what is written during it is looked at again
        writes, at = database.writes, time.monotonic()
        found = whose_bearer(database, shown, self._clock.now())
        if found is None:
            return None
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[digest_of(shown)] = _Seen(found, writes, at)
        return found.actor

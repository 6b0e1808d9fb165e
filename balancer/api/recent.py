"""What was shown and found good a moment ago: who polls is not looked up anew for each question.

The look-up costs more than an answer that says that nothing has changed. What is kept holds for a second at most, and
until this process writes anything. So what another replica or the command line ends opens nothing after that second,
and never changes anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from balancer.services.secret import digest_of
from balancer.store.database import Database

OLDEST_SECONDS: Final = 1.0
# Each is of somebody who was let in within the last moments: there are never so many.
_MOST: Final = 10_000
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Found]):
    found: Found
    writes: int
    at: float


class Recent(Generic[Found]):
    """Keeps what was found of a key, a token or a session; under its digest, so that none lies about in memory.

    Parameters
    ----------
    database
        Returns the database, whole.
    """

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database
        self._kept: dict[str, _Kept[Found]] = {}

    async def found(
        self, shown: str, look: Callable[[Database], Found | None], *, will_do: Callable[[Found], bool]
    ) -> Found | None:
        """Return what was found a moment ago if it ``will_do``; else what ``look`` finds, ``None`` if that is nothing.

        Only to look does this wait for the database; a thread does it.
        """
        kept = self._kept.get(digest_of(shown))
        if kept is not None and self._is_recent(kept) and will_do(kept.found):
            return kept.found
        return await run_in_threadpool(self._look_up, shown, look)

    def _is_recent(self, kept: _Kept[Found]) -> bool:
        return kept.writes == self._database().writes and time.monotonic() - kept.at < OLDEST_SECONDS

    def _look_up(self, shown: str, look: Callable[[Database], Found | None]) -> Found | None:
        database = self._database()
        # noted before the look: what is written during it is looked at again
        writes, at = database.writes, time.monotonic()
        found = look(database)
        if found is not None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[digest_of(shown)] = _Kept(found, writes, at)
        return found

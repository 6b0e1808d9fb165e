"""What was shown and found good a moment ago: who polls is not looked up anew for each question.

The look-up costs more than an answer that says that nothing has changed. What is kept holds for a second at most, and
until this process writes anything. So what another replica or the command line ends opens nothing after that second,
and never changes anything.
"""

from __future__ import annotations

import asyncio
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
        # what is being looked up, and when that has ended; those who wait for it are of one event loop
        self._looking: dict[tuple[str, asyncio.AbstractEventLoop], asyncio.Event] = {}

    async def found(
        self, shown: str, look: Callable[[Database], Found | None], *, will_do: Callable[[Found], bool] | None
    ) -> Found | None:
        """Return what was found a moment ago if it ``will_do``; else what ``look`` finds, ``None`` if that is nothing.

        Only to look does this wait for the database, by a thread; of many who show the same at once one does. If
        ``will_do`` is ``None``, nothing will but a look of one's own.
        """
        digest = digest_of(shown)
        key = digest, asyncio.get_running_loop()
        if will_do is not None:
            found = self._recent(digest, will_do)
            if found is None and key in self._looking:
                await self._looking[key].wait()
                found = self._recent(digest, will_do)
            if found is not None:
                return found
        ended = self._looking.setdefault(key, asyncio.Event())
        try:
            return await run_in_threadpool(self._look_up, digest, look)
        finally:
            self._looking.pop(key, None)
            ended.set()

    def _recent(self, digest: str, will_do: Callable[[Found], bool]) -> Found | None:
        kept = self._kept.get(digest)
        if kept is None or kept.writes != self._database().writes or time.monotonic() - kept.at >= OLDEST_SECONDS:
            return None
        return kept.found if will_do(kept.found) else None

    def _look_up(self, digest: str, look: Callable[[Database], Found | None]) -> Found | None:
        database = self._database()
        # noted before the look: what is written during it is looked at again
        writes, at = database.writes, time.monotonic()
        found = look(database)
        if found is not None:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[digest] = _Kept(found, writes, at)
        return found

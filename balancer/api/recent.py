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
# What has grown old stays until it is looked up again, or until there are so many: then all go.
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
        # what is being looked up; those who wait for it are of one event loop
        self._looking: dict[tuple[str, asyncio.AbstractEventLoop], asyncio.Task[Found | None]] = {}

    async def found(
        self, shown: str, look: Callable[[Database], Found | None], *, will_do: Callable[[Found], bool] | None
    ) -> Found | None:
        """Return what was found a moment ago if it ``will_do``; else what ``look`` finds, ``None`` if that is nothing.

        Only to look does this wait for the database, by a thread; of many who show the same at once one does. If
        ``will_do`` is ``None``, nothing will but a look of one's own.
        """
        digest = digest_of(shown)
        if will_do is None:
            return await run_in_threadpool(self._look_up, digest, look)
        found = self._recent(digest, will_do)
        key = digest, asyncio.get_running_loop()
        looking = self._under_way(key)
        if found is None and looking is not None:
            await asyncio.wait([looking])
            found = self._recent(digest, will_do)
        if found is not None:
            return found
        # one that another has begun meanwhile is later than this was asked: as good as a look of one's own
        return await asyncio.shield(self._under_way(key) or self._begin(key, look))

    def _under_way(self, key: tuple[str, asyncio.AbstractEventLoop]) -> asyncio.Task[Found | None] | None:
        looking = self._looking.get(key)
        return None if looking is None or looking.done() else looking

    def _begin(
        self, key: tuple[str, asyncio.AbstractEventLoop], look: Callable[[Database], Found | None]
    ) -> asyncio.Task[Found | None]:
        """Begin to look; it goes on though whoever asked has gone, for those who wait for it."""
        looking = self._looking[key] = asyncio.create_task(run_in_threadpool(self._look_up, key[0], look))

        def forget(ended: asyncio.Task[Found | None]) -> None:
            if self._looking.get(key) is ended:
                del self._looking[key]
            if not ended.cancelled():
                ended.exception()  # told to whoever waits: if all have gone, to nobody

        looking.add_done_callback(forget)
        return looking

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
        if found is None:
            self._kept.pop(digest, None)
            return None
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[digest] = _Kept(found, writes, at)
        return found

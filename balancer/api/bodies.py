"""Lists as they are sent, kept for as long as they hold: many ask for the same list, and making one takes long."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager

# A list is some 100 KB at the most.
_MOST = 500
# Making one is all processor, which one thread has at a time: more at once would all be ready last. One that takes
# long, or waits for the database, is not to keep the others waiting.
_AT_ONCE = 2


class Bodies:
    """The newest body made for each key, with its ETag, for the ``most`` keys that were made last."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, tuple[bytes, str]] = OrderedDict()
        self._keeping = threading.Lock()
        # of each key that is being made: its lock, and how many have or want it
        self._making: dict[Hashable, tuple[threading.Lock, int]] = {}

    def kept(self, key: Hashable, tag: str | None) -> bytes | None:
        """Return the body of this ETag, if it is the one kept."""
        found = self._made.get(key)
        return found[0] if found is not None and found[1] == tag else None

    def made(self, key: Hashable, tag: str | None, make: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
        """Return body and ETag: those kept if they are of ``tag``, else newly made, once for all who ask.

        Whoever asks for another key's does not wait for it.
        """
        with self._alone(key):
            body = self.kept(key, tag)
            found = (body, tag) if body is not None and tag is not None else make()
            with self._keeping:
                self._made[key] = found
                self._made.move_to_end(key)
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
            return found

    @contextmanager
    def _alone(self, key: Hashable) -> Iterator[None]:
        """Let one at a time make what ``key`` stands for."""
        with self._keeping:
            lock, wanted = self._making.get(key, (threading.Lock(), 0))
            self._making[key] = lock, wanted + 1
        try:
            with lock:
                yield
        finally:
            with self._keeping:
                lock, wanted = self._making.pop(key)
                if wanted > 1:
                    self._making[key] = lock, wanted - 1


class Turns:
    """Who makes a body next, of all who want one made; for coroutines of one event loop.

    After a run everybody's list is new. Whoever has an emergency to be told of does not wait until all are made.
    """

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._free = at_once
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    @asynccontextmanager
    async def turn(self, urgent: Callable[[], bool]) -> AsyncIterator[None]:
        """Wait for a turn, and have it; whose is ``urgent`` by then comes first, else who asked first."""
        if self._free:
            self._free -= 1
        else:
            mine = asyncio.get_running_loop().create_future()
            self._waiting.append((urgent, mine))
            try:
                await mine
            except asyncio.CancelledError:
                if mine.done() and not mine.cancelled():  # it had been given the turn already
                    self._pass_on()
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        self._waiting = [item for item in self._waiting if not item[1].done()]
        if self._waiting:
            first = next((item for item in self._waiting if item[0]()), self._waiting[0])
            self._waiting.remove(first)
            first[1].set_result(None)
        else:
            self._free += 1

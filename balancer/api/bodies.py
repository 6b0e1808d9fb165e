"""Lists as they are sent, kept for as long as they hold: many ask for the same list, and making one takes long."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import chain

# A list is some 100 KB at the most.
_MOST = 500
# Making one is all processor, which one thread has at a time: more at once would all be ready last. One that takes
# long, or waits for the database, is not to keep the others waiting.
_AT_ONCE = 2
# As long as it may take to read an emergency's file, and to mend lists for it, beside a plan just published.
RESTS_FOR_SECONDS = 2.0
# Two bodies at once take twice as long each: the most urgent one has the processor for itself, unless it takes long.
ALONE_FOR_SECONDS = 0.1
# Longer than making everybody's list takes when all are new, and shorter than any client's patience.
OVERDUE_SECONDS = 10.0


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


@dataclass(slots=True, kw_only=True)
class _Wish:
    """Somebody who wants a body made; ``urgency`` is 0 if it is as any other."""

    urgency: Callable[[], int]
    patient: bool
    since: float
    given: asyncio.Future[None]


class Turns:
    """Who makes a body next, of all who want one made; for coroutines of one event loop.

    After a run everybody's list is new. Whoever has an emergency to be told of does not wait until all are made. And
    those who wait for news anyway (``patient``) leave the processor to others half of the time: an emergency that
    arrives meanwhile is still being read, and mended, by threads and processes beside this one. They do so for
    ``RESTS_FOR_SECONDS`` at the most, however many they are. As long as something is under way that is known not to be
    able to wait (``hurried``), they leave all of it. What is urgent is made alone, for ``ALONE_FOR_SECONDS`` at most.
    Nobody waits for ever: where more is wanted than can be made, every second turn is that of whoever has waited
    longest, if that is for more than ``OVERDUE_SECONDS``.
    """

    def __init__(self, at_once: int = _AT_ONCE, *, hurried: Callable[[], bool] = lambda: False) -> None:
        self._free = at_once
        self._hurried = hurried
        self._resting = False
        self._alone: _Wish | None = None
        self._was_overdue = False
        self._waiting: list[_Wish] = []

    @property
    def are_wanted(self) -> bool:
        """Whether anybody waits for a turn; ``give`` is then to be called now and again."""
        return any(not wish.given.done() for wish in self._waiting)

    @asynccontextmanager
    async def turn(self, urgency: Callable[[], int], *, patient: bool = False) -> AsyncIterator[None]:
        """Wait for a turn, and have it; who is most urgent by then comes first, then who cannot wait, in order."""
        loop = asyncio.get_running_loop()
        mine = _Wish(urgency=urgency, patient=patient, since=loop.time(), given=loop.create_future())
        self._waiting.append(mine)
        # all who are told of something at once ask one after the other: who of them comes first is seen when all have
        loop.call_soon(self.give)
        try:
            await mine.given
        except asyncio.CancelledError:
            if mine.given.done() and not mine.given.cancelled():  # it had been given the turn already
                self._end(mine, 0.0)
            raise
        began = loop.time()
        try:
            yield
        finally:
            self._end(mine, loop.time() - began)

    def give(self) -> None:
        """Give the turns that are free to those who come first; call it when somebody may have become urgent."""
        self._waiting = [wish for wish in self._waiting if not wish.given.done()]
        while self._free and self._alone is None and (first := self._first()) is not None:
            self._waiting.remove(first)
            self._free -= 1
            # one at a time of those who can wait: while it makes, and while it rests
            self._was_overdue = self._is_overdue(first)
            first.patient = first.patient and not first.urgency() and not self._was_overdue
            self._resting |= first.patient
            if first.urgency():
                self._alone = first
                asyncio.get_running_loop().call_later(ALONE_FOR_SECONDS, self._end_alone, first)
            first.given.set_result(None)

    def _first(self) -> _Wish | None:
        if self._waiting and not self._was_overdue and self._is_overdue(self._waiting[0]):
            return self._waiting[0]
        most = max(self._waiting, key=lambda wish: wish.urgency(), default=None)
        if most is not None and most.urgency():
            return most
        cannot_wait = (wish for wish in self._waiting if not wish.patient)
        can_wait = (wish for wish in self._waiting if not self._resting and not self._lets_go_first(wish))
        return next(chain(cannot_wait, can_wait), None)

    @staticmethod
    def _is_overdue(wish: _Wish) -> bool:
        return asyncio.get_running_loop().time() - wish.since > OVERDUE_SECONDS

    def _lets_go_first(self, wish: _Wish) -> bool:
        return self._hurried() and asyncio.get_running_loop().time() - wish.since < RESTS_FOR_SECONDS

    def _end(self, mine: _Wish, took: float) -> None:
        """Pass a turn on; who can wait rests for as long as it took, unless too many have waited for too long."""
        self._free += 1
        self._alone = None if self._alone is mine else self._alone
        if mine.patient:
            loop = asyncio.get_running_loop()
            rests = loop.time() - mine.since < RESTS_FOR_SECONDS
            loop.call_later(took if rests else 0.0, self._rested)
        self.give()

    def _end_alone(self, mine: _Wish) -> None:
        if self._alone is mine:
            self._alone = None
            self.give()

    def _rested(self) -> None:
        self._resting = False
        self.give()

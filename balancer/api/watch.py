"""How many clients wait for news with one look at the database for all of them.

Whoever waits is a coroutine that sleeps; it holds no thread and no connection. A look is a short query, made at most
once in ``OLDEST_SECONDS`` whatever the number of clients, and at once after this process has written something. All
are told at once of what it finds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from threading import Event

from starlette.concurrency import run_in_threadpool

from balancer.api.bodies import Bodies, Turns
from balancer.api.problems import TooManyWaitingError
from balancer.store import changes, journal, worklists
from balancer.store.changes import Mark
from balancer.store.database import Database
from balancer.store.worklists import ListMark

# What another replica has committed is known here within this time; what this one has, at once.
OLDEST_SECONDS = 0.05
# How often it is asked, for all who wait, whether there is something to look at.
_TICK_SECONDS = 0.02
# Whoever takes something in hands it to whoever mends lists for it: between them nothing is seen to be under way.
HANDED_ON_WITHIN_SECONDS = 0.25
# For how long a list that was mended is news that cannot wait; what else changes on it is as on any other.
URGENT_FOR_SECONDS = 2.0
# How often it is looked whether they have gone away.
_GONE_EVERY_SECONDS = 1.0
MOST_SECONDS = 60.0
# How many may wait at once in one name: a system for its every workstation, a page in many windows; no flood of them.
MOST_WAITING = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """How far everything has come that clients ask for again and again: each trust's changes, each reporter's list.

    ``journal``: the end of the journal, of all trusts together. ``hurried``: something was under way that cannot wait;
    that is no news to anybody.
    """

    feeds: Mapping[str, Mark]
    journal: Mark
    lists: Mapping[str, ListMark]
    hurried: bool = field(default=False, compare=False)


class Watch:
    """Knows how far things have come, everywhere, and keeps lists as they are sent, each as far as somebody reaches.

    Safe for any number of coroutines of one event loop.
    """

    def __init__(self, database: Database, ending: Event) -> None:
        self.database = database
        self._ending = ending
        self.bodies = Bodies()
        self.turns = Turns(hurried=self._is_hurried)
        self._marks: Marks | None = None
        self._hurried_at = -HANDED_ON_WITHIN_SECONDS
        # by reporter, since when their list is a mended one
        self._mended_at: dict[str, float] = {}
        self._looked_at = 0.0
        self._writes_seen = -1
        self._looking: asyncio.Task[Marks] | None = None
        self._looking_since = 0
        self._following: asyncio.Task[None] | None = None
        self._minding: asyncio.Task[None] | None = None
        self._followers = 0
        self._news = asyncio.Event()
        self._waiting: Counter[str] = Counter()

    @property
    def is_ending(self) -> bool:
        """Whether the service has been told to stop: whoever waits is answered as if their time were over."""
        return self._ending.is_set()

    @contextmanager
    def place(self, who: str) -> Iterator[None]:
        """Hold a place among those who wait in the name of ``who``.

        Raises
        ------
        TooManyWaitingError
            If as many wait already as may.
        """
        if self._waiting[who] >= MOST_WAITING:
            raise TooManyWaitingError(f"{MOST_WAITING} requests wait already in this name: end some of them first")
        self._waiting[who] += 1
        try:
            yield
        finally:
            self._waiting[who] -= 1
            if not self._waiting[who]:
                del self._waiting[who]

    async def look(self) -> Marks:
        """Return the marks as they are now, or were within the last ``OLDEST_SECONDS`` if only others write."""
        asked = self.database.writes
        while True:
            if self._marks is not None and self._is_fresh():
                return self._marks
            looking = self._looking
            if looking is None or looking.done() or looking.get_loop() is not asyncio.get_running_loop():
                self._looking_since = self.database.writes
                looking = self._looking = asyncio.create_task(self._look())
            since = self._looking_since
            # one who goes away must not take the others' look along
            marks = await asyncio.shield(looking)
            # whoever has written something is not told of the state before: the look may have begun earlier
            if since >= asked:
                return marks

    def urgency(self, reporter_id: str) -> int:
        """Return how urgent it is to make a list, 0 if it is not, as far as is known here.

        It is if the list was just made for what could not wait, and the later it was, the more. Of lists that were
        mended together the last holds what they were mended for.
        """
        mark = self._marks.lists.get(reporter_id) if self._marks is not None else None
        return mark.worklist_id if mark is not None and self._is_just_mended(reporter_id) else 0

    def _is_just_mended(self, reporter_id: str) -> bool:
        at = self._mended_at.get(reporter_id)
        return at is not None and time.monotonic() - at < URGENT_FOR_SECONDS

    @asynccontextmanager
    async def turn(self, reporter_id: str, *, patient: bool) -> AsyncIterator[None]:
        """Wait for a turn to make a reporter's list, and have it; ``patient`` is whoever has waited for news of it."""
        minding = self._minding
        if minding is None or minding.done() or minding.get_loop() is not asyncio.get_running_loop():
            self._minding = asyncio.create_task(self._mind_turns())
        async with self.turns.turn(urgency=lambda: self.urgency(reporter_id), patient=patient):
            yield

    async def _mind_turns(self) -> None:
        """Look for as long as anybody waits for a turn: who is urgent by then, and what others must let go first."""
        while self.turns.are_wanted:
            await asyncio.sleep(OLDEST_SECONDS)
            with contextlib.suppress(Exception):  # whoever gets the turn is told what is wrong: they must get it
                await self.look()
            self.turns.give()

    def _is_hurried(self) -> bool:
        return time.monotonic() - self._hurried_at < HANDED_ON_WITHIN_SECONDS

    async def until(
        self, happened: Callable[[Marks], bool], seconds: float, *, who: str, gone: Callable[[], Awaitable[bool]]
    ) -> Marks:
        """Return the marks once ``happened`` is true of them, or as they are when the time is over.

        Or when ``gone`` says that whoever waits in the name of ``who`` has gone away, or the service is to stop.

        Raises
        ------
        TooManyWaitingError
            As ``place``; whoever need not wait is always served.
        """
        marks = await self.look()
        if seconds <= 0 or happened(marks):
            return marks
        with self.place(who):
            return await self._wait(happened, seconds, gone)

    async def _wait(
        self, happened: Callable[[Marks], bool], seconds: float, gone: Callable[[], Awaitable[bool]]
    ) -> Marks:
        deadline = time.monotonic() + min(seconds, MOST_SECONDS)
        ask_again = time.monotonic() + _GONE_EVERY_SECONDS
        while True:
            marks = await self.look()
            now = time.monotonic()
            if now >= deadline or self.is_ending or happened(marks):
                return marks
            if now >= ask_again:
                if await gone():
                    return marks
                ask_again = now + _GONE_EVERY_SECONDS
            await self.news(marks, min(deadline, ask_again) - now)

    async def news(self, seen: Marks, seconds: float) -> None:
        """Wait until something has come further than ``seen``, the service is to stop, or the time is over."""
        if self._marks != seen:
            return
        self._followers += 1
        try:
            following = self._following
            if following is None or following.done() or following.get_loop() is not asyncio.get_running_loop():
                self._news = asyncio.Event()
                self._following = asyncio.create_task(self._follow(self._marks))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), max(seconds, 0))
        finally:
            self._followers -= 1

    async def _follow(self, seen: Marks | None) -> None:
        """Look for as long as somebody waits, and tell all of them when it is worth their looking up."""
        while self._followers:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                marks = await self.look()
            except Exception:  # noqa: BLE001 - whoever waits looks up, and is told what is wrong
                marks = None
            if marks is None or marks != seen or self.is_ending:
                seen = marks
                told, self._news = self._news, asyncio.Event()
                told.set()

    def _is_fresh(self) -> bool:
        return self._writes_seen == self.database.writes and time.monotonic() - self._looked_at < OLDEST_SECONDS

    async def _look(self) -> Marks:
        # noted before the look: what is written during it is looked at again
        writes, at = self.database.writes, time.monotonic()
        marks = await run_in_threadpool(self._read)
        if self._marks is not None and marks.lists != self._marks.lists:
            self._note_mended(self._marks.lists, marks.lists)
        self._marks, self._writes_seen, self._looked_at = marks, writes, at
        self._hurried_at = time.monotonic() if marks.hurried else self._hurried_at
        self.turns.give()
        return marks

    def _note_mended(self, before: Mapping[str, ListMark], lists: Mapping[str, ListMark]) -> None:
        """Note whose list has become another one that was mended, and forget whose that was long ago or is no more."""
        self._mended_at = {
            reporter_id: at for reporter_id, at in self._mended_at.items() if self._is_just_mended(reporter_id)
        }
        for reporter_id, mark in lists.items():
            was = before.get(reporter_id)
            if was is None or was.worklist_id != mark.worklist_id:
                self._mended_at.pop(reporter_id, None)
                if mark.mended:
                    self._mended_at[reporter_id] = time.monotonic()

    def _read(self) -> Marks:
        with self.database.session() as session:
            return Marks(
                feeds=changes.marks(session),
                journal=journal.mark(session),
                lists=worklists.list_marks(session),
                hurried=self.database.right_of_way.is_taken_in(session),
            )

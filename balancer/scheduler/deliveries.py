"""Files that have just been delivered: noticed when they are whole, not only when it is time to look for them.

Two looks that see the same file as new, and as long, say that nobody writes to it any more.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import Generic, TypeVar

from balancer.ingest.file_format import Source
from balancer.ingest.sources import Look, look_at
from balancer.scheduler.supervisor import delay_after

LOOK_EVERY = timedelta(seconds=0.1)
# A whole extract is taken in within a second; several trusts' may come together.
HELD_UP_FOR_SECONDS = 30.0
Described = TypeVar("Described", bound=Source)


@dataclass(frozen=True, slots=True)
class Noticed(Generic[Described]):
    """What a look has found: sources of which a file has begun to come, and those of which one is whole."""

    begun: list[Described] = field(default_factory=list)
    whole: list[Described] = field(default_factory=list)


class Deliveries:
    """What lay in each folder at the last look, and what has been told of.

    What could not be taken in is told again, a little later each time.
    """

    def __init__(self) -> None:
        # by source, since when
        self._coming: dict[str, float] = {}
        self._being_taken: dict[str, deque[float]] = {}
        self._last: dict[str, Look | None] = {}
        self._told: dict[str, Look | None] = {}
        self._failures: dict[str, int] = {}
        self._not_before: dict[str, float] = {}

    @property
    def is_one_coming(self) -> bool:
        """Whether a file that has not been taken in yet lies there since the last look, whole or not.

        One that could not be taken in is none until it is told of again; nor is one that has been coming, or has waited
        to be taken in, for too long: an upload that hangs holds up no plan.
        """
        since = chain(self._coming.values(), *self._being_taken.values())
        return any(time.monotonic() - at < HELD_UP_FOR_SECONDS for at in since)

    def is_another_coming(self, name: str) -> bool:
        """Tell whether a file lies there besides the one of this source that is being taken in; for any thread."""
        waiting = [source for source, times in list(self._being_taken.items()) for _ in list(times)]
        if name in waiting:
            waiting.remove(name)
        return bool(waiting or self._coming)

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget what comes of sources that there are no more."""
        there = set(names)
        for name in {*self._coming, *self._being_taken} - there:
            self._coming.pop(name, None)
            self._being_taken.pop(name, None)

    def noticed(self, sources: Iterable[Described], network_folder: Path) -> Noticed[Described]:
        """Return the sources that have delivered since they were last told of; what lies there at first is not told.

        A file that has begun to come is told of once, however often it is seen to grow, and again when it is whole.
        """
        found: Noticed[Described] = Noticed()
        for source in sources:
            before = self._last.get(source.name)
            seen = look_at(source, network_folder, before)
            told = self._told.setdefault(source.name, seen)
            coming_since = self._coming.pop(source.name, None)
            is_new = seen is not None and seen.file != (told.file if told else None)
            if is_new and time.monotonic() >= self._not_before.get(source.name, 0.0):
                if seen == before:
                    self._told[source.name] = seen
                    # one may wait while another is being taken in; a third is taken in with the second
                    self._being_taken.setdefault(source.name, deque(maxlen=2)).append(time.monotonic())
                    found.whole.append(source)
                else:
                    self._coming[source.name] = coming_since or time.monotonic()
                    if coming_since is None:
                        found.begun.append(source)
            self._last[source.name] = seen
        return found

    def took(self, name: str) -> None:
        """Note that what a source delivered has been taken in."""
        self._end_first(name)
        self._failures.pop(name, None)

    def did_not_take(self, name: str) -> None:
        """Let a source be told of again, which could not be taken in: the database was busy, say."""
        self._end_first(name)
        self._failures[name] = self._failures.get(name, 0) + 1
        self._not_before[name] = time.monotonic() + delay_after(self._failures[name])
        self._told[name] = None

    def _end_first(self, name: str) -> None:
        """Forget the first of a source's deliveries that are being taken in."""
        if times := self._being_taken.get(name):
            times.popleft()

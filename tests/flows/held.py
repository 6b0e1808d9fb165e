"""Who has what open, as those know who do it; and whether somebody who asks was told what was so, then."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

NOBODY = ""
Picture = Mapping[str, str]
"""Who has what open, by accession number."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody was shown: asked for at one moment of the monotonic clock, come by another."""

    sent: float
    received: float
    picture: Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """What somebody was shown that was not so at any moment while they asked."""

    number: str
    shown: str
    was: frozenset[str]

    @property
    def is_phantom(self) -> bool:
        """Whether somebody was shown who had it not; else a change was missed."""
        return self.shown != NOBODY


@dataclass
class History:
    """Every change of who has what open. Of one read each follows the other; of several they may be made at once.

    A change holds at the earliest from when it was asked for, and at the latest from when it was answered.
    """

    changes: dict[str, list[tuple[float, float, str]]] = field(default_factory=lambda: defaultdict(list))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def changing(self, number: str, reporter: str) -> Iterator[None]:
        """Note the change that the block makes: whose it is then, or nobody's."""
        asked = time.monotonic()
        yield
        with self._lock:
            self.changes[number].append((asked, time.monotonic(), reporter))

    def __len__(self) -> int:
        """Return how many changes there have been."""
        return sum(map(len, self.changes.values()))

    def was(self, number: str, sent: float, received: float) -> frozenset[str]:
        """Return who may have had it open at a moment between two."""
        entries = [(-math.inf, -math.inf, NOBODY), *self.changes.get(number, ())]
        ends = [answered for _, answered, _ in entries[1:]] + [math.inf]
        return frozenset(
            reporter
            for (asked, _, reporter), until in zip(entries, ends, strict=True)
            if asked <= received and until >= sent
        )

    def wrong(self, seen: Seen) -> list[Wrong]:
        """Return what was not as it was shown."""
        found = []
        for number in {*self.changes, *seen.picture}:
            shown, was = seen.picture.get(number, NOBODY), self.was(number, seen.sent, seen.received)
            if shown not in was:
                found.append(Wrong(number=number, shown=shown, was=was))
        return found


def followed(look: Callable[[], Picture], stop: threading.Event, every: float = 0.0) -> list[Seen]:
    """Look until told to stop, and once more then; return all that was seen."""
    found = []
    while True:
        last = stop.is_set()
        sent = time.monotonic()
        picture = dict(look())
        found.append(Seen(sent, time.monotonic(), picture))
        if last:
            return found
        stop.wait(every)

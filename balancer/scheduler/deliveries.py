"""Files that have just been delivered: noticed when they are whole, not only when it is time to look for them.

Two looks that see the same file as new, and as long, say that nobody writes to it any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from balancer.ingest.file_format import Source
from balancer.ingest.sources import Look, look_at

LOOK_EVERY = timedelta(seconds=0.25)
Described = TypeVar("Described", bound=Source)


class Deliveries:
    """What lay in each folder at the last look, and what has been told of."""

    def __init__(self) -> None:
        self._last: dict[str, Look | None] = {}
        self._told: dict[str, Look | None] = {}

    def noticed(self, sources: Iterable[Described], network_folder: Path) -> list[Described]:
        """Return the sources that have delivered since they were last told of; what lies there at first is not told."""
        found = []
        for source in sources:
            before = self._last.get(source.name)
            seen = look_at(source, network_folder, before)
            told = self._told.setdefault(source.name, seen)
            if seen is not None and seen == before and seen.file != (told.file if told else None):
                self._told[source.name] = seen
                found.append(source)
            self._last[source.name] = seen
        return found

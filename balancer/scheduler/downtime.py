"""When downtime lists are written: soon after lists were published, and now and then while people work on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from balancer.domain.instant import Clock
from balancer.services.write_downtime_lists import write_downtime_lists
from balancer.store import worklists
from balancer.store.database import Database
from balancer.store.worklists import ListMark

_log = structlog.get_logger("balancer.scheduler")
LOOK_EVERY: Final = timedelta(seconds=15)
# What has been opened and done since the publish is on no list any more: a set says so at most so long after.
WORK_AFTER: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class DowntimeOrder:
    """Where downtime lists go, and for how long they are kept."""

    folder: Path
    keep: timedelta


class DowntimeLists:
    """Knows what was written last, by this process: one that is new writes everything once."""

    def __init__(self, database: Database, clock: Clock, order: DowntimeOrder) -> None:
        self._database, self._clock, self._order = database, clock, order
        self._written: Mapping[str, ListMark] = {}
        self._written_at: datetime | None = None
        self._tried_at: datetime | None = None

    def is_due(self) -> bool:
        """Tell whether lists differ from those on disk: other versions at once, the work on them after a while.

        What has just failed is not tried again for a minute: a full disk is not helped by haste.
        """
        now = self._clock.now()
        if self._tried_at is not None and now - self._tried_at < timedelta(minutes=1):
            return False
        marks = self._marks()
        if not marks or marks == self._written:
            return False
        if self._written_at is None or _versions(marks) != _versions(self._written):
            return True
        return now - self._written_at >= WORK_AFTER

    def write(self) -> str:
        """Write them; what was there before is there until all of it is whole."""
        now, marks = self._clock.now(), self._marks()
        self._tried_at = now
        written = write_downtime_lists(self._database, self._order.folder, now, keep=self._order.keep)
        self._tried_at = None
        if written is None:
            return "nothing to write"
        self._written, self._written_at = marks, now
        _log.info("downtime.written", set=written.name, lists=written.lists, reads=written.reads, pruned=written.pruned)
        return "written"

    def _marks(self) -> Mapping[str, ListMark]:
        with self._database.session() as session:
            return worklists.list_marks(session)


def _versions(marks: Mapping[str, ListMark]) -> dict[str, int]:
    return {reporter_id: mark.worklist_id for reporter_id, mark in marks.items()}

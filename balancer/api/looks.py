"""Who looked at what: entered in the audit trail once a while for each thing and caller, never in the caller's way.

A list that a page or a system asks for again and again is looked at once. What was entered lately is kept in this
process only: another replica, or this one started anew, enters it once more, which does no harm.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final

import structlog
from fastapi import BackgroundTasks, Depends, Request
from starlette.requests import HTTPConnection

from balancer.domain.actor import Actor, ActorKind
from balancer.services.note_look import note_look
from balancer.store.database import Database, StoreBusyError

_log = structlog.get_logger("balancer.api")
# How long one look lasts: of a person for as long as they may work on what they see; a system is summed up by the day.
_LASTING: Final = {ActorKind.PERSON: timedelta(minutes=15), ActorKind.SYSTEM: timedelta(days=1)}
# 60 reporters and their managers at what they have before them; beyond, the oldest are entered anew.
_MOST_REMEMBERED: Final = 100_000

Thing = int | str
# Says that the caller is being shown these things of a kind.
Look = Callable[[str, Iterable[Thing]], None]


class Looks:
    """What has been entered lately. Safe for any number of threads."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str, Thing], datetime] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, database: Database, by: Actor, kind: str, shown: Sequence[Thing], now: datetime) -> None:
        """Enter what of this has not been entered lately.

        If nothing can be written, the next look is entered: whoever comes to read is not turned away for it.
        """
        lasting = _LASTING.get(by.kind)
        news = [] if lasting is None else self._news(by.subject, kind, shown, now, lasting)
        if not news:
            return
        try:
            note_look(database, by, kind, news, now)
        except StoreBusyError:
            _log.warning("look.not_noted", kind=kind)
            with self._lock:
                for thing in news:
                    self._seen.pop((by.subject, kind, thing), None)

    def _news(self, who: str, kind: str, shown: Iterable[Thing], now: datetime, lasting: timedelta) -> list[Thing]:
        with self._lock:
            found = []
            for thing in dict.fromkeys(shown):
                key = (who, kind, thing)
                before = self._seen.get(key)
                if before is None or not timedelta() <= now - before < lasting:
                    found.append(thing)
                    self._seen[key] = now
                    self._seen.move_to_end(key)
            while len(self._seen) > _MOST_REMEMBERED:
                self._seen.popitem(last=False)
            return found


def looks_at(connection: HTTPConnection) -> Looks:
    """Return what has been entered lately of the database that is served."""
    state = connection.app.state
    looks: Looks | None = getattr(state, "looks", None)
    if looks is None or getattr(state, "looks_of", None) is not state.serving.database:
        looks, state.looks_of = Looks(), state.serving.database
        state.looks = looks
    return looks


def look_of(request: Request, after: BackgroundTasks) -> Look:
    """Return what enters, after the answer has been sent, that its things were looked at."""
    state, found = request.app.state, looks_at(request)

    def look(kind: str, shown: Iterable[Thing]) -> None:
        serving, caller = state.serving, request.state.caller
        after.add_task(found.note, serving.database, caller, kind, tuple(shown), serving.clock.now())

    return look


async def _looking(request: Request, after: BackgroundTasks) -> Look:
    return look_of(request, after)


Looking = Annotated[Look, Depends(_looking)]

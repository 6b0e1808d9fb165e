"""What the routes are served from, and the parameters many of them take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path as FileFolder
from threading import Event
from typing import TYPE_CHECKING, Annotated, TypeVar

from fastapi import Depends, Path, Query
from pydantic import AfterValidator, AwareDatetime, BeforeValidator
from starlette.requests import HTTPConnection

from balancer.api.callers import reach_of
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN, ListOut, PageOut
from balancer.api.watch import Watch
from balancer.domain.actor import Reach
from balancer.domain.errors import NotFoundError
from balancer.domain.instant import Clock
from balancer.store.database import Database
from balancer.store.pages import MOST_ITEMS, Cut, Page
from balancer.store.sources import FeedStatus

if TYPE_CHECKING:  # reading a network loads pandas, which takes its time; most requests need none
    from balancer.ingest.network_folder import NetworkFolder

Item = TypeVar("Item")
Shape = TypeVar("Shape")
_LARGEST_ID = 2**31 - 1
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The database, the time, and the network folder as it is at this moment, with its pseudonym key.

    ``shifts``: the sample's times are moved to the present. ``beats``: the clock by which processes say that they live,
    if it is another one. ``hooks``: the origins that subscriptions may send to. ``downtime``: the folder of downtime
    lists, if they are written. ``ending`` is set when the service is told to stop: nobody is to wait for news then.
    """

    database: Database
    clock: Clock
    read_network: Callable[[], NetworkFolder]
    pseudonym_key: bytes
    shifts: bool = False
    beats: Clock | None = None
    hooks: frozenset[str] = frozenset()
    downtime: FileFolder | None = None
    ending: Event = field(default_factory=Event)

    def seeing_readings(self, reach: Reach) -> Database:
        """Return the database for what decides about whole queues; what a caller is shown comes from ``database``."""
        return self.database.within(reach.seeing_readings())


def serving_of(request: HTTPConnection) -> Serving:
    """Return what there is to serve from, with the database as this caller may see it."""
    found = request.app.state.serving
    assert isinstance(found, Serving)  # noqa: S101 - create_app put it there
    return replace(found, database=found.database.within(reach_of(request)))


async def _serving(request: HTTPConnection) -> Serving:
    return serving_of(request)


def _not_a_number(value: object) -> object:
    """Refuse what pydantic would take for seconds since 1970: nobody means that here."""
    if isinstance(value, str) and "T" not in value.upper():
        raise ValueError("must be an ISO 8601 instant with an offset")
    return value


def _as_a_day(value: object) -> object:
    """Refuse what pydantic would take for a day beside YYYY-MM-DD: seconds since 1970, an instant at midnight."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise ValueError("must be a day, as 2026-03-02")
    return value


def _in_calendar(instant: datetime) -> datetime:
    """Return the instant in UTC; one that would leave the calendar there is the calendar's first or last day."""
    if instant.year <= _FIRST.year:
        return _FIRST
    return _LAST if instant.year >= _LAST.year else instant.astimezone(UTC)


def watch_of(request: HTTPConnection) -> Watch:
    """Return the one watch on the database that is served; what it knows of is for routes to show within reach."""
    state = request.app.state
    found: Watch | None = getattr(state, "watch", None)
    if found is None or found.database is not state.serving.database:
        found = state.watch = Watch(state.serving.database, state.serving.ending)
    return found


async def _watch(request: HTTPConnection) -> Watch:
    return watch_of(request)


Served = Annotated[Serving, Depends(_serving)]
Watching = Annotated[Watch, Depends(_watch)]
Code = Annotated[str, Query(max_length=MOST_CHARACTERS, pattern=PATTERN)]
FeedInPath = Annotated[
    str, Path(max_length=MOST_CHARACTERS, pattern=PATTERN, description="A feed's name, or its trust's code.")
]
RosterInPath = Annotated[str, Path(max_length=MOST_CHARACTERS, pattern=PATTERN, description="A roster's name.")]
ReporterInPath = Annotated[str, Path(max_length=MOST_CHARACTERS, pattern=PATTERN, description="GMC or HCPC number.")]
TrustInPath = Annotated[str, Path(max_length=MOST_CHARACTERS, pattern=PATTERN, description="ODS code.")]
When = Annotated[AwareDatetime, BeforeValidator(_not_a_number), AfterValidator(_in_calendar)]
Day = Annotated[
    date,
    BeforeValidator(_as_a_day),
    AfterValidator(lambda day: min(max(day, _FIRST.date()), _LAST.date())),
]
IdInPath = Annotated[int, Path(ge=1, le=_LARGEST_ID)]


_Cursor = Annotated[
    str | None,
    Query(max_length=1_000, pattern=PATTERN, description="`next_cursor` of the page before; none for the first."),
]


def _cut(
    cursor: _Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS, description="How many items at most.")] = 100,
) -> Cut:
    return Cut(cursor=cursor or None, limit=limit)


Paging = Annotated[Cut, Depends(_cut)]


def _part(
    cursor: _Cursor = None,
    limit: Annotated[
        int | None, Query(ge=1, le=MOST_ITEMS, description="How many items at most; all of them if it is not said.")
    ] = None,
) -> Cut | None:
    return None if limit is None and not cursor else Cut(cursor=cursor or None, limit=limit or MOST_ITEMS)


# Of what came whole before there were pages of it, and does so still for whoever asks for none.
OptionalPaging = Annotated[Cut | None, Depends(_part)]


def page_out(page: Page[Item], shape: Callable[[Item], Shape]) -> PageOut:  # type: ignore[type-arg]
    """Return a page as the API shows it."""
    return PageOut(items=[shape(item) for item in page.items], total=page.total, next_cursor=page.next_cursor)


def list_out(page: Page[Item], shape: Callable[[Item], Shape]) -> ListOut:  # type: ignore[type-arg]
    """Return a list as the API shows it, or the page of it that was asked for."""
    return ListOut(items=[shape(item) for item in page.items], next_cursor=page.next_cursor)


def named_feed(feeds: Iterable[FeedStatus], key: str) -> FeedStatus:
    """Return the feed of that name, or the only one of the trust with that code.

    Raises
    ------
    NotFoundError
        If there is none, or the trust has several.
    """
    found = list(feeds)
    named = [feed for feed in found if feed.name == key]
    theirs = named or [feed for feed in found if feed.trust == key]
    if len(theirs) == 1:
        return theirs[0]
    if theirs:
        raise NotFoundError("the trust has several feeds: name one of " + ", ".join(feed.name for feed in theirs))
    raise NotFoundError("there is no such feed")

"""What becomes late over the next hours, as a chart's steps and as the table that says the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final

from balancer.domain.becoming_late import BecomingLate, steps, within
from balancer.domain.instant import LONDON, day_of, local_instant
from balancer.web.time_left import at_words

MARKS: Final = (4, 24, 72)
HOURS: Final = MARKS[-1]
# A chart of 72 hours has a point for some minutes: what becomes late within such a stretch is one step at its end.
_GRAIN: Final = timedelta(minutes=15)
_TABLE_HOURS: Final = (1, 2, 4, 8, 12, 24, 36, 48, 60, 72)
_DUSK, _DAWN = time(20), time(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastRow:
    """How many have become late by an instant: by the published plan, and by the one that waits if one does."""

    hours: int
    by: str
    at: datetime
    published: int
    proposed: int | None
    link: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What becomes late within 72 hours; ``name`` states the result, ``chart`` is what the script draws."""

    name: str
    rows: Sequence[ForecastRow]
    chart: dict[str, Any]
    has_proposal: bool


def forecast(
    published: Sequence[BecomingLate], proposed: Sequence[BecomingLate] | None, now: datetime, *, listed: bool
) -> Forecast:
    """Return the forecast; its numbers are links if whoever looks may open the lists (``listed``)."""
    rows = [_row(published, proposed, now, hours, listed=listed) for hours in _TABLE_HOURS]
    return Forecast(
        name=_name(published, proposed, now),
        rows=rows,
        chart=_chart(published, proposed, now),
        has_proposal=proposed is not None,
    )


def _row(
    published: Sequence[BecomingLate],
    proposed: Sequence[BecomingLate] | None,
    now: datetime,
    hours: int,
    *,
    listed: bool,
) -> ForecastRow:
    return ForecastRow(
        hours=hours,
        by=at_words(now + timedelta(hours=hours), now),
        at=now + timedelta(hours=hours),
        published=within(published, now, hours),
        proposed=None if proposed is None else within(proposed, now, hours),
        link=f"/studies?within={hours}" if listed else "",
    )


def _name(published: Sequence[BecomingLate], proposed: Sequence[BecomingLate] | None, now: datetime) -> str:
    """Return the chart's result in words."""
    said = ", ".join(f"{within(published, now, hours):,} within {hours} h" for hours in MARKS)
    if proposed is None:
        return f"Becoming late by the published plan: {said}."
    then = ", ".join(f"{within(proposed, now, hours):,}" for hours in MARKS)
    return f"Becoming late by the published plan: {said}. If the proposed plan were published: {then}."


def _chart(published: Sequence[BecomingLate], proposed: Sequence[BecomingLate] | None, now: datetime) -> dict[str, Any]:
    """Return what the script draws: instants in milliseconds, as ECharts has them."""
    until = now + timedelta(hours=HOURS)
    lines = [{"name": "published", "points": _points(published, now), "proposed": False}]
    if proposed is not None:
        lines.append({"name": "if published", "points": _points(proposed, now), "proposed": True})
    return {
        "start": _milliseconds(now),
        "end": _milliseconds(until),
        "lines": lines,
        "nights": [[_milliseconds(start), _milliseconds(end)] for start, end in _nights(now, until)],
        "marks": [
            {"at": _milliseconds(now + timedelta(hours=hours)), "words": _mark(published, proposed, now, hours)}
            for hours in MARKS[:-1]
        ],
    }


def _mark(published: Sequence[BecomingLate], proposed: Sequence[BecomingLate] | None, now: datetime, hours: int) -> str:
    said = f"{hours} h: {within(published, now, hours):,}"
    return said if proposed is None else f"{said}, or {within(proposed, now, hours):,}"


def _points(found: Sequence[BecomingLate], now: datetime) -> list[list[int]]:
    """Return the steps, of those within one grain of time the last."""
    points: dict[int, list[int]] = {}
    line = steps(found, now, HOURS)
    for instant, total in line:
        grain = -((now - instant) // _GRAIN)
        points[grain] = [_milliseconds(min(now + grain * _GRAIN, line[-1][0])), total]
    return list(points.values())


def _nights(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the nights in London between two instants, from 20:00 to 08:00."""
    day = day_of(start) - timedelta(days=1)
    while (dusk := local_instant(datetime.combine(day, _DUSK))) < end:
        dawn = local_instant(datetime.combine(day + timedelta(days=1), _DAWN))
        if dawn > start:
            yield max(dusk, start), min(dawn, end)
        day += timedelta(days=1)


def _milliseconds(instant: datetime) -> int:
    """Return an instant as the chart's axis has it: London's wall clock as if it were UTC, whatever the browser's."""
    offset = instant.astimezone(LONDON).utcoffset() or timedelta()
    return int((instant + offset).timestamp() * 1000)

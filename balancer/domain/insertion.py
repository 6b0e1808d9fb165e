"""Put reads that cannot wait into a list that people work from, without disturbing its order otherwise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby

from balancer.domain.plan import Allocation
from balancer.domain.study import ReadKey


def inserted(
    listed: Sequence[Allocation], urgent: Sequence[Allocation], opened: Collection[ReadKey], now: datetime
) -> list[Allocation]:
    """Return a list with ``urgent`` in it: each the first of its session, behind what is ``opened`` already.

    What stands behind keeps its order and is planned later, never earlier, as far as it must make room. Sessions stay
    in the order in which they begin.
    """
    rows = [
        *((0 if row.key in opened else 2, row) for row in listed),
        *((1, row) for row in sorted(urgent, key=lambda row: (row.start, row.key))),
    ]
    begins: dict[str, datetime] = {}
    for _, row in rows:
        begins[row.session_id] = min(row.start, begins.get(row.session_id, row.start))
    rows.sort(key=lambda item: (begins[item[1].session_id], item[1].session_id, item[0]))  # else as it stands
    found: list[Allocation] = []
    for _, of_session in groupby((row for _, row in rows), key=lambda row: row.session_id):
        found += _laid(of_session, {row.key for row in urgent}, now)
    return found


def _laid(rows: Iterable[Allocation], urgent: Collection[ReadKey], now: datetime) -> list[Allocation]:
    """Return reads of one session in this order, each beginning when the one before has ended at the earliest."""
    found: list[Allocation] = []
    for position, row in enumerate(rows, start=1):
        earliest = max(row.start, now) if row.key in urgent else row.start
        start = max(earliest, found[-1].end) if found else earliest
        found.append(replace(row, position=position, start=start, end=start + (row.end - row.start)))
    return found

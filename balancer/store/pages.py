"""Pages of long lists: a cursor says where the next page begins, whatever has come or gone since."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, and_, or_

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware

Item = TypeVar("Item")
MOST_ITEMS = 1_000
_LARGEST_ID = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    """Some of a list's items; ``total`` counts all, ``next_cursor`` is ``None`` on the last page."""

    items: tuple[Item, ...]
    total: int
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a page is cut out: after ``cursor``, at most ``limit`` items.

    Raises
    ------
    InvalidValueError
        If ``limit`` is not from 1 to 1,000.
    """

    cursor: str | None = None
    limit: int = 100

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_ITEMS:
            raise InvalidValueError("limit", f"{self.limit} is not from 1 to {MOST_ITEMS}")

    def after(self, order: str, parts: int) -> list[Any] | None:
        """Return the sort values of the last item of the page before, or ``None`` at the beginning.

        Raises
        ------
        InvalidValueError
            If the cursor is none of ours, or belongs to a list in another order.
        """
        if self.cursor is None:
            return None
        try:
            found = json.loads(base64.urlsafe_b64decode(self.cursor.encode("ascii")))
        except (ValueError, binascii.Error, RecursionError) as error:
            raise InvalidValueError("cursor", "is not a cursor") from error
        if not isinstance(found, list) or len(found) != parts + 1 or found[0] != order:
            raise InvalidValueError("cursor", "belongs to another list")
        if not _could_be_ours(found[1:]):
            raise InvalidValueError("cursor", "is not a cursor")
        return found[1:]

    def after_instant(self, order: str, parts: int) -> list[Any] | None:
        """Return the same for an order whose first sort value is an instant."""
        found = self.after(order, parts)
        if found is None:
            return None
        try:
            return [require_aware(datetime.fromisoformat(found[0]), "cursor"), *found[1:]]
        except (ValueError, TypeError) as error:
            raise InvalidValueError("cursor", "is not a cursor") from error


def _could_be_ours(values: Sequence[Any]) -> bool:
    """Tell whether values are of the kinds that cursors hold: a number, or a text and then numbers.

    PostgreSQL fails on comparing a column with anything else.
    """
    texts, numbers = (values[:1], values[1:]) if len(values) > 1 else ([], values)
    return all(isinstance(text, str) and "\0" not in text for text in texts) and all(
        type(number) is int and abs(number) <= _LARGEST_ID for number in numbers
    )


def cursor(order: str, *values: Any) -> str:
    """Return the cursor of the item with these sort values."""
    content = json.dumps([order, *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode("ascii")).decode("ascii")


def beyond(columns: Sequence[Any], values: Sequence[Any], *, descending: bool) -> ColumnElement[bool]:
    """Return the condition that a row comes after ``values`` in the order of ``columns``."""
    steps = []
    for depth, (column, value) in enumerate(zip(columns, values, strict=True)):
        same = [earlier == known for earlier, known in zip(columns[:depth], values[:depth], strict=True)]
        steps.append(and_(*same, column < value if descending else column > value))
    return or_(*steps)


def part(items: Sequence[Item], cut: Cut | None, order: str, name_of: Callable[[Item], str]) -> Page[Item]:
    """Return a page of a list that is at hand in this order; all of it if there is no ``cut``.

    It goes on behind the item that was the last one's last, wherever that stands by now; if it is gone, where it stood.

    Raises
    ------
    InvalidValueError
        If the cursor is none of ours, or belongs to a list in another order.
    """
    if cut is None:
        return Page(items=tuple(items), total=len(items))
    after = cut.after(order, 2)
    begin = 0
    if after is not None:
        name, place = after
        behind = (at for at, item in enumerate(items, start=1) if name_of(item) == name)
        begin = next(behind, max(place - 1, 0))
    end = begin + cut.limit
    found = tuple(items[begin:end])
    more = found and end < len(items)
    return Page(items=found, total=len(items), next_cursor=cursor(order, name_of(found[-1]), end) if more else None)

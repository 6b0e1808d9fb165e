"""Long lists in pieces that a statement can take: SQLite takes 32,766 parameters, PostgreSQL 65,535."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
# An IN of this length is quick on both.
_LENGTH = 2_000


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items in lists of at most a statement's worth."""
    iterator = iter(items)
    while chunk := list(islice(iterator, _LENGTH)):
        yield chunk

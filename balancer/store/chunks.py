"""Long lists in pieces that a statement can take: SQLite takes 32,766 parameters, PostgreSQL 65,535."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ARRAY, ColumnElement, any_, func, literal, select
from sqlmodel import Session

Item = TypeVar("Item")
# An IN of this length is quick on both.
_LENGTH = 2_000


def chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items in lists of at most a statement's worth."""
    iterator = iter(items)
    while chunk := list(islice(iterator, _LENGTH)):
        yield chunk


def is_among(session: Session, column: Any, values: Collection[int] | Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a column has one of these values, however many: they are a single parameter.

    A parameter for each of 2,800 takes PostgreSQL longer to read than the rows take it to write, and with a parameter
    for each of 150 the statement is another with every number of them: put together, read and planned anew each time.
    """
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))  # type: ignore[no-any-return]
    each = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(each.c.value))  # type: ignore[no-any-return]

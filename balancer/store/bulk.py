"""Many rows at once: PostgreSQL is given them in one piece, for it takes longer to be told of them one by one.

Each of 150 rows on its own costs as much again as the row itself; SQLite, which is in the same process, has them so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, String, cast, column, func, literal
from sqlmodel import Session, insert, select, update

from balancer.domain.instant import require_aware
from balancer.store.chunks import chunks
from balancer.store.tables import Row


def add_rows(session: Session, table: type[Row], rows: Sequence[dict[str, Any]]) -> None:
    """Add rows in their order; every one gives the same columns: numbers, texts, aware instants, truths or ``None``."""
    if not rows:
        return
    if session.get_bind().dialect.name != "postgresql":
        session.exec(insert(table), params=rows)
        return
    for chunk in chunks(rows):
        session.exec(insert(table).from_select(list(chunk[0]), select(*_given(table, chunk).c)))


def change_rows(session: Session, table: type[Row], rows: Sequence[dict[str, Any]]) -> None:
    """Change rows, each named by its primary key, to what they give; as ``add_rows``."""
    if not rows:
        return
    if session.get_bind().dialect.name != "postgresql":
        session.exec(update(table), params=rows)
        return
    keys = [key.name for key in _columns_of(table).values() if key.primary_key]
    for chunk in chunks(rows):
        given = _given(table, chunk)
        named = (getattr(table, key) == given.c[key] for key in keys)
        values = {name: given.c[name] for name in chunk[0] if name not in keys}
        session.exec(update(table).where(*named).values(values), execution_options={"synchronize_session": False})


def _columns_of(table: type[Row]) -> Mapping[str, Column[Any]]:
    return table.__table__.columns  # type: ignore[attr-defined, no-any-return]  # a table class has one


def _given(table: type[Row], rows: Sequence[dict[str, Any]]) -> Any:
    """Return the rows as a table that has the columns that they give, of the types that they have in ``table``."""
    types = _columns_of(table)
    columns = [column(name, types[name].type) for name in rows[0]]
    document = literal(json.dumps(rows, default=_instant), String)
    return func.json_to_recordset(cast(document, JSON)).table_valued(*columns).render_derived("given", with_types=True)


def _instant(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"no row can be given a {type(value).__name__} in one piece")
    return require_aware(value, "instant").isoformat()

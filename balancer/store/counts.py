"""Counting rows."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session, func, select
from sqlmodel.sql.expression import SelectOfScalar


def count(session: Session, statement: SelectOfScalar[Any]) -> int:
    """Return how many rows ``statement`` would select."""
    return session.exec(select(func.count()).select_from(statement.order_by(None).subquery())).one()

"""How Alembic runs here: on the connection that ``balancer.store.schema`` hands over, in its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy.types import TypeDecorator

from balancer.store.tables import Row


def _render(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Write our column types as the plain ones they are stored as: migrations must not change when code does."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_as_batch=True,
    render_item=_render,
)
with context.begin_transaction():
    context.run_migrations()

"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import DateTime, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from balancer.domain.instant import require_aware

Word = TypeVar("Word", bound=StrEnum)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in, stored in UTC, aware UTC out.

    SQLite keeps no offset, so an instant stored as it came would come back hours wrong.

    Raises
    ------
    InvalidValueError
        If an instant without time zone is stored or compared with.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Convert to UTC what goes in."""
        return None if value is None else require_aware(value, "instant").astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Attach UTC to what comes out."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class StateText(TypeDecorator[Word]):
    """A state, stored as its wire name: a new state needs no change of the schema."""

    impl = String
    cache_ok = True

    def __init__(self, states: type[Word]) -> None:
        super().__init__()
        self.states = states

    def process_bind_param(self, value: Word | str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Refuse what is no state, store the name."""
        return None if value is None else self.states(value).value

    def process_result_value(self, value: Any, dialect: Dialect) -> Word | None:  # noqa: ARG002
        """Return the state of that name."""
        return None if value is None else self.states(value)


class FreeText(TypeDecorator[str]):
    """Whatever a trust sent, as text: characters that a database cannot keep (NUL, halves of pairs) become U+FFFD."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Replace what cannot be stored."""
        return None if value is None else storable_text(value)


def storable_text(value: str) -> str:
    """Return a text as a ``FreeText`` column gives it back."""
    whole = value.replace("\0", "\ufffd")
    return whole if whole.isascii() else whole.encode("utf-8", "replace").decode("utf-8")

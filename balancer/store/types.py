"""Column types that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import DateTime, String
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from balancer.domain.instant import require_aware

Word = TypeVar("Word", bound=StrEnum)

# Of an instant as SQLAlchemy writes it into SQLite: 2026-03-02 08:00:00.000000
_LENGTH = 26


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
        """Return it in UTC: what a column is read with does the same, more quickly."""
        return _utc(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:  # noqa: ARG002
        """Return what reads a column: of SQLite's text at once what the two steps would make of it.

        Tens of thousands of instants are read when a plan is opened, and the two steps take several times as long. So
        they do on PostgreSQL, whose driver has nearly always made the instant that is wanted.
        """
        return _utc_of_text if dialect.name == "sqlite" else _utc


def _utc(found: datetime | None) -> datetime | None:
    if found is None or found.tzinfo is UTC:
        return found
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _utc_of_text(stored: str | None) -> datetime | None:
    if stored is None:
        return None
    if len(stored) == _LENGTH:
        try:
            return datetime.fromisoformat(f"{stored}+00:00")
        except ValueError:
            pass  # as long as ours, but with an offset
    # whoever wrote it past this program may have kept an offset, or a day alone
    found = datetime.fromisoformat(stored)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


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
        """Return the state of that name: what a column is read with does the same, more quickly."""
        return None if value is None else self.states(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Word | None] | None:  # noqa: ARG002
        """Return what reads a column: the names looked up, which is quicker than an enumeration's call."""
        return _Names(self.states).__getitem__


class _Names(dict[Any, Any]):
    """The states by their names, nothing by nothing; any other name is refused as the enumeration refuses it."""

    def __init__(self, states: type[StrEnum]) -> None:
        super().__init__((state.value, state) for state in states)
        self[None] = None
        self._states = states

    def __missing__(self, name: Any) -> Any:
        return self._states(name)


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

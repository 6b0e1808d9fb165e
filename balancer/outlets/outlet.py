"""What an outlet is: it turns steps of reads into letters, and sends them to somebody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from balancer.domain.letter import Letter, Patience
from balancer.store.database import Session
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_outbox import LetterRow


class Outlet(Protocol):
    """One way out. Each has a thread of its own, and none waits for another.

    ``name`` is what its cursor and letters are kept under: it stays the same for as long as they are to. Two whose
    ``description`` is equal are the same; one that differs takes the place of the one of its name.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> object: ...  # noqa: D102
    @property
    def patience(self) -> Patience: ...  # noqa: D102

    def letters(self, session: Session, steps: Sequence[JournalRow], now: datetime) -> Iterable[Letter]:
        """Return what is to be said of these steps, in their order; in the transaction that moves the cursor."""
        ...

    def anew(self, session: Session, now: datetime) -> Iterable[Letter]:
        """Return what is to be said when an outlet begins, or may have missed something: of how things stand."""
        ...

    def send(self, letter: LetterRow) -> None:
        """Send a letter, and return once whom it is for has taken it.

        Raises
        ------
        UndeliveredError
            If they have not: it is sent again (any other error counts as this one). ``UnsendableError``: never again.
            ``UnreachableError``: nor can any other letter be sent now.
        """
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


@runtime_checkable
class Mindful(Outlet, Protocol):
    """An outlet that knows what it has told (``outbox.tell``), and so what is uncertain once letters are given up."""

    def again(self, session: Session, now: datetime) -> Iterable[Letter]:
        """Return how what is uncertain stands, in letters that need nothing of what was said before."""
        ...

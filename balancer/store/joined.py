"""A transaction that is open, in which use cases take part: what they do and what is done beside commits at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlmodel import Session

from balancer.store.database import Database


class Joined(Database):
    """A database whose every transaction is part of the one that is open; whoever opened that commits it."""

    def __init__(self, session: Session) -> None:
        # nothing of a database of its own: there is no other connection to be had here
        self._joined = session

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield the session, which sees what has been done in it so far."""
        yield self._joined

    @contextmanager
    def transaction(self, *, cannot_wait: bool = False, gives_way: bool = False) -> Iterator[Session]:  # noqa: ARG002
        """Yield the session; nothing is committed when the block ends, and an error undoes everything.

        Whoever opened it has said whether it can wait.
        """
        yield self._joined

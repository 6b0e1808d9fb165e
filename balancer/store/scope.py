"""Who sees which rows: the one place that every query made for a caller passes.

A session that is opened for a caller adds to each of its statements, whatever it asks for and however it joins, what
the caller's reach allows of every table in it (``limits``). A route, a service or a query that forgets about trusts
therefore finds nothing of another trust; one that asks in a way that cannot be limited is refused, and so is a table
that nobody has said anything about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Dialect, event
from sqlalchemy.orm import ORMExecuteState, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption
from sqlalchemy.sql.visitors import iterate
from sqlmodel import Session

from balancer.domain.actor import EVERYWHERE, Reach
from balancer.store.blind import BLIND
from balancer.store.limits import LIMITS
from balancer.store.tables import Row

_REACH = "reach"
# Of a connection: nothing can be written through it.
READS = "balancer_reads"
# A program has some hundreds of statements; one that is made up anew each time must not fill the memory.
_MOST_NAMED = 5_000
# Of some hundred people who are signed in, a dozen tables each.
_MOST_KEPT = 8_192
_NAMED: dict[Any, frozenset[str]] = {}


Joining = TypeVar("Joining", bound=Session)


class UnscopedError(LookupError):
    """A statement that cannot be limited was made for a caller who must be."""


class CallersSession(Session):
    """A session in which every statement is limited to a caller's reach."""


def limit(session: CallersSession, reach: Reach) -> None:
    """Limit everything that the session will ask for to ``reach``."""
    session.info[_REACH] = reach


@contextmanager
def unlimited(session: Session) -> Iterator[Session]:
    """Yield a session in the same transaction that sees everything.

    For what must hold whoever caused it, such as the change feed, and never for what a caller is shown.
    """
    with _beside(session, Session) as whole:
        yield whole


def reach_of(session: Session) -> Reach:
    """Return how far a session reaches: everywhere, if it is opened for no caller."""
    found = session.info.get(_REACH, EVERYWHERE)
    assert isinstance(found, Reach)  # noqa: S101 - limit put it there
    return found


@contextmanager
def seeing_readings(session: Session) -> Iterator[Session]:
    """Yield a session in the same transaction with the same reach, blind to nothing in it: for what is counted.

    A count of what is out of reach must not change with who has a blind reading.
    """
    if not isinstance(session, CallersSession):
        yield session
        return
    with within(session, reach_of(session).seeing_readings()) as seeing:
        yield seeing


@contextmanager
def sighted(session: Session) -> Iterator[None]:
    """Let a session itself see every reading within its reach until the block ends.

    For what changes a read that may be hidden from whoever says so, never for what a caller is shown: what is entered
    in the trail and the change feed is kept with the session, and would be lost with another beside it.
    """
    if not isinstance(session, CallersSession):
        yield
        return
    before = reach_of(session)
    limit(session, before.seeing_readings())
    try:
        yield
    finally:
        limit(session, before)


@contextmanager
def within(session: Session, reach: Reach) -> Iterator[Session]:
    """Yield a session in the same transaction that reaches so far: for what a caller is told without having asked."""
    with _beside(session, CallersSession) as limited:
        limit(limited, reach)
        yield limited


@contextmanager
def _beside(session: Session, kind: type[Joining]) -> Iterator[Joining]:
    """Yield a session of that kind in the same transaction."""
    session.flush()
    connection = session.connection()
    if connection.get_execution_options().get(READS):
        # nothing to undo, and a savepoint takes as long as a statement
        with kind(connection, autoflush=False, expire_on_commit=False, join_transaction_mode="rollback_only") as joined:
            yield joined
        return
    # a savepoint: what fails in it is undone there, and then by whoever holds the transaction
    joined = kind(connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
    with joined, joined.begin():
        yield joined


@contextmanager
def at_every_trust(session: Session) -> Iterator[Session]:
    """Yield a session in the same transaction that reaches every trust and is as blind as its caller.

    For minutes that are added up: how full somebody's session is does not change with who asks, and a sum that left
    out another trust's reads would make a full session look free. Never for what a caller is shown one by one.
    """
    if not isinstance(session, CallersSession):
        yield session
        return
    with within(session, replace(EVERYWHERE, reader=reach_of(session).blind_to)) as wide:
        yield wide


@contextmanager
def as_it_stands(session: Session) -> Iterator[Session]:
    """Yield a session that sees everything: the session itself if nothing limits it, else as ``unlimited``.

    For what nobody takes back on its own: what a savepoint locks costs more when its transaction goes on.
    """
    if not isinstance(session, CallersSession):
        yield session
        return
    with unlimited(session) as whole:
        yield whole


def tables_without_limits() -> list[type[Row]]:
    """Return the tables nobody has said anything about: while there is one, no caller is served."""
    return [row for row in _rows(Row) if row not in LIMITS]


def _rows(parent: type[Row]) -> Iterable[type[Row]]:
    for child in parent.__subclasses__():
        if hasattr(child, "__table__"):
            yield child
        yield from _rows(child)


@event.listens_for(CallersSession, "do_orm_execute")
def _limited(state: ORMExecuteState) -> None:
    """Add to a statement what its session's reach allows."""
    limits = _limits(len(Row.metadata.tables))
    if state.is_insert or state.is_column_load:
        return  # what is made is decided by its use case; what is loaded again came through here before
    if not state.is_orm_statement:
        raise UnscopedError("a caller's session takes statements about row classes only: no text, no bare table")
    if not _is_by_primary_key(state):
        named = tables_named(state.statement, state.session.get_bind().dialect)
        reach = state.session.info[_REACH]
        found = [option for name, row in limits if name in named for option in _options(reach, row)]
        state.statement = state.statement.options(*found)


@lru_cache(maxsize=1)
def _limits(_tables: int) -> tuple[tuple[str, type[Row]], ...]:
    """Return every table and its name, having seen that somebody has said of each who may see its rows.

    It is looked again if there are another number of ``_tables``: a module with one may come late.
    """
    missing = tables_without_limits()
    if missing:
        names = ", ".join(row.__name__ for row in missing)
        raise UnscopedError(f"store/limits.py does not say who may see the rows of {names}")
    return tuple((_name(row), row) for row in LIMITS)


def _is_by_primary_key(state: ORMExecuteState) -> bool:
    """Tell whether it changes many rows, each named by its key (SQLAlchemy's bulk update), which takes no condition."""
    return state.is_update and isinstance(state.parameters, list)


@lru_cache(maxsize=_MOST_KEPT)
def _options(reach: Reach, row: type[Row]) -> tuple[ExecutableOption, ...]:
    """Return what limits a table to a reach: made when it is asked for, for nobody asks for every table."""
    trusts = {} if reach.is_everywhere else LIMITS
    readings = {} if reach.blind_to is None else BLIND
    found = (limits.get(row) for limits in (trusts, readings))
    return tuple(with_loader_criteria(row, of(reach), include_aliases=True) for of in found if of is not None)


def tables_named(statement: Any, dialect: Dialect) -> frozenset[str]:
    """Return the tables whose names stand in a statement's SQL: no statement finds a row of any other.

    Conditions of tables that it does not name change nothing, and take longer to look at than most statements to run.
    SQL that has a word like a table's for something else carries a condition too many, which does no harm. What was
    found is kept for statements that differ in their values alone.
    """
    key = statement._generate_cache_key()  # noqa: SLF001 - what SQLAlchemy itself keeps compiled statements by
    if key is None:
        return _named_in(statement, dialect)
    found = _NAMED.get(key.key)
    if found is None:
        found = _named_in(statement, dialect)
        if len(_NAMED) >= _MOST_NAMED:
            _NAMED.clear()
        _NAMED[key.key] = found
    return found


def _named_in(statement: Any, dialect: Dialect) -> frozenset[str]:
    _refuse_joined_aliases(statement)
    sql = str(statement.compile(dialect=dialect))
    return frozenset(re.findall(r"\w+", sql)) & {_name(row) for row in LIMITS}


def _refuse_joined_aliases(statement: Any) -> None:
    """Raise ``UnscopedError`` if an alias of a class is joined onto, in the statement or in one within it.

    What limits a class is put into the ON of such a join as it stands, so that it would limit another row than the
    alias's. Where an alias is selected from, or exists, it is limited itself.
    """
    for part in iterate(statement):
        for target, *_ in getattr(part, "_setup_joins", ()):
            entity = target._annotations.get("parententity")  # noqa: SLF001 - SQLAlchemy says it nowhere else
            if entity is not None and entity.is_aliased_class:
                raise UnscopedError(f"a caller's statement joins onto an alias of {entity.class_.__name__}")


def _name(row: type[Row]) -> str:
    return str(row.__tablename__)

"""AE titles of systems: who calls by DIMSE, and where event reports go.

Event reports to a title are an outlet of its own, under the names of its system and itself: a title that passes to
another system is another outlet, and is sent nothing that was for the first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.store import journal, outbox, scope, systems
from balancer.store.tables_access import SystemRow
from balancer.store.tables_ae_titles import AeTitleRow


def outlet_of(row: AeTitleRow) -> str:
    """Return the name of the outlet that tells an AE title of events."""
    return f"ups {row.system_id} {row.title}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownTitle:
    """Whose an AE title is, and the certificate that must come with it, if one must."""

    actor: Actor
    certificate: str


def add_title(session: Session, row: AeTitleRow) -> None:
    """Give a system an AE title.

    Raises
    ------
    NotFoundError
        If there is no such system.
    ConflictError
        If the title is taken: two applications of one title could not be told apart.
    """
    if session.get(SystemRow, row.system_id) is None:
        raise NotFoundError(f"there is no system {row.system_id!r}")
    if session.get(AeTitleRow, row.title) is not None:
        raise ConflictError(f"there is an application {row.title!r} already")
    session.add(row)
    session.flush()


def remove_title(session: Session, title: str) -> AeTitleRow:
    """Take an AE title away from its system and return what it was; ``NotFoundError`` if nobody has it."""
    row = session.get(AeTitleRow, title)
    if row is None:
        raise NotFoundError(f"there is no application {title!r}")
    session.delete(row)
    return row


def titles(session: Session) -> list[AeTitleRow]:
    """Return every AE title, by name."""
    return list(session.exec(select(AeTitleRow).order_by(col(AeTitleRow.title))))


def titles_of(session: Session, system_ids: Iterable[str]) -> list[AeTitleRow]:
    """Return the AE titles of systems, by name."""
    statement = select(AeTitleRow).where(col(AeTitleRow.system_id).in_(sorted(system_ids)))
    return list(session.exec(statement.order_by(col(AeTitleRow.title))))


def listening(session: Session, *, now: datetime) -> list[AeTitleRow]:
    """Return the AE titles that take event reports, of systems that may call, by name."""
    found = [row for row in titles(session) if row.port is not None]
    return [row for row in found if systems.by_name(session, row.system_id, now=now) is not None]


def begin_telling(session: Session, subject: str, title: str, now: datetime) -> None:
    """Ensure that a subscriber's title, if event reports can be sent to it, is told of everything from here on.

    Whenever its outlet is opened: the place in the journal from which it tells is kept from now. The caller has the
    change feed's turn.
    """
    with scope.unlimited(session) as whole:
        row = whole.get(AeTitleRow, title)
        if row is None or row.port is None or systems.subject_of(row.system_id) != subject:
            return
        if outbox.cursor_of(whole, outlet_of(row)) is None:
            outbox.move_cursor(whole, outlet_of(row), journal.mark(whole), now)


def by_title(session: Session, title: str, *, now: datetime) -> KnownTitle | None:
    """Return whose an AE title is, if they may call."""
    row = session.get(AeTitleRow, title)
    found = None if row is None else systems.by_name(session, row.system_id, now=now)
    if row is None or found is None:
        return None
    return KnownTitle(actor=found.actor, certificate=row.certificate)

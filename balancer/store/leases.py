"""Leases: who may do a thing that one at a time may do, until when.

A lease ends by itself, so a holder that dies blocks nobody for long. Its token rises with every new holder: a holder
that slept through its own lease is recognised by its old token and can no longer change anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select, update

from balancer.domain.errors import ConflictError
from balancer.store.tables import LeaseRow

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A lease in hand; ``token`` is what every change made under it must show."""

    name: str
    holder: str
    token: int


def acquire(  # noqa: PLR0913 - what is taken, by whom, for how long
    session: Session,
    name: str,
    holder: str,
    *,
    now: datetime,
    lasting: timedelta,
    is_gone: Callable[[str], bool] = lambda _: False,
) -> Lease | None:
    """Take the lease if nobody holds it at ``now``, even if the last holder was the same; ``None`` if somebody does.

    Nobody holds what a holder of which ``is_gone`` knows that it is no more has left behind.
    """
    row = session.exec(select(LeaseRow).where(LeaseRow.name == name).with_for_update()).first()
    if row is not None and row.expires_at > now and not is_gone(row.holder):
        return None
    token = 1 if row is None else row.token + 1
    if row is None:
        if not _is_first(session, LeaseRow(name=name, holder=holder, expires_at=now + lasting, token=token)):
            return None
    else:
        row.holder, row.expires_at, row.token = holder, now + lasting, token
    return Lease(name=name, holder=holder, token=token)


def _is_first(session: Session, row: LeaseRow) -> bool:
    """Add the row; ``False`` if somebody else added it at the same time: the primary key lets one of them in."""
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        return False
    return True


def renew(session: Session, lease: Lease, *, now: datetime, lasting: timedelta) -> bool:
    """Hold the lease for ``lasting`` more; ``False`` if it is no longer ours.

    One that ran out without anybody taking it is still ours.
    """
    ours = update(LeaseRow).where(col(LeaseRow.name) == lease.name, col(LeaseRow.token) == lease.token)
    return session.exec(ours.values(expires_at=now + lasting)).rowcount == 1


def require(session: Session, lease: Lease) -> None:
    """Ensure that the lease is still ours, and stays ours until the transaction ends.

    Raises
    ------
    ConflictError
        If somebody else has taken it.
    """
    row = session.exec(select(LeaseRow).where(LeaseRow.name == lease.name).with_for_update()).first()
    if row is None or row.token != lease.token:
        raise ConflictError(f"the lease {lease.name!r} has passed to somebody else")


def is_ours(session: Session, lease: Lease) -> bool:
    """Tell whether the lease is still ours at this moment; for what is done outside, which no transaction can undo."""
    token = session.exec(select(LeaseRow.token).where(LeaseRow.name == lease.name)).first()
    return token == lease.token


def turn(session: Session, name: str) -> None:
    """Wait until nobody else changes what is done under a lease, whoever holds it; it is our turn until we commit.

    For what is done beside the holder and must not be done at the same moment. Nobody ever held one that is no row.
    """
    session.exec(select(LeaseRow.token).where(LeaseRow.name == name).with_for_update()).first()


def release(session: Session, lease: Lease) -> None:
    """Give the lease back, if it is still ours: whoever asks next gets it, whatever their clock says."""
    ours = update(LeaseRow).where(col(LeaseRow.name) == lease.name, col(LeaseRow.token) == lease.token)
    session.exec(ours.values(expires_at=_LONG_AGO))

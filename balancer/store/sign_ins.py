"""Sign-ins: who has shown who they are, until when, under the digest of the secret that they show from then on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, or_, select, update

from balancer.domain.actor import Actor, Grant
from balancer.domain.permission import Role, permissions_named
from balancer.store.chunks import chunks
from balancer.store.tables_access import SignInAttemptRow, SignInRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A sign-in that holds."""

    id: int
    actor: Actor
    last_seen_at: datetime
    expires_at: datetime
    id_token: str | None = field(repr=False)


def begin(  # noqa: PLR0913 - who, by what, and for how long
    session: Session, digest: str, actor: Actor, *, now: datetime, lasting: timedelta, id_token: str | None = None
) -> SignInRow:
    """Enter that somebody has shown who they are; it holds for ``lasting``."""
    row = SignInRow(
        digest=digest,
        kind=actor.kind,
        subject=actor.subject,
        name=actor.name,
        grants=[[grant.role.value, grant.trust] for grant in sorted(actor.grants)],
        scopes=sorted(actor.scopes),
        at=sorted(actor.at),
        reporter_id=actor.reporter_id,
        began_at=now,
        last_seen_at=now,
        expires_at=now + lasting,
        id_token=id_token,
    )
    session.add(row)
    session.flush()
    return row


def holder(session: Session, digest: str, *, now: datetime, idle: timedelta | None = None) -> SignIn | None:
    """Return the sign-in with this digest, unless it has ended, expired or lain idle for longer than ``idle``."""
    row = session.exec(select(SignInRow).where(SignInRow.digest == digest)).first()
    if row is None or row.ended_at is not None or row.expires_at <= now:
        return None
    if idle is not None and now - row.last_seen_at > idle:
        return None
    return SignIn(
        id=row.id or 0,
        actor=_actor(row),
        last_seen_at=row.last_seen_at,
        expires_at=row.expires_at,
        id_token=row.id_token,
    )


def names_of(session: Session, subjects: Collection[str]) -> dict[str, str]:
    """Return the names by which these people or systems last signed in; of whoever has not done so of late, none."""
    found: dict[str, str] = {}
    for chunk in chunks(sorted(subjects)):
        named = select(SignInRow.subject, SignInRow.name).where(col(SignInRow.subject).in_(chunk))
        found.update(session.exec(named.order_by(col(SignInRow.id))).all())
    return found


def touch(session: Session, sign_in_id: int, *, now: datetime) -> None:
    """Enter that somebody is still there."""
    session.exec(update(SignInRow).where(col(SignInRow.id) == sign_in_id).values(last_seen_at=now))


def end(session: Session, digest: str, *, now: datetime) -> None:
    """End a sign-in: its secret opens nothing any more."""
    ours = update(SignInRow).where(col(SignInRow.digest) == digest, col(SignInRow.ended_at).is_(None))
    session.exec(ours.values(ended_at=now, id_token=None))


def end_all_of(session: Session, subject: str, *, now: datetime) -> int:
    """End every sign-in of somebody; return how many there were."""
    theirs = update(SignInRow).where(col(SignInRow.subject) == subject, col(SignInRow.ended_at).is_(None))
    return session.exec(theirs.values(ended_at=now, id_token=None)).rowcount


def forget(session: Session, *, before: datetime) -> None:
    """Forget sign-ins that were over before then."""
    over = or_(col(SignInRow.expires_at) < before, col(SignInRow.ended_at) < before)
    session.exec(delete(SignInRow).where(over), execution_options={"synchronize_session": False})


def forget_id_tokens(session: Session, *, before: datetime) -> None:
    """Forget what sign-ins that had run out by then are known by at the identity provider."""
    over = update(SignInRow).where(col(SignInRow.expires_at) < before, col(SignInRow.id_token).is_not(None))
    session.exec(over.values(id_token=None), execution_options={"synchronize_session": False})


def forget_attempts(session: Session, *, before: datetime) -> None:
    """Forget attempts that had not come back by then."""
    lost = delete(SignInAttemptRow).where(col(SignInAttemptRow.expires_at) < before)
    session.exec(lost, execution_options={"synchronize_session": False})


def remember_attempt(session: Session, attempt: SignInAttemptRow) -> None:
    """Keep what a sign-in must come back with."""
    session.add(attempt)


def take_attempt(session: Session, state_digest: str, browser_digest: str, *, now: datetime) -> SignInAttemptRow | None:
    """Return the attempt that comes back, if it is this browser's and not too old; whatever it is, it is gone then."""
    row = session.exec(
        select(SignInAttemptRow).where(SignInAttemptRow.state_digest == state_digest).with_for_update()
    ).first()
    if row is None:
        return None
    session.delete(row)
    return row if row.browser_digest == browser_digest and row.expires_at > now else None


def _actor(row: SignInRow) -> Actor:
    return Actor(
        subject=row.subject,
        name=row.name,
        kind=row.kind,
        grants=frozenset(Grant(Role(role), trust) for role, trust in row.grants),
        scopes=permissions_named(row.scopes),
        at=frozenset(row.at),
        reporter_id=row.reporter_id,
    )

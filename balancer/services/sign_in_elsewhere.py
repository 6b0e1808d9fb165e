"""Send somebody to the identity provider, and know them again when they come back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.services.secret import digest_of, new_secret
from balancer.store import sign_ins
from balancer.store.database import Database
from balancer.store.tables_access import SignInAttemptRow

PATIENCE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What one sign-in is recognised by.

    ``state`` goes to the provider and back, ``browser`` stays in the browser's cookie, ``nonce`` comes back in the ID
    token, ``code_verifier`` (RFC 7636) never leaves us until the code is redeemed.
    """

    state: str
    browser: str
    nonce: str
    code_verifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What must hold of whoever comes back, and where they wanted to go."""

    nonce: str
    code_verifier: str
    return_to: str


def begin_attempt(database: Database, now: datetime, return_to: str) -> Attempt:
    """Begin a sign-in; it must come back within ten minutes, to the same browser, once."""
    attempt = Attempt(state=new_secret(), browser=new_secret(), nonce=new_secret(), code_verifier=new_secret())
    row = SignInAttemptRow(
        state_digest=digest_of(attempt.state),
        browser_digest=digest_of(attempt.browser),
        nonce=attempt.nonce,
        code_verifier=attempt.code_verifier,
        return_to=return_to,
        expires_at=now + PATIENCE,
    )
    with database.transaction() as session:
        sign_ins.forget_attempts(session, before=now)
        sign_ins.remember_attempt(session, row)
    return attempt


def end_attempt(database: Database, now: datetime, *, state: str, browser: str) -> Returned | None:
    """Return what is known of the sign-in that comes back; ``None`` if it is none of ours, late, or came before."""
    with database.transaction() as session:
        row = sign_ins.take_attempt(session, digest_of(state), digest_of(browser), now=now)
        if row is None:
            return None
        return Returned(nonce=row.nonce, code_verifier=row.code_verifier, return_to=row.return_to)

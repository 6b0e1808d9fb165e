"""The tables of who has access. Of secrets they hold digests only: whoever reads them can sign in as nobody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from balancer.domain.actor import ActorKind
from balancer.store.tables import Row
from balancer.store.types import StateText, UtcDateTime


class SignInRow(Row, table=True):
    """A person's session, or a system's access token, under the digest of the secret that its holder shows.

    What its holder may do is kept as it was when they signed in. ``ended_at``: signed out, or ended by somebody.
    ``id_token``: what the identity provider said then, shown to it when they sign out; kept no longer than that.
    """

    __tablename__ = "sign_ins"
    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True)
    kind: ActorKind = Field(sa_type=StateText(ActorKind))
    subject: str = Field(index=True)
    name: str
    grants: list[list[str]] = Field(sa_type=JSON)
    scopes: list[str] = Field(sa_type=JSON)
    at: list[str] = Field(sa_type=JSON)
    reporter_id: str | None = None
    began_at: datetime = Field(sa_type=UtcDateTime)
    last_seen_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    id_token: str | None = Field(default=None, repr=False)


class SignInAttemptRow(Row, table=True):
    """A sign-in that has been sent to the identity provider and has not come back; it is used once."""

    __tablename__ = "sign_in_attempts"
    state_digest: str = Field(primary_key=True)
    browser_digest: str
    nonce: str
    code_verifier: str
    return_to: str
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class SystemRow(Row, table=True):
    """A trust's system: what it may do where, and how it is known: by its public keys, or by the digest of its key."""

    __tablename__ = "systems"
    system_id: str = Field(primary_key=True)
    name: str
    scopes: list[str] = Field(sa_type=JSON)
    at: list[str] = Field(sa_type=JSON)
    public_keys: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    key_digest: str | None = Field(default=None, unique=True)
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class FormerKeyRow(Row, table=True):
    """The digest of a key that a system had before: good beside the one that it has, until ``ends_at``."""

    __tablename__ = "former_keys"
    digest: str = Field(primary_key=True)
    system_id: str = Field(foreign_key="systems.system_id", ondelete="CASCADE", index=True)
    ends_at: datetime = Field(sa_type=UtcDateTime)


class AssertionRow(Row, table=True):
    """A signed assertion that a system has shown: the same one is not taken twice (RFC 7523, 3, item 7)."""

    __tablename__ = "assertions"
    system_id: str = Field(primary_key=True, foreign_key="systems.system_id", ondelete="CASCADE")
    jti: str = Field(primary_key=True)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)

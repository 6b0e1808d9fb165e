"""Who calls by DIMSE: the registered system whose AE title it is, with the certificate that must come with the title.

An AE title is a name that anybody can send. Over plain TCP it is as good as the network. Over TLS it goes with the
certificate that it was registered with: another of the same authority proves that somebody is known, and not who. It is
looked at again for each operation, so that a system which is shut out is out, association or not.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from pynetdicom.association import Association

from balancer.domain.actor import NOWHERE, Actor, Reach
from balancer.domain.errors import NotAllowedError
from balancer.domain.instant import Clock
from balancer.domain.permission import MEANING, Permission
from balancer.store import ae_titles
from balancer.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks for an operation, and how far they reach in it."""

    actor: Actor
    reach: Reach


class Callers:
    """Knows whose an association is; ``believing`` takes a title that no certificate is known of at its word."""

    def __init__(self, database: Callable[[], Database], clock: Clock, *, believing: bool = False) -> None:
        self._database = database
        self._clock = clock
        self._believing = believing

    def whose(self, association: Association) -> Actor | None:
        """Return the system that an association is of; ``None`` if it is nobody's who may call."""
        title = title_of(association)
        with self._database().session() as session:
            known = ae_titles.by_title(session, title, now=self._clock.now())
        if known is None:
            return None
        if known.certificate:
            return known.actor if known.certificate == certificate_of(association) else None
        return known.actor if self._believing or not _is_over_tls(association) else None

    def require(self, association: Association, permission: Permission) -> Caller:
        """Return who calls, who must hold a permission.

        Raises
        ------
        NotAllowedError
            If they do not hold it, or may not call any more.
        """
        actor = self.whose(association)
        reach = NOWHERE if actor is None else actor.reach(permission)
        if actor is None or reach == NOWHERE:
            raise NotAllowedError(f"this needs leave to {MEANING[permission]}")
        return Caller(actor=actor, reach=reach.at(self._clock.now()))


def title_of(association: Association) -> str:
    """Return the AE title that a caller says it has; spaces at its ends mean nothing (PS3.5, 6.2)."""
    primitive = association.requestor.primitive
    return "" if primitive is None else str(primitive.calling_ae_title).strip(" ")


def certificate_of(association: Association) -> str:
    """Return the SHA-256 of the certificate that came over TLS, in hexadecimal; empty if none did."""
    connection = _connection(association)
    shown = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
    return hashlib.sha256(shown).hexdigest() if shown else ""


def _is_over_tls(association: Association) -> bool:
    return isinstance(_connection(association), ssl.SSLSocket)


def _connection(association: Association) -> socket.socket | None:
    transport = association.dul.socket
    return None if transport is None else transport.socket

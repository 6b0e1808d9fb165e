"""Who calls by DIMSE: the registered system whose AE title it is, with the certificate that must come with the title.

An AE title is a name that anybody can send. Over plain TCP it is as good as the network; with TLS and a certificate it
is proof. It is looked at again for each operation, so that a system which is shut out is out, association or not.
"""

from __future__ import annotations

import hashlib
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
    """Knows whose an association is."""

    def __init__(self, database: Callable[[], Database], clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def whose(self, association: Association) -> Actor | None:
        """Return the system that an association is of; ``None`` if it is nobody's who may call."""
        title = title_of(association)
        with self._database().session() as session:
            known = ae_titles.by_title(session, title, now=self._clock.now())
        if known is None or (known.certificate and known.certificate != certificate_of(association)):
            return None
        return known.actor

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
    transport = association.dul.socket
    connection = None if transport is None else transport.socket
    if not isinstance(connection, ssl.SSLSocket):
        return ""
    shown = connection.getpeercert(binary_form=True)
    return hashlib.sha256(shown).hexdigest() if shown else ""

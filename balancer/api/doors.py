"""Doors: the ways in which the service tells who calls."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from balancer.api.problems import NotSignedInError
from balancer.domain.actor import EVERY_TRUST, Actor, Grant, person
from balancer.domain.permission import Role

# Whoever sits at the machine that a local service runs on: everything but a reporter's own list, which they are not.
OPERATOR: Final = person(
    "local:operator",
    "whoever is on this machine",
    *(Grant(role, EVERY_TRUST) for role in Role if role != Role.REPORTER),
)
# What a proxy adds: whoever calls then sits somewhere else.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class LocalDoor:
    """Takes whoever calls from this machine for its operator. For trying Balancer out, and never with patients' data.

    ``trusts_proxies``: something in front of it lets in only who may, and said so.
    """

    def __init__(self, *, trusts_proxies: bool = False) -> None:
        self._trusts_proxies = trusts_proxies

    async def caller(self, request: Request) -> Actor | None:
        """Return the operator; ``NotSignedInError`` for what a proxy has passed on from somebody else."""
        if not self._trusts_proxies and any(name in request.headers for name in _FORWARDED):
            raise NotSignedInError("the local sign-in is for this machine only, and a proxy has passed this on")
        return OPERATOR

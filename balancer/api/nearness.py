"""Whether a request comes from this machine itself: what the local sign-in, which asks for no password, rests on."""

from __future__ import annotations

import ipaddress
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

# What a proxy adds: whoever calls then sits somewhere else.
_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
# What nginx speaks to whatever is behind it unless it is told otherwise, and no browser has spoken for 20 years.
_OF_PROXIES: Final = frozenset({"1.0"})


def why_elsewhere(scope: Scope) -> str:
    """Return in words why a request may be somebody's on another machine; empty if nothing says so."""
    if not _is_loopback(scope.get("client")):
        return "the local sign-in is for this machine only, and this comes from another"
    headers = Headers(scope=scope)
    if any(name in headers for name in _FORWARDED) or scope.get("http_version") in _OF_PROXIES:
        return "the local sign-in is for this machine only, and a proxy has passed this on"
    return ""


def _is_loopback(peer: tuple[str, int] | None) -> bool:
    """Tell whether the other end of a connection is on this machine; of what is no address nobody knows."""
    try:
        address = ipaddress.ip_address(peer[0] if peer else "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback

"""The hub that is followed: where it is, who we are there, and what a reporter's session is called."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlsplit

NAME: Final = "Balancer"
REPORTER: Final = "{reporter_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAddress:
    """``topic`` is a template with ``{reporter_id}`` in it; ``key`` is sent as a bearer token, if there is one."""

    url: str
    key: str = field(default="", repr=False)
    topic: str = REPORTER

    def topic_of(self, reporter_id: str) -> str:
        """Return what a reporter's session is called."""
        return self.topic.replace(REPORTER, reporter_id)

    def session_of(self, reporter_id: str) -> str:
        """Return where the hub says what is open in a reporter's session (2.9)."""
        return f"{self.url}/{quote(self.topic_of(reporter_id), safe='')}"

    @property
    def headers(self) -> dict[str, str]:
        """What every request to the hub carries."""
        return {"authorization": f"Bearer {self.key}"} if self.key else {}


def is_private(endpoint: str) -> bool:
    """Tell whether nobody can listen at a WebSocket's address: it is encrypted (wss), or on this machine."""
    try:
        found = urlsplit(endpoint)
    except ValueError:
        return False
    host = found.hostname or ""
    return bool(host) and (found.scheme == "wss" or (found.scheme == "ws" and _is_this_machine(host)))


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # the name of another
        return False

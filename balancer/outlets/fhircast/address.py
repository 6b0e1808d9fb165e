"""The hub that is followed: where it is, who we are there, and what a reporter's session is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

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

    @property
    def headers(self) -> dict[str, str]:
        """What every request to the hub carries."""
        return {"authorization": f"Bearer {self.key}"} if self.key else {}

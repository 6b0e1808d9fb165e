"""One system that follows a reporter's session: what it may be told, what waits for it, what it has not answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from balancer.domain.actor import Reach
from balancer.publish.fhircast.events import HEARTBEAT, SYNC_ERROR, Event, for_whoever_follows

# Who takes no more than this in without a word has gone away.
_MOST_WAITING: Final = 100
# Of these nobody has to say that they follow them.
_UNANSWERED: Final = frozenset({HEARTBEAT, SYNC_ERROR})


@dataclass(slots=True, eq=False)
class Subscription:
    """A subscription as it stands; times are of the process's own monotonic clock, in seconds.

    ``secret`` ends the address of its WebSocket. ``unanswered``: events it has been sent, and since when. ``ask`` finds
    out how far whoever subscribed reaches now; ``None`` if they may no longer follow.
    """

    secret: str
    topic: str
    name: str
    reach: Reach
    events: frozenset[str]
    ends_at: float
    made_at: float
    is_connected: bool = False
    denied: str = ""
    outgoing: asyncio.Queue[Mapping[str, Any]] = field(default_factory=asyncio.Queue)
    unanswered: dict[str, tuple[Event, float]] = field(default_factory=dict)
    ask: Callable[[], Awaitable[Reach | None]] | None = None

    def may_see(self, trusts: Collection[str]) -> bool:
        """Tell whether it may be told of a study of these trusts; of one whose trust nobody says, only if of any."""
        if self.reach.own == self.topic or self.reach.is_everywhere:
            return True
        return bool(trusts) and all(self.reach.covers(trust) for trust in trusts)

    def tell(self, event: Event, now: float) -> bool:
        """Send it an event as far as it follows such; ``False`` if it takes nothing in any more."""
        told = for_whoever_follows(event, self.events)
        if told is None or not self.is_connected:
            return True
        if self.outgoing.qsize() >= _MOST_WAITING:
            return False
        if told.name not in _UNANSWERED:
            self.unanswered[told.id] = (event, now)
        self.outgoing.put_nowait(told.message())
        return True

    def confirm(self, now: float) -> None:
        """Send it what it follows, and for how long (2.4.3)."""
        self.outgoing.put_nowait({
            "hub.mode": "subscribe",
            "hub.topic": self.topic,
            "hub.events": ",".join(sorted(self.events)),
            "hub.lease_seconds": max(0, round(self.ends_at - now)),
        })  # fmt: skip

    def deny(self, reason: str) -> None:
        """Send it that it follows nothing any more (2.4.5); its connection is closed after that."""
        self.denied = reason
        self.outgoing.put_nowait({
            "hub.mode": "denied",
            "hub.topic": self.topic,
            "hub.events": ",".join(sorted(self.events)),
            "hub.reason": reason,
        })  # fmt: skip

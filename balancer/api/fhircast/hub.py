"""The hub: what is open in each session, and everybody who follows it told of every change in the same order.

It keeps nothing beyond its process, as a session ends with the screens it is on: whoever is connected when it ends
notices, subscribes anew, and is told what is open. All replicas of a service would each have a hub of its own, so
that one of them is asked for everything under its address (docs/adr/0026). It belongs to one event loop.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from balancer.api.fhircast.subscription import Subscription
from balancer.api.problems import TooManyWaitingError
from balancer.domain.actor import Reach
from balancer.domain.errors import InvalidValueError, NotFoundError
from balancer.domain.instant import Clock
from balancer.publish.fhircast.events import SYNC_ERROR, Context, Event, sync_error

# How long a subscription may wait for its WebSocket (it is asked for at once).
_TO_CONNECT_SECONDS: Final = 60.0
# 2.5.6: who has not said within this that they follow is not in step, and the others are told.
ANSWER_SECONDS: Final = 10.0
_MOST_OF_A_TOPIC, _MOST_OF_ALL = 50, 5_000
_MOST_REMEMBERED: Final = 200


@dataclass(slots=True)
class _Topic:
    """A session: the last event that opened something, whose it was to see, and which events have come already."""

    current: Event | None = None
    trusts: frozenset[str] = frozenset()
    seen: OrderedDict[str, None] = field(default_factory=OrderedDict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)


class Hub:
    """Every session of this process; ``seconds`` tells the time by which answers and leases run out."""

    def __init__(self, clock: Clock, seconds: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.seconds = seconds
        self._topics: dict[str, _Topic] = {}
        self._by_secret: dict[str, Subscription] = {}

    def subscribe(self, topic: str, events: frozenset[str], reach: Reach, name: str, lease: float) -> Subscription:
        """Return a subscription that waits for its WebSocket.

        Raises
        ------
        TooManyWaitingError
            If as many follow the session, or any, as can.
        """
        self._forget_unconnected()
        session = self._topics.setdefault(topic, _Topic())
        if len(session.subscriptions) >= _MOST_OF_A_TOPIC or len(self._by_secret) >= _MOST_OF_ALL:
            raise TooManyWaitingError("as many follow this session already as can: unsubscribe one first")
        found = Subscription(
            secrets.token_urlsafe(32), topic, name, reach, events, self.seconds() + lease, self.seconds()
        )
        session.subscriptions[found.secret] = self._by_secret[found.secret] = found
        return found

    def subscribe_again(  # noqa: PLR0913, PLR0917 - as the request has it
        self, secret: str, topic: str, events: frozenset[str], reach: Reach, name: str, lease: float
    ) -> Subscription:
        """Return the subscription of that WebSocket, which from now on follows these events for this long."""
        found = self._of(secret, topic)
        found.events, found.reach, found.name, found.ends_at = events, reach, name, self.seconds() + lease
        if found.is_connected:
            found.confirm(self.seconds())
        return found

    def unsubscribe(self, secret: str, topic: str) -> None:
        """End a subscription; ``NotFoundError`` if there is none of that WebSocket."""
        self.end(self._of(secret, topic), "unsubscribed")

    def _of(self, secret: str, topic: str) -> Subscription:
        found = self._by_secret.get(secret)
        if found is None or found.topic != topic:
            raise NotFoundError("there is no such subscription")
        return found

    def connected(self, secret: str) -> Subscription | None:
        """Return the subscription whose WebSocket has come, once; it is told what is open."""
        found = self._by_secret.get(secret)
        if found is None or found.is_connected or found.ends_at <= self.seconds():
            return None
        found.is_connected = True
        found.confirm(self.seconds())
        session = self._topics[found.topic]
        if session.current is not None and found.may_see(session.trusts):
            found.tell(session.current, self.seconds())
        return found

    def publish(self, event: Event, sender: Reach, trusts: frozenset[str]) -> None:
        """Tell everybody in the session who may see it of an event, once however often it is sent.

        ``trusts`` are those that its study is known to be of. An event of which nobody knows is of the trust its sender
        belongs to, if that is one. One from a clock that is
        ahead happens now: nothing would take the place of what it opens until then. What opens and closes nothing (a
        sign-out) is told to everybody, and so without a context.

        Raises
        ------
        InvalidValueError
            If it does not have what it opens or closes.
        """
        if event.anchor and not any(item.get("key") == event.anchor_key for item in event.context):
            raise InvalidValueError("event.context", f"has no {event.anchor_key}")
        session = self._topics.setdefault(event.topic, _Topic())
        if event.id in session.seen:
            return
        session.seen[event.id] = None
        while len(session.seen) > _MOST_REMEMBERED:
            session.seen.popitem(last=False)
        event = replace(event, at=min(event.at, self._clock.now()))
        if not event.anchor and event.name != SYNC_ERROR:
            event = replace(event, context=())
        whose = self._whose(session, event, sender, trusts)
        self._tell(session, self._as_it_stands(session, event, whose or frozenset()), whose)

    @staticmethod
    def _whose(session: _Topic, event: Event, sender: Reach, trusts: frozenset[str]) -> frozenset[str] | None:
        """Return the trusts whose study an event is about; ``None`` if it is about none."""
        if event.name == SYNC_ERROR:
            return session.trusts
        if not event.anchor:
            return None
        return trusts or (sender.trusts if len(sender.trusts) == 1 else frozenset())

    def _as_it_stands(self, session: _Topic, event: Event, trusts: frozenset[str]) -> Event:
        """Return the event as it is told, having entered what it opens or closes; an older one changes nothing."""
        current = session.current
        if event.opens:
            event = event.with_version(str(uuid.uuid4()))
            if current is None or current.at <= event.at:
                session.current, session.trusts = event, trusts
        elif event.closes and current is not None and current.at <= event.at and event.ends(current):
            session.current, session.trusts = None, frozenset()
        return event

    def _tell(self, session: _Topic, event: Event, trusts: frozenset[str] | None, *, beside: str = "") -> None:
        """Tell everybody of an event; ``trusts`` is ``None`` of one that says nothing of any study."""
        deaf = []
        for found in session.subscriptions.values():
            if found.secret == beside or (trusts is not None and not found.may_see(trusts)):
                continue
            if not found.tell(event, self.seconds()):
                deaf.append(found)
        for found in deaf:
            self.lost(found, "takes nothing in any more")

    def current(self, topic: str, reach: Reach) -> Event | None:
        """Return the event that opened what is open in a session, if whoever asks may see it."""
        session = self._topics.get(topic)
        asking = Subscription("", topic, "", reach, frozenset(), 0.0, 0.0)
        return session.current if session is not None and asking.may_see(session.trusts) else None

    def followers(self, *topics: str) -> list[str]:
        """Return the names of whoever is connected in these sessions."""
        sessions = (self._topics.get(topic, _Topic()) for topic in topics)
        return [found.name for session in sessions for found in session.subscriptions.values() if found.is_connected]

    def answered(self, found: Subscription, event_id: str, status: int) -> None:
        """Note that a subscriber follows an event, or tell the others that it does not (2.5.2)."""
        event, _ = found.unanswered.pop(event_id, (None, 0.0))
        if event is not None and not 200 <= status < 300:
            self._not_followed(found, event, f"did not follow the context ({status})")

    def _not_followed(self, found: Subscription, event: Event, why: str) -> None:
        error = sync_error(event, found.name, why, event_id=str(uuid.uuid4()), at=self._clock.now())
        self._tell(self._topics[found.topic], error, None, beside=found.secret)

    def overdue(self, found: Subscription) -> Event | None:
        """Return an event that a subscriber should have answered by now, if there is one."""
        before = self.seconds() - ANSWER_SECONDS
        return next((event for event, since in found.unanswered.values() if since <= before), None)

    def lost(self, found: Subscription, why: str) -> None:
        """End a subscription that is not in step with the others any more, and tell them so (2.5.7)."""
        session = self._topics[found.topic]
        event = next((event for event, _ in found.unanswered.values()), session.current)
        was_there = found.secret in session.subscriptions
        self.end(found, why)
        if was_there and event is not None:
            self._not_followed(found, event, why)

    def end(self, found: Subscription, why: str) -> None:
        """End a subscription; its connection is closed once it has been told so."""
        self._topics[found.topic].subscriptions.pop(found.secret, None)
        if self._by_secret.pop(found.secret, None) is not None and found.is_connected:
            found.deny(why)

    def refuse(self, found: Subscription, why: str) -> None:
        """End a subscription of somebody who may no longer follow; what waits for them is not told."""
        while not found.outgoing.empty():
            found.outgoing.get_nowait()
        self.end(found, why)

    def _forget_unconnected(self) -> None:
        """Forget subscriptions whose WebSocket never came: their leases are running, and nobody is told anything."""
        now = self.seconds()
        for found in list(self._by_secret.values()):
            if not found.is_connected and (found.ends_at <= now or found.made_at + _TO_CONNECT_SECONDS <= now):
                self.end(found, "nobody came")


def context_out(event: Event | None) -> tuple[str, str, Context]:
    """Return type, version and context of what is open (2.9); empty if nothing is."""
    return ("", "", ()) if event is None else (event.anchor, event.version, event.context)

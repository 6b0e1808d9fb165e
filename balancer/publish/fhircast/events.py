"""Events of FHIRcast: their names, how one is written, and what was sent as one (STU3, 2.3 to 2.6)."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from balancer.domain.errors import InvalidValueError

OPEN: Final = "DiagnosticReport-open"
CLOSE: Final = "DiagnosticReport-close"
SYNC_ERROR: Final = "SyncError"
HEARTBEAT: Final = "Heartbeat"
# What contains what: a report is of studies of a patient. Who follows only patients is told of the report's.
ANCHORS: Final = {"DiagnosticReport": "report", "ImagingStudy": "study", "Patient": "patient"}
SUPPORTED: Final = (
    *(f"{anchor}-{change}" for anchor in ANCHORS for change in ("open", "close")),
    *("UserLogout", "UserHibernate"),
    *(SYNC_ERROR, HEARTBEAT),
)
MOST_CHARACTERS: Final = 64 * 1024
_MOST_TEXT: Final = 256
_NAMES: Final = {name.lower(): name for name in SUPPORTED}
_OUTCOME_SYSTEM: Final = "https://fhircast.hl7.org/events/syncerror/"
Context = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a reporter's session, ``topic``.

    ``version`` is given by the hub to each context that is opened.
    """

    id: str
    at: datetime
    topic: str
    name: str
    context: Context = field(default=())
    version: str = ""

    @property
    def anchor(self) -> str:
        """The resource that is opened or closed; empty of an event that opens and closes nothing."""
        resource, dash, _ = self.name.partition("-")
        return resource if dash else ""

    @property
    def anchor_key(self) -> str:
        """The key under which that resource stands in the context."""
        return ANCHORS.get(self.anchor, self.anchor.lower())

    @property
    def opens(self) -> bool:
        """Whether it sets a context."""
        return self.name.endswith("-open")

    @property
    def closes(self) -> bool:
        """Whether it ends one."""
        return self.name.endswith("-close")

    def with_version(self, version: str) -> Event:
        """Return the same event with the version that a hub gives to the context it opens."""
        return replace(self, version=version)

    def ends(self, opened: Event) -> bool:
        """Tell whether what this event closes is what ``opened`` opened, or is what that is of."""
        closed = {resource.get("id") for resource in resources(self.context, self.anchor_key)}
        return any(resource.get("id") in closed for resource in resources(opened.context, self.anchor_key))

    def message(self) -> dict[str, Any]:
        """Return the notification (2.5.1)."""
        event: dict[str, Any] = {"hub.topic": self.topic, "hub.event": self.name}
        if self.version:
            event["context.versionId"] = self.version
        return {"timestamp": _written(self.at), "id": self.id, "event": {**event, "context": list(self.context)}}


def event_in(sent: str | bytes) -> Event:
    """Return the event that was sent.

    Raises
    ------
    InvalidValueError
        If it is none, or one that a context cannot be followed by.
    """
    return event_of(object_in(sent))


def object_in(sent: str | bytes) -> dict[str, Any]:
    """Return the JSON object that was sent; ``InvalidValueError`` if it is none, or one that cannot be told on.

    What Python reads and JSON has not (NaN, half of a surrogate pair) would end the connection of whoever is told; a
    NUL is in no text that a database takes.
    """
    if len(sent) > MOST_CHARACTERS:
        raise InvalidValueError("body", "is too long")
    try:
        found = json.loads(sent)
        text = json.dumps(found, ensure_ascii=False, allow_nan=False)
        text.encode("utf-8")  # half of a surrogate pair is in no text
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("body", "is not JSON") from error
    if not isinstance(found, dict):
        raise InvalidValueError("body", "is not a JSON object")
    if "\\u0000" in text:
        raise InvalidValueError("body", "has a character that no text may have")
    return found


def event_of(sent: Mapping[str, Any]) -> Event:
    """Return the event that a JSON object states, as ``event_in``."""
    event = sent.get("event")
    if not isinstance(event, dict):
        raise InvalidValueError("event", "is not an object")
    context = event.get("context")
    if not isinstance(context, list) or not all(isinstance(item, dict) for item in context):
        raise InvalidValueError("event.context", "is not a list of objects")
    name = _text(event.get("hub.event"), "event.hub.event")
    return Event(
        id=_text(sent.get("id"), "id"),
        at=_instant(_text(sent.get("timestamp"), "timestamp")),
        topic=_text(event.get("hub.topic"), "event.hub.topic"),
        name=_NAMES.get(name.lower(), name),
        context=tuple(context),
        version=str(event.get("context.versionId") or "")[:_MOST_TEXT],
    )


def granted(asked: str) -> frozenset[str]:
    """Return those of the supported events that a list with wild cards asks for (2.3.2).

    Raises
    ------
    InvalidValueError
        If it asks for none of them.
    """
    found: set[str] = set()
    for part in asked.split(","):
        pattern = re.escape(part.strip().lower()).replace(r"\*", "[^-]*" if "-" in part else ".*")
        found.update(name for name in SUPPORTED if re.fullmatch(pattern, name.lower()))
    if not found:
        raise InvalidValueError("hub.events", f"asks for none of {', '.join(SUPPORTED)}")
    return frozenset(found)


def for_whoever_follows(event: Event, followed: Collection[str]) -> Event | None:
    """Return an event as somebody is told of it who follows certain events; ``None`` if they are not.

    Whoever follows studies or patients only, and not the report that was opened, is told of its study or patient
    (2.5.4): left as they were, they would show another patient's.
    """
    if event.name in followed:
        return event
    inner = list(ANCHORS)
    if event.anchor not in ANCHORS:
        return None
    for anchor in inner[inner.index(event.anchor) + 1 :]:
        name = event.name.replace(event.anchor, anchor)
        kept = tuple(item for item in event.context if item.get("key") in keys_of(anchor))
        if name in followed and any(item.get("key") == ANCHORS[anchor] for item in kept):
            return replace(event, id=f"{event.id}.{anchor}", name=name, context=kept)
    return None


def keys_of(anchor: str) -> frozenset[str]:
    """Return the keys that an event about a resource has in its context: its own, and what that is of."""
    inner = list(ANCHORS)
    return frozenset(ANCHORS[one] for one in inner[inner.index(anchor) :])


def sync_error(event: Event, subscriber: str, why: str, *, event_id: str, at: datetime) -> Event:
    """Return that ``subscriber`` did not follow an event (3.2.1); ``why`` names no patient and no person."""
    said = (("eventid", event.id), ("eventname", event.name), ("subscriber", subscriber))
    outcome = {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "warning",
                "code": "processing",
                "diagnostics": f"{subscriber}: {why}",
                "details": {"coding": [{"system": _OUTCOME_SYSTEM + name, "code": value} for name, value in said]},
            }
        ],
    }
    context = ({"key": "operationoutcome", "resource": outcome},)
    return Event(id=event_id, at=at, topic=event.topic, name=SYNC_ERROR, context=context)


def heartbeat(topic: str, seconds: int, *, event_id: str, at: datetime) -> Event:
    """Return the sign of life of a hub that sends one every so many seconds (3.2.2)."""
    return Event(id=event_id, at=at, topic=topic, name=HEARTBEAT, context=({"key": "period", "decimal": str(seconds)},))


def resources(context: Iterable[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """Return the resources that stand under a key of a context."""
    found = (item.get("resource") for item in context if item.get("key") == key)
    return [resource for resource in found if isinstance(resource, dict)]


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value or len(value) > _MOST_TEXT or not value.isprintable():
        raise InvalidValueError(name, "is not a text, or too long a one")
    return value


def _instant(text: str) -> datetime:
    """Return the instant; FHIRcast's are in UTC, and many senders leave the offset out."""
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValueError("timestamp", "is not an ISO 8601 instant") from error


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

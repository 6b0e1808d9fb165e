"""Subscriptions (R4, rest-hook): what one asks for, how it is shown, and how what it is told is signed.

What is told is that something has changed, and nothing of it: no patient's data goes where nobody signed in. The
subscriber searches then. It is signed as Standard Webhooks says (symmetric, v1), for which there are libraries.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from balancer.domain.errors import InvalidValueError
from balancer.publish.fhir.references import Resource
from balancer.publish.fhir.search import TaskQuery, query_of
from balancer.publish.fhir.task import carried

SECRET: Final = "https://balancer.example/fhir/StructureDefinition/signing-secret"  # noqa: S105 - a name
_MOST: Final = 1_000
_SCHEMES: Final = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A subscription that is asked for."""

    criteria: str
    endpoint: str
    reason: str
    end_at: datetime | None


def asked_in(resource: Mapping[str, Any], origins: Collection[str]) -> Asked:
    """Return what a Subscription asks for; ``origins`` are those where anything may be told.

    Raises
    ------
    InvalidValueError
        If it is none that is served here.
    """
    channel = resource.get("channel")
    if resource.get("status") not in {"requested", "active"}:
        raise InvalidValueError("Subscription.status", "is not requested")
    if not isinstance(channel, Mapping) or channel.get("type") != "rest-hook":
        raise InvalidValueError("Subscription.channel.type", "is not rest-hook")
    if "payload" in channel or "header" in channel:
        raise InvalidValueError(
            "Subscription.channel", "has a payload or headers: only that there is news is told here"
        )
    criteria, reason = resource.get("criteria"), resource.get("reason")
    if not isinstance(criteria, str) or len(criteria) > _MOST:
        raise InvalidValueError("Subscription.criteria", "is no search of Tasks")
    criteria_of(criteria)
    if not isinstance(reason, str) or not carried(reason):
        raise InvalidValueError("Subscription.reason", "is empty")
    return Asked(
        criteria=criteria,
        endpoint=_endpoint(channel.get("endpoint"), origins),
        reason=carried(reason),
        end_at=_end(resource.get("end")),
    )


def criteria_of(criteria: str) -> TaskQuery:
    """Return the search of Tasks that a subscription is for.

    Raises
    ------
    InvalidValueError
        If it is none, or asks for what a change cannot be held against: dates, pages, what is included.
    """
    kind, _, text = criteria.partition("?")
    if kind != "Task":
        raise InvalidValueError("Subscription.criteria", "is no search of Tasks, as Task?status=ready")
    try:
        given = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=50)
    except ValueError as error:
        raise InvalidValueError("Subscription.criteria", "is not encoded as a query is") from error
    query = query_of(given)
    if query.dates or any(name.startswith("_") and name != "_id" for name, _ in query.used):
        raise InvalidValueError("Subscription.criteria", "has dates, or says how an answer is to look")
    return query


def is_allowed(endpoint: str, origins: Collection[str]) -> bool:
    """Tell whether an endpoint is where something may be told, as ``origins`` are now."""
    return _origin(endpoint) in origins


def _origin(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _endpoint(said: object, origins: Collection[str]) -> str:
    try:
        parts = urlsplit(said if isinstance(said, str) else "")
    except ValueError as error:
        raise InvalidValueError("Subscription.channel.endpoint", "is no address") from error
    text = str(said)
    plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= _MOST
    if parts.scheme not in _SCHEMES or not plain or "@" in parts.netloc or parts.fragment:
        raise InvalidValueError("Subscription.channel.endpoint", "is no plain address")
    if not is_allowed(text, origins):
        raise InvalidValueError(
            "Subscription.channel.endpoint", "is where nothing may be told: ask who runs the service"
        )
    return text


def _end(said: object) -> datetime | None:
    if said is None:
        return None
    try:
        end = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        end = None
    if end is None or end.tzinfo is None or not 1970 < end.year < 2200:
        raise InvalidValueError("Subscription.end", "is no instant with its offset")
    return end


def subscription(*, number: int, status: str, asked: Asked, error: str = "", secret: str = "") -> Resource:
    """Return a subscription as it stands; ``secret`` is what its notifications are signed with."""
    made: Resource = {
        "resourceType": "Subscription",
        "id": str(number),
        "status": status,
        "reason": asked.reason,
        "criteria": asked.criteria,
        "channel": {"type": "rest-hook", "endpoint": asked.endpoint},
    }
    if secret:
        made["channel"]["extension"] = [{"url": SECRET, "valueString": secret}]
    if asked.end_at is not None:
        made["end"] = asked.end_at.isoformat()
    if error:
        made["error"] = carried(error)
    return made


def secret_of(number: int, numbering: str, key: bytes) -> str:
    """Return the secret of a subscription, which is kept nowhere: it follows from the installation's key."""
    made = hmac.new(key, f"fhir subscription {numbering} {number}".encode(), hashlib.sha256).digest()
    return f"whsec_{base64.b64encode(made).decode('ascii')}"


def signed(letter: str, at: datetime, secret: str, body: bytes = b"") -> dict[str, str]:
    """Return the headers by which a subscriber can tell that a notification is ours, and that it is not an old one."""
    timestamp = str(int(at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{letter}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode('ascii')}"
    return {"webhook-id": letter, "webhook-timestamp": timestamp, "webhook-signature": signature}

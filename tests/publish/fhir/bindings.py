"""What ``fhir.resources`` does not look at: R4's required bindings, its patterns, and how R4B differs from R4.

Of the resources that are sent here R4B (4.3.0) differs from R4 (4.0.1) nowhere in structure: what R4B changed is in
Evidence, EvidenceVariable, the medication definitions, NutritionProduct, ActivityDefinition's and PlanDefinition's
subject, Device's and Citation's kin, and the topic-based subscriptions. CapabilityStatement has the same elements, and
its ``fhirVersion`` must be 4.0.1 here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from balancer.publish.fhir.codes import TASK_STATUSES

_REQUEST_PRIORITY = {"routine", "urgent", "asap", "stat"}
_ISSUE_TYPES = {
    *("invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired", "forbidden"),
    *("suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted", "too-long"),
    *("code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient", "lock-error", "no-store"),
    *("exception", "timeout", "incomplete", "throttled", "informational"),
}
_REQUEST_INTENT = {
    *("proposal", "plan", "directive", "order", "original-order", "reflex-order", "filler-order", "instance-order"),
    "option",
}
REQUIRED: dict[tuple[str, str], set[str] | frozenset[str]] = {
    ("Task", "status"): TASK_STATUSES,
    ("Task", "intent"): (_REQUEST_INTENT - {"directive"}) | {"unknown"},
    ("Task", "priority"): _REQUEST_PRIORITY,
    ("ServiceRequest", "status"): {
        *("draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"),
    },
    ("ServiceRequest", "intent"): _REQUEST_INTENT,
    ("ServiceRequest", "priority"): _REQUEST_PRIORITY,
    ("ImagingStudy", "status"): {"registered", "available", "cancelled", "entered-in-error", "unknown"},
    ("Bundle", "type"): {
        *("document", "message", "transaction", "transaction-response", "batch", "batch-response", "history"),
        *("searchset", "collection"),
    },
    ("CapabilityStatement", "status"): {"draft", "active", "retired", "unknown"},
    ("CapabilityStatement", "kind"): {"instance", "capability", "requirements"},
    ("Subscription", "status"): {"requested", "active", "error", "off"},
}
_STRING = re.compile(r"[ \r\n\t\S]+")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def check(resource: dict[str, Any]) -> None:
    """Ensure that a resource is valid R4: its structure by ``fhir.resources``, its bindings and patterns here."""
    get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    for name, allowed in (
        (name, allowed) for (of, name), allowed in REQUIRED.items() if of == resource["resourceType"]
    ):
        if name in resource:
            assert resource[name] in allowed, (name, resource[name])
    for text in _texts(resource):
        assert _STRING.fullmatch(text), text
    if "lastUpdated" in resource.get("meta", {}):
        assert _INSTANT.fullmatch(resource["meta"]["lastUpdated"])
    if resource["resourceType"] == "Task":
        _check_task(resource)
    if resource["resourceType"] == "OperationOutcome":
        for issue in resource["issue"]:
            assert issue["code"] in _ISSUE_TYPES
            assert issue["severity"] in {"fatal", "error", "warning", "information"}
    for entry in resource.get("entry", ()):
        check(entry["resource"])


def _check_task(task: dict[str, Any]) -> None:
    """Ensure that a Task keeps inv-1 (changed after it was made) and per-1 (periods run forwards)."""
    if {"authoredOn", "lastModified"} <= task.keys():  # part of a Task may have either
        assert datetime.fromisoformat(task["authoredOn"]) <= datetime.fromisoformat(task["lastModified"])
    period = task.get("executionPeriod", {})
    if len(period) == 2:
        assert datetime.fromisoformat(period["start"]) <= datetime.fromisoformat(period["end"])


def _texts(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        assert part, "an element is never empty (ele-1)"
        for value in part.values():
            yield from _texts(value)
    elif isinstance(part, list):
        assert part, "a list is never empty"
        for value in part:
            yield from _texts(value)

"""The CapabilityStatement (R4): what this server does, from the tables that it does it by."""

from __future__ import annotations

from typing import Any, Final

from balancer.publish.fhir.parameters import INCLUDES, PARAMETERS, REFUSED, SORTS
from balancer.publish.fhir.patch import JSON_PATCH
from balancer.publish.fhir.references import Resource

FHIR_VERSION: Final = "4.0.1"
JSON: Final = "application/fhir+json"
_DATED: Final = "2026-11-27"  # when what it says last changed
READ_ONLY: Final = {
    "ServiceRequest": "What was ordered: a study.",
    "ImagingStudy": "What was imaged, where the Study Instance UID is known.",
    "Practitioner": "A reporter.",
    "Organization": "A trust.",
}
_TASK: Final = (
    "A read. Its status is changed by PUT or PATCH and nothing else of it: to in-progress claims it, to completed "
    "completes it, back to ready or requested releases it, to rejected or failed with a statusReason hands it back, to "
    "on-hold hands it back for its images are missing. A version is of the content; only the current one is kept."
)


def _searching() -> str:
    """Return what else a search may say, and what it may not."""
    sorts = "; ".join(f"{name} ({about})" for name, about in SORTS.items())
    refused = "; ".join(f"{name} ({why})" for name, why in REFUSED.items())
    return (
        f"A search takes _count, _elements, _summary, _total, _include and _sort, by one or several of: {sorts}. "
        f"A minus turns an order round. Refused, or left out with Prefer: handling=lenient: {refused}."
    )


def capability_statement(*, url: str, version: str) -> Resource:
    """Return what a server at ``url`` does."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATED,
        "kind": "instance",
        "software": {"name": "Balancer", "version": version},
        "implementation": {"description": "Reads of an imaging network as Tasks", "url": url},
        "fhirVersion": FHIR_VERSION,
        "format": [JSON, "json"],
        "patchFormat": [JSON_PATCH, JSON],
        "rest": [
            {
                "mode": "server",
                "security": {
                    "description": "OAuth 2.0 bearer tokens or keys of registered systems; scopes are this service's "
                    "own: assignments.read to read and search, reads.work to change a status.",
                },
                "resource": [
                    _task(),
                    *(_read_only(kind, about) for kind, about in READ_ONLY.items()),
                    _subscription(),
                ],
            }
        ],
    }


def _task() -> Resource:
    interactions = ("read", "vread", "update", "patch", "search-type")
    return {
        "type": "Task",
        "documentation": f"{_TASK} {_searching()}",
        "interaction": [{"code": code} for code in interactions],
        "versioning": "versioned",
        "readHistory": False,
        "updateCreate": False,
        "conditionalRead": "not-match",
        "conditionalUpdate": False,
        "referencePolicy": ["literal", "logical"],
        "searchInclude": sorted(INCLUDES),
        "searchParam": [
            {"name": name, "type": kind, "documentation": about} for name, (kind, about) in PARAMETERS.items()
        ],
    }


def _subscription() -> Resource:
    interactions = ("create", "read", "delete", "search-type")
    return {
        "type": "Subscription",
        "documentation": "A registered system's own: rest-hook without payload or headers, to origins that whoever "
        "runs the service has named; signed as Standard Webhooks says.",
        "interaction": [{"code": code} for code in interactions],
    }


def _read_only(kind: str, about: str) -> dict[str, Any]:
    return {"type": kind, "documentation": about, "interaction": [{"code": "read"}], "conditionalRead": "not-match"}

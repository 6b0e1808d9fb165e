"""Bundles and outcomes (R4): what a search finds, and what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from balancer.publish.fhir.references import Resource

# Kinds of problem (the names of api/problems.py) in FHIR's words (required binding, ValueSet issue-type).
ISSUES: Final[Mapping[str, str]] = {
    "bad-request": "structure",
    "begin-again": "expired",
    "claimed": "conflict",
    "conflict": "conflict",
    "database-does-not-answer": "transient",
    "from-elsewhere": "security",
    "internal-error": "exception",
    "invalid-value": "invalid",
    "method-not-allowed": "not-supported",
    "no-such-page": "not-found",
    "not-allowed": "forbidden",
    "not-found": "not-found",
    "not-ready": "transient",
    "refused": "not-supported",
    "sign-in-needed": "login",
    "too-large": "too-long",
    "too-many-waiting": "throttled",
    "version-changed": "conflict",
}
_OTHERWISE: Final = "processing"


def searchset(
    found: Sequence[tuple[str, Resource]], included: Sequence[tuple[str, Resource]], *, total: int, links: Resource
) -> Resource:
    """Return what a search found; each resource with its full URL, ``links`` by their relations."""
    entries = [_entry(url, resource, "match") for url, resource in found]
    entries += [_entry(url, resource, "include") for url, resource in included]
    made: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
    }
    return {**made, "entry": entries} if entries else made


def _entry(url: str, resource: Resource, mode: str) -> Resource:
    return {"fullUrl": url, "resource": resource, "search": {"mode": mode}}


def outcome_of(problem: Mapping[str, Any]) -> Resource:
    """Return a problem (RFC 9457) as an OperationOutcome."""
    kind = str(problem.get("type", "")).rpartition("#")[2]
    details = {"text": str(problem.get("detail") or problem.get("title") or "failed")}
    first: Resource = {"severity": "error", "code": ISSUES.get(kind, _OTHERWISE), "details": details}
    diagnostics = problem.get("instance")
    if diagnostics:
        first["diagnostics"] = str(diagnostics)
    return {"resourceType": "OperationOutcome", "issue": [first, *_faults(problem.get("errors", ()))]}


def _faults(faults: Iterable[Mapping[str, Any]]) -> Iterable[Resource]:
    for fault in faults:
        where = fault.get("parameter") or fault.get("pointer")
        text = f"{where}: {fault['detail']}" if where else str(fault["detail"])
        yield {"severity": "error", "code": "invalid", "details": {"text": text}}

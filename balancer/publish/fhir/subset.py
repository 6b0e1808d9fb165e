"""Part of a resource, as ``_elements`` and ``_summary`` ask for it (R4, 3.1.1.5.8 and 9), marked as such."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from balancer.domain.errors import InvalidValueError
from balancer.publish.fhir.references import Resource

_TAG: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
_ALWAYS: Final = frozenset({"resourceType", "id", "meta", "status", "intent"})
"""What every part of a Task has: it would be no Task without."""
_OF_WHAT: Final = frozenset({"groupIdentifier", "code", "description", "focus", "for", "requester", "owner"})
SUMMARY: Final = _OF_WHAT | {"status", "statusReason", "businessStatus", "intent", "executionPeriod", "lastModified"}
"""Those elements of a Task that we send and R4 marks as its summary (Σ)."""
_SUMMARIES: Final = frozenset({"true", "text", "data", "count", "false"})
_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How much of each Task is wanted: ``elements``, or all of it; ``only_total``: no Task at all."""

    elements: frozenset[str] | None = None
    only_total: bool = False

    def of(self, resource: Resource) -> Resource:
        """Return as much of a Task as is wanted."""
        if self.elements is None:
            return resource
        part = {name: value for name, value in resource.items() if name in _ALWAYS | self.elements}
        return {**part, "meta": {**part["meta"], "tag": [_TAG]}}


def with_elements(shape: Shape, value: str) -> Shape:
    """Return a shape that ``_elements`` narrows: names of a Task's own elements, with commas between them.

    Raises
    ------
    InvalidValueError
        If one is no name.
    """
    names = [part.strip().removeprefix("Task.") for part in value.split(",")]
    if len(names) > _MOST or not all(name.isascii() and name.isalpha() for name in names):
        raise InvalidValueError("_elements", "is no list of elements, as status,owner")
    return Shape(elements=(shape.elements or frozenset()) | frozenset(names), only_total=shape.only_total)


def with_summary(shape: Shape, value: str) -> Shape:
    """Return a shape as ``_summary`` wants it; no Task has a text, so that ``data`` is all of it and ``text`` none.

    Raises
    ------
    InvalidValueError
        If it is none of R4's words.
    """
    if value not in _SUMMARIES:
        raise InvalidValueError("_summary", f"is none of {', '.join(sorted(_SUMMARIES))}")
    elements = {"true": SUMMARY, "text": frozenset[str]()}.get(value, shape.elements)
    return Shape(elements=elements, only_total=shape.only_total or value == "count")


def is_part(resource: Any) -> bool:
    """Tell whether a resource says of itself that it is part of one only."""
    meta = resource.get("meta") if isinstance(resource, dict) else None
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return isinstance(tags, list) and any(isinstance(tag, dict) and tag.get("code") == _TAG["code"] for tag in tags)

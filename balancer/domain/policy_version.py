"""Versions of the clinical policy: what became of each, and how two of them differ, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from balancer.domain.policy import Policy

# How a field that is not a table of the file is named there.
_NAMED: Mapping[str, str] = {
    "horizon_hours": "horizon.hours",
    "beyond_hours": "horizon.beyond_hours",
    "default_productivity": "productivity.default",
    "bands": "load.bands",
    "owner": "policy.owner",
    "version": "policy.version",
    "dated_on": "policy.date",
    "author": "policy.author",
    "approver": "policy.approver",
}


class PolicyState(StrEnum):
    """What became of a version; its text is the same in each state.

    ``proposed``: it waits for somebody to approve it. ``in_force``: runs are made by it. ``replaced``: a later one was
    approved. ``declined``: somebody decided against it, or what proposed it says so no longer.
    """

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    REPLACED = "replaced"
    DECLINED = "declined"


class PolicyDecision(StrEnum):
    """What is decided about a proposed version, once."""

    APPROVE = "approve"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of the policy in which two versions differ; ``None`` where a version does not have it."""

    field: str
    was: Any
    becomes: Any


def compare(before: Policy, after: Policy) -> tuple[FieldChange, ...]:
    """Return every field in which ``after`` differs from ``before``, as the file names them.

    Classes are compared by their code: ``priority.urgent.weight``; that their order differs is ``priority``.
    """
    was, becomes = fields_of(before), fields_of(after)
    return tuple(
        FieldChange(field=name, was=was.get(name), becomes=becomes.get(name))
        for name in dict.fromkeys([*was, *becomes])
        if was.get(name) != becomes.get(name)
    )


def fields_of(policy: Policy) -> dict[str, Any]:
    """Return every field of a policy by its name in the file, in the file's order."""
    return dict(_named(asdict(policy)))


def _named(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if name == "priorities":
            yield "priority", [priority["code"] for priority in value]
            for priority in value:
                yield from ((f"priority.{priority['code']}.{key}", each) for key, each in priority.items())
        elif name == "bands":
            yield _NAMED[name], [list(band.values()) for band in value]
        elif name == "ledger":
            yield from ((f"ledger.taken_minutes.{cap['trust']}", cap["minutes"]) for cap in value)
        elif isinstance(value, Mapping):
            yield from ((f"{name}.{key}", each) for key, each in value.items())
        else:
            yield _NAMED.get(name, name), value

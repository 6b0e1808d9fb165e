"""The clinical policy as pages show it: its versions, one in plain words, and two side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.domain.policy import Policy, TargetClock
from balancer.domain.policy_version import FieldChange, PolicyState
from balancer.store.policies import PolicyVersion, policy_of
from balancer.web.class_marks import ClassMark, class_marks
from balancer.web.points import point_words
from balancer.web.policy_fields import CLASS_FIELDS, GENERAL_FIELDS, Field, class_fields, figure, general_fields
from balancer.web.policy_rules import MEANINGS, Rule, rules
from balancer.web.tables import Cell, Choice, Column, Row, Table, View, table_of
from balancer.web.time_left import at_words

_STATES: Final = {
    PolicyState.PROPOSED: "waits to be approved",
    PolicyState.IN_FORCE: "in force",
    PolicyState.REPLACED: "replaced",
    PolicyState.DECLINED: "declined",
}
# So many versions stand beside each other.
_PAIR: Final = 2
_COLUMNS: Final = (
    Column(key="policy", head="Version"),
    Column(key="state", head="State"),
    Column(key="owner", head="Owner"),
    Column(key="author", head="Proposed by"),
    Column(key="proposed_at", head="Proposed"),
    Column(key="reason", head="Why"),
    Column(key="approver", head="Approved by"),
    Column(key="decided_at", head="Decided"),
    Column(key="compare", head="Compare"),
)
# Figures that a policy's file, and so a difference, names otherwise than the policy itself.
_IN_FILES: Final = {
    "horizon_hours": "horizon.hours",
    "beyond_hours": "horizon.beyond_hours",
    "default_productivity": "productivity.default",
}
_NOTES: Final = {
    TargetClock.CALENDAR: "The clock runs day and night.",
    TargetClock.WORKING_DAYS: "The clock stands still outside working days.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassShown:
    """A class with its figures."""

    mark: ClassMark
    fields: Sequence[Field]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShown:
    """One field in which two versions differ; ``meaning`` in plain words where there are some."""

    label: str
    meaning: str
    was: str
    becomes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyShown:
    """A version in plain words."""

    version: PolicyVersion
    state: str
    classes: Sequence[ClassShown]
    general: Sequence[Field]
    rules: Sequence[Rule]
    waits: bool
    point: str


_NONE: Final = (
    "None has been loaded yet: the first is read from the network folder (policy.toml) when the service starts."
)


def versions_table(found: Sequence[PolicyVersion], view: View, now: datetime) -> Table:
    """Return the versions, newest first, each with the way to where it differs from the one in force."""
    current = next((item.row.id for item in found if item.state is PolicyState.IN_FORCE), None)
    return table_of("Policy versions", _COLUMNS, [_row(item, current, now) for item in found], view, empty=_NONE)


def pair_to_compare(
    found: Sequence[PolicyVersion], before: int | None = None, after: int | None = None
) -> Sequence[Choice]:
    """Return the two versions to choose, to be shown side by side; none to choose from if there is but one.

    Unless others are given: the one in force, and the one before it.
    """
    if len(found) < _PAIR:
        return ()
    numbers = sorted(item.row.id or 0 for item in found)
    in_force = next((item.row.id or 0 for item in found if item.state is PolicyState.IN_FORCE), numbers[-1])
    second = in_force if after is None else after
    earlier = [number for number in numbers if number < second] or [number for number in numbers if number != second]
    first = earlier[-1] if before is None else before
    options = [(str(item.row.id), f"Version {item.row.id}: {_STATES[item.state].lower()}") for item in found]
    return (
        Choice(name="a", label="Before", options=options, chosen=str(first)),
        Choice(name="b", label="After", options=options, chosen=str(second)),
    )


def policy_shown(found: PolicyVersion, trusts: Mapping[str, str]) -> PolicyShown:
    """Return a version in plain words; ``trusts`` are the network's by code."""
    policy = policy_of(found.row)
    marks = class_marks(policy)
    return PolicyShown(
        version=found,
        state=_STATES[found.state],
        classes=[
            ClassShown(mark=marks[item.code], fields=class_fields(item), note=_NOTES[item.clock])
            for item in policy.priorities
        ],
        general=general_fields(policy),
        rules=rules(policy, trusts),
        waits=found.state is PolicyState.PROPOSED,
        point=point_words(policy),
    )


def changes_shown(changes: Sequence[FieldChange], policy: Policy) -> list[ChangeShown]:
    """Return in which fields two versions differ, in words where a field has some, else as the file names it."""
    known = _known(policy)
    return [
        ChangeShown(
            label=known.get(item.field, (item.field, ""))[0],
            meaning=known.get(item.field, ("", ""))[1],
            was="not there" if item.was is None else figure(item.was),
            becomes="not there" if item.becomes is None else figure(item.becomes),
        )
        for item in changes
    ]


def _known(policy: Policy) -> Mapping[str, tuple[str, str]]:
    marks = class_marks(policy)
    of_classes = {
        f"priority.{item.code}.{name}": (_called(f"{marks[item.code].name}: {label.lower()}", unit), meaning)
        for item in policy.priorities
        for name, label, unit, meaning in CLASS_FIELDS
    }
    of_all = {
        _IN_FILES.get(name, name): (_called(label, unit), meaning) for name, label, unit, meaning in GENERAL_FIELDS
    }
    return {**of_classes, **of_all, **MEANINGS}


def _called(label: str, unit: str) -> str:
    return f"{label}, {unit}" if unit else label


def _row(found: PolicyVersion, current: int | None, now: datetime) -> Row:
    decided = None if found.decision is None else found.decision.decided_at
    return Row(
        cells=(
            Cell(text=f"Version {found.row.id}", value=found.row.id, link=f"/policy/{found.row.id}"),
            Cell(text=_STATES[found.state].capitalize()),
            Cell(text=found.row.owner),
            Cell(text=found.row.author),
            Cell(text=at_words(found.row.loaded_at, now), value=found.row.loaded_at),
            Cell(text=found.row.reason),
            Cell(text=found.approver),
            Cell(text="" if decided is None else at_words(decided, now), value=decided),
            Cell()
            if current in {None, found.row.id}
            else Cell(text="With what is in force", value="", link=f"/policy/compare?a={found.row.id}&b={current}"),
        )
    )

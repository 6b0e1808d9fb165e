"""What the policy's figures mean, in plain words, and the policy that somebody's changes to them make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from balancer.domain.errors import InvalidValueError
from balancer.domain.policy import Policy, PriorityClass

_ANSWERS: Final = ("yes", "no")
# Of a class: (field, label, unit, what it means).
CLASS_FIELDS: Final = (
    ("target_hours", "Target", "hours", "Due so long after it was acquired."),
    ("target_working_days", "Target", "working days", "Due so many working days after it was acquired."),
    ("ceiling_hours", "Ceiling", "hours", "Nothing may quietly wait longer than this."),
    ("weight", "Weight", "points an hour", "What each hour late costs, against the other classes."),
    ("breach", "Crossing the target", "hours", "Becoming late at all costs as much as so many hours of lateness."),
    ("provisional_stops_clock", "A provisional report is enough", "", "Whether the target asks for no more than that."),
    ("verification_hours", "Verify within", "hours", "After a provisional report, for this class."),
)
# Of the whole policy: (field in the file, label, unit, what it means).
GENERAL_FIELDS: Final = (
    (
        "weights.wait_rate",
        "Waiting on time",
        "share",
        "What waiting costs before the target, as a share of the weight.",
    ),
    ("weights.ceiling_weight", "Over the ceiling", "points an hour", "What each hour over the ceiling costs on top."),
    ("weights.general", "Not the specialist", "points", "For a reporter who reports the subject but is no specialist."),
    (
        "weights.fallback",
        "Only as a fallback",
        "points",
        "For a reporter who can report it where nobody better is free.",
    ),
    ("weights.remote", "Another trust's", "points", "For a read that is not of the reporter's own trust."),
    ("weights.churn", "Moved", "points", "For a read that leaves a list on which somebody has seen it."),
    ("weights.prior", "Not the prior's reader", "points", "For a read whose last study somebody else reported."),
    ("weights.split", "Split from the patient's others", "points", "For one patient's studies on several lists."),
    ("replan.churn_budget", "Churn budget", "share", "How many published reads may change hands between runs."),
    (
        "replan.protected_next",
        "Protected next",
        "reads",
        "So many of each list stay until the next run, whatever is gained.",
    ),
    (
        "publishing.hold",
        "Plans wait for a manager",
        "",
        "Whether somebody publishes each before it is on lists.",
    ),
    ("publishing.allocate_every_minutes", "Allocate every", "min", "A run is asked for so often."),
    (
        "publishing.changes_wait_minutes",
        "New work waits for a plan",
        "min",
        "At most so long after the run before; emergencies are on a list at once.",
    ),
    (
        "publishing.emergencies_after_minutes",
        "Emergencies leave a held plan",
        "min",
        "Nobody waits longer for a manager.",
    ),
    ("reading.choice", "To choose from", "reads", "How many of the next on their list somebody may choose from."),
    ("reading.skips_noticed", "Passed over", "times", "From then on a manager is told that nobody takes a read."),
    ("reading.most_claims", "Open at a time", "reads", "Nobody has more of them open."),
    ("reading.lease_minutes", "A claim ends after", "min", "Without a sign of life from the page it was opened in."),
    (
        "reading.claim_hours",
        "A silent claim",
        "hours",
        "By a system that gives no sign of life: a manager looks.",
    ),
    ("reading.confirm_hours", "Confirmed within", "hours", "Done here and still listed by its trust: it comes back."),
    ("reading.parked_hours", "Parked for images", "hours", "Then somebody looks again whether they have come."),
    ("horizon_hours", "Horizon", "hours", "Plans reach so far ahead."),
    (
        "beyond_hours",
        "Beyond the horizon",
        "hours",
        "What has no place counts as read so long after it.",
    ),
    (
        "default_productivity",
        "Usual pace",
        "of the expected",
        "How much of a session is reading.",
    ),
    (
        "follow_up.verification_hours",
        "Verify within",
        "hours",
        "After a provisional report.",
    ),
    (
        "follow_up.verification_share",
        "A verification takes",
        "of a reading",
        "Of what the study is expected to take.",
    ),
    (
        "follow_up.arbitration_share",
        "An arbitration takes",
        "of a reading",
        "Of what the study is expected to take.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One figure: its name in the form, what it is called and means, and its value as text (empty if it has none).

    ``is_optional``: it may be left empty; ``is_words``: it is words and no figure, and may be empty too.
    """

    name: str
    label: str
    unit: str
    meaning: str
    value: str
    is_optional: bool = False
    is_words: bool = False

    @property
    def options(self) -> Sequence[str]:
        """What there is to choose from, of a figure that is a yes or a no."""
        return _ANSWERS if self.value in _ANSWERS else ()


def class_fields(priority: PriorityClass) -> list[Field]:
    """Return the figures of a class; of its two targets the one that it has."""
    return [
        Field(
            name=f"priority.{priority.code}.{name}",
            label=label,
            unit=unit,
            meaning=meaning,
            value=figure(getattr(priority, name)),
        )
        for name, label, unit, meaning in CLASS_FIELDS
        if getattr(priority, name) is not None
    ]


def general_fields(policy: Policy) -> list[Field]:
    """Return the figures of the whole policy."""
    return [
        Field(name=name, label=label, unit=unit, meaning=meaning, value=figure(_value(policy, name)))
        for name, label, unit, meaning in GENERAL_FIELDS
    ]


def figure(value: object) -> str:
    """Return a value as a form has it."""
    if isinstance(value, bool):
        return _ANSWERS[not value]
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def edited(policy: Policy, given: Mapping[str, str]) -> Policy:
    """Return the policy with the figures that were given in place of its own.

    Raises
    ------
    InvalidValueError
        If one is no number, or the policy would make no sense with it.
    """
    classes = tuple(_edited_class(priority, given) for priority in policy.priorities)
    changes: dict[str, Any] = {"priorities": classes}
    parts: dict[str, dict[str, Any]] = {}
    for name, label, _, _ in GENERAL_FIELDS:
        if name not in given:
            continue
        part, _, field = name.rpartition(".")
        value = number_of(label, given[name], _value(policy, name))
        if part:
            parts.setdefault(part, {})[field] = value
        else:
            changes[field] = value
    for part, values in parts.items():
        changes[part] = replace(getattr(policy, part), **values)
    return replace(policy, **changes)


def _edited_class(priority: PriorityClass, given: Mapping[str, str]) -> PriorityClass:
    values: dict[str, Any] = {
        name: number_of(f"{priority.code}: {label}", given[f"priority.{priority.code}.{name}"], getattr(priority, name))
        for name, label, _, _ in CLASS_FIELDS
        if f"priority.{priority.code}.{name}" in given and getattr(priority, name) is not None
    }
    return replace(priority, **values)


def number_of(label: str, text: str, before: object) -> float | int:
    """Return a figure of the kind that stood there: a count stays one, a yes or no stays that."""
    if isinstance(before, bool):
        if text.strip() not in _ANSWERS:
            raise InvalidValueError(label, "must be yes or no")
        return text.strip() == _ANSWERS[0]
    try:
        found = float(text.strip())
    except ValueError:
        raise InvalidValueError(label, f"{text!r} is no number") from None
    if not math.isfinite(found):
        raise InvalidValueError(label, f"{text!r} is no number")
    if isinstance(before, int):
        if found != int(found):
            raise InvalidValueError(label, "must be a whole number")
        return int(found)
    return found


def _value(policy: Policy, name: str) -> Any:
    part, _, field = name.rpartition(".")
    return getattr(getattr(policy, part) if part else policy, field)

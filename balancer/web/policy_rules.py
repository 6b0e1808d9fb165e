"""The policy's rules that are not one figure each, as fields of a form: bands of load, caps, who verifies.

What stands in a form takes the place of the policy's own; what does not stand in it stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from balancer.domain.policy import LedgerCap, LoadBand, Policy
from balancer.web.policy_fields import Field, figure, number_of

_WORDS: Final = (
    (
        "provisional",
        "Write provisional reports",
        "Whoever has one of these words in their grade. Words apart by commas; empty: nobody.",
    ),
    ("verifiers", "Verify and arbitrate", "Whoever has one of these words in their grade, and none of those above."),
)
_BAND: Final = "bands"
_CAP: Final = "ledger.taken_minutes"
_FOLLOW: Final = "follow_up"
# What differences between versions are called that are not one figure each.
MEANINGS: Final[Mapping[str, tuple[str, str]]] = {
    "policy.owner": ("Owner", "Whose policy it is."),
    "policy.version": ("Version in its file", "As its owner counts them."),
    "policy.date": ("Date in its file", "When its owner made it."),
    "policy.author": ("Author", "Who wrote it."),
    "policy.approver": ("Approver", "Who answers for it."),
    "load.bands": ("Bands of load", "How full somebody is up to, and what an hour there costs in points."),
    **{f"{_FOLLOW}.{name}": (label, meaning) for name, label, meaning in _WORDS},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with its fields, and what it is about in plain words."""

    heading: str
    meaning: str
    fields: Sequence[Field]


def rules(policy: Policy, trusts: Mapping[str, str]) -> list[Rule]:
    """Return the rules of a policy; ``trusts`` are the network's, for their caps."""
    return [
        Rule(
            heading="Even load",
            meaning="An hour of reading costs more the fuller somebody is, so that work is spread. Bounds rise, and "
            "prices never fall; above the last bound its price goes on.",
            fields=[field for place, band in enumerate(policy.bands) for field in _band_fields(place, band)],
        ),
        Rule(
            heading="Caps between trusts",
            meaning="The most that reporters of other trusts read for a trust in a week. Empty: no cap. Above it its "
            "own reporters read what is left, or nobody.",
            fields=[_cap_field(code, name, policy) for code, name in trusts.items()],
        ),
        Rule(
            heading="Who follows readings up",
            meaning="By words in a reporter's grade, as their list has it.",
            fields=[
                Field(
                    name=f"{_FOLLOW}.{name}",
                    label=label,
                    unit="",
                    meaning=meaning,
                    value=", ".join(getattr(policy.follow_up, name)),
                    is_words=True,
                )
                for name, label, meaning in _WORDS
            ],
        ),
    ]


def cap_label(name: str) -> str:
    """Return what a trust's cap is called."""
    return f"{name} gives away at most"


def with_rules(policy: Policy, given: Mapping[str, str]) -> Policy:
    """Return the policy with the rules that were given in place of its own.

    Raises
    ------
    InvalidValueError
        If a figure is no number, or the policy would make no sense with it.
    """
    bands = tuple(
        LoadBand(
            up_to=_given(given, f"{_BAND}.{place}.up_to", f"Band {place + 1}: up to", 100 * band.up_to) / 100,
            price=_given(given, f"{_BAND}.{place}.price", f"Band {place + 1}: price", band.price),
        )
        for place, band in enumerate(policy.bands)
    )
    words: dict[str, Any] = {
        name: tuple(part.strip() for part in given[f"{_FOLLOW}.{name}"].split(",") if part.strip())
        for name, _, _ in _WORDS
        if f"{_FOLLOW}.{name}" in given
    }
    follow_up = replace(policy.follow_up, **words)
    return replace(policy, bands=bands, ledger=_caps(policy, given), follow_up=follow_up)


def _caps(policy: Policy, given: Mapping[str, str]) -> tuple[LedgerCap, ...]:
    said = {name.removeprefix(f"{_CAP}."): text for name, text in given.items() if name.startswith(f"{_CAP}.")}
    kept = [cap for cap in policy.ledger if cap.trust not in said]
    changed = [
        LedgerCap(trust=trust, minutes=number_of(cap_label(trust), text, 0.0))
        for trust, text in said.items()
        if text.strip()
    ]
    order = {cap.trust: place for place, cap in enumerate(policy.ledger)}
    return tuple(sorted([*kept, *changed], key=lambda cap: (order.get(cap.trust, len(order)), cap.trust)))


def _given(given: Mapping[str, str], name: str, label: str, before: float) -> float:
    return number_of(label, given[name], before) if name in given else before


def _band_fields(place: int, band: LoadBand) -> list[Field]:
    return [
        Field(
            name=f"{_BAND}.{place}.up_to",
            label=f"Band {place + 1}: up to",
            unit="% filled",
            meaning="Of the time that somebody is rostered to report.",
            value=figure(round(100 * band.up_to, 6)),
        ),
        Field(
            name=f"{_BAND}.{place}.price",
            label=f"Band {place + 1}: price",
            unit="points an hour",
            meaning="What each hour in this band costs.",
            value=figure(band.price),
        ),
    ]


def _cap_field(code: str, name: str, policy: Policy) -> Field:
    minutes = next((cap.minutes for cap in policy.ledger if cap.trust == code), None)
    return Field(
        name=f"{_CAP}.{code}",
        label=cap_label(name),
        unit="expected minutes a week",
        meaning="Read for it by reporters of other trusts.",
        value=figure(minutes),
        is_optional=True,
    )

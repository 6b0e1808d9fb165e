"""What an identity provider says of a person, and who that makes them here.

Two shapes of claims are read: Microsoft Entra ID's, which lists roles and groups, and NHS CIS2's, which lists the roles
that a person holds at organisations and the one they selected when they signed in. Nothing is granted by a claim that
no rule names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from balancer.domain.actor import EVERY_TRUST, Actor, Grant
from balancer.domain.errors import InvalidValueError, NotAllowedError
from balancer.domain.permission import Role

Claims = Mapping[str, Any]


class Shape(StrEnum):
    """Whose claims they are."""

    ENTRA = "entra"
    CIS2 = "cis2"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRule:
    """What one value of a provider grants: ``role`` at ``trusts``; at the role's own organisation if there are none.

    ``says`` is an Entra ID app role or group, or a CIS2 role code (``S8000:G8000:R8000`` or its last part) or activity
    code (``B0846``). ``at``: the CIS2 organisations at which it counts; every one of the list if none is named.
    """

    says: str
    role: Role
    trusts: frozenset[str] = frozenset()
    at: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """How a provider's claims are read.

    Parameters
    ----------
    required
        Claims that must have one of these values, such as the tenant or the level of assurance.
    organisations
        Which trust of the network an organisation of CIS2 belongs to. Roles that are held anywhere else grant nothing:
        the whole NHS signs in there, and a role code says no more than that somebody is a manager somewhere.
    reporter_claim
        The claim that holds a reporter's number in the network, if one does.
    reporters
        The numbers of those whom no claim gives one, by the provider's name for the person.

    Raises
    ------
    InvalidValueError
        If an organisation stands for every trust, or a role of CIS2 grants every trust wherever it is held.
    """

    shape: Shape
    rules: tuple[ClaimRule, ...]
    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    organisations: Mapping[str, str] = field(default_factory=dict)
    reporter_claim: str | None = None
    reporters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if EVERY_TRUST in self.organisations.values():
            raise InvalidValueError("organisations", "an organisation belongs to one trust, not to every one")
        if self.shape is Shape.CIS2 and any(EVERY_TRUST in rule.trusts and not rule.at for rule in self.rules):
            raise InvalidValueError("at", "a role that grants every trust must say at which organisations it is held")


def actor_of(claims: Claims, rules: ClaimRules, *, network: Collection[str]) -> Actor:
    """Return who a person is here; ``network`` are the codes of its trusts, and nothing is granted at any other.

    Raises
    ------
    NotAllowedError
        If they have no role here, or lack what is required; the message is for them to read.
    """
    _require(claims, rules)
    known_as = _known_as(claims, rules.shape)
    number = _reporter_id(claims, rules, known_as)
    granted = {grant for grant in _granted(claims, rules) if grant.trust == EVERY_TRUST or grant.trust in network}
    held = {grant for grant in granted if grant.role is not Role.REPORTER or number is not None}
    if not held:
        lacking = "your number as a reporter is not known here" if granted else "you have no role here"
        raise NotAllowedError(f"you have signed in, but {lacking}: ask whoever runs this service")
    return Actor(
        subject=f"{rules.shape}:{known_as}",
        name=_text(claims.get("name")) or "unnamed",
        grants=frozenset(held),
        reporter_id=number,
    )


def _require(claims: Claims, rules: ClaimRules) -> None:
    for claim, accepted in rules.required.items():
        if accepted.isdisjoint(_texts(claims.get(claim))):
            raise NotAllowedError(f"you have signed in, but not in a way that is enough here ({claim})")


def _known_as(claims: Claims, shape: Shape) -> str:
    """Return what the provider knows a person by, the same wherever they sign in."""
    named = ("oid", "sub") if shape is Shape.ENTRA else ("nhsid_useruuid", "uid", "sub")
    return next(found for name in named if (found := _text(claims.get(name))))


def _reporter_id(claims: Claims, rules: ClaimRules, known_as: str) -> str | None:
    said = _text(claims.get(rules.reporter_claim)) if rules.reporter_claim else ""
    return said or rules.reporters.get(known_as)


def _granted(claims: Claims, rules: ClaimRules) -> Iterator[Grant]:
    if rules.shape is Shape.ENTRA:
        for value in _said_by_entra(claims):
            for rule in _naming(value, rules):
                yield from (Grant(rule.role, trust) for trust in rule.trusts)
        return
    for value, organisation in _said_by_cis2(claims):
        if organisation not in rules.organisations:
            continue
        for rule in _naming(value, rules):
            if not rule.at or organisation in rule.at:
                yield from (Grant(rule.role, trust) for trust in rule.trusts or {rules.organisations[organisation]})


def _naming(value: str, rules: ClaimRules) -> Iterator[ClaimRule]:
    return (rule for rule in rules.rules if rule.says == value)


def _said_by_entra(claims: Claims) -> Iterator[str]:
    """Yield a person's app roles and groups.

    Of somebody in very many groups Entra ID sends none, only where to ask (a "groups overage"): roles would then be
    missing in silence.
    """
    elsewhere = claims.get("_claim_names")
    if (isinstance(elsewhere, Mapping) and "groups" in elsewhere) or claims.get("hasgroups"):
        raise NotAllowedError(
            "you are in more groups than your sign-in can list: whoever runs this service must use app roles, or send "
            "only the groups assigned to it"
        )
    yield from (*_texts(claims.get("roles")), *_texts(claims.get("groups")))


def _said_by_cis2(claims: Claims) -> Iterator[tuple[str, str]]:
    """Yield role and activity codes with their organisation; of the selected role only, if one was selected."""
    roles = claims.get("nhsid_nrbac_roles")
    selected = _text(claims.get("selected_roleid"))
    for role in roles if isinstance(roles, list) else ():
        if not isinstance(role, Mapping) or (selected and _text(role.get("person_roleid")) != selected):
            continue
        code, organisation = _text(role.get("role_code")), _text(role.get("org_code"))
        for value in dict.fromkeys((code, code.rpartition(":")[2], *_texts(role.get("activity_codes")))):
            if value and organisation:
                yield value, organisation


def _text(value: object) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _texts(value: object) -> Iterable[str]:
    """Return a claim's values as texts: one, or a list of them."""
    return [text for item in (value if isinstance(value, list) else [value]) if (text := _text(item))]

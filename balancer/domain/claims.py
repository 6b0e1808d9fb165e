"""What an identity provider says of a person, and who that makes them here.

Two shapes of claims are read: Microsoft Entra ID's, which lists roles and groups, and NHS CIS2's, which lists the roles
that a person holds at organisations and the one they selected when they signed in. Nothing is granted by a claim that
no rule names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from balancer.domain.actor import Actor, Grant
from balancer.domain.errors import NotAllowedError
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
    code (``B0846``).
    """

    says: str
    role: Role
    trusts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRules:
    """How a provider's claims are read.

    Parameters
    ----------
    required
        Claims that must have one of these values, such as the tenant or the level of assurance.
    organisations
        Which trust of the network a provider's organisation belongs to; one that is not named is a trust's own code.
    reporter_claim
        The claim that holds a reporter's number in the network, if one does.
    reporters
        The numbers of those whom no claim gives one, by the provider's name for the person.
    """

    shape: Shape
    rules: tuple[ClaimRule, ...]
    required: Mapping[str, frozenset[str]] = field(default_factory=dict)
    organisations: Mapping[str, str] = field(default_factory=dict)
    reporter_claim: str | None = None
    reporters: Mapping[str, str] = field(default_factory=dict)


def actor_of(claims: Claims, rules: ClaimRules) -> Actor:
    """Return who a person is here.

    Raises
    ------
    NotAllowedError
        If they have no role here, or lack what is required; the message is for them to read.
    """
    _require(claims, rules)
    known_as = _known_as(claims, rules.shape)
    number = _reporter_id(claims, rules, known_as)
    granted = _granted(claims, rules)
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


def _granted(claims: Claims, rules: ClaimRules) -> frozenset[Grant]:
    said = _said_by_entra(claims) if rules.shape is Shape.ENTRA else _said_by_cis2(claims)
    found: set[Grant] = set()
    for value, organisation in said:
        for rule in rules.rules:
            if rule.says == value:
                own = {rules.organisations.get(organisation, organisation)} if organisation else set()
                found.update(Grant(rule.role, trust) for trust in rule.trusts or own)
    return frozenset(found)


def _said_by_entra(claims: Claims) -> Iterator[tuple[str, str]]:
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
    for value in (*_texts(claims.get("roles")), *_texts(claims.get("groups"))):
        yield value, ""


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

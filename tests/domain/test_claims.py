"""What a provider says of somebody grants what a rule names, and nothing else, in both shapes of claims."""

from __future__ import annotations

from typing import Any

import pytest

from balancer.domain import claims as reading
from balancer.domain.actor import EVERY_TRUST, Actor, Grant
from balancer.domain.claims import ClaimRule, ClaimRules, Claims, Shape
from balancer.domain.errors import InvalidValueError, NotAllowedError
from balancer.domain.permission import Role

MANAGER = ClaimRule(says="Balancer.Manager.RVV", role=Role.MANAGER, trusts=frozenset({"RVV"}))
REPORTER = ClaimRule(says="Balancer.Reporter", role=Role.REPORTER, trusts=frozenset({"RVV"}))
OF_MANAGERS = ClaimRule(says="R8003", role=Role.MANAGER)
OF_AUDITORS = ClaimRule(says="B0846", role=Role.AUDITOR)
CIS2_ROLES = [
    {"person_roleid": "1", "org_code": "RWF", "role_code": "S8000:G8001:R8003", "activity_codes": ["B0846"]},
    {"person_roleid": "2", "org_code": "RVV01", "role_code": "S8000:G8001:R8003"},
]


NETWORK = {"RVV", "RWF"}
LISTED = {"RVV": "RVV", "RWF": "RWF"}


def actor_of(claims: Claims, rules: ClaimRules) -> Actor:
    """Return who a person is in a network of two trusts."""
    return reading.actor_of(claims, rules, network=NETWORK)


def entra(*rules: ClaimRule, **more: Any) -> ClaimRules:
    """Return rules for claims of Entra ID's shape."""
    return ClaimRules(shape=Shape.ENTRA, rules=rules, **more)


def cis2(*rules: ClaimRule, **more: Any) -> ClaimRules:
    """Return rules for claims of CIS2's shape."""
    return ClaimRules(shape=Shape.CIS2, rules=rules, **more)


def test_an_app_role_or_a_group_grants_what_its_rule_says() -> None:
    """Whatever no rule names grants nothing."""
    for claims in ({"roles": ["Balancer.Manager.RVV", "Other"]}, {"groups": "Balancer.Manager.RVV"}):
        actor = actor_of({"oid": "x", "sub": "y", "name": "A", **claims}, entra(MANAGER))
        assert (actor.subject, set(actor.grants)) == ("entra:x", {Grant(Role.MANAGER, "RVV")})


def test_the_selected_role_counts_and_no_other() -> None:
    """Whoever works at two trusts acts at the one they chose when they signed in."""
    claims = {"nhsid_useruuid": "5", "nhsid_nrbac_roles": CIS2_ROLES, "selected_roleid": "1"}
    actor = actor_of(claims, cis2(OF_MANAGERS, OF_AUDITORS, organisations=LISTED))
    assert actor.grants == {Grant(Role.MANAGER, "RWF"), Grant(Role.AUDITOR, "RWF")}


def test_a_role_at_an_organisation_is_held_at_the_trust_it_belongs_to() -> None:
    """Organisation codes of sites are mapped; with no role selected each counts."""
    rules = cis2(OF_MANAGERS, organisations={"RWF": "RWF", "RVV01": "RVV"})
    actor = actor_of({"sub": "5", "nhsid_nrbac_roles": CIS2_ROLES}, rules)
    assert actor.grants == {Grant(Role.MANAGER, "RWF"), Grant(Role.MANAGER, "RVV")}


def test_a_role_held_at_an_organisation_that_is_not_listed_grants_nothing() -> None:
    """The whole NHS signs in with CIS2: neither at that organisation, nor at trusts that the rule itself names."""
    said = {"sub": "5", "nhsid_nrbac_roles": [{"org_code": "RWF", "role_code": "R8003"}]}
    for rule in (OF_MANAGERS, ClaimRule(says="R8003", role=Role.MANAGER, trusts=frozenset({"RVV"}))):
        with pytest.raises(NotAllowedError, match="no role here"):
            actor_of(said, cis2(rule, organisations={"RVV": "RVV"}))


def test_a_role_that_is_granted_every_trust_counts_where_the_rule_says_only() -> None:
    """And a rule that does not say where is none."""
    rule = ClaimRule(says="R8003", role=Role.AUDITOR, trusts=frozenset({EVERY_TRUST}), at=frozenset({"RVV"}))
    rules = cis2(rule, organisations=LISTED)
    held = {code: {"sub": "5", "nhsid_nrbac_roles": [{"org_code": code, "role_code": "R8003"}]} for code in LISTED}
    assert actor_of(held["RVV"], rules).grants == {Grant(Role.AUDITOR, EVERY_TRUST)}
    with pytest.raises(NotAllowedError, match="no role here"):
        actor_of(held["RWF"], rules)
    with pytest.raises(InvalidValueError, match="at"):
        cis2(ClaimRule(says="R8003", role=Role.AUDITOR, trusts=frozenset({EVERY_TRUST})), organisations=LISTED)


def test_nothing_is_granted_at_a_trust_that_is_not_in_the_network() -> None:
    """Nor does an organisation stand for every trust."""
    elsewhere = ClaimRule(says="Balancer.Manager.RVV", role=Role.MANAGER, trusts=frozenset({"RXX", "RVV"}))
    actor = actor_of({"oid": "x", "roles": ["Balancer.Manager.RVV"]}, entra(elsewhere))
    assert actor.grants == {Grant(Role.MANAGER, "RVV")}
    said = {"sub": "5", "nhsid_nrbac_roles": CIS2_ROLES}
    with pytest.raises(NotAllowedError):
        actor_of(said, cis2(OF_MANAGERS, organisations={"RVV01": "RXX"}))
    with pytest.raises(InvalidValueError, match="organisations"):
        cis2(OF_MANAGERS, organisations={"RVV01": EVERY_TRUST})


def test_a_reporter_is_known_by_a_claim_or_by_the_list() -> None:
    """And is none without a number: whose reads would theirs be."""
    said = {"oid": "x", "roles": ["Balancer.Reporter"]}
    assert actor_of({**said, "gmc": 9900001}, entra(REPORTER, reporter_claim="gmc")).reporter_id == "9900001"
    assert actor_of(said, entra(REPORTER, reporters={"x": "9900001"})).reporter_id == "9900001"
    with pytest.raises(NotAllowedError, match="number as a reporter"):
        actor_of(said, entra(REPORTER))


def test_a_manager_whose_number_is_not_known_is_still_a_manager() -> None:
    """What can be granted is."""
    actor = actor_of({"oid": "x", "roles": ["Balancer.Reporter", "Balancer.Manager.RVV"]}, entra(REPORTER, MANAGER))
    assert actor.roles == {Role.MANAGER}


@pytest.mark.parametrize(
    "claims",
    [{}, {"roles": []}, {"roles": "Balancer.Manager"}, {"roles": [["Balancer.Manager.RVV"]]}, {"roles": [True, None]}],
)
def test_whoever_has_no_role_here_is_refused(claims: dict[str, Any]) -> None:
    """However the claims are bent."""
    with pytest.raises(NotAllowedError, match="no role here"):
        actor_of({"oid": "x", **claims}, entra(MANAGER))


@pytest.mark.parametrize("roles", [None, "R8003", ["R8003"], [{"role_code": "R8003"}], [{"org_code": "RVV"}]])
def test_a_role_at_no_organisation_grants_nothing(roles: Any) -> None:
    """CIS2's roles are held somewhere."""
    with pytest.raises(NotAllowedError):
        actor_of({"sub": "5", "nhsid_nrbac_roles": roles}, cis2(OF_MANAGERS, organisations=LISTED))


def test_groups_that_were_left_out_are_noticed() -> None:
    """Entra ID sends none of somebody in very many; roles would be missing in silence."""
    for overage in ({"_claim_names": {"groups": "src1"}}, {"hasgroups": True}):
        with pytest.raises(NotAllowedError, match="more groups"):
            actor_of({"oid": "x", "roles": ["Balancer.Manager.RVV"], **overage}, entra(MANAGER))


def test_what_is_required_is_required() -> None:
    """The tenant, say, or a level of assurance: one of the values, as text or number."""
    rules = entra(MANAGER, required={"tid": frozenset({"ours"}), "idassurancelevel": frozenset({"3"})})
    said = {"oid": "x", "roles": ["Balancer.Manager.RVV"], "tid": "ours", "idassurancelevel": 3}
    assert actor_of(said, rules).roles == {Role.MANAGER}
    for less in ({"tid": "theirs"}, {"idassurancelevel": 2}, {"tid": None}):
        with pytest.raises(NotAllowedError, match="not in a way"):
            actor_of({**said, **less}, rules)

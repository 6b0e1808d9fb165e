"""``access.toml``: what each thing an identity provider says of somebody grants them here."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from balancer.domain.actor import EVERY_TRUST
from balancer.domain.claims import ClaimRule, ClaimRules, Shape
from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.permission import Role
from balancer.ingest.toml_section import Section, TomlFile


def read_access(path: Path) -> ClaimRules:
    """Return the rules that a file states.

    Raises
    ------
    InputRefusedError
        With every fault. A key that nobody reads is one too: a rule that is misspelt must not fall away in silence.
    """
    faults: list[Fault] = []
    file = TomlFile(path, faults)
    top = file.top
    shape = Shape(top.choice("shape", [shape.value for shape in Shape]))
    blocks = top.sections("grant")
    organisations = _organisations(top, shape)
    rules = tuple(_rule(block, shape, organisations) for block in blocks)
    if file.readable and not blocks:
        top.fault("grant", "is missing: with no [[grant]] nobody could do anything")
    required = top.section("required")
    accepted = {claim: frozenset(required.texts(claim)) for claim in required.values}
    reporter_claim = top.text("reporter_claim", default="") or None
    reporters = top.words("reporters")
    faults += [Fault(file=file.file, reason=warning) for warning in file.unknown_keys()]
    if faults:
        raise InputRefusedError(faults)
    return ClaimRules(
        shape=shape,
        rules=rules,
        required=accepted,
        organisations=organisations,
        reporter_claim=reporter_claim,
        reporters=reporters,
    )


def _organisations(top: Section, shape: Shape) -> dict[str, str]:
    """Return the trust of each organisation whose roles count; Entra ID's groups and app roles are held at none."""
    if shape is Shape.ENTRA:
        return {}
    organisations = top.words("organisations")
    if top.of.readable and not organisations:
        top.fault("organisations", "is missing: roles count at the organisations named there and nowhere else")
    for organisation, trust in organisations.items():
        if trust == EVERY_TRUST:
            top.section("organisations").fault(organisation, "belongs to one trust, not to every one")
    return organisations


def _rule(block: Section, shape: Shape, organisations: Collection[str]) -> ClaimRule:
    says, role = block.text("says"), Role(block.choice("role", [role.value for role in Role]))
    # a CIS2 role is held at an organisation; a group or app role is not, so that its trusts must be said
    trusts = frozenset(block.texts("trusts", default=() if shape is Shape.CIS2 else None))
    if EVERY_TRUST in trusts and role in {Role.REPORTER, Role.REFERRER}:
        block.fault("trusts", f"a {role} works at named trusts")
    at = frozenset(block.texts("at", default=())) if shape is Shape.CIS2 else frozenset[str]()
    for unlisted in sorted(at.difference(organisations)):
        block.fault("at", f"{unlisted!r} is not in [organisations]")
    if shape is Shape.CIS2 and EVERY_TRUST in trusts and not at:
        block.fault("at", "is missing: whoever is granted every trust holds the role at which organisations?")
    return ClaimRule(says=says, role=role, trusts=trusts, at=at)

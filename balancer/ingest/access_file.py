"""``access.toml``: what each thing an identity provider says of somebody grants them here."""

from __future__ import annotations

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
    rules = tuple(_rule(block, shape) for block in blocks)
    if file.readable and not blocks:
        top.fault("grant", "is missing: with no [[grant]] nobody could do anything")
    required = top.section("required")
    found = ClaimRules(
        shape=shape,
        rules=rules,
        required={claim: frozenset(required.texts(claim)) for claim in required.values},
        organisations=top.words("organisations"),
        reporter_claim=top.text("reporter_claim", default="") or None,
        reporters=top.words("reporters"),
    )
    faults += [Fault(file=file.file, reason=warning) for warning in file.unknown_keys()]
    if faults:
        raise InputRefusedError(faults)
    return found


def _rule(block: Section, shape: Shape) -> ClaimRule:
    says, role = block.text("says"), Role(block.choice("role", [role.value for role in Role]))
    # a CIS2 role is held at an organisation; a group or app role is not, so that its trusts must be said
    trusts = frozenset(block.texts("trusts", default=() if shape is Shape.CIS2 else None))
    if EVERY_TRUST in trusts and role in {Role.REPORTER, Role.REFERRER}:
        block.fault("trusts", f"a {role} works at named trusts")
    return ClaimRule(says=says, role=role, trusts=trusts)

"""access.toml: every fault of it at once, and nothing in it that is read by nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.domain.claims import Shape
from balancer.domain.errors import InputRefusedError
from balancer.domain.permission import Role
from balancer.ingest.access_file import read_access

EXAMPLE = Path(__file__).parents[2] / "docs" / "how-to" / "access-entra.toml"


def _read(folder: Path, content: str) -> list[str]:
    path = folder / "access.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputRefusedError) as refusal:
        read_access(path)
    return [str(fault) for fault in refusal.value.faults]


@pytest.mark.parametrize("shape", Shape)
def test_the_examples_in_the_documentation_can_be_read(shape: Shape) -> None:
    """They are what people begin with."""
    rules = read_access(EXAMPLE.with_name(f"access-{shape}.toml"))
    assert rules.shape is shape
    assert {rule.role for rule in rules.rules} == set(Role)


def test_every_fault_is_told(tmp_path: Path) -> None:
    """With its line."""
    faults = _read(tmp_path, 'shape = "okta"\n[[grant]]\nsays = ""\nrole = "king"\ntrusts = ["RVV"]\n')
    assert len(faults) == 3
    assert faults[0].startswith("access.toml:1: shape")


def test_a_key_that_nobody_reads_is_a_fault(tmp_path: Path) -> None:
    """A misspelt rule must not fall away in silence."""
    (fault,) = _read(
        tmp_path, 'shape = "entra"\n[[grant]]\nsays = "x"\nrole = "manager"\ntrusts = ["RVV"]\n[requierd]\ntid = "x"\n'
    )
    assert "did you mean 'required'" in fault


def test_a_group_says_at_which_trusts(tmp_path: Path) -> None:
    """Only a role that is held at an organisation can go without."""
    assert "trusts" in _read(tmp_path, 'shape = "entra"\n[[grant]]\nsays = "x"\nrole = "manager"\n')[0]


def test_nobody_reports_or_refers_everywhere(tmp_path: Path) -> None:
    """The star is for those who look after the whole network."""
    rule = '[[grant]]\nsays = "x"\nrole = "referrer"\ntrusts = "*"\n'
    assert "named trusts" in _read(tmp_path, f'shape = "entra"\n{rule}')[0]


def test_a_role_of_cis2_says_at_which_organisations_it_counts(tmp_path: Path) -> None:
    """The list of them, and for every trust those of the list at which the role must be held."""
    rule = '[[grant]]\nsays = "x"\nrole = "auditor"\ntrusts = ["*"]\n'
    assert "organisations" in _read(tmp_path, f'shape = "cis2"\n{rule}at = ["RVV"]\n')[0]
    listed = 'shape = "cis2"\n[organisations]\nRVV = "RVV"\n'
    assert "is missing" in _read(tmp_path, f"{listed}{rule}")[0]
    assert "not in [organisations]" in _read(tmp_path, f'{listed}{rule}at = ["RWF"]\n')[0]
    everywhere = listed.replace('= "RVV"', '= "*"')
    assert "one trust" in _read(tmp_path, f'{everywhere}{rule}at = ["RVV"]\n')[0]


def test_the_example_for_cis2_asks_for_a_strong_authenticator() -> None:
    """As it says that it does."""
    rules = read_access(EXAMPLE.with_name("access-cis2.toml"))
    assert {"idassurancelevel", "authentication_assurance_level"} <= set(rules.required)


def test_a_file_that_grants_nothing_is_refused(tmp_path: Path) -> None:
    """Nobody could do anything."""
    assert "grant" in _read(tmp_path, 'shape = "entra"\n')[0]
    with pytest.raises(InputRefusedError, match="missing"):
        read_access(tmp_path / "nowhere.toml")

"""``balancer conformance``: what is committed is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from balancer.cli import app
from balancer.publish.fhir import uk_core
from balancer.publish.fhir.conformance import ELEMENTS, sent_elements
from tests.house.committed import ROOT


@pytest.mark.parametrize("of", ["dicom", "fhir"])
def test_the_committed_statement_is_current(of: str, tmp_path: Path) -> None:
    """Whoever changes a table writes it again, with ``balancer conformance --of fhir --out`` and where it is."""
    out = tmp_path / "statement.md"
    assert CliRunner().invoke(app, ["conformance", "--of", of, "--out", str(out)]).exit_code == 0
    committed = (ROOT / f"docs/reference/{of}-conformance.md").read_text(encoding="utf-8")
    assert out.read_text(encoding="utf-8") == committed
    assert CliRunner().invoke(app, ["conformance", "--of", of]).stdout == committed


def test_every_element_that_a_task_has_is_described() -> None:
    """And none that it has not."""
    assert set(sent_elements()) == set(ELEMENTS)


def test_what_is_said_of_uk_core_is_so() -> None:
    """What is not sent is said by name, with a reason; nothing is excused that is sent, or not asked for."""
    assert set(uk_core.MINIMUM) - set(sent_elements()) == set(uk_core.NOT_SENT)
    assert set(uk_core.SENT_AS) <= set(uk_core.MINIMUM) - set(uk_core.NOT_SENT)

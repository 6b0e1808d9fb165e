"""``balancer conformance``: what is committed is what the code says."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from balancer.cli import app
from tests.house.committed import ROOT


def test_the_committed_statement_is_current(tmp_path: Path) -> None:
    """Whoever changes a table writes it again: balancer conformance --out docs/reference/dicom-conformance.md."""
    out = tmp_path / "statement.md"
    assert CliRunner().invoke(app, ["conformance", "--out", str(out)]).exit_code == 0
    committed = (ROOT / "docs/reference/dicom-conformance.md").read_text(encoding="utf-8")
    assert out.read_text(encoding="utf-8") == committed
    assert CliRunner().invoke(app, ["conformance"]).stdout == committed

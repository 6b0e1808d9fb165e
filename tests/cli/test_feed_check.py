from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from balancer.cli import app
from tests.ingest.deliveries import KENT, rvv_file, rvv_row

NHS_NUMBER = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")


def check(*arguments: str) -> tuple[int, str]:
    """Run the command and return its exit code and everything it printed."""
    result = CliRunner().invoke(app, ["feed", "check", *arguments])
    return result.exit_code, result.output


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Return a copy of the sample's network folder that a test may spoil."""
    return Path(shutil.copytree(KENT, tmp_path / "network"))


def delivered(folder: Path, content: bytes) -> str:
    """Return the path of a delivery of East Kent with that content."""
    path = folder / "extracts" / "RVV" / "unreported-20260302T0745.csv"
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
def test_the_samples_extracts_are_usable(trust: str) -> None:
    """The description is found beside the delivery; counts, reasons and examples are shown, and no NHS number."""
    (file,) = (KENT / "extracts" / trust).iterdir()
    code, told = check(str(file), "--feed", f"{trust}.toml")
    assert code == 0
    for words in (
        "accepted",
        "left out: medical photography",
        "quarantined: bad NHS number",
        "To do:",
        "verdict: usable",
    ):
        assert words in told
    assert not NHS_NUMBER.search(told)


@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
def test_the_samples_rotas_are_usable(trust: str) -> None:
    """A rota is recognised by its kind."""
    (file,) = (KENT / "rotas" / trust).iterdir()
    code, told = check(str(file), "--feed", f"rosters/{trust}.toml")
    assert code == 0
    assert "speaks for" in told
    assert "hours: emergency only, site" in told
    assert "quarantined: unknown activity" in told


def test_each_reason_is_told_with_its_line_its_column_and_what_to_do(network: Path) -> None:
    """And what cannot be mapped comes as lines for the description."""
    rows = [
        rvv_row(Accession="E1"),
        rvv_row(Accession="E2", Priority="soon"),
        rvv_row(Accession="E3", Exam_Code="XCHEST", Exam_Name=""),
    ]
    code, told = check(delivered(network, rvv_file(*rows)), "--feed", "RVV.toml", "--most-quarantined", "1")
    assert code == 0
    assert "1 quarantined: unknown priority. To do: map the word in [priority]" in told
    assert "  line 3  Priority  'soon' is none of '1', '2'" in told
    assert '# soon = "emergency | inpatient_urgent' in told
    assert '# XCHEST = "XCHES"   # 1 row; XCHES is XR Chest' in told


def test_lines_to_paste_are_toml_once_they_are_no_comments(network: Path) -> None:
    """Words with blanks and capitals are quoted."""
    rows = [rvv_row(), rvv_row(Accession="E2", Priority='very "soon"'), rvv_row(Accession="E3", Site="Elsewhere")]
    _, told = check(delivered(network, rvv_file(*rows)), "--feed", "RVV.toml")
    lines = told.partition("each line:\n")[2].partition("verdict")[0].splitlines()
    pasted = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))
    assert list(pasted["priority"]) == ['very "soon"']
    assert pasted["site"] == {"Elsewhere": "Elsewhere"}


def test_numbers_that_could_be_nhs_numbers_are_struck_out_wherever_they_stand(network: Path) -> None:
    """Cells that have been moved by one put them where nobody looks for them."""
    rows = [rvv_row(), rvv_row(Accession="E2", Priority="999 000 0018", Exam_Code="9990000026", Exam_Name="9990000026")]
    code, told = check(delivered(network, rvv_file(*rows)), "--feed", "RVV.toml")
    assert code == 1
    assert "**********" in told
    assert not NHS_NUMBER.search(told)


def test_too_many_quarantined_rows_fail_the_check(network: Path) -> None:
    """How many are too many is for whoever asks to say."""
    path = delivered(network, rvv_file(rvv_row(), rvv_row(Accession="E2", Priority="x"), rvv_row(Accession="E3")))
    assert check(path, "--feed", "RVV.toml")[0] == 1
    assert check(path, "--feed", "RVV.toml", "--most-quarantined", "0.4")[0] == 0


def test_a_file_of_which_nothing_is_usable_fails_the_check(network: Path) -> None:
    """With the reason."""
    code, told = check(delivered(network, b"\x00\x01\x02"), "--feed", "RVV.toml")
    assert code == 1
    assert "nothing of this file could be used: " in told
    assert "verdict: nothing usable" in told


def test_a_description_with_faults_is_refused_with_all_of_them(network: Path) -> None:
    """Exit 2, as for every input that cannot be read."""
    path = network / "feeds" / "RVV.toml"
    path.write_text(path.read_text("utf-8").replace('"snapshot"', '"whole"').replace('"csv"', '"text"'), "utf-8")
    code, told = check(delivered(network, rvv_file(rvv_row())), "--feed", "RVV.toml")
    assert code == 2
    assert "feeds/RVV.toml:8: kind: 'whole' is none of" in told
    assert "format.type: 'text' is none of" in told
    assert "refused: 2 faults" in told


def test_files_that_are_not_there_are_refused(network: Path) -> None:
    """Exit 2, with the name."""
    path = delivered(network, b"")
    assert check(str(network / "none.csv"), "--feed", "RVV.toml", "--network", str(network))[0] == 2
    assert "none.toml" in check(path, "--feed", "none.toml", "--network", str(network))[1]


def test_unknown_keys_of_a_description_are_warned_of(network: Path) -> None:
    """Once, with what may have been meant."""
    path = network / "feeds" / "RVV.toml"
    path.write_text(path.read_text("utf-8").replace("stale_after_minutes", "stale_after_minute"), "utf-8")
    code, told = check(delivered(network, rvv_file(rvv_row())), "--feed", str(path))
    assert code == 0
    assert "'stale_after_minute' (did you mean 'stale_after_minutes'?)" in told

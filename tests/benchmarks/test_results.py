"""What has a result is not run again; what a document says is what the results say."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.fresh_process import CommandFailedError, python, run
from tests.benchmarks.report import DOCUMENT, NOT_RUN, between_marks, excess, median_and_worst, peers_table, sizes_table
from tests.benchmarks.results import Record, Results
from tests.benchmarks.table import Row, name_of

ROW = Row(name="Kent", studies=6, reporters=1, trusts=1, loads=(1.0,), gaps=(0.1,), seconds=10, gigabytes=1)


def record(total: float, **also: float) -> Record:
    """Return a run's result; the unavoidable part is 100 points."""
    return {"total": total, "sunk": 100, "gap": 0.1, "seconds": 2.0, "ratio": 1.0, "gigabytes": 0.5, **also}


def test_a_result_is_made_once(tmp_path: Path) -> None:
    """A second call reads the file."""
    results, calls = Results(tmp_path / "new"), []

    def make() -> Record:
        calls.append(1)
        return {"total": 3.5}

    assert [results.once("a", make), results.once("a", make)] == [{"total": 3.5}] * 2
    assert calls == [1]


def test_a_run_that_fails_leaves_no_result(tmp_path: Path) -> None:
    """Nor does one that is cut off while it writes."""
    results = Results(tmp_path)
    with pytest.raises(CommandFailedError, match="of its own accord"):
        results.once("a", lambda: {"took": run(python("-c", "import sys; sys.exit('of its own accord')"))})
    (tmp_path / "a.part").write_text('{"tot', encoding="utf-8")
    assert results.kept("a") is None
    assert list(results.all()) == []


def test_memory_is_that_of_the_command() -> None:
    """A hundred million bytes more are seen."""
    small, large = (run(python("-c", f"len(bytes(range(256)) * {count})")) for count in (1, 400_000))
    assert large.gigabytes - small.gigabytes == pytest.approx(0.1024, abs=0.03)


def test_a_row_is_the_median_and_the_worst_of_its_seeds(tmp_path: Path) -> None:
    """And says how many there are."""
    results, longer = Results(tmp_path / "table"), Results(tmp_path / "longer")
    for seed, gap in ((1, 0.02), (2, 0.09), (3, 0.03)):
        results.keep(name_of(ROW, 1.0, seed), record(150, gap=gap))
    longer.keep(name_of(ROW, 1.0, 1), record(140))
    (line,) = sizes_table(results, longer, [ROW]).splitlines()[2:]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[:5] == ["Kent, 100%", "3 of 3", "3.0% / 9.0%", "10%", "25.00% / 25.00%"]


def test_what_has_not_been_run_is_said_not_to_have_been(tmp_path: Path) -> None:
    """Neither a zero nor a gap in the table."""
    nothing = Results(tmp_path)
    (line,) = sizes_table(nothing, nothing, [ROW]).splitlines()[2:]
    assert line.count(NOT_RUN) == 5
    assert NOT_RUN in peers_table(nothing)


def test_a_plan_is_measured_in_what_was_avoidable() -> None:
    """Fourteen points above a plan that leaves forty avoidable."""
    assert excess(154, 140, 100) == pytest.approx(0.35)
    assert median_and_worst([3, 1, 2], "{:g}".format) == "2 / 3"


def test_only_what_stands_between_the_marks_changes() -> None:
    """The rest of a document is people's."""
    text = "before\n<!-- a: begin -->\nold\n<!-- a: end -->\nafter\n"
    assert between_marks(text, "a", "new") == "before\n<!-- a: begin -->\n\nnew\n\n<!-- a: end -->\nafter\n"
    with pytest.raises(ValueError, match="no marks for b"):
        between_marks(text, "b", "new")


@pytest.mark.parametrize("name", ["sizes", "truth", "peers", "commits"])
def test_the_document_has_the_marks(name: str) -> None:
    """Or a report would end with an error after a day of runs."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"<!-- {name}: begin -->" in text
    assert f"<!-- {name}: end -->" in text

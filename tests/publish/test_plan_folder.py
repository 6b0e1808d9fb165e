"""A plan's folder: exactly the files of section 5, all or none, and back again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from balancer.domain.errors import InputRefusedError
from balancer.domain.plan import Plan, UnallocatedReason
from balancer.publish import plan_folder
from balancer.publish.plan_folder import read_filed_plan, read_plan, write_plan
from tests.worlds import lay_out, restate, two_trusts, with_true_figures

GOLDEN_PLAN = """\
trust,accession_number,read,reporter_id,session_id,position,start,end,due_at,late_minutes
RVV,A1,1,R1,S1,1,2026-03-02T08:00:00+00:00,2026-03-02T09:00:00+00:00,2026-03-02T10:00:00+00:00,0.00
RWF,A1,1,R1,S1,2,2026-03-02T09:00:00+00:00,2026-03-02T10:00:00+00:00,2026-03-02T10:00:00+00:00,0.00
RWF,A2,1,R1,S1,3,2026-03-02T10:00:00+00:00,2026-03-02T11:00:00+00:00,2026-03-02T11:00:00+00:00,0.00
"""
GOLDEN_UNALLOCATED = "trust,accession_number,read,reason\nRVV,A3,1,deferred\n"
KEYS = [
    *("now", "status", "stopped_by", "seconds", "total", "terms", "sunk", "bound", "gap", "studies", "reads"),
    *("allocated", "late", "longest_wait_hours", "seed", "digest"),
]


def a_plan() -> Plan:
    """Return a plan with three reads placed and one not."""
    problem = two_trusts()
    return with_true_figures(problem, lay_out(problem, {"S1": ["A1", "RWF/A1", "RWF/A2"]}, {"A3": "deferred"}))


def test_the_files_are_as_the_contract_says(tmp_path: Path) -> None:
    """Golden: header, order, whole seconds in UTC, two decimals, line feed."""
    write_plan(a_plan(), tmp_path / "plan")
    assert (tmp_path / "plan" / "plan.csv").read_bytes() == GOLDEN_PLAN.encode()
    assert (tmp_path / "plan" / "unallocated.csv").read_bytes() == GOLDEN_UNALLOCATED.encode()


def test_the_summary_has_exactly_the_keys_of_the_contract(tmp_path: Path) -> None:
    """Nothing more, nothing less, and the terms likewise."""
    write_plan(a_plan(), tmp_path / "plan")
    summary: dict[str, Any] = json.loads((tmp_path / "plan" / "summary.json").read_text(encoding="utf-8"))
    assert list(summary) == KEYS
    assert list(summary["terms"]) == ["clinical", "match", "remote", "prior", "churn", "split", "load"]
    assert summary["total"] == pytest.approx(sum(summary["terms"].values()))
    assert summary["now"] == "2026-03-02T08:00:00+00:00"


def test_rows_are_sorted_whatever_order_the_plan_has(tmp_path: Path) -> None:
    """By trust, accession number and read."""
    plan = a_plan()
    write_plan(replace(plan, allocations=plan.allocations[::-1]), tmp_path / "plan")
    assert (tmp_path / "plan" / "plan.csv").read_text(encoding="utf-8") == GOLDEN_PLAN


def test_lateness_has_two_decimals(tmp_path: Path) -> None:
    """Due 08:59:20, done 09:00:00: 0.67 minutes late."""
    plan = a_plan()
    first = plan.allocations[0]
    late = replace(first, due_at=first.end.replace(hour=8, minute=59, second=20))
    write_plan(replace(plan, allocations=(late,)), tmp_path / "plan")
    assert ",0.67\n" in (tmp_path / "plan" / "plan.csv").read_text(encoding="utf-8")


def test_a_plan_comes_back_as_it_was(tmp_path: Path) -> None:
    """Rows, figures and all."""
    plan = restate(a_plan(), seconds={"read": 0.25, "solve": 3.5}, seed=7, digest="abc")
    write_plan(plan, tmp_path / "plan")
    assert read_plan(tmp_path / "plan") == plan
    assert read_filed_plan(tmp_path / "plan").stated.total == plan.summary.total


def test_a_later_plan_replaces_an_earlier_one(tmp_path: Path) -> None:
    """Writing twice leaves the second."""
    write_plan(a_plan(), tmp_path / "plan")
    second = restate(a_plan(), seed=9)
    write_plan(second, tmp_path / "plan")
    assert read_plan(tmp_path / "plan") == second
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_a_failure_half_way_leaves_the_earlier_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last file fails: what was there stands, and nothing lies about."""
    write_plan(a_plan(), tmp_path / "plan")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plan_folder, "write_text", fail)
    with pytest.raises(OSError, match="No space"):
        write_plan(restate(a_plan(), seed=9), tmp_path / "plan")
    assert read_plan(tmp_path / "plan").summary.seed == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_a_failure_of_the_last_step_puts_the_earlier_plan_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old folder is aside and the new one cannot be moved in: the old one returns."""
    write_plan(a_plan(), tmp_path / "plan")
    rename = Path.rename

    def fail_once(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_once)
    with pytest.raises(OSError, match="Input/output"):
        write_plan(restate(a_plan(), seed=9), tmp_path / "plan")
    assert read_plan(tmp_path / "plan").summary.seed == 0
    assert [path.name for path in tmp_path.iterdir()] == ["plan"]


def test_something_else_is_never_overwritten(tmp_path: Path) -> None:
    """A file, and a folder with anything but a plan in it, are refused and left alone."""
    (tmp_path / "file").write_text("precious", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "notes.txt").write_text("precious", encoding="utf-8")
    for target in (tmp_path / "file", tmp_path / "folder", tmp_path / "file" / "below"):
        with pytest.raises(InputRefusedError):
            write_plan(a_plan(), target)
    assert (tmp_path / "file").read_text(encoding="utf-8") == "precious"
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["notes.txt"]


def test_missing_folders_above_are_made(tmp_path: Path) -> None:
    """``--out runs/today`` needs no mkdir."""
    write_plan(a_plan(), tmp_path / "runs" / "today")
    assert read_plan(tmp_path / "runs" / "today") == a_plan()


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("plan.csv", "RVV,A1,1,", "RVV,A1,one,", ("plan.csv", 2, "read")),
        ("plan.csv", "S1,1,", "S1,first,", ("plan.csv", 2, "position")),
        ("plan.csv", ",2026-03-02T08:00:00+00:00,", ",2026-03-02T08:00:00,", ("plan.csv", 2, "start")),
        ("plan.csv", ",0.00\nRWF,A1", ",none\nRWF,A1", ("plan.csv", 2, "late_minutes")),
        ("plan.csv", "late_minutes", "lateness", ("plan.csv", 1, "late_minutes")),
        ("plan.csv", ",0.00\n", "\n", ("plan.csv", 2, None)),
        ("unallocated.csv", "deferred", "tired", ("unallocated.csv", 2, "reason")),
        ("summary.json", '"feasible"', '"fine"', ("summary.json", None, "status")),
        ("summary.json", '"seed": 0', '"seed": "0"', ("summary.json", None, "seed")),
        ("summary.json", '"split"', '"divide"', ("summary.json", None, "terms")),
        ("summary.json", '"bound"', '"bind"', ("summary.json", None, "bound")),
        ("summary.json", "08:00:00+00:00", "08:00:00", ("summary.json", None, "now")),
        ("summary.json", '"late": {', '"late": 3, "later": {', ("summary.json", None, "late")),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, file: str, old: str, new: str, where: tuple[str, int | None, str | None]
) -> None:
    """File, line and column of the fault."""
    write_plan(a_plan(), tmp_path / "plan")
    path = tmp_path / "plan" / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputRefusedError) as refused:
        read_plan(tmp_path / "plan")
    assert where in [(fault.file, fault.line, fault.column) for fault in refused.value.faults]


def test_every_reason_can_be_written_and_read(tmp_path: Path) -> None:
    """All seven."""
    problem = two_trusts()
    for reason in UnallocatedReason:
        write_plan(lay_out(problem, {}, {"A1": reason}), tmp_path / "plan")
        assert read_plan(tmp_path / "plan").unallocated[0].reason is reason

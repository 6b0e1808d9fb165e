"""The same input, policy, seed and work give the same plan, byte for byte, wherever and however often it is made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from balancer.publish.problem_folder import write_problem
from balancer.simulate.instances import Shape, generate
from tests.worlds import NOW

FILES = ("plan.csv", "unallocated.csv")


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an overloaded week of 400 studies."""
    folder = tmp_path_factory.mktemp("repeatable") / "problem"
    write_problem(generate(Shape(trusts=2, studies=400, reporters=6, seed=3, load=1.3)), folder)
    return folder


def solve(problem: Path, out: Path, *options: object, hash_seed: str) -> dict[str, Any]:
    """Solve in a fresh process; return what its summary says."""
    command = [sys.executable, "-m", "balancer", "solve", problem, "--now", NOW.isoformat(), "--out", out, *options]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    return summary


def test_one_two_or_four_workers_in_fresh_processes_write_the_same_bytes(problem: Path, tmp_path: Path) -> None:
    """Whatever Python's own hash seed; and the same bound, for it is counted in work too."""
    summaries = [
        solve(problem, tmp_path / workers, "--workers", workers, "--seed", 5, "--work", 60_000, hash_seed=hash_seed)
        for workers, hash_seed in (("1", "0"), ("2", "12345"), ("4", "random"))
    ]
    for name in FILES:
        contents = {(tmp_path / workers / name).read_bytes() for workers in ("1", "2", "4")}
        assert len(contents) == 1, name
        assert len(contents.pop().splitlines()) > 1
    for key in ("total", "terms", "bound", "gap", "digest", "late", "longest_wait_hours"):
        assert len({json.dumps(summary[key]) for summary in summaries}) == 1, key
    assert {summary["stopped_by"] for summary in summaries} == {"work"}


def test_the_seed_matters(problem: Path, tmp_path: Path) -> None:
    """Or nothing above would have been shown."""
    for seed in ("1", "2"):
        solve(problem, tmp_path / seed, "--seed", seed, "--work", 60_000, hash_seed="0")
    assert (tmp_path / "1" / "plan.csv").read_bytes() != (tmp_path / "2" / "plan.csv").read_bytes()


def test_a_run_ended_by_the_clock_says_so(problem: Path, tmp_path: Path) -> None:
    """And promises nothing."""
    summary = solve(problem, tmp_path / "plan", "--seconds", 1, "--work", 10**12, hash_seed="0")
    assert summary["stopped_by"] == "time"

"""A problem written and read back is the same problem."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from balancer.domain.policy import Policy
from balancer.domain.problem import AllocationProblem
from balancer.ingest.policy_file import read_policy
from balancer.ingest.problem_folder import read_problem
from balancer.publish.problem_folder import policy_text, write_problem
from balancer.simulate.instances import Shape, generate
from tests import worlds
from tests.random_worlds import policies, problems


def written_and_read(problem: AllocationProblem, folder: Path) -> AllocationProblem:
    """Return what comes back, with the calendar it went in with: bank holidays are not written."""
    write_problem(problem, folder)
    found, warnings = read_problem(folder, now=problem.now)
    # a random problem may name modalities that none of its examinations has
    assert all("match nothing" in warning for warning in warnings)
    return replace(found, calendar=problem.calendar)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_any_problem_comes_back_as_it_was(problem: AllocationProblem) -> None:
    """Whatever the names, optional fields and restrictions."""
    with tempfile.TemporaryDirectory() as folder:
        assert written_and_read(problem, Path(folder) / "problem") == problem


@given(policies())
def test_any_policy_comes_back_as_it_was(policy: Policy) -> None:
    """Every figure to the last bit."""
    assert read_policy(policy_text(policy), "policy.toml") == policy


def test_a_generated_problem_comes_back_as_it_was(tmp_path: Path) -> None:
    """A synthetic week survives the files, a second time into the same folder too."""
    problem = generate(Shape(trusts=3, studies=500, reporters=12, seed=5))
    assert written_and_read(problem, tmp_path / "problem") == problem
    assert written_and_read(problem, tmp_path / "problem") == problem


def test_the_same_problem_is_written_byte_for_byte_the_same(tmp_path: Path) -> None:
    """Sets have no order, files do."""
    problem = generate(Shape(trusts=2, studies=200, reporters=8, seed=6))
    write_problem(problem, tmp_path / "a")
    write_problem(written_and_read(problem, tmp_path / "b"), tmp_path / "c")
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "c" / file.name).read_bytes()
        assert b"\r" not in file.read_bytes()


def test_a_problem_that_does_not_fit_together_leaves_nothing_behind(tmp_path: Path) -> None:
    """A study whose examination is not in the catalogue is not written, nor is anything else."""
    problem = worlds.one_study_one_reporter()
    broken = replace(problem, examinations=())
    with pytest.raises(KeyError):
        write_problem(broken, tmp_path / "problem")
    assert list(tmp_path.iterdir()) == []

"""A supervised process: started again when it dies, gone when its supervisor is, however that went."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
import structlog

from balancer.scheduler import supervisor as module
from balancer.scheduler.supervisor import Supervisor, delay_after
from tests.processes import started
from tests.scheduler.bodies import die, ignore_requests, is_gone, noted, stay, supervise


def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    """Even if it was killed outright."""
    supervisor = Supervisor("test", stay, (tmp_path / "pids",))
    supervisor.start()
    try:
        first = noted(tmp_path / "pids")[0]
        os.kill(first, signal.SIGKILL)
        second = noted(tmp_path / "pids", 2)[1]
        assert supervisor.pid == second
    finally:
        supervisor.stop()
    assert is_gone(first)
    assert is_gone(second)


def test_a_process_that_keeps_dying_is_started_ever_more_seldom() -> None:
    """1, 2, 4, ... seconds, at most a minute."""
    assert [delay_after(deaths) for deaths in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert delay_after(10_000) == 60


def test_stopping_does_not_wait_for_the_next_start(tmp_path: Path) -> None:
    """Between a death and the next start there is nothing to end."""
    supervisor = Supervisor("test", die, (tmp_path / "pids",))
    supervisor.start()
    noted(tmp_path / "pids", 2)
    supervisor.stop()
    assert supervisor.pid is None


def test_a_process_that_will_not_go_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked first."""
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.5)
    supervisor = Supervisor("test", ignore_requests, (tmp_path / "pids",))
    supervisor.start()
    pid = noted(tmp_path / "pids")[0]
    supervisor.stop()
    assert is_gone(pid)


def test_a_process_that_goes_when_asked_is_not_said_to_have_been_killed(tmp_path: Path) -> None:
    """Whichever of two threads hears first that it has gone, and however long the other has to wait for its turn."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.5)
    try:
        said = _said_of_stopping(tmp_path)
    finally:
        sys.setswitchinterval(before)
    assert said == []


def _said_of_stopping(tmp_path: Path) -> list[MutableMapping[str, Any]]:
    with structlog.testing.capture_logs() as said:
        for turn in range(8):
            supervisor = Supervisor("test", stay, (tmp_path / f"pids{turn}",))
            supervisor.start()
            noted(tmp_path / f"pids{turn}")
            supervisor.stop()
    return said


def test_a_process_whose_supervisor_is_killed_ends_by_itself(tmp_path: Path) -> None:
    """Kill -9 leaves no orphan: nobody could end it but itself."""
    with started(supervise, tmp_path / "pids"):
        pid = noted(tmp_path / "pids")[0]
    assert is_gone(pid)


def test_a_supervisor_that_was_never_started_can_be_stopped(tmp_path: Path) -> None:
    """Whatever went wrong before."""
    Supervisor("test", stay, (tmp_path / "pids",)).stop()
    assert not (tmp_path / "pids").exists()

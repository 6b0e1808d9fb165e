from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.flows.running import serving
from tests.kent import SAMPLE
from tests.scheduler.bodies import is_gone


@pytest.mark.parametrize(("by", "exit_code"), [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -9)])
def test_however_it_ends_during_a_solve_none_of_its_processes_is_left(
    tmp_path: Path, by: signal.Signals, exit_code: int
) -> None:
    """Asked by a person, by the system, or killed: the scheduler and the solving process go too."""
    with serving(SAMPLE, tmp_path, BALANCER_ALLOCATE_SECONDS="60") as service:
        service.wait_for(lambda: "run.progress" in service.printed)
        children = service.children
        assert len(children) >= 2
        assert service.stop(by) == exit_code
        assert [pid for pid in children if not is_gone(pid)] == []

"""Whether the process that holds something is still there: known on this machine, nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from balancer.services.this_process import is_gone, this_process

_SAYS_WHO = "from balancer.services.this_process import this_process; print(this_process(), flush=True); input()"


def test_a_process_is_there_until_it_is_killed() -> None:
    """Also before anybody has noticed that it is dead."""
    child = subprocess.Popen(
        [sys.executable, "-c", _SAYS_WHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child:
        name = child.stdout.readline().strip()
        assert not is_gone(name)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and its number is not given away yet
        assert is_gone(name)
    assert is_gone(name)


def test_another_process_of_the_same_number_is_another() -> None:
    """Numbers come round again."""
    assert not is_gone(this_process())
    before, _, began = this_process().rpartition(":")
    assert is_gone(f"{before}:{int(began) + 1}")


def test_of_what_is_elsewhere_nobody_here_can_tell() -> None:
    """Another machine, another container, or a name of another kind."""
    for holder in ("elsewhere:abc-1:1:1", "elsewhere:1", "killed", "", "a:b:c:d", f"x{this_process()}"):
        assert not is_gone(holder)

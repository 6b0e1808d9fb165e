"""The service under proof: ``balancer serve`` as a process group of its own, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx2

# A busy machine is no fault: the first lists of a fresh service take minutes on one.
PATIENCE_SECONDS = 1_200.0


class Service:
    """Starts, kills and stops the whole service; what it prints is kept in ``printed``."""

    def __init__(self, network: Path, printed: Path, env: Mapping[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.printed = printed
        self._env = env
        self._command = [sys.executable, "-m", "balancer", "serve", "--network", str(network)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, clock: str) -> None:
        """Start it with this ``BALANCER_REPLAY_CLOCK``; it answers some seconds later."""
        with self.printed.open("ab") as out:
            self._process = subprocess.Popen(
                [*self._command, "--port", str(self._port)],
                env={**self._env, "BALANCER_REPLAY_CLOCK": clock},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own, so that all of it can be killed at one instant
            )

    @property
    def answers(self) -> bool:
        """Whether the API answers."""
        try:
            return httpx2.get(f"{self.url}/api/v1/health/live", timeout=5).status_code == 200
        except httpx2.HTTPError:
            return False

    @property
    def has_died(self) -> bool:
        """Whether it has ended, and nobody has asked it to."""
        return self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        """``kill -9``: the API, the scheduler and the solve, all at once."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(PATIENCE_SECONDS)

    def kill_scheduler(self) -> bool:
        """``kill -9`` of the scheduler alone, which is to be started again by itself; tell whether there was one."""
        found = [pid for pid in self._children() if b"spawn_main" in _command_line(pid)]
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        return bool(found)

    def stop(self) -> int:
        """Ask it to stop, as an operator does; return its exit code."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(PATIENCE_SECONDS)
        self._wait_for_group(self._process.pid)
        return code

    def _children(self) -> list[int]:
        if self._process is None:
            return []
        tasks = Path(f"/proc/{self._process.pid}/task")
        return [int(pid) for task in tasks.glob("*/children") for pid in task.read_text(encoding="ascii").split()]

    @staticmethod
    def _wait_for_group(group: int) -> None:
        """Wait until none of the group is left."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                os.killpg(group, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
        raise AssertionError("a process of the service outlived it")


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""

"""``balancer serve`` as a process of its own, as a person starts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.patience import PATIENCE_SECONDS


def environment(folder: Path, **more: str) -> Mapping[str, str]:
    """Return an environment in which Balancer keeps everything in ``folder`` and solves briefly."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BALANCER_")}
    return {
        **kept,
        "BALANCER_DATABASE_URL": f"sqlite:///{folder / 'balancer.sqlite'}",
        "BALANCER_SHIFT_TO_PRESENT": "1",
        "BALANCER_SIGN_IN": "local",
        "BALANCER_ALLOCATE_SECONDS": "3",
        "BALANCER_ALLOCATE_EVERY_MINUTES": "100000",
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def balancer(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = [sys.executable, "-m", "balancer", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


class Running:
    """A service that runs: its process, what it has printed, and a client of its API."""

    def __init__(self, process: subprocess.Popen[str], printed: Path) -> None:
        self.process = process
        self._printed = printed
        self.url = self.wait_for(self._address)
        self.client = httpx2.Client(base_url=f"{self.url}/api/v1", timeout=PATIENCE_SECONDS)

    @property
    def printed(self) -> str:
        """Everything printed so far."""
        return self._printed.read_text(encoding="utf-8")

    def _address(self) -> str:
        assert self.process.poll() is None, self.printed
        line = next((line for line in self.printed.splitlines() if line.startswith("serving")), "")
        return line.split()[1] if line else ""

    def wait_for(self, look: Callable[[], Any]) -> Any:
        """Return the first thing that ``look`` finds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.2)
        raise AssertionError(f"not within {PATIENCE_SECONDS:g} seconds; printed:\n{self.printed}")

    def ask(self, path: str) -> Any:
        """Return what the API says, having seen that it is good."""
        answer = self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def is_ready(self) -> bool:
        """Whether worklists can be had and are kept up to date."""
        return self.client.get("/health/ready").status_code == 200

    @property
    def children(self) -> list[int]:
        """The processes under it, and theirs."""
        return _children(self.process.pid)

    def stop(self, by: int = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        self.client.close()
        self.process.send_signal(by)
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def serving(network: Path, folder: Path, **more: str) -> Iterator[Running]:
    """Yield a service on a free port; whatever happens, none of its processes is left."""
    printed = folder / "printed.txt"
    command = [sys.executable, "-m", "balancer", "serve", "--network", str(network), "--port", "0"]
    with printed.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command, env=environment(folder, **more), stdout=out, stderr=subprocess.STDOUT, text=True
        )
        try:
            running = Running(process, printed)
            with running.client:
                yield running
        finally:
            for pid in [process.pid, *_children(process.pid)]:
                _kill(pid)
            process.wait(PATIENCE_SECONDS)


def _children(pid: int) -> list[int]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            listed = (task / "children").read_text(encoding="ascii").split()
        except FileNotFoundError:
            continue
        for child in map(int, listed):
            found += [child, *_children(child)]
    return found


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return

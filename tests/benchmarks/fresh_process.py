"""A command in a fresh process, with what it took: clock seconds, processor seconds, most memory, reference runs."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.results import ROOT

_BYTES_A_UNIT = 1024 if sys.platform == "linux" else 1  # of ru_maxrss


class CommandFailedError(Exception):
    """A command of a benchmark failed; the message is what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What a command took: clock and processor seconds, and gigabytes of memory at the most.

    Linux counts memory from the process that starts another; so a runner keeps large libraries out of its own.
    """

    seconds: float
    processor_seconds: float
    gigabytes: float


def python(*arguments: object) -> list[str]:
    """Return the command that gives these arguments to this Python."""
    return [sys.executable, *map(str, arguments)]


def run(command: Sequence[str]) -> Took:
    """Run a command from the repository's root to its end.

    Raises
    ------
    CommandFailedError
        If it ends with anything but 0.
    """
    paths = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part)
    began = time.perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        said = process.stdout.read() if process.stdout else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took = time.perf_counter() - began
    if process.returncode != 0:
        raise CommandFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{said.decode()[-4000:]}")
    return Took(
        seconds=took,
        processor_seconds=usage.ru_utime + usage.ru_stime,
        gigabytes=usage.ru_maxrss * _BYTES_A_UNIT / 1e9,
    )


def reference_seconds() -> float:
    """Return the seconds of the reference computation, in a process of its own."""
    said = subprocess.run(
        python("-m", "tests.benchmarks.reference"), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(said.stdout)

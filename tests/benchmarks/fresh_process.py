"""A command in a fresh process, with what it took: clock seconds, processor seconds, most memory, reference runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.results import ROOT

_BYTES_A_UNIT = 1024 if sys.platform == "linux" else 1  # of ru_maxrss


class CommandFailedError(Exception):
    """A command of a benchmark failed; the message is what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What a command took: clock and processor seconds, and gigabytes of memory at the most."""

    seconds: float
    processor_seconds: float
    gigabytes: float


def python(*arguments: object) -> list[str]:
    """Return the command that gives these arguments to this Python."""
    return [sys.executable, *map(str, arguments)]


# Linux counts the memory of a process from that of the one that starts it: so a small one stands between.
_IN_BETWEEN = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
took = [time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]
open(sys.argv[1], "w").write(json.dumps(took))
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(command: Sequence[str]) -> Took:
    """Run a command from the repository's root to its end.

    Raises
    ------
    CommandFailedError
        If it ends with anything but 0.
    """
    paths = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part)
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        done = subprocess.run(
            python("-I", "-c", _IN_BETWEEN, figures, *command),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": paths},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            said = (done.stdout + done.stderr)[-4000:]
            raise CommandFailedError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
        seconds, processor_seconds, memory = json.loads(figures.read_text(encoding="utf-8"))
    return Took(seconds=seconds, processor_seconds=processor_seconds, gigabytes=memory * _BYTES_A_UNIT / 1e9)


def reference_seconds() -> float:
    """Return the seconds of the reference computation, in a process of its own."""
    said = subprocess.run(
        python("-m", "tests.benchmarks.reference"), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return float(said.stdout)

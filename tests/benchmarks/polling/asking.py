"""How clients are let loose on a service, and what their counts are told as."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2

from tests.benchmarks.fresh_process import python
from tests.benchmarks.results import ROOT

HOST: Final = "127.0.0.1"
Client = tuple[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Where clients ask, and what they show with every request; ``pid`` is the process that serves them."""

    port: int
    shown: Mapping[str, str]
    pid: int = 0

    def client(self) -> httpx2.Client:
        """Return a client of a library's, for what is not measured."""
        return httpx2.Client(base_url=f"http://{HOST}:{self.port}", headers=dict(self.shown), timeout=600.0)


def processor_seconds(pid: int) -> float:
    """Return how much of a processor a process has used, in seconds; not every system tells."""
    # utime and stime are fields 14 and 15; the second, a name in brackets, may have spaces (proc(5))
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def ratios(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return each kind's throughput as a share of the empty route's in the same round; the median over rounds."""
    return {
        kind: round(statistics.median(one[kind] / one["empty"] for one in rounds), 3)
        for kind in rounds[0]
        if kind != "empty"
    }


def ask(asking: Asking, clients: Sequence[Client], seconds: float, every: float = 0.0) -> Any:
    """Let these clients poll from a process of their own; return what they counted."""
    asked = {"host": HOST, "port": asking.port, "shown": dict(asking.shown)}
    asked |= {"clients": clients, "seconds": seconds, "every": every}
    done = subprocess.run(
        python("-m", "tests.benchmarks.polling.clients"),
        cwd=ROOT, input=json.dumps(asked), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)

"""Bodies of processes that tests start: each says in a file that it is there, and how it goes."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from pathlib import Path

from balancer.scheduler.solving import DONE, SolveOrder, Solving, die_with_parent, end
from balancer.scheduler.supervisor import Supervisor, stop_with_parent
from tests.patience import PATIENCE_SECONDS


def note(path: Path) -> None:
    """Add this process's id to a file, a line each."""
    with path.open("a", encoding="ascii") as file:
        file.write(f"{os.getpid()}\n")


def noted(path: Path, count: int = 1) -> list[int]:
    """Wait until at least ``count`` processes have noted themselves; return their ids."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = path.read_text(encoding="ascii").split() if path.exists() else []
        if len(found) >= count:
            return [int(pid) for pid in found]
        time.sleep(0.05)
    raise AssertionError(f"fewer than {count} processes have started")


def is_gone(pid: int) -> bool:
    """Wait until there is no such process (one that nobody has buried counts as gone); ``False`` if it stays."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def stay(path: Path) -> None:
    """Stay until told to stop or left alone."""
    stop = threading.Event()
    stop_with_parent(stop)
    note(path)
    stop.wait()


def tell_niceness(_order: SolveOrder) -> None:
    """Exit with this process's niceness."""
    sys.exit(os.nice(0))


def end_at_once(_order: SolveOrder) -> None:
    """End as a run does; what the interpreter would do at its end would take for ever."""
    atexit.register(time.sleep, 1_000_000)
    end(DONE + 7)


def die(path: Path) -> None:
    """Die at once."""
    note(path)
    sys.exit(7)


def ignore_requests(path: Path) -> None:
    """Stay, whatever is asked."""
    import signal  # noqa: PLC0415 - what this body is about

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    note(path)
    time.sleep(10 * PATIENCE_SECONDS)


def supervise(path: Path) -> None:
    """Supervise a process that stays, from a process of its own."""
    supervisor = Supervisor("grandchild", stay, (path,))
    supervisor.start()
    time.sleep(10 * PATIENCE_SECONDS)


def solve_quietly(order: SolveOrder) -> None:
    """Note this process where the order says, in place of a solve, and end well."""
    note(Path(order.database_url))
    sys.exit(DONE)


def solve_for_ever(order: SolveOrder) -> None:
    """Note this process and never end."""
    note(Path(order.database_url))
    time.sleep(10 * PATIENCE_SECONDS)


def solve_and_crash(order: SolveOrder) -> None:
    """Die as native code dies."""
    note(Path(order.database_url))
    os.abort()


def order_then_sleep(path: Path, order: SolveOrder) -> None:
    """Start a real solving process that has a long time, from a process that then only sleeps."""
    threading.Thread(target=Solving(order, solve_for_ever_watching).run, daemon=True).start()
    note(path)
    time.sleep(10 * PATIENCE_SECONDS)


def solve_for_ever_watching(order: SolveOrder) -> None:
    """Watch the parent as a solving process does, note this process and never end."""
    die_with_parent()
    note(Path(order.database_url))
    time.sleep(10 * PATIENCE_SECONDS)

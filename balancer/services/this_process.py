"""A process by a name that another on the same machine can look up: whether whoever holds a lease is still there.

Of a process on another machine, or in another container, nobody here can tell: its lease runs out by itself.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_ENDED = frozenset("ZX")


def this_process() -> str:
    """Return the name of this process: machine, namespace of numbers, number, and when it began.

    A number is given anew to another process some day; with when it began it is its own.
    """
    pid = os.getpid()
    return f"{_machine()}:{pid}:{_began(pid) or 0}"


def is_gone(holder: str) -> bool:
    """Tell whether a process of that name was here and is no more; ``False`` if nobody here can know."""
    machine, _, rest = holder.rpartition(":")
    machine, _, pid = machine.rpartition(":")
    if not (machine == _machine() and pid.isdecimal() and rest.isdecimal()) or rest == "0":
        return False
    return _began(int(pid)) != int(rest)


def _machine() -> str:
    namespace = ""
    with suppress(OSError):
        namespace = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
        namespace += f"-{(_PROC / 'self/ns/pid').stat().st_ino}"
    return f"{socket.gethostname()}:{namespace}"


def _began(pid: int) -> int | None:
    """Return when a process began, in the kernel's own count; ``None`` if there is none that still runs."""
    try:
        said = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = said.rpartition(")")[2].split()  # proc(5): the name before may hold anything
    return None if state in _ENDED else int(fields[18])

"""A process that must always run: started, started again if it dies, ended with whoever supervises it."""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

_log = structlog.get_logger("balancer.scheduler")
_FIRST_DELAY_SECONDS = 1.0
_LONGEST_DELAY_SECONDS = 60.0
# Alive for this long, and the next death counts as the first.
_SETTLED_SECONDS = 60.0
_PATIENCE_SECONDS = 10.0


def delay_after(deaths: int) -> float:
    """Return for how many seconds to wait after the n-th death in a row: 1, 2, 4, ... at most 60."""
    return float(min(_LONGEST_DELAY_SECONDS, _FIRST_DELAY_SECONDS * 2 ** min(deaths - 1, 10)))


class Supervisor:
    """Keeps one spawned process alive. ``target`` and ``args`` are pickled for it."""

    def __init__(self, name: str, target: Callable[..., Any], args: tuple[Any, ...] = ()) -> None:
        self._name = name
        self._target = target
        self._args = args
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: BaseProcess | None = None
        self._thread = threading.Thread(target=self._keep, name=f"supervisor {name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process's id, ``None`` while there is none."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    def start(self) -> None:
        """Start the process and watch over it."""
        self._thread.start()

    def stop(self) -> None:
        """End the process: asked first, killed if it has not gone within ten seconds."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is not None:
            process.terminate()
            process.join(_PATIENCE_SECONDS)
            if process.is_alive():
                _log.warning("process.killed", process=self._name)
                process.kill()
                process.join()
        if self._thread.is_alive():
            self._thread.join()

    def _keep(self) -> None:
        deaths = 0
        while True:
            process = self._started()
            if process is None:
                return
            began = time.monotonic()
            wait([process.sentinel])
            with self._lock:  # of two threads that join one process, one may take it for alive
                if self._stopping.is_set():
                    return
                process.join()
            deaths = 1 if time.monotonic() - began > _SETTLED_SECONDS else deaths + 1
            delay = delay_after(deaths)
            _log.error("process.died", process=self._name, exit_code=process.exitcode, again_in_seconds=delay)
            if self._stopping.wait(delay):
                return

    def _started(self) -> BaseProcess | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            process = multiprocessing.get_context("spawn").Process(
                target=self._target, args=self._args, name=self._name
            )
            process.start()
            self._process = process
        return process


def stop_with_parent(stop: threading.Event) -> None:
    """Ensure that this process is told to stop when its parent asks (SIGTERM) or is gone, however it went.

    Ctrl-C in a terminal reaches every process at once; here it is left to the parent, which then asks.
    """
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for, args=(parent, stop.set), name="parent watch", daemon=True).start()


def _wait_for(parent: BaseProcess, then: Callable[[], None]) -> None:
    parent.join()
    then()

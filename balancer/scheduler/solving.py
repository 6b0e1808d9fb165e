"""A run in a process of its own, solved at low priority: it slows no request, and takes nothing down with it."""

from __future__ import annotations

import functools
import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.context import SpawnProcess
from types import FrameType
from typing import Any, NoReturn, TypeVar

import structlog

from balancer.domain.instant import Clock
from balancer.domain.plan import Plan
from balancer.domain.states import RunState
from balancer.services.explain_reads import explain_waiting
from balancer.services.outcomes import RunOutcome
from balancer.services.preview_draft import preview_next
from balancer.services.price_capacity import price_next
from balancer.services.run_allocation import Solver, run_allocation
from balancer.store.database import Database

_log = structlog.get_logger("balancer.scheduler")
_NICE = 10
_TOLD_EVERY_SECONDS = 5.0
# Beyond the solver's own time: gathering, judging and publishing, and starting up.
_GRACE_SECONDS = 180.0
_PATIENCE_SECONDS = 5.0
DONE, NOT_PUBLISHED, BUSY = 0, 1, 3
Answer = TypeVar("Answer")
# How a run ends that did what the policy asks of it.
_WELL = frozenset({RunState.PUBLISHED, RunState.HELD})


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOrder:
    """What a solving process needs to know; it is pickled. ``prepare`` sets up its logs."""

    database_url: str
    clock: Clock
    seconds: float
    workers: int
    prepare: Callable[[], None]


class Solving:
    """Starts solving processes, one at a time, and ends the one that runs when told to stop.

    ``at_low_priority``: a process has it from its first import on, which takes a second or two of the processor.
    """

    def __init__(
        self, order: SolveOrder, target: Callable[[SolveOrder], None] | None = None, *, at_low_priority: bool = False
    ) -> None:
        self._order = order
        self._target = target or solve_and_exit
        self._start = _started_low if at_low_priority else _started
        self._stopping = threading.Event()

    def run(self) -> int | None:
        """Run an allocation to its end; the exit code says how it ended (negative: killed by that signal)."""
        process = multiprocessing.get_context("spawn").Process(
            target=self._target, args=(self._order,), name="allocation"
        )
        self._start(process)
        deadline = time.monotonic() + self._order.seconds + _GRACE_SECONDS
        while process.is_alive() and not self._stopping.is_set() and time.monotonic() < deadline:
            process.join(0.2)
        if process.is_alive():
            stopping = self._stopping.is_set()  # as somebody wanted; else it took longer than it may
            _log.log(logging.INFO if stopping else logging.WARNING, "run.ended_early", stopping=stopping)
            process.terminate()
            process.join(_PATIENCE_SECONDS)
            process.kill()
            process.join()
        return process.exitcode

    def stop(self) -> None:
        """End the process that runs, if any, and start no other until ``resume``."""
        self._stopping.set()

    def resume(self) -> None:
        """Let processes be started again."""
        self._stopping.clear()


def solve_and_exit(order: SolveOrder) -> None:
    """Run one allocation in this process and exit with how it ended."""
    order.prepare()
    gc.disable()  # it ends before there is much to collect, and publishing holds the database's lock while that is done
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)  # unwinding gives the lease back, so that the next run need not wait for it
    die_with_parent()
    database = Database(order.database_url)
    try:
        code = _solve(database, order)
    finally:
        database.close()
    end(code)


def end(code: int) -> NoReturn:
    """End this process, and leave its memory to the system.

    Taking apart what a run has built takes the better part of a second of the processor, just as everybody fetches
    their new list and an emergency may wait to be placed in it.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _solve(database: Database, order: SolveOrder) -> int:
    solver = at_low_priority(functools.partial(_optimised, workers=order.workers))
    return run_once(database, order.clock.now(), seconds=order.seconds, solver=solver, clock=order.clock)


def _optimised(*given: Any, **more: Any) -> Plan:
    from balancer.optimise.solve import solve  # noqa: PLC0415 - OR-Tools takes seconds to import, nobody else needs it

    return solve(*given, **more)


def at_low_priority(solver: Solver) -> Solver:
    """Return ``solver`` in a thread of low priority, which the threads that it starts inherit.

    The process keeps its own for what follows: whoever holds the one write lock of a database, and is last in the queue
    for a processor, keeps everybody waiting. Niceness is a thread's on Linux (sched(7)), the whole process's elsewhere.
    """

    def solve(*given: Any, **more: Any) -> Plan:
        return _lowered(functools.partial(solver, *given, **more))

    return solve


def _lowered(work: Callable[[], Answer]) -> Answer:
    """Do ``work`` in a thread of low priority; processes that it starts inherit that too."""
    answer: Future[Answer] = Future()

    def do() -> None:
        try:
            os.nice(_NICE)
            answer.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever waits for the answer raises it
            answer.set_exception(error)

    threading.Thread(target=do, name="low priority", daemon=True).start()
    return answer.result()


def _started(process: SpawnProcess) -> None:
    process.start()


def _started_low(process: SpawnProcess) -> None:
    if sys.platform == "linux":
        _lowered(process.start)
    else:  # the service's own priority would be lowered, and could not be raised again
        process.start()


def preview_and_exit(order: SolveOrder) -> None:
    """Make previews and explanations that are asked for, price a new plan, and exit; what fails is on record."""
    order.prepare()
    if sys.platform != "linux":  # there it was started with it
        os.nice(_NICE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    die_with_parent()
    database = Database(order.database_url)
    try:
        code = max(preview_all(database, order.clock), price_newest(database, order.clock))
    finally:
        database.close()
    end(code)


def preview_all(database: Database, clock: Clock) -> int:
    """Make every preview that is asked for, then every explanation; return ``NOT_PUBLISHED`` if one failed."""
    code = DONE
    while True:
        try:
            run_id = preview_next(database, clock.now())
        except Exception:  # noqa: BLE001 - it is on record as failed; the next one may do well
            _log.exception("preview.failed")
            code = NOT_PUBLISHED
            continue
        if run_id is None:
            return max(code, explain_all(database, clock))
        _log.info("preview.made", run=run_id)


def explain_all(database: Database, clock: Clock) -> int:
    """Work out every explanation that is asked for; return ``NOT_PUBLISHED`` if the plan cannot be opened."""
    began = time.monotonic()
    try:
        made = explain_waiting(database, clock.now())
    except Exception:  # noqa: BLE001 - each that was asked for says so; what is in force stands
        _log.exception("explanation.failed")
        return NOT_PUBLISHED
    if made:
        _log.info("explanation.made", reads=made, seconds=round(time.monotonic() - began, 3))
    return DONE


def price_newest(database: Database, clock: Clock) -> int:
    """Price the newest plan's capacity if nobody has; return ``NOT_PUBLISHED`` if that failed."""
    began = time.monotonic()
    try:
        run_id = price_next(database, clock.now())
    except Exception:  # noqa: BLE001 - it is on record; the next run has its own
        _log.exception("capacity.failed")
        return NOT_PUBLISHED
    if run_id is not None:
        _log.info("capacity.priced", run=run_id, seconds=round(time.monotonic() - began, 3))
    return DONE


def run_once(database: Database, now: datetime, *, seconds: float, solver: Solver, clock: Clock | None = None) -> int:
    """Run one allocation and log how it went; return ``DONE``, ``NOT_PUBLISHED`` or ``BUSY``."""
    try:
        outcome = run_allocation(database, now, seconds=seconds, solver=solver, on_progress=_Teller().tell, clock=clock)
    except Exception:  # noqa: BLE001 - it is on record as failed; the last lists stand
        _log.exception("run.failed")
        return NOT_PUBLISHED
    if outcome.busy:
        return BUSY
    tell(outcome)
    return DONE if outcome.state in _WELL else NOT_PUBLISHED


def tell(outcome: RunOutcome) -> None:
    """Log what became of a run, in figures; a rejected plan's findings are on record, not in the log."""
    level = logging.INFO if outcome.state in _WELL else logging.ERROR
    figures = {}
    if outcome.plan is not None:
        summary = outcome.plan.summary
        figures = {
            "studies": summary.studies,
            "allocated": summary.allocated,
            "unallocated": len(outcome.plan.unallocated),
            "late": sum(summary.late.values()),
            "gap": f"{summary.gap:.2%}",
        }
    _log.log(level, f"run.{outcome.state}", run=outcome.run_id, **figures, warnings=len(outcome.warnings))


class _Teller:
    """Logs the solver's progress, not too often."""

    def __init__(self) -> None:
        self._next = 0.0

    def tell(self, progress: Any) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _TOLD_EVERY_SECONDS
        shown = {name: getattr(progress, name, None) for name in ("stage", "seconds", "incumbent", "bound")}
        _log.info("run.progress", **{name: _short(value) for name, value in shown.items() if value is not None})


def _short(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(NOT_PUBLISHED)


def die_with_parent() -> None:
    """Ensure that a solve whose scheduler is gone, however it went, does not go on: it is asked, then made to end."""
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_PATIENCE_SECONDS)
            os._exit(NOT_PUBLISHED)

    threading.Thread(target=wait, name="parent watch", daemon=True).start()

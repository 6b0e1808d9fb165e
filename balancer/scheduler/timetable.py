"""When things run: APScheduler's triggers, in memory, of the one scheduler that leads."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent  # type: ignore[import-untyped]
from apscheduler.executors.pool import ThreadPoolExecutor  # type: ignore[import-untyped]
from apscheduler.schedulers.background import BackgroundScheduler  # type: ignore[import-untyped]
from apscheduler.triggers.interval import IntervalTrigger  # type: ignore[import-untyped]

_log = structlog.get_logger("balancer.scheduler")
_INTAKE, _SOLVE, _PREVIEW, _BESIDE, _WATCH = "intake", "solve", "preview", "beside", "watch"
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
# Of what comes while a job is done, one more look takes in everything.
_DONE_AND_WAITING = 2
# The tick that looks for runs asked for.
_TICK = timedelta(seconds=1)


class Timetable:
    """Triggers by name. Intake jobs take turns; runs, and previews, have lines of their own and are one at a time too.

    A trigger that comes while its job still runs is dropped, unless that is to be done ``once``; one that came too
    late is made up for once. In a replay time goes ``speed`` times as fast as this machine's clock.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={line: ThreadPoolExecutor(1) for line in (_INTAKE, _SOLVE, _PREVIEW, _BESIDE, _WATCH)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_listener(_tell, EVENT_JOB_ERROR)

    def once(self, name: str, job: Callable[[], object]) -> None:
        """Do ``job`` as soon as the intake line is free; once more after it if it is being done just now."""
        self._scheduler.add_job(job, id=name, executor=_INTAKE, replace_existing=True, max_instances=_DONE_AND_WAITING)

    def every(self, name: str, interval: timedelta, job: Callable[[], object], *, beside_intake: bool = False) -> None:
        """Do ``job`` at every multiple of ``interval``; in a line of its own if intake is not to wait for it."""
        seconds = interval.total_seconds() / self._speed
        trigger = IntervalTrigger(seconds=seconds, start_date=_EPOCH, timezone=UTC)
        line = _BESIDE if beside_intake else _INTAKE
        self._scheduler.add_job(job, trigger, id=name, executor=line, replace_existing=True)

    def tick(self, name: str, job: Callable[[], object], *, beside_runs: bool = False) -> None:
        """Do ``job`` every second, in the line of runs; in another, of previews, if it is not to wait for them."""
        line = _PREVIEW if beside_runs else _SOLVE
        trigger = IntervalTrigger(seconds=_TICK.total_seconds(), timezone=UTC)
        self._scheduler.add_job(job, trigger, id=name, executor=line, replace_existing=True)

    def watch(self, name: str, interval: timedelta, job: Callable[[], object]) -> None:
        """Do ``job`` every so often by this machine's clock, in a line of its own: it only looks, and takes no time."""
        trigger = IntervalTrigger(seconds=interval.total_seconds(), timezone=UTC)
        self._scheduler.add_job(job, trigger, id=name, executor=_WATCH, replace_existing=True)

    def keep_only(self, names: Collection[str]) -> None:
        """Drop every job that is not one of ``names``."""
        for job in self._scheduler.get_jobs():
            if job.id not in names:
                job.remove()

    @property
    def names(self) -> set[str]:
        """The names of all jobs."""
        return {job.id for job in self._scheduler.get_jobs()}

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """End; what runs now runs on to its end."""
        self._scheduler.shutdown(wait=False)


def _tell(event: JobExecutionEvent) -> None:
    """Log what the ledger could not: a job that failed outside its own work."""
    error = event.exception
    _log.error("job.failed", job=event.job_id, exc_info=error)

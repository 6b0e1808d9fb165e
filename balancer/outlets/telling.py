"""The outlets' process: a courier in a thread of its own for each outlet, for as long as the scheduler beside it leads.

It is started with the lead and ended with it. One of an earlier leader that has not heard yet says nothing more: before
every word the lease is looked at.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from balancer.domain.errors import InputRefusedError
from balancer.domain.instant import Clock
from balancer.outlets.courier import Courier, Ground, NoLongerOursError
from balancer.outlets.outlet import Outlet
from balancer.store.database import Database
from balancer.store.leases import Lease

_log = structlog.get_logger("balancer.outlets")
CONFIGURATION_EVERY_SECONDS = 60.0
_PATIENCE_SECONDS = 8.0

# Returns the outlets that there are to be, as the network folder and the database have them now.
Outlets = Callable[[Database], Sequence[Outlet]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingOrder:
    """What the process needs to know; it is pickled. ``prepare`` sets up its logs and ends it with its parent."""

    database_url: str
    clock: Clock
    lease: Lease | None
    outlets: Outlets
    prepare: Callable[[], None]


def tell_for_ever(order: TellingOrder) -> None:
    """Tell until told to stop or left alone: the body of the process."""
    order.prepare()
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    database = Database(order.database_url)
    try:
        ground = Ground(database=database, clock=order.clock, lease=order.lease)
        Telling(ground, order.outlets).keep(stop)
    finally:
        database.close()


class Telling:
    """Keeps a courier at work for each outlet there is to be."""

    def __init__(self, ground: Ground, outlets: Outlets) -> None:
        self._ground = ground
        self._outlets = outlets
        self._at_work: dict[str, _AtWork] = {}

    def keep(self, stop: threading.Event, every_seconds: float = CONFIGURATION_EVERY_SECONDS) -> None:
        """Work until ``stop``; what there is to be is looked at again and again."""
        while True:
            self.look()
            if stop.wait(every_seconds):
                break
        self.end()

    def look(self) -> None:
        """Begin with outlets that are new or have changed, end with those that are no more.

        While their files have faults the last ones stay.
        """
        try:
            wanted = {outlet.name: outlet for outlet in self._outlets(self._ground.database)}
        except (InputRefusedError, OSError) as error:
            _log.error("outlets.refused", faults=len(getattr(error, "faults", ())), exc_info=error)
            return
        for name, work in list(self._at_work.items()):
            if name not in wanted or wanted[name].description != work.outlet.description:
                self._at_work.pop(name).end()
        for name, outlet in wanted.items():
            if name not in self._at_work:
                self._at_work[name] = _AtWork(outlet, self._ground)
                _log.info("outlet.open", outlet=name)

    def end(self) -> None:
        """End every courier's work; what is being sent is sent to its end, if that does not take too long."""
        for work in self._at_work.values():
            work.stop.set()
        for work in self._at_work.values():
            work.end()
        self._at_work.clear()


class _AtWork:
    """A courier's thread."""

    def __init__(self, outlet: Outlet, ground: Ground) -> None:
        self.outlet = outlet
        self.stop = threading.Event()
        self._courier = Courier(outlet, ground)
        self._thread = threading.Thread(target=self._work, name=f"outlet {outlet.name}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self.stop.set()
        self._thread.join(_PATIENCE_SECONDS)

    def _work(self) -> None:
        failures = 0
        try:
            while True:
                try:
                    wait, failures = self._courier.step(), 0
                except NoLongerOursError:
                    _log.info("outlet.no_longer_ours", outlet=self.outlet.name)
                    return
                except Exception:  # noqa: BLE001 - whatever it is, nothing is lost; the others go on
                    failures += 1
                    wait = self.outlet.patience.wait_after(failures, 1.0)
                    _log.exception("outlet.failed", outlet=self.outlet.name, again_in_seconds=wait)
                if self.stop.wait(wait):
                    return
        finally:
            self.outlet.close()

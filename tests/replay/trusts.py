"""The trusts' own systems: where studies are asked for and reported, and what lists of the unreported they deliver.

Each is the truth of its trust: it knows every study there ever was, and drops a snapshot of what is still unreported
into the folder that its feed describes, as the Kent sample's systems do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np

from balancer.simulate.kent.extracts import extract_of, row_of
from balancer.simulate.kent.planted import Row
from balancer.simulate.kent.queue import Order, draw_orders
from balancer.simulate.kent.sample import AS_OF, Sample

# Balancer reads the newest; a few older ones lie about, as they would.
_LEFT_LYING = 3
_A_DAY = timedelta(hours=24)
_LATER_NUMBERS = {"RVV": "27{:06d}", "RWF": "MTW27-{:06d}", "RPA": "28{:06d}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What the newest file says: when it was made, and how many reads each study that it asks for still needs."""

    taken_at: datetime
    reads: dict[str, int]


class TrustSystem:
    """One trust's system."""

    def __init__(self, trust: str, waiting: Iterable[Order], coming: Iterable[Order], folder: Path, seed: int) -> None:
        self.trust = trust
        self._folder = folder
        self._seed = seed
        self._waiting = {order.accession_number: order for order in waiting}
        self._coming = sorted(coming, key=lambda order: order.acquired_at, reverse=True)
        self._rows: dict[str, Row] = {}
        self._files: list[Path] = []
        self._chance = Random(f"{seed} {trust}")  # noqa: S311 - a replay, not a secret
        self.asked_for: set[str] = set()
        self.arrived = self.reported_elsewhere = 0
        self.last: Delivered | None = None

    def report(self, accession_number: str, reporter_id: str) -> None:
        """Enter a report, or the first of two."""
        order = self._waiting.get(accession_number)
        if order is None:
            return
        if order.reads > 1:
            self._waiting[accession_number] = replace(order, first_reader=reporter_id)
            self._rows.pop(accession_number, None)
        else:
            del self._waiting[accession_number]

    def report_elsewhere(self, number: int) -> None:
        """Let somebody report a few studies whom Balancer knows nothing of."""
        known = sorted(self._waiting)
        for accession_number in self._chance.sample(known, min(number, len(known))):
            del self._waiting[accession_number]
            self.reported_elsewhere += 1

    def deliver(self, now: datetime) -> None:
        """Drop the list of what is unreported at ``now``; whoever looks sees the whole file or none."""
        while self._coming and self._coming[-1].acquired_at <= now:
            order = self._coming.pop()
            self._waiting[order.accession_number] = order
            self.arrived += 1
        orders = sorted(self._waiting.values(), key=lambda order: order.acquired_at)
        extract = extract_of(self.trust, [self._row(order) for order in orders], now)
        path = self._folder / extract.path
        unfinished = path.with_name(f".{path.name}.part")
        unfinished.write_bytes(extract.content)
        unfinished.rename(path)
        self._forget(path)
        asked = {order.accession_number: order.reads for order in orders if not order.excluded_by}
        self.asked_for.update(asked)
        self.last = Delivered(taken_at=now.replace(second=0, microsecond=0), reads=asked)

    def _row(self, order: Order) -> Row:
        """Return a study as it is written down, the same way every time."""
        row = self._rows.get(order.accession_number)
        if row is None:
            rng = np.random.default_rng([self._seed, *order.accession_number.encode()])
            row = self._rows[order.accession_number] = row_of(order, rng)
        return row

    def _forget(self, newest: Path) -> None:
        if newest not in self._files:
            self._files.append(newest)
        while len(self._files) > _LEFT_LYING:
            self._files.pop(0).unlink()


def trust_systems(sample: Sample, folder: Path, hours: float, seed: int) -> dict[str, TrustSystem]:
    """Return the systems of the sample's trusts, with what will be imaged there in the ``hours`` to come.

    As many come in a day as the sample's queue has from its last one, at any time of it.
    """
    rng = np.random.default_rng(seed)
    later = [order for order in draw_orders(rng, sample.reporters, AS_OF) if order.acquired_at > AS_OF - _A_DAY]
    minutes = rng.integers(0, int(_A_DAY / timedelta(minutes=1)), len(later))
    later = [
        replace(order, acquired_at=AS_OF + timedelta(minutes=int(at)), ready_at=None)
        for order, at in zip(later, minutes, strict=True)
        if at < hours * 60
    ]
    numbers: Counter[str] = Counter()
    coming: dict[str, list[Order]] = {trust: [] for trust in _LATER_NUMBERS}
    for order in sorted(later, key=lambda order: order.acquired_at):
        numbers[order.trust] += 1
        number = _LATER_NUMBERS[order.trust].format(numbers[order.trust])
        coming[order.trust].append(replace(order, accession_number=number))
    waiting = {trust: [order for order in sample.orders if order.trust == trust] for trust in _LATER_NUMBERS}
    return {trust: TrustSystem(trust, waiting[trust], coming[trust], folder, seed) for trust in _LATER_NUMBERS}

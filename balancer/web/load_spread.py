"""Whether load is even: every reporter's share of their sessions that is planned, as one mark each."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

_TENTH: Final = 10
_STEP: Final = 5
_MOST_LABELS: Final = 8
# How wide a mark is, in percent of a desktop's width.
_SLOT: Final = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A reporter's load in both plans: planned by what is left of their sessions."""

    reporter_id: str
    name: str
    was: float
    becomes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One reporter as a mark: ``place`` in percent of the width, ``layer`` counts those beneath it."""

    place: float
    layer: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A share on the axis."""

    place: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Load, drawn and in figures; spreads in points of a percent between the busiest and the quietest tenth.

    ``loads`` has the busiest of the plan on the right first.
    """

    loads: Sequence[Load]
    was: Sequence[Dot]
    becomes: Sequence[Dot]
    axis: Sequence[Mark]
    full_at: float | None
    spread_was: int
    spread_becomes: int

    @property
    def busiest(self) -> Load | None:
        """Whoever has most to do in the plan that waits."""
        return self.loads[0] if self.loads else None

    @property
    def busiest_was(self) -> Load | None:
        """Whoever has most to do in the plan in force."""
        return max(self.loads, key=lambda load: load.was, default=None)


def loads(
    planned_seconds: Mapping[str, tuple[float, float]], session_seconds: Mapping[str, float], names: Mapping[str, str]
) -> list[Load]:
    """Return the load of everybody named who has time to report, the busiest first."""
    found = []
    for reporter_id, name in names.items():
        there = session_seconds.get(reporter_id, 0.0)
        if there > 0:
            was, becomes = planned_seconds.get(reporter_id, (0.0, 0.0))
            found.append(Load(reporter_id=reporter_id, name=name, was=was / there, becomes=becomes / there))
    return sorted(found, key=lambda load: (-load.becomes, load.name, load.reporter_id))


def spread(found: Sequence[Load]) -> Spread:
    """Return loads as they are drawn: the axis shows their range, in steps of five percent."""
    shares = [share for load in found for share in (load.was, load.becomes)]
    low = math.floor(100 * min(shares, default=0.0) / _STEP) * _STEP
    high = max(math.ceil(100 * max(shares, default=1.0) / _STEP) * _STEP, low + _STEP)

    def place(percent: float) -> float:
        return round(100 * (percent - low) / (high - low), 2)

    step = _STEP * max(1, math.ceil((high - low) / _STEP / _MOST_LABELS))
    return Spread(
        loads=found,
        was=_dots([(place(100 * load.was), f"{load.name}, {percent(load.was)}") for load in found]),
        becomes=_dots([(place(100 * load.becomes), f"{load.name}, {percent(load.becomes)}") for load in found]),
        axis=[Mark(place=place(at), label=f"{at}%") for at in range(low, high + 1, step)],
        full_at=place(100.0) if low <= 100 <= high else None,
        spread_was=tenths_apart([load.was for load in found]),
        spread_becomes=tenths_apart([load.becomes for load in found]),
    )


def percent(share: float) -> str:
    """Return a share in whole percent."""
    return f"{100 * share:.0f}%"


def tenths_apart(shares: Sequence[float]) -> int:
    """Return how far the means of the busiest and of the quietest tenth are apart, in points of a percent."""
    if not shares:
        return 0
    ordered, size = sorted(shares), max(1, len(shares) // _TENTH)
    return round(100 * (sum(ordered[-size:]) - sum(ordered[:size])) / size)


def _dots(placed: Sequence[tuple[float, str]]) -> list[Dot]:
    """Return marks in slots of the width; those that share one lie above each other."""
    taken: Counter[int] = Counter()
    found = []
    for place, name in sorted(placed):
        slot = round(place / _SLOT)
        found.append(Dot(place=round(slot * _SLOT, 2), layer=taken[slot], name=name))
        taken[slot] += 1
    return found

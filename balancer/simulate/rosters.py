"""Synthetic rosters: half-days on weekdays, some evenings and weekends, some on call, some restricted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np

from balancer.domain.instant import LONDON, local_instant
from balancer.domain.policy import EMERGENCY
from balancer.domain.reporter import Reporter, Session

_MORNING = (time(8), time(12))
_AFTERNOON = (time(13), time(17))
_EVENING = (time(18), time(21))
_WEEKEND = (time(9), time(13))
_SATURDAY = 5
_SHORTEST = timedelta(minutes=30)
_ON_CALL = 0.35
_ON_CALL_PRODUCTIVITY = 0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A half-day that could be rostered; ``wish`` is the rank at which people take it up (low = first)."""

    reporter: Reporter
    start: datetime
    end: datetime
    wish: float
    unsocial: bool
    productivity: float


def draw_sessions(
    rng: np.random.Generator, reporters: Sequence[Reporter], *, now: datetime, days: int, minutes: float
) -> tuple[list[Session], float]:
    """Return sessions whose clock minutes x productivity add up to ``minutes``, and what they add up to.

    That is less than ``minutes`` only if every half-day of everybody is not enough.
    """
    slots = sorted(
        (slot for reporter in reporters for slot in _slots(rng, reporter, now, days)), key=lambda slot: slot.wish
    )
    chosen, found = [], 0.0
    for slot in slots:
        if found >= minutes:
            break
        chosen.append(slot)
        found += _length(slot) * slot.productivity
    scale = min(1.0, minutes / found) if found else 1.0
    chosen.sort(key=lambda slot: (slot.reporter.reporter_id, slot.start))
    sessions, owed, total = [], 0.0, 0.0
    for number, slot in enumerate(chosen, start=1):
        # whole minutes, the remainder carried on so that the sum stays true
        wanted = _length(slot) * scale + owed
        length = max(1, min(round(wanted), int(_length(slot))))
        owed = wanted - length
        total += length * slot.productivity
        sessions.append(_session(rng, slot, f"S{number:06d}", timedelta(minutes=length)))
    return sessions, total


def _length(slot: _Slot) -> float:
    return (slot.end - slot.start) / timedelta(minutes=1)


def _slots(rng: np.random.Generator, reporter: Reporter, now: datetime, days: int) -> list[_Slot]:
    """Return every half-day of one reporter within the horizon, in a personal order."""
    # radiographers have about half as much reporting time as radiologists
    appetite = float(rng.uniform(0.7, 1.3)) * (0.55 if reporter.modalities else 1.0)
    end = now + timedelta(days=days)
    first_day = now.astimezone(LONDON).date()
    social: list[tuple[datetime, datetime]] = []
    unsocial: list[tuple[datetime, datetime]] = []
    for offset in range(days + 1):
        day = first_day + timedelta(days=offset)
        weekend = day.weekday() >= _SATURDAY
        for hours in (_WEEKEND, _EVENING) if weekend else (_MORNING, _AFTERNOON, _EVENING):
            opens = max(now, local_instant(datetime.combine(day, hours[0])))
            closes = min(end, local_instant(datetime.combine(day, hours[1])))
            if closes - opens >= _SHORTEST:
                (unsocial if weekend or hours is _EVENING else social).append((opens, closes))
    ranked = [(span, False) for span in _shuffled(rng, social)]
    for span in _shuffled(rng, unsocial):
        # an evening or weekend now and then comes early in the week's plan, the rest only when days are full
        place = int(rng.integers(len(ranked) + 1)) if rng.random() < 0.2 else len(ranked)
        ranked.insert(place, (span, True))
    return [
        _Slot(
            reporter=reporter,
            start=span[0].astimezone(UTC),
            end=span[1].astimezone(UTC),
            wish=(rank + float(rng.random())) / appetite,
            unsocial=late,
            productivity=_productivity(rng, reporter, late=late),
        )
        for rank, (span, late) in enumerate(ranked)
    ]


def _shuffled(rng: np.random.Generator, spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    return [spans[index] for index in rng.permutation(len(spans))]


def _productivity(rng: np.random.Generator, reporter: Reporter, *, late: bool) -> float:
    if late and not reporter.modalities and rng.random() < _ON_CALL:
        return _ON_CALL_PRODUCTIVITY
    return 0.7 if rng.random() < 0.6 else float(rng.choice([0.55, 0.6, 0.65, 0.75, 0.8, 0.85]))


def _session(rng: np.random.Generator, slot: _Slot, session_id: str, length: timedelta) -> Session:
    """Return the session: on call for emergencies, restricted now and then, otherwise open to all."""
    trusts: set[str] = set()
    subspecialties: set[str] = set()
    modalities: set[str] = set()
    priorities: set[str] = set()
    max_reads = None
    draw = rng.random()
    if slot.productivity == _ON_CALL_PRODUCTIVITY:
        priorities = {EMERGENCY}
    elif draw < 0.03:
        trusts = {slot.reporter.home_trust}
    elif draw < 0.06:
        subspecialties = {subspecialty for (subspecialty, _), level in slot.reporter.skills.items() if level >= 2}
    elif draw < 0.08 and not slot.reporter.modalities:
        modalities = {"CT", "MR"}
    elif draw < 0.1:
        max_reads = int(rng.integers(15, 60))
    return Session(
        session_id=session_id,
        reporter_id=slot.reporter.reporter_id,
        start=slot.start,
        end=slot.start + length,
        productivity=slot.productivity,
        trusts=frozenset(trusts),
        subspecialties=frozenset(subspecialties),
        modalities=frozenset(modalities),
        priorities=frozenset(priorities),
        max_reads=max_reads,
    )

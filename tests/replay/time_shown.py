"""The replay's time: the same clock as the service's, and how to wait by it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.bootstrap import QuickClock


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTime:
    """The day that is replayed: its clock, when it ends, and how the service is told of it."""

    clock: QuickClock
    hours: float

    @property
    def setting(self) -> str:
        """What ``BALANCER_REPLAY_CLOCK`` says."""
        clock = self.clock
        return json.dumps({"shows": clock.shows.isoformat(), "at": clock.at.isoformat(), "speed": clock.speed})

    @property
    def ends_at(self) -> datetime:
        """The last instant of the day, by its own clock."""
        return self.clock.shows + timedelta(hours=self.hours)

    def now(self) -> datetime:
        """Return the instant that it is in the replay."""
        return self.clock.now()

    def real(self, minutes: float) -> float:
        """Return how many seconds of this machine's time so many minutes of the replay take."""
        return minutes * 60.0 / self.clock.speed

    async def sleep(self, minutes: float) -> None:
        """Let so many minutes of the replay pass."""
        await asyncio.sleep(self.real(minutes))

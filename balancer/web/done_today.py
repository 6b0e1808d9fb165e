"""What a reporter has done today, for themselves: what, when, and whether its hospital has the report.

Nobody else is shown it: a list is to be worked, and says of nobody when they did what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.instant import LONDON, end_of_day
from balancer.domain.life import ReadKind
from balancer.domain.states import StudyState
from balancer.services.what_holds import what_holds
from balancer.store import my_day, standing
from balancer.store.database import Session
from balancer.store.my_day import DoneRead

# Nobody looks through more; how many came before them is said.
MOST_DONE: Final = 50
_TASKS: Final = {
    ReadKind.INTERPRETATION: "",
    ReadKind.VERIFICATION: "verified",
    ReadKind.ARBITRATION: "decided",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One read that is done: ``confirmed`` by its hospital, and in words how that stands."""

    read_id: int
    name: str
    task: str
    accession_number: str
    trust: str
    done_at: datetime
    confirmed: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneToday:
    """What somebody has done since midnight, in the order they did it, and how many came before those."""

    reads: Sequence[Done]
    earlier: int

    @property
    def count(self) -> int:
        """How many it is in all."""
        return len(self.reads) + self.earlier


def midnight_before(now: datetime) -> datetime:
    """Return when the local day began."""
    return end_of_day(now.astimezone(LONDON).date() - timedelta(days=1))


def done_today(session: Session, reporter_id: str, now: datetime) -> DoneToday:
    """Return what a reporter has done since midnight and has not come back."""
    since = midnight_before(now)
    found = my_day.done_reads(session, reporter_id, since, MOST_DONE)
    names = standing.examination_names(session)
    held = what_holds(session, [done.study for done in found], now)
    reads = []
    for done in found:
        code = held[done.study.id or 0].exam_code
        reads.append(_done(done, names.get(code, code)))
    whole = my_day.done_since(session, reporter_id, since)
    return DoneToday(reads=reads, earlier=max(0, whole - len(reads)))


def _done(done: DoneRead, name: str) -> Done:
    read = done.read
    return Done(
        read_id=read.id or 0,
        name=name,
        task=_TASKS[read.kind],
        accession_number=done.study.accession_number,
        trust=done.study.trust,
        done_at=read.done_at or read.since,
        confirmed=done.here and (read.confirmed_at is not None or _is_gone(done)),
        words=_how_it_stands(done),
    )


def _is_gone(done: DoneRead) -> bool:
    """Tell whether its source lists the study no more, though not in a list that it made after the read was done."""
    return done.study.state is StudyState.WITHDRAWN


def _how_it_stands(done: DoneRead) -> str:
    read = done.read
    if not done.here:
        return "Its hospital names you as its reader: not completed here"
    if read.confirmed_at is not None:
        return f"Its hospital has the report, {read.confirmed_at.astimezone(LONDON):%H:%M}"
    if _is_gone(done):
        at = done.study.closed_at or read.since
        return f"Its hospital lists it no longer, {at.astimezone(LONDON):%H:%M}"
    said = "Its hospital has not said so yet"
    return f"Provisional: somebody else verifies it. {said}" if read.provisional else said

"""The six figures of the overview: each is the count of the list that it opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.age import Age
from balancer.domain.becoming_late import BecomingLate, within
from balancer.domain.half_day_room import Rostered
from balancer.domain.policy import Policy
from balancer.store.sources import FeedStatus
from balancer.store.tables import RunRow
from balancer.store.which_unreported import Counted, Standing
from balancer.web.forecast import MARKS
from balancer.web.time_left import at_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What whoever looks may open: lists of studies, rosters, runs and the plan that waits, what runs moved, feeds."""

    studies: bool
    rosters: bool
    runs: bool
    moves: bool
    feeds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A plan that waits: its run, what it would make late, how many reads it moves.

    ``due_out_at``: when its emergencies go onto lists all the same.
    """

    run: RunRow
    late: Sequence[BecomingLate]
    moves: int
    due_out_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure of the strip, as ``parts.figures`` draws it."""

    label: str
    number: str
    link: str = ""
    level: str = ""
    then: str = ""
    then_link: str = ""
    note: str = ""
    note_link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the store says at one instant."""

    now: datetime
    policy: Policy
    counted: Sequence[Counted]
    late: Sequence[BecomingLate]
    unconfirmed: int
    not_here: int
    without_place: int
    today: Rostered
    run: RunRow | None
    moves: int
    feeds: Sequence[FeedStatus]

    def run_shown(self, proposed: Proposed | None) -> int | None:
        """Return the run whose plan is looked at: the one that waits, else the one in force."""
        if proposed is not None:
            return proposed.run.id
        return None if self.run is None else self.run.id

    def of_age(self, *ages: Age) -> int:
        """Return how many studies are in any of these parts of their way."""
        return sum(item.ages[age] for item in self.counted for age in ages)


def figures(facts: Facts, proposed: Proposed | None, sight: Sight) -> list[Figure]:
    """Return the six figures, in the order in which they are read."""
    late, over = facts.of_age(Age.LATE, Age.OVER), facts.of_age(Age.OVER)
    becoming = [_becoming(facts, proposed, hours, sight) for hours in MARKS]
    return [
        Figure(
            label="Unreported",
            number=f"{facts.of_age(*Age):,}",
            link="/studies" if sight.studies else "",
            note=_by_trust(facts.counted),
        ),
        Figure(
            label="Late now",
            number=f"{late:,}",
            link="/studies?late=now" if sight.studies else "",
            level="late" if late else "",
            note=f"{over:,} over {'its' if over == 1 else 'their'} ceiling" if over else "None over its ceiling",
            note_link="/studies?age=over" if over and sight.studies else "",
        ),
        *becoming,
        _rostered(facts, sight),
    ]


def _by_trust(counted: Sequence[Counted]) -> str:
    trusts = {item.trust for item in counted}
    return f"at {len(trusts)} {'trust' if len(trusts) == 1 else 'trusts'}"


def _becoming(facts: Facts, proposed: Proposed | None, hours: int, sight: Sight) -> Figure:
    then = "" if proposed is None else f"{within(proposed.late, facts.now, hours):,}"
    return Figure(
        label=f"{'Will be late in' if hours == MARKS[0] else 'in'} {hours} h",
        number=f"{within(facts.late, facts.now, hours):,}",
        link=f"/studies?within={hours}" if sight.studies else "",
        then=then,
        then_link=f"/studies?within={hours}&plan=proposed" if then and sight.studies else "",
        note="if you publish" if then else f"by {at_words(facts.now + timedelta(hours=hours), facts.now)}",
    )


def _rostered(facts: Facts, sight: Sight) -> Figure:
    today = facts.today
    filled = "" if today.filled is None else f", {100 * today.filled:.0f}% of what is left filled"
    return Figure(
        label="Rostered today",
        number=f"{today.hours:,.1f} h",
        link="/rosters" if sight.rosters else "",
        note=f"{today.reporters:,} {'reporter' if today.reporters == 1 else 'reporters'}{filled}",
    )


def uncounted(facts: Facts, sight: Sight) -> list[Figure]:
    """Return what trusts still list as unreported though nothing of it waits here, as far as there is any."""
    found = (
        ("Reported here, and not confirmed by their trusts yet", facts.unconfirmed, Standing.REPORTED),
        ("Not to be read here", facts.not_here, Standing.NOT_HERE),
    )
    return [
        Figure(label=label, number=f"{number:,}", link=f"/studies?state={standing}" if sight.studies else "")
        for label, number, standing in found
        if number
    ]

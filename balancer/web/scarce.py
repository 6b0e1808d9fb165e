"""What is scarce, the dearest first: what one more hour of it saves, the list behind it, and where to find cover."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from balancer.domain.becoming_late import BecomingLate
from balancer.domain.capacity import Scarcity
from balancer.domain.half_days import HalfDay
from balancer.services.price_capacity import priced
from balancer.store import scarcities
from balancer.store.database import Session
from balancer.web.field_words import in_words
from balancer.web.my_list import short_name
from balancer.web.overview_figures import Sight
from balancer.web.remedies import where_cover_is_found
from balancer.web.studies_list import half_words

_SHOWN: Final = 3
_LEAST_POINTS: Final = 0.05
# Whoever has worked at it for so long has been ended.
_LONG: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scarce:
    """One scarce thing: what and when, what becomes late of it and the list of that, what one more hour saves."""

    field: str
    modality: str
    half: HalfDay
    trust: str
    where: str
    becomes_late: int
    link: str
    cover: str
    fewer_late: int
    worth: float

    @property
    def name(self) -> str:
        """What it is, and when."""
        return f"{self.field} {self.modality}, {half_words(self.half)}"

    @property
    def late(self) -> str:
        """How many become late, in words."""
        return f"{self.becomes_late:,} {'becomes' if self.becomes_late == 1 else 'become'} late"

    @property
    def saves(self) -> str:
        """How many fewer would be late for an hour more, in words."""
        return f"{self.fewer_late:,} fewer late"

    @property
    def points(self) -> str:
        """What an hour more would save in all, in words."""
        return f"{self.worth:,.1f} points"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScarceCard:
    """The card: what is scarce, of which the page shows the first, or ``why_not`` it cannot be told."""

    rows: Sequence[Scarce]
    why_not: str = ""

    @property
    def shown(self) -> Sequence[Scarce]:
        """What the page shows."""
        return self.rows[:_SHOWN]


def scarce(  # noqa: PLR0913, PLR0917 - of which plan, for whom
    session: Session,
    run_id: int | None,
    late: Sequence[BecomingLate],
    sight: Sight,
    trusts: Mapping[str, str],
    now: datetime,
    *,
    hours: int,
    is_proposed: bool,
) -> ScarceCard:
    """Return what is scarce beside a run's plan, of the trusts within reach.

    ``late`` is what becomes late within ``hours`` by the plan that is looked at: each row counts its own of them.
    """
    pricing = None if run_id is None else scarcities.pricing(session, run_id)
    if run_id is None or pricing is None or pricing.priced_at is None:
        failed = pricing is not None and (pricing.error or now - pricing.begun_at > _LONG)
        return ScarceCard(rows=(), why_not="It could not be worked out for this plan." if failed else _NOT_YET)
    held = [one for one in priced(scarcities.of_run(session, run_id)) if _is_ahead(one, now)]
    held.sort(key=lambda one: (-one.fewer_late, -_points(one), -one.worth))
    listed = {"within": str(hours)} | ({"plan": "proposed"} if is_proposed else {})
    return ScarceCard(
        rows=[_row(one, late, sight, trusts, listed) for one in held if _points(one) >= _LEAST_POINTS],
        why_not="No hour more would save anything.",
    )


_NOT_YET: Final = "It is worked out a moment after a plan has been made."


def _is_ahead(one: Scarcity, now: datetime) -> bool:
    return one.end is not None and one.end > now


def _points(one: Scarcity) -> float:
    return (one.saved or 0.0) * one.minutes_read


def _row(
    one: Scarcity, late: Collection[BecomingLate], sight: Sight, trusts: Mapping[str, str], listed: Mapping[str, str]
) -> Scarce:
    assert one.start is not None  # noqa: S101 - a cell has a half-day
    half = HalfDay.at(one.start)
    number = sum(study.trust == one.trust and study.subspecialty == one.subspecialty for study in late)
    asked = {**listed, "trust": one.trust, "subspecialty": one.subspecialty}
    return Scarce(
        field=in_words(one.subspecialty),
        modality=one.modality,
        half=half,
        trust=one.trust,
        where=short_name(trusts.get(one.trust, one.trust)),
        becomes_late=number,
        link=f"/studies?{urlencode(asked)}" if sight.studies and number else "",
        cover=where_cover_is_found(one.subspecialty, half) if sight.rosters else "",
        fewer_late=max(one.fewer_late, 0),
        worth=_points(one),
    )

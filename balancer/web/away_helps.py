"""What would help when somebody is away: of what becomes late or finds nobody by it, the smallest step for each cause.

Reckoned from the reads themselves, as beside every other shortage: what a session more would save, its preview says.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.domain.becoming_late import PLANNED_LATE, BecomingLate, causes
from balancer.domain.half_day_room import hours_short
from balancer.services.what_holds import HeldStudy, what_holds
from balancer.store import preview_moves
from balancer.store.classes import numbered
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.tables import RunRow, StudyRow
from balancer.store.tables_drafts import PreviewRow
from balancer.web.field_words import in_words
from balancer.web.not_placed import Remedy
from balancer.web.reason_words import reason_words
from balancer.web.remedies import remedy

_SHOWN: Final = 3
# Nobody has so many reads on a list.
_ALL: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """How many studies become late or find nobody for one cause, and the smallest step that would help them."""

    count: int
    field: str
    why: str
    remedy: Remedy

    @property
    def studies(self) -> str:
        """How many they are, in words."""
        return f"{self.count:,} {self.field} {'study' if self.count == 1 else 'studies'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Helps:
    """The steps, that for the most studies first; ``turned`` become late by it, with their list; ``more`` causes."""

    found: Collection[Help] = ()
    more: int = 0
    turned: int = 0


NO_HELP: Final = Helps()


def what_helps(
    session: Session, preview: tuple[RunRow, PreviewRow] | None, reporter_id: str, now: datetime, *, sees_rosters: bool
) -> Helps:
    """Return what would help if a reporter were away as a preview has it, as far as its studies are within reach."""
    if preview is None:
        return NO_HELP
    run, found = preview
    turned = {int(one["study_id"]) for one in found.lateness or [] if one["after"] > 0}
    lost = dict(_lost(preview_moves.without_place(session, run.id or 0, reporter_id, _ALL)))
    studies = numbered(session, turned | lost.keys())
    late = late_by_it(studies, what_holds(session, studies, now), lost, now)
    short = hours_short(late, current_policy(session).default_productivity)
    steps = [
        Help(count=number, field=in_words(cause.subspecialty), why=reason_words(cause.reason), remedy=step)
        for cause, number in causes(late)
        if (step := remedy(cause.reason, cause.subspecialty, short, sees_rosters=sees_rosters)) is not None
    ]
    known = {study.id for study in studies}
    return Helps(found=steps[:_SHOWN], more=max(0, len(steps) - _SHOWN), turned=len(turned & known))


def _lost(found: Iterable[tuple[StudyRow, str]]) -> Iterable[tuple[int, str]]:
    for study, reason in found:
        yield study.id or 0, reason


def late_by_it(
    studies: Iterable[StudyRow], held: Mapping[int, HeldStudy], lost: Mapping[int, str], now: datetime
) -> list[BecomingLate]:
    """Return these studies as what becomes late, each with why: of what is ``lost``, why it finds nobody.

    Hours for what is late already are wanted from now on.
    """
    return [
        BecomingLate(
            study_id=study.id or 0,
            trust=study.trust,
            priority=holds.priority,
            subspecialty=holds.subspecialty,
            minutes=holds.minutes,
            due_at=max(holds.due_at, now),
            reasons=frozenset({lost.get(study.id or 0, PLANNED_LATE)}),
        )
        for study in studies
        if (holds := held.get(study.id or 0)) is not None
    ]

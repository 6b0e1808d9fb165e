"""What holds of studies, for whoever is shown them: the feeds' words with what people have decided laid over them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from balancer.domain.instruction import InstructionKind
from balancer.domain.policy import Policy
from balancer.services.due_times import DueTimes
from balancer.services.lay_over import Instructed
from balancer.store import instructions, scope, tasks_wanted, workitems
from balancer.store.blind import away_unsaid
from balancer.store.classes import numbered
from balancer.store.database import Session
from balancer.store.listed import AnyStudy
from balancer.store.policies import current_policy
from balancer.store.queue import QueuedStudy
from balancer.store.tables_kinds import FollowUpRow

# The columns by which studies are looked for, and put in order, that a person can decide about.
_LOOKED_FOR = ("priority", "modality", "subspecialty", "due_at")
_DECIDED = frozenset({InstructionKind.STUDY, InstructionKind.EXPEDITE})


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldStudy:
    """What a study is taken for: by its feed, or by a person who has corrected or expedited it.

    ``minutes`` are a reading's; ``due_at`` is the study's own. ``asked_for`` is when somebody has said that it is due,
    which goes before a verification's own target too.
    """

    priority: str
    exam_code: str
    modality: str
    subspecialty: str
    minutes: float
    ready_at: datetime | None
    due_at: datetime
    asked_for: datetime | None = None

    def due_of(self, follows: FollowUpRow | None) -> datetime:
        """Return when a read of the study is due, as a run takes it: what verifies or decides has its own time."""
        if follows is None:
            return self.due_at
        due = follows.due_of(self.due_at)
        return due if self.asked_for is None else min(due, self.asked_for)

    def is_as_said(self, row: AnyStudy) -> bool:
        """Tell whether it is what the feed says of the study, as ``as_said`` has it."""
        return (
            self.due_at == row.due_at
            and self.priority == row.priority
            and self.exam_code == row.exam_code
            and self.modality == row.modality
            and self.subspecialty == row.subspecialty
            and self.minutes == row.minutes
            and self.ready_at == row.ready_at
        )


def as_said(row: AnyStudy) -> HeldStudy:
    """Return what the feed says of a study; when it is due the policy says, if the feed does not."""
    return HeldStudy(
        priority=row.priority,
        exam_code=row.exam_code,
        modality=row.modality,
        subspecialty=row.subspecialty,
        minutes=row.minutes,
        ready_at=row.ready_at,
        due_at=row.due_at,
    )


def what_holds(
    session: Session,
    rows: Iterable[AnyStudy],
    now: datetime,
    *,
    kinds: Collection[InstructionKind] = _DECIDED,
    draft_id: int | None = None,
) -> dict[int, HeldStudy]:
    """Return what holds of these studies at ``now``, by internal number: what the next run will take them for.

    Whoever asks: a plan is made with what holds. One statement if nothing has been decided about any of them.
    ``kinds`` leaves corrections, or expedites, out of it; ``draft_id`` adds what is staged in that draft.
    """
    studies = {row.id or 0: row for row in rows}
    with scope.unlimited(session) as whole:
        everything = instructions.in_force(whole, now, draft_id, kinds=kinds) if studies else []
        given = [item for item in everything if item.study_id in studies]
        held = {number: as_said(row) for number, row in studies.items()}
        if not given:
            return held
        policy = current_policy(whole)
    decided = Instructed(given)
    laid = {number: _laid_over(studies[number], decided, policy) for number in {item.study_id or 0 for item in given}}
    dues = _due_by_class(
        policy, {number: study for number, study in laid.items() if _is_of_another(study, studies)}, now
    )
    return held | {
        number: _held(study, dues.get(number, studies[number].due_at), decided) for number, study in laid.items()
    }


Shown = TypeVar("Shown", workitems.Found, tasks_wanted.Found)


def shown_as_held(session: Session, found: Iterable[Shown], now: datetime) -> list[Shown]:
    """Return reads, as standards show them to the caller, with the class and due time that hold at ``now``."""
    items = with_words_kept(session, found)
    held = what_holds(session, [item.study for item in items], now)
    return [
        replace(
            item,
            held_priority=held[item.read.study_id].priority,
            held_due_at=held[item.read.study_id].due_of(item.follows),
        )
        for item in items
    ]


def with_words_kept(session: Session, found: Iterable[Shown]) -> list[Shown]:
    """Return reads, as standards show them, with why they are away left unsaid where the caller may not be told."""
    items = list(found)
    unsaid = away_unsaid(session, scope.reach_of(session), [item.read for item in items])
    return [replace(item, is_unsaid=True) if item.read.id in unsaid else item for item in items]


def classes_held(session: Session, now: datetime) -> dict[int, str]:
    """Return the classes of the studies about which anything has been decided, by internal number."""
    return {number: held.priority for number, held in studies_decided(session, now).items()}


def studies_decided(session: Session, now: datetime) -> dict[int, HeldStudy]:
    """Return what holds of the studies about which anything has been decided, as far as they are within reach."""
    return what_holds(session, _rows_decided(session, now), now)


def _rows_decided(session: Session, now: datetime) -> Sequence[AnyStudy]:
    with scope.unlimited(session) as whole:
        given = instructions.in_force(whole, now, kinds=_DECIDED)
    return numbered(session, {item.study_id for item in given if item.study_id is not None})


def decided_columns(session: Session, now: datetime) -> dict[str, dict[int, Any]]:
    """Return what holds of studies where it is not what their feeds say: by column that is looked for, by study."""
    rows = _rows_decided(session, now)
    decided = what_holds(session, rows, now)
    found: dict[str, dict[int, Any]] = {name: {} for name in _LOOKED_FOR}
    for row in rows:
        for name, values in found.items():
            holds = getattr(decided[row.id or 0], name)
            if holds != getattr(row, name):
                values[row.id or 0] = holds
    return found


def _laid_over(row: AnyStudy, decided: Instructed, policy: Policy) -> QueuedStudy:
    return decided.study(QueuedStudy(**{name: getattr(row, name) for name in QueuedStudy._fields}), policy)


def _is_of_another(study: QueuedStudy, said: Mapping[int, AnyStudy]) -> bool:
    """Tell whether a study is held to be of another class than its feed says."""
    return study.priority != said[study.id].priority


def _due_by_class(policy: Policy, studies: Mapping[int, QueuedStudy], now: datetime) -> dict[int, datetime]:
    """Return when studies are due that are held to be of another class."""
    if not studies:
        return {}
    due_times = DueTimes(policy, (study.clock_started_at for study in studies.values()), now)
    return {
        number: due_times.due_at(study.priority, study.clock_started_at, study.source_due_at)
        for number, study in studies.items()
    }


def _held(study: QueuedStudy, due_at: datetime, decided: Instructed) -> HeldStudy:
    asked = decided.due(study.id)
    return HeldStudy(
        priority=study.priority,
        exam_code=study.exam_code,
        modality=study.modality,
        subspecialty=study.subspecialty,
        minutes=study.minutes,
        ready_at=study.ready_at,
        due_at=due_at if asked is None else min(due_at, asked),
        asked_for=asked,
    )

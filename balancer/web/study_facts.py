"""What a study's page is made from, read in one session of its caller: nothing of it is beyond their reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.api.models.studies import StudyOut, StudyReadState
from balancer.domain.actor import Reach
from balancer.domain.draft import DraftState
from balancer.domain.instruction import Instruction
from balancer.domain.life import PLANNABLE
from balancer.domain.policy import Policy
from balancer.domain.read_explained import ExplanationState, ReadExplained
from balancer.domain.reporter import Reporter
from balancer.services.explain_reads import explained
from balancer.services.what_holds import what_holds
from balancer.services.who_may_read import who_may_read
from balancer.store import drafts, explanations, people, runs, standing, study_history
from balancer.store.blind import away_unsaid, decisions_not_told, is_read_blind
from balancer.store.database import Session
from balancer.store.pages import Cut
from balancer.store.policies import current_policy
from balancer.store.studies import StudyStatus
from balancer.store.study_history import Returned
from balancer.store.tables_drafts import DraftRow
from balancer.store.tables_explanations import ExplanationRow
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_life import ReadRow
from balancer.web.signed import signed

# Worked out on a plan that has been mended since, or so long ago: it is worked out anew.
_FRESH: Final = timedelta(minutes=10)
# A plan counts whole seconds: what has changed within one of its instant is part of it.
_SLACK: Final = timedelta(seconds=1)
_MOST_DRAFTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What is known of why a read is where it is: ``found``, if anything, and whether it is of the plan in force.

    ``waits_since``: it is being worked out since then. ``error``: why it could not be.
    """

    found: ReadExplained | None = None
    at: datetime | None = None
    is_fresh: bool = False
    waits_since: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherStudy:
    """Another study of the patient."""

    study_id: int
    study: StudyOut


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFacts:
    """Everything that is known of a study, as far as its caller reaches; ``is_blind``: they may read it blind."""

    study_id: int
    study: StudyOut
    policy: Policy
    exams: Mapping[str, str]
    trusts: Mapping[str, str]
    people: Mapping[str, Reporter]
    is_blind: bool
    others: Sequence[OtherStudy]
    steps: Sequence[JournalRow]
    returned: Sequence[Returned]
    decisions: Sequence[Instruction]
    untold: frozenset[int]
    explained: Explained
    may_read: Sequence[Reporter]
    drafts: Sequence[DraftRow]

    def name(self, reporter_id: str | None) -> str:
        """Return a reporter's name as far as the caller may know it."""
        person = self.people.get(reporter_id or "")
        return person.name if person is not None else "a reporter beyond your reach"

    @property
    def open_reads(self) -> list[int]:
        """The numbers of the reads that take part in plans."""
        return [read.read for read in self.study.reads if read.state in _OPEN]

    def read_id(self, number: int) -> int:
        """Return what claims and decisions name a read by."""
        return next((read.read_id for read in self.study.reads if read.read == number), 0)


_OPEN: Final = frozenset({*map(StudyReadState, sorted(PLANNABLE)), StudyReadState.UNPLANNED})


def study_facts(session: Session, reach: Reach, study_id: int, number: int | None, now: datetime) -> StudyFacts:
    """Return what is known of a study and, of why it is where it is, of one of its reads (the first open one).

    Raises
    ------
    NotFoundError
        If there is no such study within reach.
    """
    status = study_history.numbered_study(session, study_id)
    others = study_history.others_of_patient(session, status.study)
    held = what_holds(session, [status.study, *(other.study for other in others)], now)
    of_both = [read.row for one in (status, *others) for read in one.reads]
    unsaid = away_unsaid(session, reach, of_both)
    shown = StudyOut.of(status, held[study_id], unsaid)
    decisions = signed(session, study_history.decisions(session, study_id))
    blind = is_read_blind(session, reach, study_id)
    read = _asked_for(status, number)
    return StudyFacts(
        study_id=study_id,
        study=shown,
        policy=current_policy(session),
        exams=standing.examination_names(session),
        trusts={row.code: row.name for row in standing.trusts(session, listed_only=False)},
        people={item.reporter.reporter_id: item.reporter for item in people.reporters(session, unlisted=True)},
        is_blind=blind,
        others=[
            OtherStudy(study_id=one.study.id or 0, study=StudyOut.of(one, held[one.study.id or 0], unsaid))
            for one in others
        ],
        steps=study_history.steps(session, study_id),
        returned=study_history.returned(session, study_id),
        decisions=decisions,
        untold=decisions_not_told(session, reach, decisions),
        explained=Explained() if read is None or blind else explained_of(session, read.id or 0, read.since, now),
        may_read=() if read is None or blind else who_may_read(session, status.study, read, now),
        drafts=drafts.drafts(session, Cut(cursor=None, limit=_MOST_DRAFTS), state=DraftState.OPEN).items,
    )


def explained_of(session: Session, read_id: int, since: datetime, now: datetime) -> Explained:
    """Return what is known of why a read is where it is; ``since`` it stands as it does."""
    row = explanations.of_read(session, read_id)
    if row is None:
        return Explained()
    current = runs.current_run(session)
    of_plan = row.run_id is not None and current is not None and row.run_id == current.id
    fresh = of_plan and row.now is not None and row.now >= since - _SLACK and now - row.now < _FRESH
    return Explained(
        found=None if row.found is None else explained(row.found),
        at=row.now,
        is_fresh=fresh and row.state is ExplanationState.MADE,
        waits_since=_waits_since(row),
        error=row.error if row.state is ExplanationState.FAILED else "",
    )


def _waits_since(row: ExplanationRow) -> datetime | None:
    return row.asked_at if row.state in {ExplanationState.REQUESTED, ExplanationState.RUNNING} else None


def _asked_for(status: StudyStatus, number: int | None) -> ReadRow | None:
    """Return the read of this number; if none is asked for, the first that takes part in plans."""
    rows = [one.row for one in status.reads]
    if number is not None:
        return next((row for row in rows if row.number == number), None)
    return next((row for row in rows if row.state in PLANNABLE), None)

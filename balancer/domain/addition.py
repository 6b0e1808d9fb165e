"""What could be added to a problem so that a read finds a place: time, a permission, or a decision taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from balancer.domain.placement import Placement
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session, SkillLevel
from balancer.domain.study import ReadKey, Study


class Release(StrEnum):
    """A decision about a read that could be taken back."""

    PIN = "pin"
    CLAIM = "claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What one reporter would need to do one read, and where it would then stand; all that is given is needed.

    ``minutes`` of clock time are added at the end of the session that ``placement`` names, which then ends at
    ``until``; if ``is_extra_session`` that session is new, ``minutes`` long from the read's start, unrestricted, at the
    policy's default productivity. ``entitled_for`` is a trust for which an entitlement is given or no longer expires;
    ``level`` the skill level in the study's subspecialty for its modality; ``in_scope`` adds the modality to the
    reporter's; ``more_reads`` raises ``max_reads``; ``released`` takes back the read's pin or claim.
    """

    key: ReadKey
    placement: Placement
    until: datetime
    minutes: int = 0
    is_extra_session: bool = False
    entitled_for: str | None = None
    level: SkillLevel | None = None
    in_scope: bool = False
    more_reads: int = 0
    released: Release | None = None

    @property
    def permissions(self) -> int:
        """How many permissions the addition gives."""
        return (self.entitled_for is not None) + (self.level is not None) + self.in_scope

    def added_to(self, problem: AllocationProblem) -> AllocationProblem:
        """Return the problem with exactly this added."""
        study = next(study for study in problem.studies if study.key == self.key[:2])
        return replace(
            problem,
            reporters=tuple(
                self._permitted(reporter, study) if reporter.reporter_id == self.placement.reporter_id else reporter
                for reporter in problem.reporters
            ),
            sessions=self._sessions(problem),
            studies=tuple(self._freed(other) if other is study else other for other in problem.studies),
        )

    def _permitted(self, reporter: Reporter, study: Study) -> Reporter:
        trusts, skills, modalities = dict(reporter.trusts), dict(reporter.skills), reporter.modalities
        if self.entitled_for is not None:
            trusts[self.entitled_for] = None
        if self.level is not None:
            skills[study.subspecialty, study.modality] = self.level
        if self.in_scope:
            modalities |= {study.modality}
        return replace(reporter, trusts=trusts, skills=skills, modalities=modalities)

    def _sessions(self, problem: AllocationProblem) -> tuple[Session, ...]:
        longer = timedelta(minutes=self.minutes)
        if self.is_extra_session:
            extra = Session(
                session_id=self.placement.session_id,
                reporter_id=self.placement.reporter_id,
                start=self.placement.start,
                end=self.placement.start + longer,
                productivity=problem.policy.default_productivity,
            )
            return (*problem.sessions, extra)
        return tuple(
            replace(
                session,
                end=session.end.astimezone(UTC) + longer,
                max_reads=None if session.max_reads is None else session.max_reads + self.more_reads,
            )
            if session.session_id == self.placement.session_id
            else session
            for session in problem.sessions
        )

    def _freed(self, study: Study) -> Study:
        if self.released is None:
            return study
        name = "pinned_to" if self.released is Release.PIN else "claimed_by"
        named = tuple(
            None if number == self.key.read else who for number, who in enumerate(getattr(study, name), start=1)
        )
        return replace(study, **{name: named})  # type: ignore[arg-type]  # one of two fields of the same kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """Additions that together give a read a place at a lower total, the plan otherwise as it is.

    With them, the plan that differs from this one only in that the reads named stand where ``additions`` say (what
    stands behind them in those sessions begins later) is feasible; its total is ``difference``, below 0, against this
    plan, and lower than if the additions came and the read were still left out. With one minute less, or without one
    of the permissions, no such plan is. More than one addition only where the study needs several reads, all unplaced.
    """

    additions: tuple[Addition, ...]
    difference: float

    @property
    def minutes(self) -> int:
        """The clock minutes added, all in all."""
        return sum(addition.minutes for addition in self.additions)

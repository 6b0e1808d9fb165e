"""The allocation problem: everything an optimiser or a referee needs to know, as plain domain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware
from balancer.domain.network import Examination, Trust
from balancer.domain.policy import Policy
from balancer.domain.reporter import REPORTING, Reporter, Session
from balancer.domain.study import Study, StudyKey
from balancer.domain.working_days import WorkingCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationProblem:
    """Who could report what, when, and what it would cost, seen at the instant ``now`` (section 2).

    Collections keep the order of their files. Built only if the parts fit together: every name that must be known is.
    """

    now: datetime
    policy: Policy
    trusts: tuple[Trust, ...]
    examinations: tuple[Examination, ...]
    reporters: tuple[Reporter, ...]
    sessions: tuple[Session, ...]
    studies: tuple[Study, ...]
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)

    def __post_init__(self) -> None:
        require_aware(self.now, "now")
        _refuse_repeats("trust", [trust.code for trust in self.trusts])
        _refuse_repeats("reporter_id", [reporter.reporter_id for reporter in self.reporters])
        _refuse_repeats("session_id", [session.session_id for session in self.sessions])
        _refuse_repeats("accession_number", [study.key for study in self.studies])
        _refuse_overlaps(self.sessions)
        reporters = {reporter.reporter_id for reporter in self.reporters}
        for session in self.sessions:
            if session.reporter_id not in reporters:
                raise InvalidValueError("reporter_id", f"session {session.session_id}: unknown reporter")
        priorities = {priority.code for priority in self.policy.priorities}
        trusts = {trust.code for trust in self.trusts}
        for study in self.studies:
            if study.priority not in priorities:
                raise InvalidValueError("priority", f"the policy has no class {study.priority!r}")
            if study.trust not in trusts:
                raise InvalidValueError("trust", f"unknown trust {study.trust!r}")
            if study.acquired_at > self.now:
                raise InvalidValueError("acquired_at", "lies after now")
            for named in (*study.pinned_to, *study.claimed_by):
                if named and named not in reporters:
                    raise InvalidValueError("pinned_to", f"{named!r} is not a listed reporter")

    @property
    def horizon_end(self) -> datetime:
        """The instant ``now + H``; no session counts beyond it."""
        return self.now + timedelta(hours=self.policy.horizon_hours)

    @property
    def beyond_at(self) -> datetime:
        """When an unallocated read is deemed to end: ``now + H + beyond_hours`` (section 4)."""
        return self.horizon_end + timedelta(hours=self.policy.beyond_hours)

    def counted_sessions(self) -> tuple[Session, ...]:
        """Return the reporting sessions cut to ``[now, now + H]`` in UTC; one that is then empty does not exist."""
        counted = []
        for session in self.sessions:
            start = max(session.start, self.now).astimezone(UTC)
            end = min(session.end, self.horizon_end).astimezone(UTC)
            if session.activity == REPORTING and start < end:
                counted.append(replace(session, start=start, end=end))
        return tuple(counted)

    def due_at(self, study: Study) -> datetime:
        """Return when the study is due: its own ``due_at``, else acquisition plus its class's target."""
        if study.due_at is not None:
            return study.due_at
        return self.policy.priority(study.priority).due_at(study.acquired_at, self.calendar)

    def with_published(self, published: Mapping[StudyKey, tuple[str | None, ...]]) -> AllocationProblem:
        """Return the problem with ``published_to`` replaced for the studies listed (``--previous`` wins).

        Taken literally: of two who had a read each, the one whose read is still to be done is the second as often as
        the first, so a study that needs fewer reads by now keeps all its names.
        """
        studies = tuple(
            replace(study, published_to=published[study.key]) if study.key in published else study
            for study in self.studies
        )
        return replace(self, studies=studies)


def _refuse_repeats(field_name: str, values: Sequence[object]) -> None:
    if len(set(values)) == len(values):
        return
    for value, count in Counter(values).items():
        if count > 1:
            raise InvalidValueError(field_name, f"{value!r} stands {count} times")


def _refuse_overlaps(sessions: tuple[Session, ...]) -> None:
    reporting = sorted(
        (session for session in sessions if session.activity == REPORTING), key=lambda s: (s.reporter_id, s.start)
    )
    for before, after in pairwise(reporting):
        if before.reporter_id == after.reporter_id and after.start < before.end:
            raise InvalidValueError("start", f"sessions {before.session_id} and {after.session_id} overlap")

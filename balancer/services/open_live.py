"""Open the plan that is in force, so that it can be mended in milliseconds when something happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from balancer.domain.instant import reading_seconds
from balancer.domain.plan import Seat
from balancer.domain.policy import Policy
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter
from balancer.domain.reporter import Session as RosteredSession
from balancer.domain.study import Study, StudyKey
from balancer.services.build_problem import Gathered, gather
from balancer.services.claim_read import why_outside
from balancer.store import following, queue, runs
from balancer.store.database import Database
from balancer.store.following import CurrentList, Decision, Entry

if TYPE_CHECKING:
    from balancer.optimise.replan import LivePlan

# An open plan counts whole seconds from an instant of its own.
_SLACK = timedelta(seconds=1)


@dataclass(slots=True, kw_only=True)
class Live:
    """A plan that is in force, what it was opened from, and what has not been told it yet.

    ``frame`` is the problem without its studies, ``known`` are the studies it plans, ``numbers`` which of a study's
    reads it counts from 1. ``base_run`` is the run whose lists it was opened from, ``sequence`` and ``decided`` the
    last it has heard of, ``waiting`` the studies (the store's numbers) of which reads have moved since, ``asked`` those
    about which somebody has decided something.
    ``outside`` are studies that the plan must be told of as if they arrived: emergencies that nobody has, and those
    whose published place is there no more; ``displaced`` says that somebody's time was taken away, and not only that
    it has passed.
    """

    plan: LivePlan
    frame: AllocationProblem
    base_run: int
    policy_id: int
    policy: Policy
    people: Mapping[str, Reporter]
    sessions: Mapping[str, RosteredSession]
    opened_at: datetime
    known: dict[StudyKey, Study]
    numbers: dict[StudyKey, Sequence[int]]
    lists: dict[str, CurrentList]
    sequence: int
    decided: frozenset[Decision]
    outside: dict[StudyKey, Study]
    displaced: bool
    waiting: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)

    @property
    def horizon_end(self) -> datetime:
        """Until when sessions were looked at when it was opened."""
        return self.opened_at + timedelta(hours=self.policy.horizon_hours)


def open_live(db: Database, now: datetime, with_draft: int | None = None, *, anew: Collection[int] = ()) -> Live | None:
    """Return the plan in force at ``now``, or ``None`` before the first one has been published.

    It is put together from what the store holds: the problem as it stands, and everybody's current list as far as it
    still holds: what is done, handed back or open at somebody else's has left it, and what no longer fits into its
    session (the session is shorter or gone, or it has got late) stands outside until it is given a new place. So does
    whatever is of the studies ``anew`` (the store's numbers). ``with_draft``: as if that draft had been published.

    Raises
    ------
    InvalidValueError
        If the lists make no plan for the problem.
    """
    from balancer.optimise.replan import LivePlan  # noqa: PLC0415 - takes seconds; only who mends needs it

    with db.session() as session:  # before the problem: what moves in between is looked at again
        base, sequence = runs.current_run(session), following.last_change(session)
        lists, decided = following.current_lists(session), following.decisions(session)
        lifted = set(queue.study_keys(session, anew).values())
    if base is None:
        return None
    gathered = gather(db, now, with_draft)
    kept = _Kept(gathered, lists)
    problem = gathered.problem
    outside = {study.key: study for study in problem.studies if study.key in lifted or kept.must_arrive(study)}
    inside, seats = problem, kept.seats
    if outside:
        inside = replace(problem, studies=tuple(study for study in problem.studies if study.key not in outside))
        seats = [seat for seat in seats if seat.study not in outside]
    plan = LivePlan(inside, seats)
    plan.plan()  # later it makes only the rows that have changed
    return Live(
        plan=plan,
        frame=replace(problem, studies=()),
        base_run=base.id or 0,
        policy_id=gathered.policy_id,
        policy=problem.policy,
        people={person.reporter_id: person for person in problem.reporters},
        sessions={item.session_id: item for item in problem.sessions},
        opened_at=now,
        known={study.key: study for study in inside.studies},
        numbers=dict(gathered.numbers),
        lists=lists,
        sequence=sequence,
        decided=decided,
        outside=outside,
        displaced=kept.displaced,
    )


class _Listed(NamedTuple):
    """A read on somebody's list, by its number as the problem counts it, with its study and how it is listed."""

    read: int
    study_key: StudyKey
    study: Study
    entry: Entry

    @property
    def holder(self) -> str | None:
        """Whose the read is."""
        names = self.study.published_to
        return names[self.read - 1] if self.read <= len(names) else None


class _Kept:
    """What of the current lists still holds, as seats of a plan; times are those of section 2, from ``now`` on."""

    def __init__(self, gathered: Gathered, lists: Mapping[str, CurrentList]) -> None:
        problem = gathered.problem
        self._now = problem.now
        self._policy = problem.policy
        self._numbers = gathered.numbers
        self._studies = {study.key: study for study in problem.studies}
        self._people = {person.reporter_id: person for person in problem.reporters}
        self._sessions = {item.session_id: item for item in problem.counted_sessions()}
        self._lost: set[StudyKey] = set()
        self._readers: set[tuple[StudyKey, str]] = set()
        self.displaced = False
        self.seats: list[Seat] = []
        for reporter_id, current in lists.items():
            for session_id, listed in self._theirs(reporter_id, current).items():
                self.seats += self._seat(reporter_id, session_id, listed)
        self._placed = {(seat.study, seat.read) for seat in self.seats}
        self._emergencies = {item.code for item in self._policy.priorities if item.is_emergency}

    def must_arrive(self, study: Study) -> bool:
        """Tell whether a study has lost its place, or is an emergency that has none and that nobody has open."""
        if study.key in self._lost or study.priority not in self._emergencies:
            return study.key in self._lost
        free = (read for read in range(1, study.reads + 1) if study.claimed(read) is None)
        return any((study.key, read) not in self._placed for read in free)

    def _theirs(self, reporter_id: str, current: CurrentList) -> dict[str, list[_Listed]]:
        """Return what is still the reporter's, by session: what is open first (H8), the rest in its order."""
        found: dict[str, list[_Listed]] = defaultdict(list)
        for entry in current.entries:
            listed = self._counted(entry)
            if listed is not None and listed.holder == reporter_id:
                found[entry.session_id].append(listed)
        for of_session in found.values():
            of_session.sort(key=lambda item: item.study.claimed(item.read) is None)
        return found

    def _counted(self, entry: Entry) -> _Listed | None:
        """Return a read as the problem counts it, if it is part of it."""
        key = entry.key
        study_key = StudyKey(key.trust, key.accession_number)
        study, numbers = self._studies.get(study_key), self._numbers.get(study_key, ())
        if study is None or key.read not in numbers:
            return None
        return _Listed(numbers.index(key.read) + 1, study_key, study, entry)

    def _seat(self, reporter_id: str, session_id: str, listed: Sequence[_Listed]) -> Iterator[Seat]:
        """Yield the reads that fit into a session one after the other; note those that do not.

        Of a study one at the most, should ever two of its reads stand on somebody's list (H9).
        """
        session = self._sessions.get(session_id)
        free, position = _up(session.start) if session is not None else self._now, 0
        for read, study_key, study, entry in listed:
            end = None
            reader = study_key, reporter_id
            may_read = reader not in self._readers and self._may_read(study, read, reporter_id, session)
            if session is not None and may_read and _may_stand(study, read, reporter_id, session, position):
                start = max(free, _up(study.ready_at)) if study.ready_at is not None else free
                took = reading_seconds(study.minutes, self._people[reporter_id].speed, session.productivity)
                end = start + timedelta(seconds=took)
            if end is None or session is None or end > session.end - _SLACK:
                self._lost.add(study_key)
                self.displaced |= self._was_taken_away(study, read, reporter_id, entry, session)
                continue
            free, position = end, position + 1
            self._readers.add(reader)
            yield Seat(study_key, read, session_id, position)

    def _may_read(self, study: Study, read: int, reporter_id: str, session: RosteredSession | None) -> bool:
        """Tell whether rules H1 to H4 let a read stand with somebody: what they may report changes too.

        Of what they have open H8 asks no more than H1 to H3. What it has no place for then stays theirs all the same,
        and on their list: nobody takes it away (``publish_worklists.Placing``).
        """
        person = self._people.get(reporter_id)
        if person is None or why_outside(study, person, self._now):
            return False
        return session is None or study.claimed(read) == reporter_id or session.takes(study)

    def _was_taken_away(
        self, study: Study, read: int, reporter_id: str, entry: Entry, session: RosteredSession | None
    ) -> bool:
        """Tell whether a place is gone for another reason than that it has got late."""
        if study.claimed(read) is not None or entry.end <= self._now:
            return False
        if study.pinned(read) not in {None, reporter_id} or not self._may_read(study, read, reporter_id, session):
            return True
        return session is None or entry.end > session.end or (entry.start < session.start and session.start > self._now)


def _may_stand(study: Study, read: int, reporter_id: str, session: RosteredSession, position: int) -> bool:
    """Tell whether a read that was published may stay where it stands, if there is time."""
    if study.claimed(read) == reporter_id:
        return True
    allowed = reporter_id not in study.excluded and study.pinned(read) in {None, reporter_id}
    return allowed and (session.max_reads is None or position < session.max_reads)


def _up(instant: datetime) -> datetime:
    """Return the first whole second at or after an instant."""
    return instant if instant.microsecond == 0 else instant.replace(microsecond=0) + timedelta(seconds=1)

"""Build the allocation problem from what the store knows at an instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balancer.domain.instruction import Instruction
from balancer.domain.ledger import LEDGER_CAP, Held, week_of, within_caps
from balancer.domain.life import ReadState
from balancer.domain.network import Examination, Trust
from balancer.domain.overrides import OF_PEOPLE, OF_ROSTERS, Shift, reporter_held, shifts_held
from balancer.domain.plan import Plan, UnallocatedReason
from balancer.domain.policy import Policy
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING, Reporter
from balancer.domain.reporter import Session as RosteredSession
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.domain.working_days import WorkingCalendar
from balancer.services.due_times import calendar_over
from balancer.services.lay_over import Instructed
from balancer.services.returning_reads import Returning
from balancer.services.stage_reads import Staged, as_followed, may_not_follow, stage
from balancer.store import instructions, ledger, people, queue, standing
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy_row, policy_of
from balancer.store.queue import QueuedRead, QueuedStudy

# The reason, beside those of ``UnallocatedReason``, of a read that the solver never sees.
NO_PRIORITY_CLASS = "no_priority_class"
# What a read is unallocated for that is somebody's already: no cap has a say in it.
_BOUND = frozenset({UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE, UnallocatedReason.PINNED_REPORTER_UNAVAILABLE})


Numbers = Mapping[StudyKey, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A problem, what could not be part of it, and what a person should know about it.

    ``left_out`` are reads with the reason: a run lists them among those without a place, so that none is lost. A
    problem counts the reads that are left of a study from 1; ``numbers`` says which of the study's reads they are.
    ``held`` is what the ledger's caps keep for trusts' own reporters.
    """

    problem: AllocationProblem
    policy_id: int
    numbers: Numbers
    left_out: Mapping[ReadKey, str]
    warnings: tuple[str, ...]
    held: tuple[Held, ...] = ()

    def reasons(self, plan: Plan) -> dict[ReadKey, str]:
        """Return why reads have no place where the plan cannot know: it never saw them, or a cap kept others away."""
        held = frozenset[StudyKey]().union(*(item.studies for item in self.held))
        capped = {
            row.key: LEDGER_CAP
            for row in plan.unallocated
            if StudyKey(row.trust, row.accession_number) in held and row.reason not in _BOUND
        }
        return {**capped, **self.left_out}


def build_problem(db: Database, now: datetime) -> AllocationProblem:
    """Return the problem of the open studies, the current rosters and the policy in force, as it stands at ``now``."""
    return gather(db, now).problem


def gather(
    db: Database, now: datetime, with_draft: int | None = None, *, only: Collection[int] | None = None
) -> Gathered:
    """Return the problem at ``now``, built whatever single rows are like.

    * A study acquired after ``now`` (its trust's clock runs ahead) takes part as if acquired at ``now``: it is planned
      and, if anything, due too early. The store keeps what the source said.
    * A study of a class that the policy does not know cannot be priced: its reads are left out, with that reason.
    * Reads that are done, parked, sent out, excluded or withdrawn take no part, nor does a study without any other.
    * Claimed reads are claimed in the problem (H8); ``published_to`` is who has which read now.
    * Whoever has done another read of a study, or handed one back, is not offered the study.
    * What follows readings (``stage_reads``) is of those who may, with its own minutes and target; it waits while a
      reading is still to be done.
    * Somebody who has claimed a read but is no longer listed takes part without sessions, so that nobody else gets it.
    * What people have decided is laid over what the feeds say: corrections, a more urgent class or an earlier due time
      than the feed's, whom a read is pinned to, who is barred. With ``with_draft`` also what is staged in that draft.
    * What is read again goes back to whoever read it before, if they can do it in time (``returning_reads``).
    * A read that somebody has open is theirs, whoever it is pinned to. One that is pinned to somebody who is no longer
      listed is nobody's (H7), and the warnings say so.
    * So are rosters, entitlements and skills (``domain.overrides``).
    * What would take a trust beyond its cap in the ledger is offered to its own reporters only (``domain.ledger``).
    * Of the studies only those named by ``only`` (the store's numbers), if any are; everything else is as always.
    * Of two reporting sessions of one reporter that overlap (two trusts rostered the same hours), the home trust's
      counts, then the earlier one; the other is named in the warnings.

    Raises
    ------
    NotFoundError
        If no policy has been loaded.
    """
    with db.session() as session:
        policy_row = current_policy_row(session)
        policy = policy_of(policy_row)
        given = instructions.in_force(session, now, with_draft)
        decided = Instructed(given)
        reads = _reads(session, decided, only)
        barred = queue.barred(session, reads.keys())
        staged = stage(reads)
        queued = [decided.study(item, policy) for item in queue.queued_studies(session, only) if item.id in reads]
        pins = [name for item in queued for name in _pins(reads[item.id], decided) if name]
        wanted = {*pins, *(name for item in queued for name in _claimants(reads[item.id]) if name)}
        everyone = people.reporters(session, unlisted=True)
        examinations = _examinations(session)
        listed = [item.reporter for item in everyone if item.listed or item.reporter.reporter_id in wanted]
        reporters = _held(listed, given, examinations)
        gone = {item.reporter.reporter_id for item in everyone if not item.listed}
        shifts = _shifts(session, reporters, given, now, now + timedelta(hours=policy.horizon_hours))
        sessions, warnings = _without_overlaps(shifts, {person.reporter_id: person.home_trust for person in reporters})
        trusts = tuple(Trust(code=row.code, name=row.name) for row in standing.trusts(session, listed_only=False))
        taken = _taken(session, now, only) if policy.ledger else {}
    classes = {priority.code for priority in policy.priorities}
    left_out = {
        ReadKey(item.trust, item.accession_number, read): NO_PRIORITY_CLASS
        for item in queued
        if item.priority not in classes
        for read in range(1, len(reads[item.id]) + 1)
    }
    clocks = (min(item.clock_started_at, now) for item in queued if item.priority in classes)
    calendar = calendar_over(policy, clocks, now)
    waiting: dict[ReadKey, str] = {}
    for item in queued:
        if staged[item.id].later:
            waiting |= staged[item.id].waiting(item)
    left_out = waiting | left_out
    unfit = may_not_follow(reporters, policy)
    studies = [
        _study(
            _as_it_waits(item, staged[item.id], now, policy, calendar, decided),
            now,
            staged[item.id].now,
            _kept_from(item, staged[item.id], barred.get(item.id, ()), decided.barred(item.id), unfit),
            pinned=_pins(staged[item.id].now, decided),
        )
        for item in queued
        if item.priority in classes
    ]
    problem = AllocationProblem(
        now=now,
        policy=policy,
        trusts=trusts,
        examinations=examinations,
        reporters=tuple(reporters),
        sessions=tuple(sessions),
        studies=tuple(studies),
        calendar=calendar,
    )
    again = {item.key: staged[item.id].now for item in queued if staged[item.id].is_read_again}
    problem = _with_returning(problem, again)
    problem, held = within_caps(problem, taken)
    return Gathered(
        problem=problem,
        policy_id=policy_row.id or 0,
        numbers={StudyKey(item.trust, item.accession_number): staged[item.id].numbers for item in queued},
        left_out=left_out,
        warnings=(
            *warnings,
            *_about(queued, left_out, now),
            *_pinned_to(gone, pins),
            *map(str, held),
        ),
        held=held,
    )


def _with_returning(problem: AllocationProblem, reads: Mapping[StudyKey, Sequence[QueuedRead]]) -> AllocationProblem:
    """Return a problem in which what is read again is kept for whoever read it before, as far as they can."""
    if not reads:
        return problem
    returning = Returning(problem)
    studies = (returning.back(item, reads[item.key]) if item.key in reads else item for item in problem.studies)
    return replace(problem, studies=tuple(studies))


def _taken(session: Session, now: datetime, only: Collection[int] | None) -> dict[str, float]:
    """Return what others have read for each trust this week; what they have of studies not looked at counts as read."""
    taken = ledger.taken(session, week_of(now))
    waiting = {} if only is None else ledger.waiting(session, but=only)
    return {trust: taken.get(trust, 0.0) + waiting.get(trust, 0.0) for trust in {*taken, *waiting}}


def _about(queued: Iterable[QueuedStudy], left_out: Mapping[ReadKey, str], now: datetime) -> list[str]:
    """Return what a person should know of the studies, in counts."""
    ahead = sum(1 for item in queued if item.clock_started_at > now)
    warnings = []
    if ahead:
        warnings.append(f"{ahead} studies are said to be acquired after now; they count as acquired now")
    unknown = sum(reason == NO_PRIORITY_CLASS for reason in left_out.values())
    if unknown:
        warnings.append(f"{unknown} reads are of a priority class that the policy does not know")
    return warnings


def _pinned_to(gone: Collection[str], pins: Iterable[str]) -> list[str]:
    """Return what a person should know of pins to reporters whom the network no longer lists."""
    lost = sum(name in gone for name in pins)
    return [f"{lost} reads are pinned to somebody who is no longer listed; nobody is given them"] if lost else []


def _kept_from(
    item: QueuedStudy, staged: Staged, barred: Collection[str], by_people: Collection[str], unfit: Collection[str]
) -> frozenset[str]:
    """Return who is not offered a study as its reads stand; most are kept from nobody, and that is told quickly."""
    holders = staged.holders() if staged.later else ()
    kept = unfit if staged.follows else ()
    if not (item.excluded or barred or by_people or holders or kept):
        return frozenset()
    return frozenset({*item.excluded, *barred, *by_people, *holders, *kept})


def _study(
    item: QueuedStudy, now: datetime, reads: Sequence[QueuedRead], excluded: frozenset[str], *, pinned: list[str | None]
) -> Study:
    return Study(
        trust=item.trust,
        accession_number=item.accession_number,
        patient_id=item.patient_id,
        exam_code=item.exam_code,
        priority=item.priority,
        acquired_at=min(item.clock_started_at, now),
        modality=item.modality,
        subspecialty=item.subspecialty,
        minutes=item.minutes,
        reads=len(reads),
        ready_at=item.ready_at,
        due_at=item.source_due_at,
        pinned_to=_as_far_as_named(pinned),
        excluded=excluded,
        prior_reporter=item.prior_reporter,
        published_to=_as_far_as_named([read.reporter_id for read in reads]),
        claimed_by=_as_far_as_named(_claimants(reads)),
    )


def _reads(session: Session, decided: Instructed, only: Collection[int] | None) -> dict[int, list[QueuedRead]]:
    """Return the reads that take part, by study, without those that a draft takes out and nobody has open."""
    found = {
        study_id: [read for read in reads if read.state is ReadState.CLAIMED or not decided.leaves(read.id)]
        for study_id, reads in queue.queued_reads(session, only).items()
    }
    return {study_id: reads for study_id, reads in found.items() if reads}


def _pins(reads: Iterable[QueuedRead], decided: Instructed) -> list[str | None]:
    """Return to whom each read is pinned, in order; one that somebody has open is theirs."""
    return [None if read.state is ReadState.CLAIMED else decided.pinned(read.id) for read in reads]


def _due(
    item: QueuedStudy, now: datetime, policy: Policy, calendar: WorkingCalendar, decided: Instructed
) -> datetime | None:
    """Return the due time that a study has of its own: the feed's, or a person's if that is sooner than what holds."""
    wanted = decided.due(item.id)
    if wanted is None or item.priority not in {priority.code for priority in policy.priorities}:
        return item.source_due_at
    acquired = min(item.clock_started_at, now)
    return min(wanted, item.source_due_at or policy.priority(item.priority).due_at(acquired, calendar))


def _as_it_waits(  # noqa: PLR0913, PLR0917 - which study, when, by whose word
    item: QueuedStudy, staged: Staged, now: datetime, policy: Policy, calendar: WorkingCalendar, decided: Instructed
) -> QueuedStudy:
    """Return a study as the reads that can be done now see it: how long they take, since when they wait, when due."""
    due = _due(item, now, policy, calendar, decided)
    stated = item if due == item.source_due_at else item._replace(source_due_at=due)
    if not staged.follows:
        return stated
    of_study = stated.source_due_at or policy.priority(item.priority).due_at(min(item.clock_started_at, now), calendar)
    return as_followed(stated, staged.follows, of_study, asked=decided.due(item.id))


def _claimants(reads: Iterable[QueuedRead]) -> list[str | None]:
    """Return who has claimed each read, in order."""
    return [read.reporter_id if read.state is ReadState.CLAIMED else None for read in reads]


def _as_far_as_named(names: list[str | None]) -> tuple[str | None, ...]:
    """Return the names without those at the end that are none."""
    while names and names[-1] is None:
        names.pop()
    return tuple(names)


def _held(
    said: Iterable[Reporter], given: Iterable[Instruction], examinations: Iterable[Examination]
) -> list[Reporter]:
    """Return reporters as they hold, with what was decided about their entitlements and skills."""
    about = [item for item in given if item.kind in OF_PEOPLE]
    modalities = {exam.modality for exam in examinations}
    return [reporter_held(person, about, modalities) for person in said]


def _shifts(
    session: Session, reporters: Iterable[Reporter], given: Iterable[Instruction], start: datetime, end: datetime
) -> list[Shift]:
    """Return the sessions that hold and reach into ``[start, end)``, of reporters whom the network lists."""
    home = {person.reporter_id: person.home_trust for person in reporters}
    rows = people.session_rows(session, start=start, end=end, listed_only=True)
    said = [Shift(trust=row.trust, session=people.rostered(row), said_id=row.session_id) for row in rows]
    held = shifts_held(said, [item for item in given if item.kind in OF_ROSTERS], home)
    known = people.listed(session) & home.keys()
    return [
        shift
        for shift in held
        if shift.session.reporter_id in known and shift.session.end > start and shift.session.start < end
    ]


def _without_overlaps(shifts: Iterable[Shift], home: Mapping[str, str]) -> tuple[list[RosteredSession], list[str]]:
    """Return the sessions without overlaps, and which were left out for that."""
    kept: dict[str, list[RosteredSession]] = defaultdict(list)
    warnings = []

    def first(shift: Shift) -> tuple[bool, datetime, str]:
        return shift.trust != home[shift.session.reporter_id], shift.session.start, shift.session.session_id

    for shift in sorted(shifts, key=first):
        stated = shift.session
        clash = next((other for other in kept[stated.reporter_id] if _overlap(stated, other)), None)
        if clash is None:
            kept[stated.reporter_id].append(stated)
        else:
            warnings.append(f"session {stated.session_id} overlaps {clash.session_id} and was not counted")
    found = [item for items in kept.values() for item in items]
    return sorted(found, key=lambda item: (item.start, item.session_id)), warnings


def _overlap(one: RosteredSession, other: RosteredSession) -> bool:
    both = one.activity == other.activity == REPORTING
    return both and one.start < other.end and other.start < one.end


def _examinations(session: Session) -> tuple[Examination, ...]:
    return tuple(
        Examination(
            code=row.code,
            name=row.name,
            modality=row.modality,
            body_region=row.body_region,
            subspecialty=row.subspecialty,
            minutes=row.minutes,
            reads=row.reads,
        )
        for row in standing.examinations(session)
    )

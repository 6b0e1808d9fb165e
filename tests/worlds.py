"""Small worlds that tests build in a line: a few studies, reporters and sessions with round numbers.

Every price is 0 unless a world names it, productivity and speed are 1, so each figure can be worked out by hand.
Instants are hours after ``NOW``, a Monday 08:00 in London in winter (so local time is UTC).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

from balancer.domain.instant import reading_seconds
from balancer.domain.network import Examination, Trust
from balancer.domain.plan import Allocation, Plan, Status, StoppedBy, Summary, Terms, Unallocated, UnallocatedReason
from balancer.domain.policy import LoadBand, Policy, PriorityClass, TargetClock, Weights
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING, Reporter, Session, SkillLevel
from balancer.domain.study import ReadKey, Study
from balancer.domain.working_days import WorkingCalendar
from balancer.optimise.referee import judge

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
NO_CEILING = 100_000.0


def at(hours: float) -> datetime:
    """Return the instant ``hours`` after ``NOW``."""
    return NOW + timedelta(hours=hours)


def priority(
    code: str = "routine",
    *,
    weight: float = 1,
    breach: float = 0,
    ceiling_hours: float = NO_CEILING,
    target_hours: float | None = None,
    target_working_days: int | None = None,
    clock: TargetClock = TargetClock.CALENDAR,
) -> PriorityClass:
    """Return a class that pays only for lateness: a point an hour, no breach; its target is 24 h unless given."""
    if target_hours is None and target_working_days is None:
        target_hours = 24
    return PriorityClass(
        code=code,
        weight=weight,
        breach=breach,
        ceiling_hours=ceiling_hours,
        target_hours=target_hours,
        target_working_days=target_working_days,
        clock=clock,
    )


def weights(**given: float) -> Weights:
    """Return prices of 0 but for those given (``wait_rate``, ``ceiling_weight``, ``general``, ``fallback``, ...)."""
    return Weights(**{field.name: given.pop(field.name, 0.0) for field in fields(Weights)}, **given)


def policy(
    *priorities: PriorityClass,
    hours: float = 168,
    beyond_hours: float = 24,
    bands: Iterable[tuple[float, float]] = ((1.0, 0.0),),
    **prices: float,
) -> Policy:
    """Return a policy with these classes (one named ``routine`` if none) and these prices; all other prices are 0."""
    return Policy(
        horizon_hours=hours,
        beyond_hours=beyond_hours,
        default_productivity=1.0,
        priorities=priorities or (priority(),),
        weights=weights(**prices),
        bands=tuple(LoadBand(up_to=up_to, price=price) for up_to, price in bands),
    )


EXAMPLE_POLICY = Policy(
    horizon_hours=168,
    beyond_hours=24,
    default_productivity=0.7,
    priorities=(
        PriorityClass(code="emergency", target_hours=4, weight=100, breach=24, ceiling_hours=24),
        PriorityClass(code="urgent", target_hours=24, weight=10, breach=24, ceiling_hours=168),
        PriorityClass(
            code="routine",
            target_working_days=10,
            clock=TargetClock.WORKING_DAYS,
            weight=1,
            breach=24,
            ceiling_hours=672,
        ),
    ),
    weights=Weights(
        wait_rate=0.02, ceiling_weight=50, general=0.5, fallback=3, remote=0.2, churn=1, prior=0.5, split=1
    ),
    bands=(
        LoadBand(up_to=0.6, price=0),
        LoadBand(up_to=0.8, price=1),
        LoadBand(up_to=0.9, price=2),
        LoadBand(up_to=1.0, price=4),
    ),
)


def study(
    accession_number: str = "A1",
    *,
    trust: str = "RVV",
    patient_id: str = "",
    priority: str = "routine",
    acquired: float = 0,
    due: float | None = None,
    ready: float | None = None,
    modality: str = "CT",
    subspecialty: str = "neuro",
    minutes: float = 60,
    reads: int = 1,
    pinned_to: tuple[str | None, ...] = (),
    excluded: Iterable[str] = (),
    prior_reporter: str | None = None,
    published_to: tuple[str | None, ...] = (),
    claimed_by: tuple[str | None, ...] = (),
) -> Study:
    """Return a study of one hour of CT neuro at RVV, acquired now; ``acquired``, ``due``, ``ready`` in hours."""
    return Study(
        trust=trust,
        accession_number=accession_number,
        patient_id=patient_id,
        exam_code=f"{modality}-{subspecialty}",
        priority=priority,
        acquired_at=at(acquired),
        due_at=None if due is None else at(due),
        ready_at=None if ready is None else at(ready),
        modality=modality,
        subspecialty=subspecialty,
        minutes=minutes,
        reads=reads,
        pinned_to=pinned_to,
        excluded=frozenset(excluded),
        prior_reporter=prior_reporter,
        published_to=published_to,
        claimed_by=claimed_by,
    )


def reporter(
    reporter_id: str = "R1",
    *,
    home_trust: str = "RVV",
    trusts: Mapping[str, date | None] | Sequence[str] = ("RVV",),
    skills: Mapping[str, int] | None = None,
    modalities: Iterable[str] = (),
    speed: float = 1,
) -> Reporter:
    """Return a neuro specialist of RVV; ``skills`` as in the file: ``{"neuro": 3, "msk/DX": 2}``."""
    entitled = trusts if isinstance(trusts, Mapping) else dict.fromkeys(trusts)
    return Reporter(
        reporter_id=reporter_id,
        name=f"Dr {reporter_id}",
        grade="consultant",
        home_trust=home_trust,
        trusts=entitled,
        skills={_scope(entry): SkillLevel(level) for entry, level in (skills or {"neuro": 3}).items()},
        modalities=frozenset(modalities),
        speed=speed,
    )


def _scope(entry: str) -> tuple[str, str | None]:
    subspecialty, _, modality = entry.partition("/")
    return subspecialty, modality or None


def session(
    session_id: str = "S1",
    reporter_id: str = "R1",
    *,
    start: float = 0,
    hours: float = 4,
    activity: str = REPORTING,
    productivity: float = 1,
    trusts: Iterable[str] = (),
    subspecialties: Iterable[str] = (),
    modalities: Iterable[str] = (),
    priorities: Iterable[str] = (),
    max_reads: int | None = None,
) -> Session:
    """Return four hours of R1's reporting from now; ``start`` in hours after ``NOW``."""
    return Session(
        session_id=session_id,
        reporter_id=reporter_id,
        start=at(start),
        end=at(start + hours),
        activity=activity,
        productivity=productivity,
        trusts=frozenset(trusts),
        subspecialties=frozenset(subspecialties),
        modalities=frozenset(modalities),
        priorities=frozenset(priorities),
        max_reads=max_reads,
    )


def world(
    *,
    studies: Iterable[Study] = (),
    reporters: Iterable[Reporter] = (),
    sessions: Iterable[Session] = (),
    policy: Policy | None = None,
    now: datetime = NOW,
    bank_holidays: Iterable[date] = (),
) -> AllocationProblem:
    """Return a problem; its trusts and its catalogue are those that the studies and reporters name."""
    studies, reporters = tuple(studies), tuple(reporters)
    codes = {s.trust for s in studies} | {r.home_trust for r in reporters} | {t for r in reporters for t in r.trusts}
    examinations = {
        s.exam_code: Examination(
            code=s.exam_code,
            name=s.exam_code,
            modality=s.modality,
            body_region="region",
            subspecialty=s.subspecialty,
            minutes=60,
        )
        for s in studies
    }
    return AllocationProblem(
        now=now,
        policy=policy or _default_policy(),
        trusts=tuple(Trust(code=code, name=f"Trust {code}") for code in sorted(codes)),
        examinations=tuple(examinations[code] for code in sorted(examinations)),
        reporters=reporters,
        sessions=tuple(sessions),
        studies=studies,
        calendar=WorkingCalendar(bank_holidays=frozenset(bank_holidays)),
    )


def _default_policy() -> Policy:
    return policy()


# --- named worlds ----------------------------------------------------------------------------------------------------


def one_study_one_reporter() -> AllocationProblem:
    """Return the smallest world in which something can be placed."""
    return world(studies=[study()], reporters=[reporter()], sessions=[session()])


def two_trusts() -> AllocationProblem:
    """Return two trusts whose reporters may help each other, each better at one subspecialty; a morning each."""
    return world(
        studies=[
            study("A1", trust="RVV", due=2, patient_id="p1"),
            study("A1", trust="RWF", due=2, patient_id="p1"),
            study("A2", trust="RWF", subspecialty="msk", due=3),
            study("A3", trust="RVV", subspecialty="msk", due=3, published_to=("R1",)),
        ],
        reporters=[
            reporter("R1", trusts=("RVV", "RWF"), skills={"neuro": 3, "msk": 1}),
            reporter("R2", home_trust="RWF", trusts=("RVV", "RWF"), skills={"neuro": 2, "msk": 3}),
        ],
        sessions=[session("S1", "R1"), session("S2", "R2")],
        policy=policy(general=0.5, fallback=3, remote=0.2, churn=1, split=1, wait_rate=0.02),
    )


def breast_screening() -> AllocationProblem:
    """Return one screening study that needs two readers, and three people who may read it."""
    return world(
        studies=[study("B1", modality="MG", subspecialty="breast", minutes=30, reads=2, due=24)],
        reporters=[reporter(name, skills={"breast": 3}) for name in ("R1", "R2", "R3")],
        sessions=[session("S1", "R1"), session("S2", "R2"), session("S3", "R3")],
        policy=policy(wait_rate=0.02),
    )


def overloaded_morning(studies: int = 6) -> AllocationProblem:
    """Return one reporter with four hours for ``studies`` hours of work, all due at noon."""
    return world(
        studies=[study(f"A{number}", due=4) for number in range(1, studies + 1)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority(breach=24)),
    )


# --- hand-made plans -------------------------------------------------------------------------------------------------


def key(read: str) -> ReadKey:
    """Return the read named like ``A1``, ``RWF/A1``, ``A1#2`` or ``RWF/A1#2`` (trust RVV, read 1 unless named)."""
    trust, _, rest = read.rpartition("/")
    accession_number, _, number = rest.partition("#")
    return ReadKey(trust or "RVV", accession_number, int(number or 1))


def lay_out(
    problem: AllocationProblem,
    placed: Mapping[str, Sequence[str]],
    unallocated: Mapping[str, UnallocatedReason | str] | None = None,
) -> Plan:
    """Return the plan that reads ``placed[session]`` in that order, timed by section 2; its summary's figures are 0.

    ``placed`` and ``unallocated`` name reads as ``key`` does; rules are not looked at.
    """
    studies = {s.key: s for s in problem.studies}
    reporters = {r.reporter_id: r for r in problem.reporters}
    sessions = {s.session_id: s for s in problem.counted_sessions()}
    rows: list[Allocation] = []
    for session_id, reads in placed.items():
        of = sessions[session_id]
        free = of.start
        for position, name in enumerate(reads, start=1):
            read = key(name)
            item = studies[read[:2]]  # type: ignore[index]  # a StudyKey is a plain pair as a dictionary key
            start = max(free, item.ready_at or free)
            seconds = reading_seconds(item.minutes, reporters[of.reporter_id].speed, of.productivity)
            free = start + timedelta(seconds=seconds)
            rows.append(
                Allocation(
                    trust=read.trust,
                    accession_number=read.accession_number,
                    read=read.read,
                    reporter_id=of.reporter_id,
                    session_id=session_id,
                    position=position,
                    start=start,
                    end=free,
                    due_at=problem.due_at(item),
                )
            )
    left = [
        Unallocated(**key(name)._asdict(), reason=UnallocatedReason(reason))
        for name, reason in (unallocated or {}).items()
    ]
    return Plan(
        allocations=tuple(sorted(rows, key=lambda row: row.key)),
        unallocated=tuple(sorted(left, key=lambda row: row.key)),
        summary=blank_summary(problem),
    )


def blank_summary(problem: AllocationProblem) -> Summary:
    """Return a summary whose every figure is 0."""
    return Summary(
        now=problem.now,
        status=Status.FEASIBLE,
        stopped_by=StoppedBy.WORK,
        seconds={},
        terms=Terms(clinical=0, match=0, remote=0, prior=0, churn=0, split=0, load=0),
        sunk=0,
        bound=0,
        studies=0,
        reads=0,
        allocated=0,
        late={},
        longest_wait_hours={},
        seed=0,
        digest="none",
    )


def restate(plan: Plan, **figures: object) -> Plan:
    """Return ``plan`` with figures of its summary replaced."""
    return replace(plan, summary=replace(plan.summary, **figures))  # type: ignore[arg-type]  # checked by dataclass use


def with_true_figures(problem: AllocationProblem, plan: Plan) -> Plan:
    """Return ``plan`` with the figures the referee reckons; its bound is a point below the total."""
    verdict = judge(problem, plan)
    return restate(
        plan,
        terms=verdict.terms,
        sunk=verdict.sunk,
        bound=verdict.terms.total - 1,
        studies=len(problem.studies),
        reads=sum(item.reads for item in problem.studies),
        allocated=len(plan.allocations),
        late=verdict.late,
        longest_wait_hours=verdict.longest_wait_hours,
    )

"""Random small problems for property tests: every field used, awkward names, always valid."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import strategies as st

from balancer.domain.network import Examination, Trust
from balancer.domain.policy import (
    LoadBand,
    Policy,
    PriorityClass,
    PublishingRules,
    ReadingRules,
    ReplanLimits,
    TargetClock,
    Weights,
)
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING, Reporter, Session, SkillLevel
from balancer.domain.study import Study
from tests.worlds import NOW

MODALITIES = ("CT", "MR", "DX")
SUBSPECIALTIES = ("neuro", "msk", "head & neck")
# Whatever people type, but for what separates entries of a list.
NAMES = st.text(st.characters(codec="utf-8", exclude_characters=";@:/"), max_size=8)
CODES = NAMES.filter(bool)
PRICES = st.floats(0, 1e6, allow_subnormal=False)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Return a policy of one to three classes."""
    codes = draw(st.lists(CODES, min_size=1, max_size=3, unique=True))
    tops = sorted(draw(st.sets(st.floats(0.01, 2), max_size=4)))
    prices = sorted(draw(st.lists(PRICES, min_size=len(tops), max_size=len(tops))))
    return Policy(
        owner=draw(NAMES),
        version=draw(NAMES),
        dated_on="2026-03-01",
        horizon_hours=draw(st.floats(1, 400)),
        beyond_hours=draw(st.floats(0, 100)),
        default_productivity=draw(st.floats(0.1, 1)),
        priorities=tuple(draw(_classes(code)) for code in codes),
        weights=Weights(**{name: draw(PRICES) for name in Weights.__slots__}),
        bands=tuple(LoadBand(up_to=top, price=price) for top, price in zip(tops, prices, strict=True)),
        replan=ReplanLimits(churn_budget=draw(st.floats(0, 1)), protected_next=draw(st.integers(0, 5))),
        reading=ReadingRules(choice=draw(st.integers(1, 9)), lease_minutes=draw(st.floats(0.1, 100))),
        publishing=PublishingRules(
            hold=draw(st.booleans()),
            emergencies_after_minutes=draw(st.floats(0, 1e4)),
            allocate_every_minutes=draw(st.floats(1, 1e4)),
            changes_wait_minutes=draw(st.floats(0, 1e4)),
        ),
        author=draw(NAMES),
        approver=draw(NAMES),
    )


@st.composite
def _classes(draw: st.DrawFn, code: str) -> PriorityClass:
    days = draw(st.none() | st.integers(0, 30))
    return PriorityClass(
        code=code,
        weight=draw(PRICES),
        breach=draw(PRICES),
        ceiling_hours=draw(st.floats(0, 1000)),
        target_working_days=days,
        target_hours=draw(st.floats(0, 500)) if days is None else None,
        clock=draw(st.sampled_from(TargetClock)),
    )


@st.composite
def problems(draw: st.DrawFn) -> AllocationProblem:
    """Return a problem of up to four trusts, examinations, reporters, eight sessions and eight studies."""
    policy = draw(policies())
    trusts = draw(st.lists(CODES, min_size=1, max_size=4, unique=True))
    exams = [draw(_examinations(code)) for code in draw(st.lists(CODES, min_size=1, max_size=4, unique=True))]
    reporters = [draw(_reporters(code, trusts)) for code in draw(st.lists(CODES, min_size=1, max_size=4, unique=True))]
    people = [reporter.reporter_id for reporter in reporters]
    sessions = [
        draw(_sessions(code, number, people, trusts, [p.code for p in policy.priorities]))
        for number, code in enumerate(draw(st.lists(CODES, max_size=8, unique=True)))
    ]
    keys = draw(st.lists(st.tuples(st.sampled_from(trusts), CODES), max_size=8, unique=True))
    studies = [draw(_studies(key, exams, people, [p.code for p in policy.priorities])) for key in keys]
    return AllocationProblem(
        now=NOW,
        policy=policy,
        trusts=tuple(Trust(code=code, name=draw(NAMES)) for code in trusts),
        examinations=tuple(exams),
        reporters=tuple(reporters),
        sessions=tuple(sessions),
        studies=tuple(studies),
    )


@st.composite
def _examinations(draw: st.DrawFn, code: str) -> Examination:
    return Examination(
        code=code,
        name=draw(NAMES),
        modality=draw(st.sampled_from(MODALITIES)),
        body_region=draw(NAMES),
        subspecialty=draw(st.sampled_from(SUBSPECIALTIES)),
        minutes=draw(st.floats(0.1, 100)),
        reads=draw(st.integers(1, 3)),
    )


@st.composite
def _reporters(draw: st.DrawFn, code: str, trusts: list[str]) -> Reporter:
    days = st.none() | st.dates(date(2026, 2, 1), date(2026, 4, 1))
    scopes = st.tuples(st.sampled_from(SUBSPECIALTIES), st.none() | st.sampled_from(MODALITIES))
    return Reporter(
        reporter_id=code,
        name=draw(NAMES),
        grade=draw(NAMES),
        home_trust=draw(st.sampled_from(["", *trusts])),
        trusts=draw(st.dictionaries(st.sampled_from(trusts), days)),
        skills=draw(st.dictionaries(scopes, st.sampled_from(SkillLevel))),
        modalities=draw(st.frozensets(st.sampled_from(MODALITIES))),
        speed=draw(st.floats(0.5, 2)),
    )


@st.composite
def _sessions(
    draw: st.DrawFn, code: str, number: int, people: list[str], trusts: list[str], priorities: list[str]
) -> Session:
    # each session has hours of its own, so that nobody's overlap
    start = NOW + timedelta(hours=4 * number - 2, seconds=draw(st.integers(0, 3600)))
    return Session(
        session_id=code,
        reporter_id=draw(st.sampled_from(people)),
        start=start,
        end=start + timedelta(seconds=draw(st.integers(1, 10_000))),
        activity=draw(st.sampled_from([REPORTING, REPORTING, "mdt"])),
        productivity=draw(st.floats(0.1, 1)),
        trusts=draw(st.frozensets(st.sampled_from(trusts), max_size=1)),
        subspecialties=draw(st.frozensets(st.sampled_from(SUBSPECIALTIES), max_size=1)),
        modalities=draw(st.frozensets(st.sampled_from(MODALITIES), max_size=2)),
        priorities=draw(st.frozensets(st.sampled_from(priorities), max_size=1)),
        max_reads=draw(st.none() | st.integers(0, 5)),
    )


@st.composite
def _studies(
    draw: st.DrawFn, key: tuple[str, str], exams: list[Examination], people: list[str], priorities: list[str]
) -> Study:
    exam = draw(st.sampled_from(exams))
    reads = draw(st.sampled_from([exam.reads, 1, 2]))
    minute = st.integers(-20_000, 10_000).map(lambda minutes: NOW + timedelta(minutes=minutes, microseconds=7))
    listed = st.sampled_from([None, *people])
    anybody = st.sampled_from([None, "someone who left", *people])
    return Study(
        trust=key[0],
        accession_number=key[1],
        patient_id=draw(NAMES),
        exam_code=exam.code,
        priority=draw(st.sampled_from(priorities)),
        acquired_at=NOW - timedelta(seconds=draw(st.integers(0, 10**7))),
        modality=draw(st.sampled_from([exam.modality, "CT"])),
        subspecialty=draw(st.sampled_from([exam.subspecialty, "msk"])),
        minutes=draw(st.sampled_from([exam.minutes, 5.5])),
        reads=reads,
        ready_at=draw(st.none() | minute),
        due_at=draw(st.none() | minute),
        pinned_to=_given(draw(st.lists(listed, max_size=reads))),
        excluded=draw(st.frozensets(anybody.filter(bool).map(str), max_size=2)),
        prior_reporter=draw(anybody),
        published_to=_given(draw(st.lists(anybody, max_size=reads + 1))),
        claimed_by=_given(draw(st.lists(listed, max_size=reads))),
    )


def _given(names: list[str | None]) -> tuple[str | None, ...]:
    """Return a list in read order without empty entries at its end, which mean nothing."""
    while names and names[-1] is None:
        names.pop()
    return tuple(names)

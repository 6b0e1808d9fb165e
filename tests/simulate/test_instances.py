"""Synthetic problems look like an imaging network's week, hold their load and repeat."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING
from balancer.domain.study import Study
from balancer.simulate.instances import Shape, generate

KENT = generate(Shape(trusts=3, studies=6000, reporters=60, seed=1))


def load(problem: AllocationProblem) -> float:
    """Return expected minutes of all reads at speed 1 / sum of session minutes * productivity."""
    wanted = sum(study.minutes * study.reads for study in problem.studies)
    offered = sum((s.end - s.start) / timedelta(minutes=1) * s.productivity for s in problem.sessions)
    return wanted / offered


def able(problem: AllocationProblem, study: Study) -> list[str]:
    """Return who passes H1 at ``now``, H2, H3 and H6 for ``study``."""
    found = []
    for reporter in problem.reporters:
        if study.trust not in reporter.trusts or reporter.reporter_id in study.excluded:
            continue
        until = reporter.entitled_until(study.trust)
        in_scope = not reporter.modalities or study.modality in reporter.modalities
        if (until is None or until > problem.now) and in_scope and reporter.level(study.subspecialty, study.modality):
            found.append(reporter.reporter_id)
    return found


@settings(max_examples=25, deadline=None)
@given(
    trusts=st.integers(1, 8),
    studies=st.integers(20, 400),
    reporters=st.integers(1, 20),
    days=st.integers(1, 10),
    busy=st.floats(0.3, 3),
    seed=st.integers(0, 10**9),
)
def test_the_load_is_what_was_asked_for(  # the flags of the command
    trusts: int, studies: int, reporters: int, days: int, busy: float, seed: int
) -> None:
    """However small or odd the shape, within half a per cent and the minute to which a session's length is rounded."""
    shape = Shape(trusts=trusts, studies=studies, reporters=reporters, days=days, load=busy, seed=seed)
    problem = generate(shape)
    wanted = sum(study.minutes * study.reads for study in problem.studies)
    assert load(problem) == pytest.approx(busy, rel=0.005 + busy / wanted)
    assert len(problem.studies) == studies
    assert len(problem.reporters) == reporters
    assert len(problem.trusts) == trusts
    assert problem.policy.horizon_hours == 24 * days


def test_the_same_seed_gives_the_same_problem() -> None:
    """And another seed another one."""
    shape = Shape(trusts=3, studies=300, reporters=10, seed=4)
    assert generate(shape) == generate(shape)
    assert generate(shape) != generate(Shape(trusts=3, studies=300, reporters=10, seed=5))


def test_load_changes_the_rosters_and_not_the_queue() -> None:
    """So that instances at 70, 100 and 130 % are about the same studies."""
    light = generate(Shape(trusts=3, studies=6000, reporters=60, seed=1, load=0.7))
    assert [study.key for study in light.studies] == [study.key for study in KENT.studies]
    assert [study.acquired_at for study in light.studies] == [study.acquired_at for study in KENT.studies]
    assert light.reporters == KENT.reporters
    assert len(light.sessions) > len(KENT.sessions)


def test_every_study_could_be_read_by_several_people() -> None:
    """Coverage of every scope at every trust."""
    assert min(len(able(KENT, study)) for study in KENT.studies[::7]) >= 2


@pytest.mark.parametrize("published", [0.0, 0.33, 1.0])
def test_the_share_published_is_what_was_asked_for(published: float) -> None:
    """Of the studies, within two percentage points."""
    problem = generate(Shape(trusts=3, studies=3000, reporters=40, seed=2, published=published))
    share = sum(bool(study.published_to) for study in problem.studies) / 3000
    assert share == pytest.approx(published, abs=0.02)


def test_whoever_is_named_may_read_the_study() -> None:
    """Published, pinned and claimed reads are with people who pass H1, H2, H3 and H6, but for those who have left."""
    listed = {reporter.reporter_id for reporter in KENT.reporters}
    named = [study for study in KENT.studies if study.published_to or study.pinned_to or study.claimed_by]
    for study in named[::5]:
        people = {name for name in (*study.published_to, *study.pinned_to, *study.claimed_by) if name}
        assert people & listed <= set(able(KENT, study))


def test_everything_the_contract_knows_occurs() -> None:
    """Claims, pins, exclusions, prior reporters, leavers, late images, expedited studies, second reads, children."""
    studies, sessions = KENT.studies, KENT.sessions
    listed = {reporter.reporter_id for reporter in KENT.reporters}
    for occurs in (
        [s for s in studies if s.claimed_by],
        [s for s in studies if s.pinned_to],
        [s for s in studies if s.excluded],
        [s for s in studies if s.prior_reporter],
        [s for s in studies if not s.publishers <= listed],
        [s for s in studies if s.ready_at],
        [s for s in studies if s.due_at],
        [s for s in studies if s.reads == 2],
        [s for s in studies if s.exam_code == "ZGSCRE" and s.reads == 1 and s.excluded],
        [s for s in studies if s.subspecialty == "paediatric"],
        [s for s in studies if not s.patient_id],
        [s for s in sessions if s.priorities == {"emergency"}],
        [s for s in sessions if s.trusts],
        [s for s in sessions if s.subspecialties],
        [s for s in sessions if s.modalities],
        [s for s in sessions if s.max_reads],
        [r for r in KENT.reporters if any(r.trusts.values())],
        [r for r in KENT.reporters if r.grade == "reporting radiographer"],
    ):
        assert occurs


def test_nobody_has_more_than_two_studies_open() -> None:
    """A claim is what stands on a screen."""
    claims = Counter(name for study in KENT.studies for name in study.claimed_by if name)
    assert max(claims.values()) <= 2


def test_some_studies_are_late_already_and_most_fall_due_in_the_week() -> None:
    """Ages reach past each class's target, but not far."""
    due = [KENT.due_at(study) - KENT.now for study in KENT.studies]
    late = sum(left < timedelta() for left in due) / len(due)
    this_week = sum(timedelta() <= left <= timedelta(days=7) for left in due) / len(due)
    assert 0.02 < late < 0.2
    assert this_week > 0.5


def test_patients_come_back_and_some_to_another_trust() -> None:
    """One person, several studies, sometimes across trusts."""
    trusts: dict[str, set[str]] = {}
    for study in KENT.studies:
        if study.patient_id:
            trusts.setdefault(study.patient_id, set()).add(study.trust)
    several = Counter(study.patient_id for study in KENT.studies if study.patient_id)
    assert sum(count > 1 for count in several.values()) > 300
    assert sum(len(where) > 1 for where in trusts.values()) > 30


def test_accession_numbers_repeat_between_trusts() -> None:
    """So that whoever uses the number alone is found out."""
    trusts = Counter(study.accession_number for study in KENT.studies)
    assert max(trusts.values()) == 3


def test_sessions_are_within_the_horizon_and_mostly_on_weekdays() -> None:
    """Half-days, some evenings and weekends; all of them for reporting."""
    assert all(KENT.now <= s.start < s.end <= KENT.horizon_end and s.activity == REPORTING for s in KENT.sessions)
    weekend = sum(s.start.astimezone(LONDON).weekday() >= 5 for s in KENT.sessions)
    assert 0 < weekend < 0.25 * len(KENT.sessions)


def test_radiographers_keep_to_narrow_scopes() -> None:
    """About a fifth of the people; a modality or two each, and never MR."""
    radiographers = [r for r in KENT.reporters if r.grade == "reporting radiographer"]
    assert 0.08 < len(radiographers) / len(KENT.reporters) < 0.35
    assert all(r.modalities and not r.level("msk", "MR") for r in radiographers)


def test_a_week_over_the_change_of_the_clocks_is_fine() -> None:
    """Half-days are London wall-clock time: 08:00 is 08:00 UTC before 29 March and 07:00 UTC after."""
    now = datetime(2026, 3, 27, 8, tzinfo=UTC)
    problem = generate(Shape(trusts=2, studies=800, reporters=10, seed=3, now=now))
    mornings = {s.start.astimezone(LONDON).hour for s in problem.sessions if s.start.date() > date(2026, 3, 29)}
    assert mornings <= {8, 9, 13, 18}


@pytest.mark.parametrize(
    "wrong",
    [
        {"trusts": 0},
        {"studies": -1},
        {"reporters": 0},
        {"days": 0},
        {"load": 0.0},
        {"load": float("nan")},
        {"published": 1.1},
        {"now": KENT.now.replace(tzinfo=None)},
    ],
)
def test_an_impossible_shape_is_refused(wrong: dict[str, object]) -> None:
    """Before anything is drawn."""
    with pytest.raises(InvalidValueError):
        Shape(**{"trusts": 1, "studies": 1, "reporters": 1, **wrong})  # type: ignore[arg-type]  # the point of the test

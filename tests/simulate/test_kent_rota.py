"""The Kent sample's week has what departments' weeks have, and about as much work as time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from balancer.domain.problem import AllocationProblem
from balancer.simulate.kent.problem import problem_of
from balancer.simulate.kent.rota import GRID, REPORTS, Activity, Duty, reporting_spans
from balancer.simulate.kent.sample import draw_sample
from tests.kent_sample import SAMPLE

PROBLEM = problem_of(SAMPLE)
HOMES = {person.reporter_id: person.home_trust for person in SAMPLE.reporters}
RADIOLOGISTS = {person.reporter_id for person in SAMPLE.reporters if "radiographer" not in person.grade}


def load(problem: AllocationProblem, trust: str | None = None) -> float:
    """Return expected minutes / session minutes * productivity, of the network or of one trust for itself."""
    wanted = sum(s.minutes * s.reads for s in problem.studies if trust in {None, s.trust})
    offered = sum(
        (s.end - s.start) / timedelta(minutes=1) * s.productivity
        for s in problem.counted_sessions()
        if trust in {None, HOMES[s.reporter_id]}
    )
    return wanted / offered


def test_there_is_about_as_much_work_as_time() -> None:
    """A little more, in fact: what is left over is the least urgent."""
    assert 0.98 <= load(PROBLEM) <= 1.12


def test_one_trust_is_overloaded_and_another_has_time_to_spare() -> None:
    """So that it matters who may help whom."""
    assert load(PROBLEM, "RVV") > 1.3
    assert load(PROBLEM, "RWF") < 0.8


@pytest.mark.parametrize("activity", list(Activity))
@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
def test_every_trust_knows_every_activity(trust: str, activity: Activity) -> None:
    """Reporting at the hospital and at home, evenings, on call, meetings, lists, procedures, SPA and leave."""
    own = [duty for duty in SAMPLE.duties if duty.trust == trust and duty.activity is activity]
    assert own or (trust != "RVV" and activity is Activity.EVENING)


def test_nobody_reports_in_two_places_at_once() -> None:
    """Reporting sessions of one person never overlap, before anything is cut out of them."""
    reporting = sorted(
        (duty for duty in SAMPLE.duties if duty.activity in REPORTS), key=lambda d: (d.reporter_id, d.start)
    )
    for before, after in pairwise(reporting):
        assert before.reporter_id != after.reporter_id or before.end <= after.start


def test_only_radiologists_are_on_call_and_for_emergencies_alone() -> None:
    """Somebody of each trust every evening and every day of the weekend."""
    on_call = [duty for duty in SAMPLE.duties if duty.activity is Activity.ON_CALL]
    assert {duty.reporter_id for duty in on_call} <= RADIOLOGISTS
    for trust in ("RVV", "RWF", "RPA"):
        days = {duty.start.date() for duty in on_call if duty.trust == trust}
        assert len(days) == 7
    sessions = [s for s in PROBLEM.sessions if s.priorities]
    assert len(sessions) == len(on_call)
    assert all(s.priorities == {"emergency"} and s.productivity < 0.5 for s in sessions)


def test_meetings_lists_and_leave_take_their_time_out_of_reporting() -> None:
    """What is left of the reporting sessions touches nothing else of the same person."""
    other = [duty for duty in SAMPLE.duties if duty.activity not in REPORTS]
    spans = reporting_spans(SAMPLE.duties)
    for span in spans:
        for duty in other:
            assert duty.reporter_id != span.reporter_id or duty.end <= span.start or span.end <= duty.start
    rostered = _half_hours(duty for duty in SAMPLE.duties if duty.activity in REPORTS)
    assert _half_hours(spans) == rostered - _half_hours(other)
    assert len(rostered & _half_hours(other)) > 100


def _half_hours(duties: Iterable[Duty]) -> set[tuple[str, datetime]]:
    """Return the half-hours that people are down for; everything begins and ends on one."""
    step = timedelta(minutes=30)
    return {(d.reporter_id, d.start + n * step) for d in duties for n in range(int((d.end - d.start) / step))}


def test_medways_second_breast_reader_is_on_leave_until_thursday() -> None:
    """The README says so."""
    breast = [p for p in SAMPLE.reporters if p.home_trust == "RPA" and p.level("breast", "MG") == 3]
    away = Counter(d.reporter_id for d in SAMPLE.duties if d.activity is Activity.LEAVE)
    assert sorted(away[person.reporter_id] for person in breast) == [0, 3]


def test_in_the_grid_nothing_is_shorter_than_half_a_half_day() -> None:
    """A cell can say R/MDT and no more."""
    assert {duty.hours for duty in SAMPLE.duties if duty.trust == GRID} <= {2.0, 3.0, 4.0, 24.0}


def test_a_night_ends_on_the_day_after() -> None:
    """On call from Sunday evening to Monday morning, beyond the week."""
    nights = [d for d in SAMPLE.duties if d.activity is Activity.ON_CALL and d.end.date() > d.start.date()]
    assert {duty.trust for duty in nights} == {"RVV", "RPA"}


@pytest.mark.parametrize("seed", range(3))
def test_other_weeks_are_as_busy(seed: int) -> None:
    """Whatever the seed, East Kent is the one that needs help."""
    problem = problem_of(draw_sample(seed))
    assert 0.85 <= load(problem) <= 1.25
    assert load(problem, "RVV") > 1.15
    assert load(problem, "RWF") < 1.0


def test_the_problem_leaves_out_what_is_wrong_or_not_to_be_reported() -> None:
    """Ultrasound, photographs, and the studies of quarantined rows."""
    assert 5_750 < len(PROBLEM.studies) < 5_950
    assert "US" not in {study.modality for study in PROBLEM.studies}
    assert {study.trust for study in PROBLEM.studies} == {"RVV", "RWF", "RPA"}
    assert any(study.reads == 1 and study.excluded for study in PROBLEM.studies)

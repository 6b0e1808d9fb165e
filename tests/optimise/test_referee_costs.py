"""Each cost term alone (allocation model, section 4), in a world of two objects, its value worked out by hand."""

from __future__ import annotations

import pytest

from balancer.domain.plan import Plan, Terms, UnallocatedReason
from balancer.domain.policy import TargetClock
from balancer.domain.problem import AllocationProblem
from balancer.optimise.referee import judge
from tests.worlds import at, lay_out, policy, priority, reporter, session, study, world

EXAMPLE_BANDS = ((0.6, 0.0), (0.8, 1.0), (0.9, 2.0), (1.0, 4.0))
DEFERRED = UnallocatedReason.DEFERRED


def terms(problem: AllocationProblem, plan: Plan) -> Terms:
    """Return the terms as the referee reckons them."""
    return judge(problem, plan).terms


def only(**term: float) -> Terms:
    """Return terms that are 0 but for those given."""
    zero = dict.fromkeys(("clinical", "match", "remote", "prior", "churn", "split", "load"), 0.0)
    return Terms(**{**zero, **term})


def approximately(expected: Terms) -> object:
    """Return something equal to any terms that differ in the last bits only."""
    return pytest.approx(expected.as_dict())


def test_lateness_costs_the_weight_for_every_hour() -> None:
    """Read 08:00 to 09:00, due 08:30, weight 3: half an hour late costs 3 * 0.5 = 1.5 points."""
    problem = world(
        studies=[study(due=0.5)], reporters=[reporter()], sessions=[session()], policy=policy(priority(weight=3))
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(clinical=1.5))


def test_crossing_the_target_costs_the_breach() -> None:
    """Weight 3, breach 24, half an hour late: 3 * (24 + 0.5) = 73.5 points."""
    problem = world(
        studies=[study(due=0.5)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority(weight=3, breach=24)),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(clinical=73.5))


def test_ending_exactly_when_due_is_in_time() -> None:
    """[C > due] is strict: an hour's read due in an hour costs nothing."""
    problem = world(
        studies=[study(due=1)], reporters=[reporter()], sessions=[session()], policy=policy(priority(breach=24))
    )
    verdict = judge(problem, lay_out(problem, {"S1": ["A1"]}))
    assert verdict.terms.as_dict() == approximately(only())
    assert verdict.late == {"routine": 0}


def test_waiting_costs_its_rate_of_the_weight() -> None:
    """Weight 5, wait_rate 0.02, done one hour after now: 5 * 0.02 * 1 = 0.1 points, in time or not."""
    problem = world(
        studies=[study(acquired=-3)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority(weight=5), wait_rate=0.02),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(clinical=0.1))


def test_waiting_beyond_the_ceiling_costs_the_ceiling_weight_whatever_the_class() -> None:
    """Acquired 10 h ago, ceiling 8 h, done in 1 h: 3 h over at 50 points; the class weight of 7 has no part in it."""
    problem = world(
        studies=[study(acquired=-10)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority(weight=7, ceiling_hours=8), ceiling_weight=50),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(clinical=150))


def test_an_unallocated_read_is_costed_as_if_it_ended_beyond_the_horizon() -> None:
    """Horizon 168 h + 24 h, due after 100 h, weight 2, breach 24: 2 * (24 + 92) = 232 points, and nothing else."""
    problem = world(
        studies=[study(due=100, prior_reporter="R9", trust="RWF")],
        reporters=[reporter(trusts=("RWF",))],
        sessions=[session()],
        policy=policy(priority(weight=2, breach=24), general=1, fallback=1, remote=1, prior=1, split=1),
    )
    plan = lay_out(problem, {}, {"RWF/A1": DEFERRED})
    assert terms(problem, plan).as_dict() == approximately(only(clinical=232))


def test_a_study_is_complete_when_its_last_read_ends() -> None:
    """Two reads end after 1 h and 2 h, due after 1 h, weight 1: one hour late, once, costs 1 point."""
    problem = world(
        studies=[study(reads=2, due=1)],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1"), session("S2", "R2", start=1)],
    )
    plan = lay_out(problem, {"S1": ["A1#1"], "S2": ["A1#2"]})
    assert terms(problem, plan).as_dict() == approximately(only(clinical=1))


def test_a_study_with_one_read_unallocated_is_as_late_as_with_both() -> None:
    """One of two reads has no place: C = 192 h, due 100 h, weight 1: 92 points."""
    problem = world(studies=[study(reads=2, due=100)], reporters=[reporter("R1")], sessions=[session("S1", "R1")])
    plan = lay_out(problem, {"S1": ["A1#1"]}, {"A1#2": "no_capacity"})
    assert terms(problem, plan).as_dict() == approximately(only(clinical=92))


@pytest.mark.parametrize(("level", "points"), [(3, 0.0), (2, 0.5), (1, 3.0)])
def test_a_match_below_specialist_costs_general_or_fallback(level: int, points: float) -> None:
    """One read at level 3, 2, 1 costs 0, general = 0.5, fallback = 3."""
    problem = world(
        studies=[study()],
        reporters=[reporter(skills={"neuro": level})],
        sessions=[session()],
        policy=policy(general=0.5, fallback=3),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(match=points))


def test_the_skill_entry_with_the_modality_wins() -> None:
    """``neuro:3;neuro/CT:1`` reads a CT of the head at level 1: fallback = 3."""
    problem = world(
        studies=[study()],
        reporters=[reporter(skills={"neuro": 3, "neuro/CT": 1})],
        sessions=[session()],
        policy=policy(general=0.5, fallback=3),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(match=3))


def test_a_read_for_another_trust_than_ones_own_is_remote() -> None:
    """Two reads, one for the home trust and one for another: 0.2 points, once."""
    problem = world(
        studies=[study("A1"), study("A1", trust="RWF")],
        reporters=[reporter(trusts=("RVV", "RWF"))],
        sessions=[session()],
        policy=policy(remote=0.2),
    )
    plan = lay_out(problem, {"S1": ["A1", "RWF/A1"]})
    assert terms(problem, plan).as_dict() == approximately(only(remote=0.2))


def test_another_reader_than_the_prior_one_costs_prior() -> None:
    """A1's prior reader was R1 (who reads it), A2's R9, who has left: 0.5 points, once."""
    problem = world(
        studies=[study("A1", prior_reporter="R1"), study("A2", prior_reporter="R9")],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(prior=0.5),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1", "A2"]})).as_dict() == approximately(only(prior=0.5))


def test_prior_is_paid_for_each_placed_read_by_another() -> None:
    """Two reads of one study, prior reader R1: R1's is free, R2's costs 0.5."""
    problem = world(
        studies=[study(reads=2, prior_reporter="R1")],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1"), session("S2", "R2")],
        policy=policy(prior=0.5),
    )
    plan = lay_out(problem, {"S1": ["A1#1"], "S2": ["A1#2"]})
    assert terms(problem, plan).as_dict() == approximately(only(prior=0.5))


def test_churn_counts_people_who_lose_a_study_and_not_reads() -> None:
    """Published to R1 and R2, read by R2 and R3: R1 alone has lost it, 1 point, although both reads changed hands."""
    problem = world(
        studies=[study(reads=2, published_to=("R1", "R2"))],
        reporters=[reporter("R1"), reporter("R2"), reporter("R3")],
        sessions=[session("S2", "R2"), session("S3", "R3")],
        policy=policy(churn=1),
    )
    plan = lay_out(problem, {"S2": ["A1#1"], "S3": ["A1#2"]})
    assert terms(problem, plan).as_dict() == approximately(only(churn=1))


def test_churn_is_paid_for_an_unallocated_study_and_for_someone_who_left() -> None:
    """A1 was R1's and has no place, A2 was R9's, who is not listed: 2 * 1.5 = 3 points (nothing is late yet)."""
    problem = world(
        studies=[study("A1", published_to=("R1",), due=999), study("A2", published_to=("R9",), due=999)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(churn=1.5),
    )
    plan = lay_out(problem, {"S1": ["A2"]}, {"A1": DEFERRED})
    assert terms(problem, plan).as_dict() == approximately(only(churn=3))


def test_a_patient_read_by_several_people_is_split() -> None:
    """Patient p has studies at two trusts, read by R1 and R2: 2 - 1 = 1, at 1 point."""
    problem = world(
        studies=[study("A1", patient_id="p"), study("A1", trust="RWF", patient_id="p")],
        reporters=[reporter("R1"), reporter("R2", trusts=("RWF",))],
        sessions=[session("S1", "R1"), session("S2", "R2")],
        policy=policy(split=1),
    )
    plan = lay_out(problem, {"S1": ["A1"], "S2": ["RWF/A1"]})
    assert terms(problem, plan).as_dict() == approximately(only(split=1))


def test_studies_without_a_patient_are_of_different_patients() -> None:
    """Two studies with an empty ``patient_id`` read by two people: nothing is split."""
    problem = world(
        studies=[study("A1"), study("A2")],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1"), session("S2", "R2")],
        policy=policy(split=1),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"], "S2": ["A2"]})).as_dict() == approximately(only())


def test_only_placed_reads_can_split_a_patient() -> None:
    """One of a patient's two studies has no place: one reader, nothing split."""
    problem = world(
        studies=[study("A1", patient_id="p", due=999), study("A2", patient_id="p", due=999)],
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session("S1", "R1"), session("S2", "R2")],
        policy=policy(split=1),
    )
    plan = lay_out(problem, {"S1": ["A1"]}, {"A2": DEFERRED})
    assert terms(problem, plan).as_dict() == approximately(only())


def test_load_costs_what_the_contract_says() -> None:
    """The contract's example: 10 h rostered, 8.5 h of reads: 10 * (0.2 * 1 + 0.05 * 2) = 3 points."""
    problem = world(
        studies=[study(minutes=510, due=99)],
        reporters=[reporter()],
        sessions=[session(hours=10)],
        policy=policy(bands=EXAMPLE_BANDS),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(load=3))


def test_load_adds_up_a_reporters_sessions_and_leaves_idle_time_out() -> None:
    """Two sessions of 2 h, 3.6 h of reads with an hour's wait between: u = 0.9, 4 * (0.2 + 0.2) = 1.6 points."""
    problem = world(
        studies=[study("A1", minutes=96, due=99), study("A2", minutes=60, ready=3, due=99), study("A3", minutes=60)],
        reporters=[reporter()],
        sessions=[session("S1", hours=2), session("S2", start=2, hours=2)],
        policy=policy(bands=EXAMPLE_BANDS),
    )
    plan = lay_out(problem, {"S1": ["A1"], "S2": ["A3", "A2"]})
    # 1.6 h + 1 h + 1 h = 3.6 h of 4 h
    assert terms(problem, plan).as_dict() == approximately(only(load=1.6))


def test_load_counts_clock_hours_of_reading_not_expected_minutes() -> None:
    """30 expected minutes at speed 1.2 and productivity 0.5 are 72 min of a 1.5 h session: u = 0.8, 1.5 * 0.2 = 0.3."""
    problem = world(
        studies=[study(minutes=30, due=99)],
        reporters=[reporter(speed=1.2)],
        sessions=[session(hours=1.5, productivity=0.5)],
        policy=policy(bands=EXAMPLE_BANDS),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(load=0.3))


def test_a_session_under_way_is_rostered_only_from_now() -> None:
    """A session from -2 h to 2 h counts 2 h; one hour of reads is u = 0.5, at a price of 4 from 0: 2 * 0.5 * 4 = 4."""
    problem = world(
        studies=[study()],
        reporters=[reporter()],
        sessions=[session(start=-2, hours=4)],
        policy=policy(bands=((1.0, 4.0),)),
    )
    plan = lay_out(problem, {"S1": ["A1"]})
    assert plan.allocations[0].start == at(0)
    assert terms(problem, plan).as_dict() == approximately(only(load=4))


def test_sunk_cost_is_what_is_late_already() -> None:
    """Due 2 h ago at weight 3 and breach 24, 1 h over the ceiling at 50: 3 * 26 + 50 = 128; no wait yet."""
    problem = world(
        studies=[study(acquired=-9, due=-2, published_to=("R9",))],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority(weight=3, breach=24, ceiling_hours=8), ceiling_weight=50, wait_rate=0.02, churn=1),
    )
    assert judge(problem, lay_out(problem, {"S1": ["A1"]})).sunk == pytest.approx(128)


def test_late_studies_are_counted_by_class_unallocated_included() -> None:
    """Of two urgent studies one is late, the one routine study is unallocated and so late."""
    problem = world(
        studies=[
            study("A1", priority="urgent", due=1),
            study("A2", priority="urgent", due=1),
            study("A3", due=100),
        ],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority("urgent"), priority("routine"), priority("rare")),
    )
    verdict = judge(problem, lay_out(problem, {"S1": ["A1", "A2"]}, {"A3": DEFERRED}))
    assert verdict.late == {"urgent": 1, "routine": 1, "rare": 0}


def test_the_longest_wait_is_from_acquisition_like_the_ceiling() -> None:
    """Acquired 5 h before now, done 1 h after: waited 6 h, to be held against ``ceiling_hours``."""
    problem = world(
        studies=[study("A1", acquired=-5), study("A2", acquired=0)], reporters=[reporter()], sessions=[session()]
    )
    verdict = judge(problem, lay_out(problem, {"S1": ["A1", "A2"]}))
    assert verdict.longest_wait_hours == {"routine": pytest.approx(6)}


def test_a_class_on_the_working_days_clock_is_late_by_elapsed_hours() -> None:
    """Acquired Friday 07:00 with a target of 1 working day: due Monday 07:00, done Monday 09:00, 2 h late, 2 points."""
    problem = world(
        studies=[study(acquired=-73)],
        reporters=[reporter()],
        sessions=[session()],
        policy=policy(priority(target_working_days=1, clock=TargetClock.WORKING_DAYS)),
    )
    assert terms(problem, lay_out(problem, {"S1": ["A1"]})).as_dict() == approximately(only(clinical=2))

"""The ledger's arithmetic, and what a cap keeps for a trust's own reporters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.domain.ledger import LedgerWeek, Pair, week_of, within_caps
from balancer.domain.policy import LedgerCap
from balancer.domain.policy_version import FieldChange, compare
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study
from balancer.optimise.referee import judge
from balancer.optimise.solve import solve
from tests.worlds import NOW, at, policy, priority, reporter, session, study, world

MONDAY = date(2026, 3, 2)
EAST, WEST = reporter("E1", home_trust="RVV"), reporter("W1", home_trust="RWF", trusts=("RVV", "RWF"))
CLASSES = (priority(), priority("emergency", target_hours=1))
TRUSTS = st.sampled_from(["RVV", "RWF", "RPA", "RN7"])


def capped(
    *studies: Study,
    cap: float | None = 60,
    reporters: Sequence[Reporter] = (EAST, WEST),
    sessions: Sequence[Session] = (session("S1", "E1", hours=2), session("S2", "W1", hours=8)),
) -> AllocationProblem:
    """Return a problem of RVV's studies, a reporter of RVV and one of RWF; RVV may take ``cap`` minutes."""
    caps = () if cap is None else (LedgerCap(trust="RVV", minutes=cap),)
    prices = replace(policy(*CLASSES), ledger=caps)
    return world(studies=studies, policy=prices, reporters=reporters, sessions=sessions)


def kept(asked: AllocationProblem, taken: float = 0) -> list[str]:
    """Return the studies that are offered to the trust's own reporters only."""
    found, _ = within_caps(asked, {"RVV": taken})
    return [item.accession_number for item in found.studies if "W1" in item.excluded]


# --- weeks and sums --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instant", "monday"),
    [
        (datetime(2026, 3, 2, 0, 0, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 1, 23, 59, tzinfo=UTC), date(2026, 2, 23)),
        (datetime(2026, 3, 29, 22, 59, tzinfo=UTC), date(2026, 3, 23)),  # the clocks went forward that morning
        (datetime(2026, 3, 29, 23, 0, tzinfo=UTC), date(2026, 3, 30)),
        (datetime(2026, 12, 31, 12, 0, tzinfo=UTC), date(2026, 12, 28)),
    ],
)
def test_a_week_is_monday_to_sunday_in_london(instant: datetime, monday: date) -> None:
    """In summer Monday begins an hour earlier in UTC."""
    assert week_of(instant) == monday


def test_a_week_begins_on_a_monday() -> None:
    """A week of another day's name would be two weeks' entries under one."""
    with pytest.raises(InvalidValueError):
        LedgerWeek(starts_on=MONDAY + timedelta(days=1), pairs=())


@given(st.dictionaries(st.tuples(TRUSTS, TRUSTS), st.floats(0, 1e5)))
def test_what_trusts_give_less_what_they_take_sums_to_zero(booked: dict[tuple[str, str], float]) -> None:
    """Whatever was read by whom for whom; what is read at home counts for nobody."""
    pairs = [Pair(by_trust=by, for_trust=of, minutes=minutes, reads=1) for (by, of), minutes in booked.items()]
    week = LedgerWeek(starts_on=MONDAY, pairs=tuple(pairs))
    trusts = {name for pair in booked for name in pair}
    assert sum(week.balance(trust) for trust in trusts) == pytest.approx(0, abs=1e-6)
    between = sum(minutes for (by, of), minutes in booked.items() if by != of)
    assert sum(week.given(trust) for trust in trusts) == pytest.approx(between)
    at_home = sum(minutes for (by, of), minutes in booked.items() if by == of)
    assert sum(week.own(trust) for trust in trusts) == pytest.approx(at_home)


# --- what a cap keeps ------------------------------------------------------------------------------------------------


def test_without_a_cap_nothing_is_kept() -> None:
    """The problem is the same object."""
    asked = capped(study("A1"), cap=None)
    assert within_caps(asked, {"RVV": 1e6}) == (asked, ())
    assert within_caps(asked, {"RVV": 1e6})[0] is asked


def test_what_is_due_first_goes_out_first() -> None:
    """An hour is left, each study takes one: the one that is due first is offered to all, the others are not."""
    asked = capped(study("A1", due=9), study("A2", due=3), study("A3", due=6))
    assert kept(asked) == ["A1", "A3"]


def test_what_others_have_read_this_week_is_used_up() -> None:
    """Two hours a week, an hour taken: one more."""
    asked = capped(study("A1", due=3), study("A2", due=6), cap=120)
    assert kept(asked) == []
    assert kept(asked, taken=60) == ["A2"]
    assert kept(asked, taken=61) == ["A1", "A2"]
    assert kept(asked, taken=500) == ["A1", "A2"]


def test_the_last_bit_of_a_sum_is_not_beyond_a_cap() -> None:
    """Thirty times 0.1 is more than 3 in binary, and just 3 minutes to everybody else."""
    asked = capped(study("A1", minutes=57))
    assert kept(asked, taken=sum([0.1] * 30)) == []


def test_what_does_not_fit_holds_up_what_is_due_later() -> None:
    """Else small studies would overtake large ones for ever."""
    asked = capped(study("A1", due=3, minutes=90), study("A2", due=6, minutes=5))
    assert kept(asked) == ["A1", "A2"]


def test_an_emergency_is_never_kept_and_counts_first() -> None:
    """It goes to whoever is quickest, whatever the books say; what it costs is not there for others."""
    asked = capped(study("A1", due=3), study("A2", priority="emergency", due=8))
    assert kept(asked) == ["A1"]
    assert kept(asked, taken=1000) == ["A1"]


def test_what_others_have_open_is_theirs_and_counts_first() -> None:
    """A claim is kept whatever the cap says (H8), and so is a pin: the problem must not contradict itself."""
    claimed, pinned = study("A9", claimed_by=("W1",), due=90), study("A8", pinned_to=("W1",), due=80)
    asked = capped(study("A1", due=3), claimed, pinned, cap=120)
    assert kept(asked) == ["A1"]
    assert kept(asked, taken=1000) == ["A1"]


def test_what_its_own_have_open_costs_nothing() -> None:
    """It is read at home."""
    asked = capped(study("A1", due=3), study("A2", claimed_by=("E1",), due=1))
    assert kept(asked) == []


def test_of_two_reads_the_one_that_is_open_elsewhere_stays_there() -> None:
    """The other is for somebody at home: of the others, whoever has the first is kept, and nobody else."""
    also = reporter("W2", home_trust="RWF", trusts=("RVV",))
    asked = capped(study("A1", reads=2, claimed_by=("W1",)), reporters=(EAST, WEST, also))
    found, (held,) = within_caps(asked, {"RVV": 0})
    assert found.studies[0].excluded == {"W2"}
    assert held.studies == {("RVV", "A1")}


@pytest.mark.parametrize(
    "away",
    [
        replace(WEST, trusts={"RWF": None}),
        replace(WEST, trusts={"RVV": date(2026, 3, 1)}),
        replace(WEST, skills={}),
        replace(WEST, modalities=frozenset({"MR"})),
    ],
    ids=["not entitled", "entitled no more", "not skilled", "another modality"],
)
def test_what_nobody_else_could_read_costs_nothing(away: Reporter) -> None:
    """It stays at home by itself, and leaves the minutes for what does not."""
    asked = capped(study("A1", due=3), study("A2", due=6), reporters=(EAST, away))
    assert kept(asked) == []


def test_a_cap_is_of_one_trust() -> None:
    """The other's studies are for everybody."""
    asked = capped(study("A1"), study("B1", trust="RWF"), cap=0)
    found, _ = within_caps(asked, {})
    assert {item.accession_number: item.excluded for item in found.studies} == {"A1": {"W1"}, "B1": frozenset()}


minutes_of_studies = st.lists(st.tuples(st.integers(1, 90), st.integers(1, 48), st.booleans()), max_size=8)


@given(minutes_of_studies, st.floats(0, 400), st.floats(0, 400))
def test_no_plan_goes_beyond_a_cap_but_by_emergencies(
    stated: list[tuple[int, int, bool]], cap: float, taken: float
) -> None:
    """Even if others read everything they are offered."""
    studies = [
        study(f"A{number}", minutes=minutes, due=due, priority="emergency" if urgent else "routine")
        for number, (minutes, due, urgent) in enumerate(stated)
    ]
    found, _ = within_caps(capped(*studies, cap=cap), {"RVV": taken})
    offered = [item for item in found.studies if "W1" not in item.excluded]
    shared = sum(item.minutes for item in offered if item.priority == "routine")
    emergencies = sum(item.minutes for item in offered if item.priority == "emergency")
    assert not shared or taken + shared + emergencies <= cap + 0.1
    assert emergencies == sum(item.minutes for item in studies if item.priority == "emergency")


def test_the_solver_keeps_to_it_and_the_referee_agrees() -> None:
    """Without a cap the other trust reads all four; with two hours it reads two of them, those due first."""
    four = [study(f"A{number}", due=number) for number in range(1, 5)]
    shifts = (session("S2", "W1", hours=8),)
    for cap, placed in ((None, 4), (120, 2), (0, 0)):
        asked, _ = within_caps(capped(*four, cap=cap, sessions=shifts), {})
        plan = solve(asked, seed=0, work=20)
        assert judge(asked, plan).findings == ()
        assert sorted(row.accession_number for row in plan.allocations) == [f"A{n}" for n in range(1, placed + 1)]


def test_the_instant_of_the_problem_says_what_has_expired() -> None:
    """An entitlement that ends today still counts."""
    until_today = replace(WEST, trusts={"RVV": NOW.date()})
    assert kept(capped(study("A1"), reporters=(EAST, until_today), cap=0)) == ["A1"]
    assert at(0) == NOW


def test_two_policies_are_compared_cap_by_cap() -> None:
    """As the file names them, so that whoever approves one sees what changes for whom."""
    before = replace(policy(*CLASSES), ledger=(LedgerCap(trust="RVV", minutes=60), LedgerCap(trust="RPA", minutes=5)))
    after = replace(policy(*CLASSES), ledger=(LedgerCap(trust="RVV", minutes=90), LedgerCap(trust="RPA", minutes=5)))
    assert compare(before, after) == (FieldChange(field="ledger.taken_minutes.RVV", was=60, becomes=90),)

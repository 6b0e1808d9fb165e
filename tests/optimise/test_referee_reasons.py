"""Why a read has no place (section 5): each reason alone, at the edge where the next one takes over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study
from balancer.optimise.referee import judge
from tests.worlds import NOW, lay_out, reporter, session, study, world

REASONS = (
    "claimed_reporter_unavailable",
    "pinned_reporter_unavailable",
    "no_entitled_reporter",
    "no_skilled_reporter",
    "no_session",
    "no_capacity",
    "deferred",
)


def accepted(problem: AllocationProblem, read: str = "A1", placed: dict[str, Sequence[str]] | None = None) -> set[str]:
    """Return the reasons that the referee accepts for ``read`` in a plan that places ``placed``."""
    fine = set()
    for reason in REASONS:
        findings = judge(problem, lay_out(problem, placed or {}, {read: reason})).findings
        if not any(finding.rule in {"reason", "H8"} for finding in findings):
            fine.add(reason)
    return fine


def alone(
    *studies: Study, reporters: Sequence[Reporter] = (), sessions: Sequence[Session] | None = None
) -> AllocationProblem:
    """Return a world of these studies, R1 and R1's four hours, unless others are given."""
    return world(
        studies=studies,
        reporters=reporters or [reporter()],
        sessions=[session()] if sessions is None else sessions,
    )


def test_a_read_that_fits_is_deferred() -> None:
    """An empty session takes it."""
    assert accepted(alone(study())) == {"deferred"}


@pytest.mark.parametrize(
    "who",
    [
        reporter(trusts=("RWF",)),
        reporter(trusts={"RVV": date(2026, 3, 1)}),
        reporter(home_trust="RVV", trusts=()),
    ],
    ids=["another trust", "expired yesterday", "home trust not listed"],
)
def test_without_entitlement_nobody_is_entitled(who: Reporter) -> None:
    """H1 is the complete list of trusts, with their last days."""
    assert accepted(alone(study(), reporters=[who])) == {"no_entitled_reporter"}


def test_an_excluded_reporter_is_not_counted_as_entitled() -> None:
    """Nobody passes H1 and H6 together."""
    assert accepted(alone(study(excluded=["R1"]))) == {"no_entitled_reporter"}


@pytest.mark.parametrize(
    "who", [reporter(skills={"msk": 3}), reporter(modalities=["MR"])], ids=["no skill", "not in scope"]
)
def test_without_skill_or_scope_nobody_is_skilled(who: Reporter) -> None:
    """H2 and H3 together."""
    assert accepted(alone(study(), reporters=[who])) == {"no_skilled_reporter"}


def test_entitled_and_skilled_must_be_one_person() -> None:
    """One may but cannot, another can but may not."""
    people = [reporter("R1", skills={"msk": 3}), reporter("R2", trusts=("RWF",))]
    assert accepted(alone(study(), reporters=people)) == {"no_skilled_reporter"}


@pytest.mark.parametrize(
    "sessions",
    [
        [],
        [session(activity="mdt")],
        [session(start=-5, hours=5)],
        [session(start=168)],
        [session(hours=0.99)],
        [session(productivity=0.2)],
        [session(modalities=["DX"])],
        [session(trusts=["RWF"])],
        [session(subspecialties=["msk"])],
        [session(max_reads=0)],
    ],
    ids=["none", "mdt", "over", "too late", "short", "slow", "modality", "trust", "subspecialty", "no reads"],
)
def test_no_session_takes_it(sessions: Sequence[Session]) -> None:
    """Not even an otherwise empty session could hold the read."""
    assert accepted(alone(study(), sessions=sessions)) == {"no_session"}


def test_ready_too_late_for_the_session_is_no_session() -> None:
    """Ready at 3.5 h, an hour long, the session ends at 4 h."""
    assert accepted(alone(study(ready=3.5))) == {"no_session"}
    assert accepted(alone(study(ready=3))) == {"deferred"}


def test_an_entitlement_that_ends_before_the_session_is_no_session() -> None:
    """Entitled today, rostered tomorrow."""
    people = [reporter(trusts={"RVV": date(2026, 3, 2)})]
    assert accepted(alone(study(), reporters=people, sessions=[session(start=20)])) == {"no_session"}
    assert accepted(alone(study(), reporters=people, sessions=[session(start=15)])) == {"deferred"}


def test_a_full_session_has_no_capacity() -> None:
    """Four hours hold four hours."""
    problem = alone(*(study(f"A{number}") for number in range(1, 6)))
    assert accepted(problem, placed={"S1": ["A2", "A3", "A4", "A5"]}) == {"no_capacity"}
    assert accepted(problem, placed={"S1": ["A2", "A3", "A4"]}) == {"deferred"}


def test_a_full_count_of_reads_is_no_capacity() -> None:
    """There is time, but ``max_reads`` is reached."""
    problem = alone(study("A1"), study("A2"), sessions=[session(max_reads=1)])
    assert accepted(problem, placed={"S1": ["A2"]}) == {"no_capacity"}


def test_a_gap_before_a_read_that_is_not_ready_is_room() -> None:
    """A2 waits until 3 h; the first three hours are idle, so A1 fits in front of it."""
    problem = alone(study("A1"), study("A2", ready=3))
    assert accepted(problem, placed={"S1": ["A2"]}) == {"deferred"}


def test_a_gap_too_short_is_no_room() -> None:
    """A2 fills 0.5 h to 4 h; half an hour is not an hour."""
    problem = alone(study("A1"), study("A2", ready=0.5, minutes=210))
    assert accepted(problem, placed={"S1": ["A2"]}) == {"no_capacity"}


def test_pushing_another_read_past_its_entitlement_is_no_room() -> None:
    """R1's entitlement for RWF ends at midnight; A2 of RWF starts at 23:30 and cannot wait an hour.

    Behind A2 there is no time left: the session ends at 00:30.
    """
    people = [reporter(trusts={"RVV": None, "RWF": date(2026, 3, 2)})]
    problem = alone(
        study("A1"), study("A2", trust="RWF", ready=15.5), reporters=people, sessions=[session(start=15, hours=1.5)]
    )
    assert accepted(problem, placed={"S1": ["RWF/A2"]}) == {"no_capacity"}


def test_nothing_unclaimed_goes_before_a_claimed_read() -> None:
    """A2 is claimed and waits until 3 h; the idle hours before it are not for A1 (H8)."""
    problem = alone(study("A1"), study("A2", ready=3, claimed_by=("R1",)))
    assert accepted(problem, placed={"S1": ["A2"]}) == {"no_capacity"}


def test_the_second_read_needs_a_second_reader() -> None:
    """R1 has time left but has read 1 already (H9)."""
    problem = alone(study(reads=2))
    assert accepted(problem, "A1#2", placed={"S1": ["A1#1"]}) == {"no_capacity"}


@pytest.mark.parametrize(
    ("who", "sessions"),
    [
        (reporter("R2", trusts=("RWF",)), [session("S2", "R2")]),
        (reporter("R2", skills={"msk": 3}), [session("S2", "R2")]),
        (reporter("R2"), []),
        (reporter("R2"), [session("S2", "R2", hours=0.5)]),
    ],
    ids=["not entitled", "not skilled", "no session", "short session"],
)
def test_a_pin_to_somebody_unavailable_comes_first(who: Reporter, sessions: list[Session]) -> None:
    """R1 could do it, but it is pinned to R2, who cannot."""
    problem = alone(study(pinned_to=("R2",)), reporters=[reporter("R1"), who], sessions=[session(), *sessions])
    assert accepted(problem) == {"pinned_reporter_unavailable"}


def test_a_pin_to_somebody_excluded_is_unavailable() -> None:
    """A pin overrides nothing else, so not H6 either."""
    assert accepted(alone(study(pinned_to=("R1",), excluded=["R1"]))) == {"pinned_reporter_unavailable"}


def test_a_pin_to_somebody_who_is_full_is_unavailable() -> None:
    """R2 is busy all session long; that R1 is idle does not matter."""
    problem = alone(
        study("A1", pinned_to=("R2",)),
        study("A2", minutes=240),
        reporters=[reporter("R1"), reporter("R2")],
        sessions=[session(), session("S2", "R2")],
    )
    assert accepted(problem, placed={"S2": ["A2"]}) == {"pinned_reporter_unavailable"}
    assert accepted(problem) == {"deferred"}


@pytest.mark.parametrize(
    ("item", "who"),
    [
        (study(claimed_by=("R1",)), reporter(trusts=("RWF",))),
        (study(claimed_by=("R1",)), reporter(skills={"msk": 3})),
        (study(claimed_by=("R1",)), reporter(modalities=["DX"])),
        (study(claimed_by=("R1",), excluded=["R1"]), reporter()),
        (study(claimed_by=("R1",), minutes=241), reporter()),
        (study(claimed_by=("R1",), ready=4), reporter()),
        (study(claimed_by=("R1",), pinned_to=("R2",)), reporter()),
    ],
    ids=["not entitled", "not skilled", "not in scope", "excluded", "too long", "ready too late", "pinned elsewhere"],
)
def test_a_claim_that_cannot_be_kept_has_one_reason(item: Study, who: Reporter) -> None:
    """H1, H2, H3, H6 and H7 hold for a claimed read, and it must fit a session."""
    others = [reporter("R2"), who]
    problem = alone(item, reporters=others, sessions=[session(), session("S2", "R2")])
    assert accepted(problem) == {"claimed_reporter_unavailable"}


@pytest.mark.parametrize(
    "sessions",
    [
        [session(modalities=["DX"])],
        [session(priorities=["routine"], trusts=["RWF"])],
        [session(max_reads=0)],
        [session("S0", start=0, hours=0.5), session("S1", start=1)],
    ],
    ids=["restricted", "restricted twice", "no reads", "second session"],
)
def test_a_claim_that_could_be_kept_must_be(sessions: Sequence[Session]) -> None:
    """H4 does not hold for a claimed read, and the second session will do; no reason excuses it."""
    assert accepted(alone(study(claimed_by=("R1",)), sessions=sessions)) == set()


def test_the_third_session_does_not_keep_a_claim() -> None:
    """Two sessions too short, the third long enough: unallocated is right."""
    sessions = [session("S0", hours=0.5), session("S1", start=1, hours=0.5), session("S2", start=2)]
    assert accepted(alone(study(claimed_by=("R1",)), sessions=sessions)) == {"claimed_reporter_unavailable"}


def test_unclaimed_reads_give_way_to_a_claim() -> None:
    """The session is full of unclaimed work, which is no excuse; full of claimed work, it is."""
    full = alone(study("A1", claimed_by=("R1",)), study("A2", minutes=240))
    assert accepted(full, placed={"S1": ["A2"]}) == set()
    claimed = alone(study("A1", claimed_by=("R1",)), study("A2", minutes=240, claimed_by=("R1",)))
    assert accepted(claimed, placed={"S1": ["A2"]}) == {"claimed_reporter_unavailable"}


def test_two_reads_claimed_by_one_person_cannot_both_be_kept() -> None:
    """H9: the second of them has no place."""
    problem = alone(study(reads=2, claimed_by=("R1", "R1")))
    assert accepted(problem, "A1#2", placed={"S1": ["A1#1"]}) == {"claimed_reporter_unavailable"}


def test_claimed_reads_beyond_max_reads_break_nothing_alone() -> None:
    """Two claimed reads in a session for one: no finding; an unclaimed one beside them is one too many."""
    problem = alone(
        study("A1", claimed_by=("R1",)),
        study("A2", claimed_by=("R1",)),
        study("A3"),
        sessions=[session(max_reads=1)],
    )

    def rules(placed: Sequence[str], left: dict[str, str]) -> set[str]:
        verdict = judge(problem, lay_out(problem, {"S1": placed}, left))
        return {finding.rule for finding in verdict.findings} - {"figure"}

    assert rules(["A1", "A2"], {"A3": "no_capacity"}) == set()
    assert rules(["A1", "A2", "A3"], {}) == {"H4"}


SECOND = 1 / 3600


@pytest.mark.parametrize(
    ("begins", "ends", "reason"),
    [
        (0.0, 1.0, "deferred"),
        (0.4, 1.5, "no_session"),  # 1.1 seconds long, but no second of it lies between two whole ones
        (0.4, 1.99, "no_session"),
        (0.4, 2.0, "deferred"),
        (0.999, 2.001, "deferred"),
        (0.2, 0.9, "no_session"),
    ],
)
def test_a_session_has_room_from_its_first_whole_second_to_its_last(begins: float, ends: float, reason: str) -> None:
    """A plan's instants are whole seconds, so a read of one second needs two of them in its session."""
    of = session(start=begins * SECOND, hours=(ends - begins) * SECOND)
    assert accepted(alone(study(minutes=1 / 60), sessions=[of])) == {reason}


def test_now_and_ready_at_begin_with_the_whole_second_after_them() -> None:
    """A session of ten seconds, nine left for a read of nine if now is half past a second; for ten there are not."""
    sessions, now = [session(hours=10 * SECOND)], NOW + timedelta(seconds=0.5)
    for seconds, reason in ((9, "deferred"), (10, "no_session")):
        read = study(minutes=seconds / 60)
        assert accepted(world(studies=[read], reporters=[reporter()], sessions=sessions, now=now)) == {reason}
        ready = study(minutes=seconds / 60, ready=0.5 * SECOND)
        assert accepted(alone(ready, sessions=sessions)) == {reason}


def test_a_claim_needs_whole_seconds_too() -> None:
    """H8: a session of 1.1 seconds that holds no read of one second is no excuse less."""
    fits, not_quite = (session(start=0.4 * SECOND, hours=hours * SECOND) for hours in (1.6, 1.1))
    read = study(minutes=1 / 60, claimed_by=("R1",))
    assert accepted(alone(read, sessions=[fits])) == set()
    assert accepted(alone(read, sessions=[not_quite])) == {"claimed_reporter_unavailable"}


def test_half_a_second_left_is_no_room() -> None:
    """Two reads of one second between 0.4 and 3.5: whole seconds 1 to 3 are taken by the two; a third has none."""
    reads = [study(f"A{number}", minutes=1 / 60) for number in (1, 2, 3)]
    problem = alone(*reads, sessions=[session(start=0.4 * SECOND, hours=3.1 * SECOND)])
    plan = lay_out(problem, {"S1": ["A2", "A3"]}, {"A1": "no_capacity"})
    assert not [found for found in judge(problem, plan).findings if found.rule != "figure"]

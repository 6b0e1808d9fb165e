"""What must follow readings: nothing is asked for twice, nobody is asked to decide where readers agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.domain.follow_up import FollowUps, Reading, follow_ups, now_and_later
from balancer.domain.life import ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.policy import FollowUpRules
from tests.worlds import NOW, at, policy, priority

S, K = ReadState, ReadKind
NORMAL, ABNORMAL, RECALL = Outcome.NORMAL, Outcome.ABNORMAL, Outcome.TECHNICAL_RECALL


def done(number: int, outcome: Outcome | None = NORMAL, *, hours: float = 0, provisional: bool = False) -> Reading:
    """Return a reading that is done."""
    return Reading(number=number, state=S.DONE, done_at=at(hours), outcome=outcome, provisional=provisional)


def verification(number: int, of: int, state: ReadState = S.UNALLOCATED, outcome: Outcome | None = None) -> Reading:
    """Return a verification; one that is done was done an hour later than readings are."""
    when = at(1) if state is S.DONE else None
    return Reading(number=number, state=state, kind=K.VERIFICATION, of=of, outcome=outcome, done_at=when)


def arbitration(number: int, state: ReadState = S.UNALLOCATED, *, hours: float = 1) -> Reading:
    """Return an arbitration."""
    return Reading(number=number, state=state, kind=K.ARBITRATION, done_at=at(hours) if state is S.DONE else None)


WAITING = Reading(number=2, state=S.CLAIMED)
PROVISIONAL = done(1, provisional=True)
NOTHING = FollowUps()


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        ([done(1)], NOTHING),
        ([done(1, None)], NOTHING),
        ([PROVISIONAL], FollowUps(verify=(1,))),
        ([PROVISIONAL, verification(2, 1)], NOTHING),
        ([PROVISIONAL, verification(2, 1, S.CLAIMED)], NOTHING),
        ([PROVISIONAL, verification(2, 1, S.DONE)], NOTHING),
        # it went with its study, and returns with it
        ([PROVISIONAL, verification(2, 1, S.WITHDRAWN)], NOTHING),
        ([PROVISIONAL, replace(verification(2, 1, S.WITHDRAWN), wanted=False)], FollowUps(verify=(1,))),
        # reported anew since it was verified
        ([done(1, provisional=True, hours=2), verification(2, 1, S.DONE)], FollowUps(verify=(1,))),
        # reported anew by somebody whose word is final
        ([done(1), verification(2, 1)], FollowUps(moot=(2,))),
        ([done(1), verification(2, 1, S.DONE)], NOTHING),
        # back in the queue: whatever comes of it is still to be verified
        ([Reading(number=1, state=S.UNALLOCATED), verification(2, 1)], NOTHING),
        ([done(1), WAITING], NOTHING),
        ([done(1), done(2)], NOTHING),
        ([done(1), done(2, ABNORMAL)], FollowUps(arbitrate=True)),
        ([done(1, RECALL), done(2, ABNORMAL)], FollowUps(arbitrate=True)),
        ([done(1), done(2, ABNORMAL), arbitration(3)], NOTHING),
        ([done(1), done(2, ABNORMAL), arbitration(3, S.DONE)], NOTHING),
        ([done(1), done(2, ABNORMAL, hours=2), arbitration(3, S.DONE)], FollowUps(arbitrate=True)),
        ([done(1), done(2), arbitration(3, S.ALLOCATED)], FollowUps(moot=(3,))),
        ([done(1), done(2), arbitration(3, S.DONE)], NOTHING),
        ([done(1), done(2, None)], FollowUps(unsaid=(2,))),
        ([done(1), done(2, None), arbitration(3)], FollowUps(unsaid=(2,))),
        ([done(1), done(2, None), done(3, ABNORMAL)], FollowUps(arbitrate=True, unsaid=(2,))),
        # done at its source, whose readings nobody tells us of
        ([done(1), replace(done(2, None), here=False)], NOTHING),
        ([done(1), replace(done(2, ABNORMAL), state=S.WITHDRAWN)], NOTHING),
        ([done(1), Reading(number=2, state=S.EXCLUDED), done(3, ABNORMAL)], FollowUps(arbitrate=True)),
        # nobody decides between readings of which one is still to be verified
        ([PROVISIONAL, done(2, ABNORMAL)], FollowUps(verify=(1,))),
        ([PROVISIONAL, done(2, ABNORMAL), verification(3, 1)], NOTHING),
        ([PROVISIONAL, done(2, ABNORMAL), verification(3, 1, S.DONE)], FollowUps(arbitrate=True)),
        # the verifier's word stands
        ([PROVISIONAL, done(2, ABNORMAL), verification(3, 1, S.DONE, ABNORMAL)], NOTHING),
        ([PROVISIONAL, done(2), verification(3, 1, S.DONE, ABNORMAL)], FollowUps(arbitrate=True)),
    ],
)
def test_what_follows(reads: list[Reading], expected: FollowUps) -> None:
    """Each line is a study as it stands."""
    assert follow_ups(reads) == expected


@st.composite
def studies(draw: st.DrawFn) -> list[Reading]:
    """Return the reads of a study in whatever states."""
    reads = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        state = draw(st.sampled_from(S))
        when = at(draw(st.integers(0, 3))) if state is S.DONE else None
        outcome = draw(st.sampled_from([None, *Outcome])) if state is S.DONE else None
        provisional = state is S.DONE and draw(st.booleans())
        reads.append(Reading(number=number, state=state, done_at=when, outcome=outcome, provisional=provisional))
    return reads


@given(studies())
def test_what_has_been_asked_for_is_not_asked_for_again(reads: list[Reading]) -> None:
    """Once the reads are there, there is nothing more to do, but bring up what nobody has said."""
    first = follow_ups(reads)
    last = len(reads)
    for number in first.verify:
        last += 1
        reads.append(verification(last, number))
    if first.arbitrate:
        reads.append(arbitration(last + 1))
    assert replace(follow_ups(reads), unsaid=()) == NOTHING


def test_a_study_goes_through_its_kinds_in_order() -> None:
    """Nobody who verifies sees a report while another may still read blind; nobody decides before all is verified."""
    reads = [verification(3, 1), arbitration(4), WAITING]
    assert now_and_later(reads) == ([WAITING], reads[:2])
    assert now_and_later(reads[:2]) == ([reads[0]], [reads[1]])
    assert now_and_later([]) == ([], [])


@pytest.mark.parametrize(
    ("grade", "provisional", "may_verify"),
    [
        ("consultant radiologist", False, True),
        ("Locum Consultant Radiologist", False, True),
        ("Specialty Registrar (ST4)", True, False),
        ("specialty resident doctor", True, False),
        ("reporting radiographer", False, False),
        # a word is a word: nobody presides here
        ("president", False, False),
        ("consultant's trainee", True, False),
        ("", False, False),
    ],
)
def test_a_grade_says_whose_reports_are_provisional_and_who_verifies(
    grade: str,
    provisional: bool,  # noqa: FBT001
    may_verify: bool,  # noqa: FBT001
) -> None:
    """By the words of the policy, in whatever case."""
    rules = FollowUpRules()
    assert (rules.is_provisional(grade), rules.may_verify(grade)) == (provisional, may_verify)


@pytest.mark.parametrize("wrong", [{"verification_share": 0}, {"verifiers": ()}, {"provisional": ("",)}])
def test_rules_that_nobody_could_follow_are_refused(wrong: dict[str, object]) -> None:
    """An empty word would stand in every grade."""
    with pytest.raises(InvalidValueError):
        FollowUpRules(**wrong)  # type: ignore[arg-type]


def test_the_policy_says_per_class_when_and_whether_the_clock_stops() -> None:
    """A class without a word of its own goes by the rule for all; one that the policy does not know too."""
    emergency = replace(priority("emergency"), provisional_stops_clock=True, verification_hours=12)
    rules = policy(emergency, priority("urgent"))
    assert rules.verification_target("emergency", NOW) == (at(12), True)
    assert rules.verification_target("urgent", NOW) == (NOW + timedelta(hours=24), False)
    assert rules.verification_target("unheard of", NOW) == (at(24), False)

"""What speaks for a reporter's having a read, and what the plan would cost without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from balancer.domain.explanation import AllocatedExplanation, Alternative, Clinical
from balancer.domain.placement import Placement
from balancer.domain.plan import Terms
from balancer.domain.read_explained import ReasonKind
from balancer.domain.reasons import reasons
from balancer.domain.study import ReadKey
from tests.worlds import NOW, at, reporter, study, weights

FREE = Terms(clinical=0.0, match=0.0, remote=0.0, prior=0.0, churn=0.0, split=0.0, load=0.0)
PRICES = weights(general=0.5, fallback=3.0, remote=0.2, prior=0.5, churn=1.0, split=1.0)


def place(reporter_id: str, session_id: str = "S1") -> Placement:
    """Return a place of somebody's."""
    return Placement(reporter_id=reporter_id, session_id=session_id, position=1, start=NOW, end=at(0.5))


def elsewhere(difference: float, reporter_id: str = "R2") -> Alternative:
    """Return the best plan with the read at somebody's."""
    return Alternative(placement=place(reporter_id, "S9"), terms=FREE, difference=difference, moves=(), sequences={})


def explanation(*others: Alternative, **stated: object) -> AllocatedExplanation:
    """Return why a study that R1 has is theirs."""
    item = replace(study(), **stated)  # type: ignore[arg-type]  # its own fields
    return AllocatedExplanation(
        key=ReadKey(*item.key, 1),
        study=item,
        due_at=at(4),
        completed_at=at(0.5),
        plan_total=0.0,
        cost=FREE,
        clinical=Clinical(breach=0.0, late=0.0, wait=0.0, over=0.0),
        able=1 + len(others),
        alternatives=others,
        refusals=(),
        placement=place("R1"),
        left_out=None,
    )


def found(one: AllocatedExplanation, *, others: bool = False, **stated: object) -> dict[ReasonKind, float]:
    """Return what speaks for R1, in points."""
    person = replace(reporter("R1"), **stated)  # type: ignore[arg-type]  # its own fields
    return {item.kind: item.points for item in reasons(one, person, PRICES, has_others_of_patient=others)}


def test_each_thing_that_would_be_paid_for_otherwise_speaks_for_them() -> None:
    """A specialist of the study's own trust who read the prior, and nobody else could."""
    one = explanation(prior_reporter="R1", published_to=("R1",))
    expected = {ReasonKind.LISTED: 1.0, ReasonKind.LEVEL: 0.5, ReasonKind.PRIOR: 0.5, ReasonKind.HOME: 0.2}
    assert found(one) == pytest.approx(expected)
    assert found(one, others=True)[ReasonKind.PATIENT] == pytest.approx(1.0)


def test_no_reason_saves_more_than_giving_the_read_to_somebody_else_costs() -> None:
    """Without it, the read would go there."""
    one = explanation(elsewhere(0.3), prior_reporter="R1")
    assert found(one) == pytest.approx(
        {ReasonKind.LEVEL: 0.3, ReasonKind.PRIOR: 0.3, ReasonKind.PLACE: 0.3, ReasonKind.HOME: 0.2}
    )


def test_another_session_of_theirs_takes_no_reason_away() -> None:
    """They are a specialist there too; it is the session that has the best place."""
    one = explanation(elsewhere(0.1, "R1"))
    assert found(one) == pytest.approx({ReasonKind.LEVEL: 0.5, ReasonKind.HOME: 0.2, ReasonKind.PLACE: 0.1})


def test_what_costs_nothing_speaks_for_nobody() -> None:
    """A fallback reader of another trust has nothing but the place; where another place is as good, not even that."""
    person = reporter("R1", home_trust="RWF", skills={"neuro": 1})
    one = explanation(elsewhere(0.0))
    assert reasons(one, person, PRICES, has_others_of_patient=False) == ()


def test_a_general_reader_spares_the_fallback() -> None:
    """What a fallback would cost more."""
    person = reporter("R1", home_trust="RWF", skills={"neuro": 2})
    (one,) = reasons(explanation(), person, PRICES, has_others_of_patient=False)
    assert one.kind is ReasonKind.LEVEL
    assert one.points == pytest.approx(2.5)


def test_the_weightiest_comes_first() -> None:
    """Whoever reads the first line has read the most of it."""
    points = list(found(explanation(prior_reporter="R1", published_to=("R1",))).values())
    assert points == sorted(points, reverse=True)

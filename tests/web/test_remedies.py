"""Beside each reason why studies become late stands the smallest thing that would help."""

from __future__ import annotations

import pytest

from balancer.domain.becoming_late import PARKED, PLANNED_LATE
from balancer.domain.half_days import HalfDay
from balancer.domain.plan import UnallocatedReason
from balancer.web.remedies import remedy
from tests.worlds import NOW

MORNING = HalfDay.at(NOW)
AFTERNOON = MORNING.following


SHORT = {("neuro", MORNING): 1.0, ("neuro", AFTERNOON): 2.5, ("msk", MORNING): 9.0}


@pytest.mark.parametrize("reason", [PLANNED_LATE, UnallocatedReason.NO_CAPACITY, UnallocatedReason.NO_SESSION])
def test_where_hours_lack_cover_is_sought_in_the_half_day_that_is_shortest(reason: str) -> None:
    """Of that subspecialty, whatever others lack."""
    found = remedy(reason, "neuro", SHORT, sees_rosters=True)
    assert found is not None
    assert found.words.startswith("Find cover: 2.5 h short on Mon 2 Mar pm")
    assert found.link == f"/rosters?short=neuro&at={AFTERNOON.code}#open"


def test_where_nobody_may_read_it_somebody_is_entitled() -> None:
    """Whoever cannot open rosters is told the same, without a way there."""
    found = remedy(UnallocatedReason.NO_ENTITLED_REPORTER, "neuro", SHORT, sees_rosters=False)
    assert found is not None
    assert (found.words, found.link) == ("Entitle somebody", "")


@pytest.mark.parametrize(
    ("reason", "subspecialty"), [(PLANNED_LATE, "breast"), (PARKED, "neuro"), (UnallocatedReason.DEFERRED, "neuro")]
)
def test_where_no_single_thing_would_help_none_is_named(reason: str, subspecialty: str) -> None:
    """The list of them says more."""
    assert remedy(reason, subspecialty, SHORT, sees_rosters=True) is None

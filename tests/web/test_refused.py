"""What could not be done is said as people say it: fields as forms call them, times as London has them."""

from __future__ import annotations

import pytest

from balancer.domain.errors import BalancerError, ClaimedError, ConflictError, InvalidValueError, UntimelyError
from balancer.web.refused import KeptError, words_for


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            UntimelyError("due_at", "is no sooner than it is due already: 2026-03-02T08:58:00+00:00"),
            "Needed by: is no sooner than it is due already: Mon 2 Mar 08:58. Nothing was done.",
        ),
        # the clocks have gone forward
        (ConflictError("it was due 2026-06-01T23:30:00+00:00"), "It was due Tue 2 Jun 00:30. Nothing was done."),
        (InvalidValueError("provider", "say to whom it goes"), "Provider: say to whom it goes. Nothing was done."),
        (KeptError("it was reported elsewhere"), "It was reported elsewhere."),
        (ConflictError("2026-13-45T10:00Z is no time"), "2026-13-45T10:00Z is no time. Nothing was done."),
    ],
)
def test_an_error_is_said_in_words(error: BalancerError, said: str) -> None:
    """Whatever was not done is not done, and what was kept all the same says so itself."""
    assert words_for(error, "") == said


def test_whoever_was_faster_is_named() -> None:
    """By name, and not by number."""
    said = words_for(ClaimedError("R2 has it open", "R2"), "Dr B. Example")
    assert said == "Dr B. Example opened it before you: it stays theirs, and nothing was done."

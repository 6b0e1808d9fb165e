"""How good a plan is known to be is said in the same words everywhere, and nowhere where nothing was proven."""

from __future__ import annotations

import pytest

from balancer.web.run_quality import quality_words, within_words


@pytest.mark.parametrize(
    ("gap", "within", "quality"),
    [
        (0.0071, "within 0.7% of the best possible", "Within 0.7% of the best possible"),
        (0.995, "", "No bound for this run"),
        (None, "", "No bound for this run"),
    ],
)
def test_a_bound_that_was_proven_is_said(gap: float | None, within: str, quality: str) -> None:
    """So near to all of it, nothing is known."""
    assert (within_words(gap), quality_words(gap)) == (within, quality)

"""How good a run's plan is known to be: said only where a bound was proven."""

from __future__ import annotations

from typing import Final

# A gap is a share of what could be avoided: so near to all of it, nothing is known.
_NOTHING_PROVEN: Final = 0.995


def within_words(gap: float | None) -> str:
    """Return how near to the best a plan is proven to be: `within 0.7% of the best possible`; else nothing."""
    if gap is None or gap >= _NOTHING_PROVEN:
        return ""
    return f"within {100 * gap:.1f}% of the best possible"


def quality_words(gap: float | None) -> str:
    """Return the same as a sentence of its own, which says so where nothing was proven."""
    proven = within_words(gap)
    return f"{proven[0].upper()}{proven[1:]}" if proven else "No bound for this run"

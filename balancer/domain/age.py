"""How old an unreported study is against what its class promises: the four parts of its way to the ceiling."""

from __future__ import annotations

from enum import StrEnum


class Age(StrEnum):
    """Where an unreported study stands; it is in exactly one.

    ``first`` and ``second``: in the first or second half of its target. ``late``: past it, and not past its ceiling.
    ``over``: past its class's ceiling, whatever its target.
    """

    FIRST = "first"
    SECOND = "second"
    LATE = "late"
    OVER = "over"

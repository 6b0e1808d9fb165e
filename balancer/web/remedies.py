"""The smallest remedy of what becomes late for one reason: beside every shortage stands the next step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from balancer.domain.becoming_late import PLANNED_LATE
from balancer.domain.half_days import HalfDay
from balancer.domain.plan import UnallocatedReason
from balancer.web.not_placed import Remedy
from balancer.web.studies_list import half_words

_HOURS_LACK: Final = frozenset({PLANNED_LATE, UnallocatedReason.NO_CAPACITY, UnallocatedReason.NO_SESSION})
_PEOPLE_LACK: Final = {
    UnallocatedReason.NO_ENTITLED_REPORTER: "Entitle somebody",
    UnallocatedReason.NO_SKILLED_REPORTER: "Enter who has the skill",
}
_NOTHING: Final = 0.05  # hours


def remedy(
    reason: str, subspecialty: str, short: Mapping[tuple[str, HalfDay], float], *, sees_rosters: bool
) -> Remedy | None:
    """Return what would help, as far as whoever looks can see to it; ``None`` where only the list of them says.

    Hours are asked for in the half-day in which most of them are ``short``, by subspecialty and half-day: by the plan
    whose lateness it is.
    """
    if reason in _HOURS_LACK:
        lacks = [(hours, half) for (name, half), hours in short.items() if name == subspecialty]
        hours, half = max(lacks, key=lambda found: found[0], default=(0.0, None))
        if half is None or hours < _NOTHING:
            return None
        words = f"Find cover: {hours:,.1f} h short on {half_words(half)}"
        return Remedy(words=words, link=where_cover_is_found(subspecialty, half) if sees_rosters else "")
    if reason in _PEOPLE_LACK:
        return Remedy(words=_PEOPLE_LACK[UnallocatedReason(reason)], link="/reporters" if sees_rosters else "")
    return None


def where_cover_is_found(subspecialty: str, half: HalfDay) -> str:
    """Return the address of the roster with whoever could be asked for those hours."""
    return f"/rosters?{urlencode({'short': subspecialty, 'at': half.code})}#open"

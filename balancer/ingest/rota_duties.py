"""What a rota says before it is resolved: one duty of one person, and the rows the duties came from."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from balancer.domain.feed import QuarantinedRow, SourceRow
from balancer.domain.instant import local_instant
from balancer.ingest.file_format import LONDON
from balancer.ingest.fold import folded
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.reasons import Reason
from balancer.ingest.roster_file import ActivityRule, Restrictions, RosterDescription
from balancer.ingest.row_faults import RowFaults
from balancer.ingest.toml_text import short


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One person engaged in one activity, from one instant to another; ``position`` is of its row.

    ``column`` is where an analyst looks for it; ``productivity`` is ``None`` where the policy's holds.
    """

    position: int
    column: str
    reporter_id: str
    start: datetime
    end: datetime
    rule: ActivityRule
    location: str
    productivity: float | None
    restrictions: Restrictions


@dataclass(frozen=True, slots=True, kw_only=True)
class Rota:
    """A rota read: its duties in the order of the file, its rows, and what is wrong with them.

    It speaks for the days from ``covers_from`` to ``covers_to``.
    """

    rows: list[SourceRow]
    duties: list[Duty]
    faults: RowFaults
    covers_from: date
    covers_to: date
    broken: list[QuarantinedRow] = field(default_factory=list)


class Staff:
    """The people of the network, and the codes of one rota."""

    def __init__(self, network: NetworkFolder, roster: RosterDescription) -> None:
        self._ids = {folded(person.reporter_id): person.reporter_id for person in network.reporters}
        self._activities = roster.activities

    def reporter(self, cell: str) -> str | None:
        """Return the person of that GMC or HCPC number."""
        return self._ids.get(folded(cell))

    def why_unknown(self, cell: str) -> tuple[Reason, str]:
        """Return why ``cell`` is nobody."""
        if not cell.strip():
            return Reason.MISSING_VALUE, "is empty"
        return Reason.UNKNOWN_REPORTER, f"{short(cell.strip())} is nobody in reporters.csv{_near(cell, self._ids)}"

    def activity(self, code: str) -> ActivityRule | None:
        """Return what a code means."""
        return self._activities.get(folded(code))

    def why_no_activity(self, code: str) -> tuple[Reason, str]:
        """Return why a code means nothing."""
        if not code.strip():
            return Reason.MISSING_VALUE, "is empty"
        return Reason.UNKNOWN_ACTIVITY, f"{short(code.strip())} is no code of this rota{_near(code, self._activities)}"


def _near(text: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(folded(text), known, n=1, cutoff=0.7)
    return f" (nearest: {near[0].upper()})" if near else ""


def instant_of(wall_clock: datetime, zone: str) -> datetime:
    """Return a wall-clock time of ``zone`` as an instant in UTC."""
    return local_instant(wall_clock) if zone == LONDON else wall_clock.replace(tzinfo=UTC)

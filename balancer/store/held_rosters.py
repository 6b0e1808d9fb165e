"""Rosters as they are said and as they hold, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, select

from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import OF_ROSTERS, Shift, changes, shifts_held
from balancer.store import instructions, people, scope
from balancer.store.tables import ReporterRow, SessionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRoster:
    """Sessions that rosters say, each with what holds of it and why; what was added; and the decisions within reach.

    Why: the last decision within reach that alone would change the session, by number.
    """

    said: Sequence[tuple[SessionRow, list[Shift], int | None]]
    added: Sequence[Shift]
    given: Sequence[Instruction]

    @property
    def absences(self) -> list[Instruction]:
        """The absences within reach."""
        return [item for item in self.given if item.kind is InstructionKind.ABSENCE]


def held_roster(
    session: Session, start: datetime, end: datetime, now: datetime, *, reporter_id: str | None = None
) -> HeldRoster:
    """Return the sessions within reach that reach into ``[start, end)``, as they are said and as they hold.

    What holds takes into account what was decided beyond reach too, and shows nothing else of it: a plan is made with
    what holds.
    """
    rows = people.session_rows(session, reporter_id, start=start, end=end)
    said = [Shift(trust=row.trust, session=people.rostered(row), said_id=row.session_id) for row in rows]
    with scope.unlimited(session) as whole:
        everything = instructions.in_force(whole, now, kinds=OF_ROSTERS, reporter_id=reporter_id)
        home = dict(whole.exec(select(ReporterRow.reporter_id, ReporterRow.home_trust)).all())
    given = instructions.in_force(session, now, kinds=OF_ROSTERS, reporter_id=reporter_id)
    within = {item.id for item in given}
    left: dict[str, list[Shift]] = defaultdict(list)
    for shift in shifts_held(said, everything, home):
        left[shift.said_id].append(shift)
    entries = [
        (
            row,
            left.pop(row.session_id, []),
            next((item.id for item in reversed(given) if changes(item, shift, home)), None),
        )
        for row, shift in zip(rows, said, strict=True)
    ]
    added = [shift for shifts in left.values() for shift in shifts if _began_with(shift) in within]
    reaching = [shift for shift in added if shift.session.start < end and shift.session.end > start]
    return HeldRoster(said=entries, added=sorted(reaching, key=_in_order), given=given)


def _began_with(shift: Shift) -> int:
    """Return the instruction that added a session: its name says so, whatever has cut it since."""
    return int(shift.said_id.rpartition("-")[2])


def _in_order(shift: Shift) -> tuple[datetime, str]:
    return shift.session.start, shift.session.session_id

"""The allocation's page of one day: which of its rows are drawn, what is open beside them, and who decides on it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final

from starlette.responses import Response

from balancer.domain.actor import ActorKind
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import Permission
from balancer.store import plan_figures, runs
from balancer.store.database import Session
from balancer.web import allocation_tables as made
from balancer.web.allocation import DAYS_SHOWN, Allocation, allocation, drawn
from balancer.web.allocation_twin import twin as twin_of
from balancer.web.desk import Desk
from balancer.web.downloads import download
from balancer.web.gantt import days_ahead
from balancer.web.gantt_shapes import GanttRow
from balancer.web.reads_behind import reads_behind
from balancer.web.tables import Medium, View

HERE: Final = "/allocation"
CHART: Final = "chart"
TABLE: Final = "table"
# What the page shows beside moves: it is theirs who may see each of it over the API too.
_SHOWN: Final = (Permission.WORKLISTS_READ, Permission.STUDIES_READ, Permission.REPORTERS_READ, Permission.RUNS_READ)
_MOVES_SHOWN: Final = 6


def require_sight(desk: Desk) -> None:
    """Ensure that whoever asks may see all that the allocation's pages show."""
    if not all(desk.may(permission) for permission in _SHOWN):
        raise NotAllowedError("this needs leave to see worklists, studies, reporters and runs")


class AllocationPage:
    """The page for one day and filter, as a chart or as a table.

    The reads of ``opened`` are beside it: those of their block at ``at``, if that is given, or ``only`` those that one
    of their figures counts. ``of``: which of its tables is wanted as a file, if not that of the day.
    """

    def __init__(  # noqa: PLR0913 - what an address says
        self,
        desk: Desk,
        view: View,
        day: date | None = None,
        looked_for: str = "",
        *,
        opened: str = "",
        at: datetime | None = None,
        only: str = "",
        of: made.Part | None = None,
    ) -> None:
        require_sight(desk)
        self._desk, self._view, self._looked_for = desk, view, looked_for
        self._opened, self._at, self._only, self._of = opened, at, only, of
        self._days = days_ahead(desk.now, DAYS_SHOWN)
        self._day = day if day in self._days else self._days[0]

    def answer(self, form: str, *, said: str = "", status: int = 200) -> Response:
        """Return the page."""
        desk, view = self._desk, self._view
        first, last = view.offset, view.offset + view.limit
        with desk.database.session() as session:
            found = allocation(session, desk.now, self._day, self._looked_for)
            undone = runs.can_be_undone(session)
            since = None if undone is None else undone.decided_at
            worked = 0 if since is None else plan_figures.worked_since(session, since)
            rows = self._drawn(session, found, form)
        base = found.standing
        twin = twin_of(found.gantt, base, view)
        if view.medium is not Medium.PAGE:
            table = made.reasons_table(found.not_placed, view) if self._of is made.Part.NOT_PLACED else twin
            return download(table, desk.now)
        desk.look("study", [move.read.study_id for move in found.moves[:_MOVES_SHOWN]])
        return desk.page(
            "allocation.html",
            title="Allocation",
            here=HERE,
            status=status,
            said=said,
            found=found,
            base=base,
            view=view,
            form=form,
            twin=twin,
            rows=[rows[row.reporter_id] for row in found.gantt.rows[first:last] if row.reporter_id in rows],
            moves=made.moves_table(
                found.moves[:_MOVES_SHOWN], base, View(path=f"{HERE}/moves"), points_at=f"{HERE}/moves"
            ),
            opened=self._beside(found, rows.get(self._opened)),
            days=[(day, _day_words(day, self._days[0])) for day in self._days],
            day=self._day,
            looked_for=self._looked_for,
            decides=self._decides(),
            undone=undone,
            worked=worked,
            done=_done_words(desk.request.query_params.get("done", ""), desk.request.query_params.get("left", "")),
        )

    def _decides(self) -> bool:
        """Tell whether the caller may publish or discard: a person who may at every trust."""
        caller = self._desk.caller
        return caller.kind is ActorKind.PERSON and caller.reach(Permission.RUNS_DECIDE).is_everywhere

    def _drawn(self, session: Session, found: Allocation, form: str) -> dict[str, GanttRow]:
        """Return the rows whose reads are shown, by reporter: those of the chart's page, and the one that is open."""
        view = self._view
        on_page = found.gantt.rows[view.offset : view.offset + view.limit] if form == CHART else ()
        whose = {self._opened, *(row.reporter_id for row in on_page)}
        shown = drawn(session, found, [row for row in found.gantt.rows if row.reporter_id in whose])
        return {row.reporter_id: row for row in shown}

    def _beside(self, found: Allocation, row: GanttRow | None) -> dict[str, Any] | None:
        """Return the reads that were asked for with what they are called; ``None`` if none were."""
        if row is None:
            return None
        at = self._at
        block = None if at is None else next((item for item in row.blocks if item.start <= at < item.end), None)
        self._desk.look("worklist", [row.reporter_id])
        said, reads = reads_behind(row, self._only, found.standing)
        if block is not None:
            said, reads = block.name, block.reads
        self._desk.look("study", [read.study_id for read in reads])
        return {
            "row": row,
            "said": said,
            "table": made.opened_table(row, reads, found.standing, self._view),
            "close": f"{self._view.address(open='', at='', only='')}#r-{row.reporter_id}",
        }


def _done_words(done: str, left: str) -> str:
    """Return what has just been done, in words; nothing for what is none of it."""
    stays = f" {left} could not be put back, and stay as they are." if left.isdecimal() and left != "0" else ""
    said = {
        "published": "Published. Everybody whose reads moved has a new list.",
        "discarded": "Discarded. Lists stand as they were, and another run is asked for.",
        "undone": f"Undone. Lists are as they were before it.{stays}",
    }
    return said.get(done, "")


def _day_words(day: date, today: date) -> str:
    return "Today" if day == today else f"{day:%a} {day.day}"

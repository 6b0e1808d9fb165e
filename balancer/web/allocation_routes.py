"""The allocation's pages: the day as a chart and as a table, and the lists behind every figure of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.routes.runs import require_everywhere
from balancer.api.serving import IdInPath, When
from balancer.domain.actor import ActorKind
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import Permission
from balancer.services.publish_held import discard_run, publish_held
from balancer.services.undo_run import undo_run
from balancer.store import plans, runs
from balancer.store.plans import IN_FORCE
from balancer.web import allocation_tables as made
from balancer.web.allocation import (
    DAYS_SHOWN,
    Allocation,
    Standing,
    allocation,
    load_of_everybody,
    moves_that_wait,
    standing_now,
)
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.gantt import days_ahead
from balancer.web.not_placed import REASONS, reason_words
from balancer.web.tables import Choice, Medium, Table, View, Viewing

router = APIRouter(include_in_schema=False)
HERE: Final = "/allocation"
# As for a run's moves over the API: for whoever decides about plans, or audits.
_SEES: Final = [may(Permission.RUNS_DECIDE, Permission.AUDIT_READ)]
_DECIDES: Final = [may(Permission.RUNS_DECIDE)]
# What the page shows beside moves: it is theirs who may see each of it over the API too.
_SHOWN: Final = (Permission.WORKLISTS_READ, Permission.STUDIES_READ, Permission.REPORTERS_READ, Permission.RUNS_READ)
_REASON: Final = Form(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")
_MOVES_SHOWN: Final = 6
_WITHIN: Final = (("4", "4 hours"), ("24", "24 hours"), ("72", "72 hours"))

Words = Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Reporter = Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Which = Annotated[str, Query(pattern="^(|proposed|published)$")]


def _require(desk: Desk) -> None:
    if not all(desk.may(permission) for permission in _SHOWN):
        raise NotAllowedError("this needs leave to see worklists, studies, reporters and runs")


@router.get("/allocation", dependencies=_SEES)
def show(  # noqa: PLR0913, PLR0917 - what is asked for
    desk: AtDesk,
    view: Viewing,
    day: Annotated[date | None, Query()] = None,
    q: Words = "",
    opened: Annotated[str, Query(alias="open", max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
    at: Annotated[When | None, Query()] = None,
) -> Response:
    """Show the day as a chart."""
    return _Page(desk, view, day, q).answer("chart", opened=opened, at=at)


@router.get("/allocation/table", dependencies=_SEES)
def show_table(  # noqa: PLR0913, PLR0917 - what is asked for
    desk: AtDesk,
    view: Viewing,
    day: Annotated[date | None, Query()] = None,
    q: Words = "",
    opened: Annotated[str, Query(alias="open", max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
    at: Annotated[When | None, Query()] = None,
) -> Response:
    """Show the same as a table."""
    return _Page(desk, view, day, q).answer("table", opened=opened, at=at)


@router.get("/allocation/newer", dependencies=_SEES)
def show_newer(desk: AtDesk, run: Annotated[int, Query(ge=0)] = 0) -> Response:
    """Say whether the plan that waits is another than the one that a page shows; nothing on it changes by itself."""
    with desk.database.session() as session:
        held = runs.newest_held(session)
    newer = held is not None and held.id != run
    return desk.part("allocation_newer.html", newer=newer, held=held, run=run)


@router.post("/allocation/runs/{run_id}/publish", dependencies=_DECIDES)
def publish(desk: AtDesk, run_id: IdInPath, reason: Annotated[str, _REASON]) -> Response:
    """Publish the plan that waits."""
    require_everywhere(desk.caller, desk.reach)
    database = desk.served.seeing_readings(desk.reach)
    return desk.after(
        lambda: publish_held(database, run_id, desk.now, by=desk.caller, reason=reason),
        then=lambda _: f"{HERE}?done=published",
        refused=lambda words, status: _Page(desk, View(path=HERE), None, "").answer("chart", said=words, status=status),
    )


@router.post("/allocation/runs/{run_id}/discard", dependencies=_DECIDES)
def discard(desk: AtDesk, run_id: IdInPath, reason: Annotated[str, _REASON]) -> Response:
    """Decide against the plan that waits."""
    require_everywhere(desk.caller, desk.reach)
    return desk.after(
        lambda: discard_run(desk.database, run_id, desk.now, by=desk.caller, reason=reason),
        then=lambda _: f"{HERE}?done=discarded",
        refused=lambda words, status: _Page(desk, View(path=HERE), None, "").answer("chart", said=words, status=status),
    )


@router.post("/allocation/runs/{run_id}/undo", dependencies=_DECIDES)
def undo(desk: AtDesk, run_id: IdInPath, reason: Annotated[str, _REASON]) -> Response:
    """Put lists back as they were before a run was published."""
    require_everywhere(desk.caller, desk.reach)
    database = desk.served.seeing_readings(desk.reach)
    return desk.after(
        lambda: undo_run(database, run_id, desk.now, by=desk.caller, reason=reason),
        then=lambda left: f"{HERE}?done=undone&left={len(left)}",
        refused=lambda words, status: _Page(desk, View(path=HERE), None, "").answer("chart", said=words, status=status),
    )


# --- the lists behind the figures -------------------------------------------------------------------------------------


@router.get("/allocation/moves", dependencies=_SEES)
def show_moves(desk: AtDesk, view: Viewing, reporter: Reporter = "", trust: Reporter = "") -> Response:
    """Show whom the plan that waits would move."""
    _require(desk)
    with desk.database.session() as session:
        base = standing_now(session, desk.now)
        moves = moves_that_wait(session, base)
    found = [
        move
        for move in moves
        if (not trust or move.read.trust == trust)
        and (not reporter or reporter in {spot.reporter_id for spot in (move.read.was, move.read.becomes) if spot})
    ]
    desk.look("study", [move.read.study_id for move in found])
    filters = [_trusts(base, trust), _reporters(base, moves, reporter)]
    table = made.moves_table(found, base, view, filters)
    heading = f"{len(moves):,} {'read moves' if len(moves) == 1 else 'reads move'} if the plan is published"
    return _list(desk, view, table, heading=heading, base=base, note=_POINTS)


_POINTS: Final = (
    "A point is one hour late for one routine study. A move's points are those of the read alone: its time, who reads "
    "it and from where. What it makes room for is not in them, so a move may cost points and still be worth it."
)


@router.get("/allocation/unallocated", dependencies=_SEES)
def show_not_placed(
    desk: AtDesk,
    view: Viewing,
    reason: Annotated[str, Query(max_length=64, pattern=r"^[a-z_]*$")] = "",
    trust: Reporter = "",
    plan: Which = "",
) -> Response:
    """Show what has no place."""
    _require(desk)
    with desk.database.session() as session:
        base = standing_now(session, desk.now)
        proposed = _is_proposed(base, plan)
        reads = plans.not_placed(session, base.run_id, base.plan if proposed else IN_FORCE)
    why = {read.read_id: (read.why_then if proposed else read.why) or "unplanned" for read in reads}
    found = [
        read for read in reads if (not reason or why[read.read_id] == reason) and (not trust or read.trust == trust)
    ]
    desk.look("study", [read.study_id for read in found])
    known = [(name, reason_words(name)) for name in REASONS if name in set(why.values())]
    reasons = Choice(name="reason", label="Reason", options=[("", "Every reason"), *known], chosen=reason)
    table = made.not_placed_table(
        found, base, view, proposed=proposed, filters=[reasons, _trusts(base, trust), *_plans(base, proposed=proposed)]
    )
    return _list(desk, view, table, heading=f"{len(found):,} reads have no place", base=base, plan=proposed)


@router.get("/allocation/late", dependencies=_SEES)
def show_late(
    desk: AtDesk, view: Viewing, within: Annotated[float, Query(gt=0, le=720)] = 24, plan: Which = ""
) -> Response:
    """Show what a plan lets become late."""
    _require(desk)
    with desk.database.session() as session:
        base = standing_now(session, desk.now)
        proposed = _is_proposed(base, plan)
        of_plan = base.plan if proposed else IN_FORCE
        reads = plans.becoming_late(session, base.run_id, of_plan, desk.now, within)
    desk.look("study", [read.study_id for read in reads])
    chosen = Choice(name="within", label="Within", options=_WITHIN, chosen=f"{within:g}")
    table = made.late_table(reads, base, view, proposed=proposed, filters=[chosen, *_plans(base, proposed=proposed)])
    heading = f"{table.total:,} {'study becomes' if table.total == 1 else 'studies become'} late within {within:g} h"
    return _list(desk, view, table, heading=heading, base=base, plan=proposed)


@router.get("/allocation/load", dependencies=_SEES)
def show_load(desk: AtDesk, view: Viewing) -> Response:
    """Show everybody's load."""
    _require(desk)
    with desk.database.session() as session:
        base = standing_now(session, desk.now)
        found = load_of_everybody(session, base)
    table = made.load_table(found.loads, view, waits=base.held is not None)
    note = "Planned reading by what is left of somebody's reporting sessions within the horizon, at every trust."
    return _list(desk, view, table, heading="Load of each reporter", base=base, note=note)


def _is_proposed(base: Standing, plan: str) -> bool:
    return base.held is not None and plan != "published"


def _trusts(base: Standing, chosen: str) -> Choice:
    options = [("", "Every trust"), *((code, name) for code, name in base.trusts.items())]
    return Choice(name="trust", label="Trust", options=options, chosen=chosen)


def _reporters(base: Standing, moves: Sequence[Any], chosen: str) -> Choice:
    named = {spot.reporter_id for move in moves for spot in (move.read.was, move.read.becomes) if spot}
    options = [(person.reporter_id, person.name) for person in base.people if person.reporter_id in named]
    return Choice(name="reporter", label="From or to", options=[("", "Everybody"), *options], chosen=chosen)


def _plans(base: Standing, *, proposed: bool) -> list[Choice]:
    if base.held is None:
        return []
    return [Choice(name="plan", label="In", options=made.PLANS, chosen="proposed" if proposed else "published")]


def _list(  # noqa: PLR0913 - what stands around a table
    desk: Desk, view: View, table: Table, *, heading: str, base: Standing, plan: bool | None = None, note: str = ""
) -> Response:
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    return desk.page(
        "allocation_list.html",
        title=table.name,
        here=HERE,
        heading=heading,
        table=table,
        base=base,
        plan=plan,
        note=note,
    )


# --- the page ---------------------------------------------------------------------------------------------------------


class _Page:
    """The page for one day and filter, as a chart or as a table."""

    def __init__(self, desk: Desk, view: View, day: date | None, looked_for: str) -> None:
        _require(desk)
        self._desk, self._view, self._looked_for = desk, view, looked_for
        self._days = days_ahead(desk.now, DAYS_SHOWN)
        self._day = day if day in self._days else self._days[0]

    def answer(
        self, form: str, *, opened: str = "", at: datetime | None = None, said: str = "", status: int = 200
    ) -> Response:
        """Return the page, with the reads of ``opened`` beside it: of their block at ``at``, if that is given."""
        desk, view = self._desk, self._view
        with desk.database.session() as session:
            found = allocation(session, desk.now, self._day, self._looked_for)
            undone = runs.can_be_undone(session)
            since = None if undone is None else undone.decided_at
            worked = 0 if since is None else plans.worked_since(session, since)
        base = found.standing
        twin = made.twin(found.gantt, base, view)
        if view.medium is not Medium.PAGE:
            return download(twin, desk.now)
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
            rows=found.gantt.rows[view.offset : view.offset + view.limit],
            moves=made.moves_table(found.moves[:_MOVES_SHOWN], base, View(path=f"{HERE}/moves")),
            opened=self._opened(found, opened, at),
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

    def _opened(self, found: Allocation, reporter_id: str, at: datetime | None) -> dict[str, Any] | None:
        """Return the reads that were asked for with what they are called; ``None`` if none were."""
        row = next((row for row in found.gantt.rows if row.reporter_id == reporter_id), None)
        if row is None:
            return None
        block = None if at is None else next((item for item in row.blocks if item.start <= at < item.end), None)
        self._desk.look("worklist", [reporter_id])
        reads = row.reads if block is None else block.reads
        self._desk.look("study", [read.study_id for read in reads])
        return {
            "row": row,
            "block": block,
            "table": made.opened_table(row, reads, found.standing, self._view),
            "close": f"{self._view.address(open='', at='')}#r-{reporter_id}",
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

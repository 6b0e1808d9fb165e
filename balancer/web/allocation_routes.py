"""The allocation's pages: the day as a chart and as a table, and the lists behind every figure of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query
from pydantic import BeforeValidator
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.routes.runs import require_everywhere
from balancer.api.serving import IdInPath, When
from balancer.domain.permission import Permission
from balancer.services.publish_held import discard_run, publish_held
from balancer.services.undo_run import undo_run
from balancer.store import plans, runs
from balancer.store.plans import IN_FORCE
from balancer.web import allocation_tables as made
from balancer.web.allocation import Standing, load_of_everybody, moves_that_wait, standing_now
from balancer.web.allocation_page import CHART, HERE, TABLE, AllocationPage, require_sight
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.moves_meant import EVERY_MOVE, MovesAsked, Way, moves_filters, moves_heading, moves_meant
from balancer.web.not_placed import REASONS, reason_words
from balancer.web.points import point_words
from balancer.web.tables import Choice, Medium, Table, View, Viewing

router = APIRouter(include_in_schema=False)
# As for a run's moves over the API: for whoever decides about plans, or audits.
_SEES: Final = [may(Permission.RUNS_DECIDE, Permission.AUDIT_READ)]
_DECIDES: Final = [may(Permission.RUNS_DECIDE)]
_REASON: Final = Form(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")
_WITHIN: Final = (("4", "4 hours"), ("24", "24 hours"), ("72", "72 hours"))

Words = Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")]
Reporter = Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")]
# A filter that is taken off is sent empty.
_OrNone = Annotated[date | None, BeforeValidator(lambda said: said or None), Query()]
_WayOrNone = Annotated[Way | None, BeforeValidator(lambda said: said or None), Query()]
Which = Annotated[str, Query(pattern="^(|proposed|published)$")]


def _page(  # noqa: PLR0913, PLR0917 - what an address says
    desk: AtDesk,
    view: Viewing,
    day: Annotated[date | None, Query()] = None,
    q: Words = "",
    opened: Annotated[str, Query(alias="open", max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
    at: Annotated[When | None, Query()] = None,
    only: Annotated[str, Query(max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
    of: made.Part | None = None,
) -> AllocationPage:
    return AllocationPage(desk, view, day, q, opened=opened, at=at, only=only, of=of)


Page = Annotated[AllocationPage, Depends(_page)]


@router.get("/allocation", dependencies=_SEES)
def show(page: Page) -> Response:
    """Show the day as a chart."""
    return page.answer(CHART)


@router.get("/allocation/table", dependencies=_SEES)
def show_table(page: Page) -> Response:
    """Show the same as a table."""
    return page.answer(TABLE)


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
        refused=_refused(desk),
    )


@router.post("/allocation/runs/{run_id}/discard", dependencies=_DECIDES)
def discard(desk: AtDesk, run_id: IdInPath, reason: Annotated[str, _REASON]) -> Response:
    """Decide against the plan that waits."""
    require_everywhere(desk.caller, desk.reach)
    return desk.after(
        lambda: discard_run(desk.database, run_id, desk.now, by=desk.caller, reason=reason),
        then=lambda _: f"{HERE}?done=discarded",
        refused=_refused(desk),
    )


@router.post("/allocation/runs/{run_id}/undo", dependencies=_DECIDES)
def undo(desk: AtDesk, run_id: IdInPath, reason: Annotated[str, _REASON]) -> Response:
    """Put lists back as they were before a run was published."""
    require_everywhere(desk.caller, desk.reach)
    database = desk.served.seeing_readings(desk.reach)
    return desk.after(
        lambda: undo_run(database, run_id, desk.now, by=desk.caller, reason=reason),
        then=lambda left: f"{HERE}?done=undone&left={len(left)}",
        refused=_refused(desk),
    )


def _refused(desk: Desk) -> Callable[[str, int], Response]:
    """Return what shows the page with why something could not be done."""
    return lambda words, status: AllocationPage(desk, View(path=HERE)).answer(CHART, said=words, status=status)


# --- the lists behind the figures -------------------------------------------------------------------------------------


@router.get("/allocation/moves", dependencies=_SEES)
def show_moves(  # noqa: PLR0913, PLR0917 - one parameter a filter
    desk: AtDesk,
    view: Viewing,
    reporter: Reporter = "",
    trust: Reporter = "",
    way: _WayOrNone = None,
    day: _OrNone = None,
    next_on: _OrNone = None,
    had: Annotated[str, Query(pattern="^(|true)$")] = "",
) -> Response:
    """Show whom the plan that waits would move; whoever steers may leave some of it out."""
    asked = MovesAsked(reporter=reporter, trust=trust, way=way, day=day, next_on=next_on, had=bool(had))
    return moves_shown(desk, view, asked)


def moves_shown(
    desk: Desk, view: View, asked: MovesAsked = EVERY_MOVE, *, said: str = "", status: int = 200
) -> Response:
    """Return the list of moves; ``said`` is what could not be done about them."""
    require_sight(desk)
    with desk.database.session() as session:
        base = standing_now(session, desk.now)
        moves = moves_that_wait(session, base)
        found = moves_meant(session, base, moves, asked)
    desk.look("study", [move.read.study_id for move in found])
    picks = desk.may(Permission.READS_STEER) and base.held is not None and view.medium is Medium.PAGE
    table = made.moves_table(found, base, view, moves_filters(base, moves, asked), picked=picks)
    return _list(
        desk,
        view,
        table,
        heading=moves_heading(len(found), base, asked),
        base=base,
        note=f"{point_words(base.policy)} {_POINTS}",
        leaves=picks and bool(table.rows),
        said=said,
        status=status,
    )


_POINTS: Final = (
    "A move's points are those of the read alone: its time, who reads it and from where. What it makes room for is not "
    "in them, so a move may cost points and still be worth it."
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
    require_sight(desk)
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
    require_sight(desk)
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
    require_sight(desk)
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


def _plans(base: Standing, *, proposed: bool) -> list[Choice]:
    if base.held is None:
        return []
    return [Choice(name="plan", label="In", options=made.PLANS, chosen="proposed" if proposed else "published")]


def _list(  # noqa: PLR0913 - what stands around a table
    desk: Desk,
    view: View,
    table: Table,
    *,
    heading: str,
    base: Standing,
    plan: bool | None = None,
    note: str = "",
    leaves: bool = False,
    said: str = "",
    status: int = 200,
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
        leaves=leaves,
        said=said,
        status=status,
    )

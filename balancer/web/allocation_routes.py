"""The allocation's pages: the day as a chart and as a table, and the lists behind every figure of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any, Final

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
from balancer.web.allocation import Standing, load_of_everybody, moves_of_next, moves_that_wait, standing_now
from balancer.web.allocation_page import CHART, HERE, TABLE, AllocationPage, require_sight
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
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
Which = Annotated[str, Query(pattern="^(|proposed|published)$")]


def _page(  # noqa: PLR0913, PLR0917 - what an address says
    desk: AtDesk,
    view: Viewing,
    day: Annotated[date | None, Query()] = None,
    q: Words = "",
    opened: Annotated[str, Query(alias="open", max_length=64, pattern=r"^[^\x00-\x1f]*$")] = "",
    at: Annotated[When | None, Query()] = None,
    of: made.Part | None = None,
) -> AllocationPage:
    return AllocationPage(desk, view, day, q, opened=opened, at=at, of=of)


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
def show_moves(
    desk: AtDesk,
    view: Viewing,
    reporter: Reporter = "",
    trust: Reporter = "",
    next_on: _OrNone = None,
) -> Response:
    """Show whom the plan that waits would move; whoever steers may leave some of it out.

    ``next_on``: only what it takes of somebody's next few reads on that day.
    """
    return moves_shown(desk, view, reporter=reporter, trust=trust, next_on=next_on)


def moves_shown(  # noqa: PLR0913 - which moves, and what is said of them
    desk: Desk,
    view: View,
    *,
    reporter: str = "",
    trust: str = "",
    next_on: date | None = None,
    said: str = "",
    status: int = 200,
) -> Response:
    """Return the list of moves; ``said`` is what could not be done about them."""
    require_sight(desk)
    with desk.database.session() as session:
        base = standing_now(session, desk.now)
        moves = moves_that_wait(session, base)
        among = moves if next_on is None else moves_of_next(session, base, next_on, moves)
    found = [
        move
        for move in among
        if (not trust or move.read.trust == trust)
        and (not reporter or reporter in {spot.reporter_id for spot in (move.read.was, move.read.becomes) if spot})
    ]
    desk.look("study", [move.read.study_id for move in found])
    filters = [_trusts(base, trust), _reporters(base, moves, reporter), *_next(base, next_on)]
    picks = desk.may(Permission.READS_STEER) and base.held is not None and view.medium is Medium.PAGE
    table = made.moves_table(found, base, view, filters, picked=picks)
    of_next = "" if next_on is None else f" of people's next {base.policy.replan.protected_next}"
    moved = f"read{of_next} moves" if len(among) == 1 else f"reads{of_next} move"
    heading = f"{len(among):,} {moved} if the plan is published"
    leaves = picks and bool(table.rows)
    note = f"{point_words(base.policy)} {_POINTS}"
    return _list(
        desk,
        view,
        table,
        heading=heading,
        base=base,
        note=note,
        leaves=leaves,
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


def _reporters(base: Standing, moves: Sequence[Any], chosen: str) -> Choice:
    named = {spot.reporter_id for move in moves for spot in (move.read.was, move.read.becomes) if spot}
    options = [(person.reporter_id, person.name) for person in base.people if person.reporter_id in named]
    return Choice(name="reporter", label="From or to", options=[("", "Everybody"), *options], chosen=chosen)


def _next(base: Standing, chosen: date | None) -> list[Choice]:
    """Return the filter that a link has set, so that it can be taken off."""
    if chosen is None:
        return []
    words = f"Of people's next {base.policy.replan.protected_next}, {chosen:%a} {chosen.day} {chosen:%B}"
    options = [("", "Every move"), (chosen.isoformat(), words)]
    return [Choice(name="next_on", label="Which", options=options, chosen=chosen.isoformat())]


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

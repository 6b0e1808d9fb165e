"""The overview, at the address where everybody begins: whoever has no use for it is sent to where theirs is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from balancer.api.callers import may
from balancer.domain.errors import NotFoundError
from balancer.domain.permission import Permission
from balancer.services.release_emergencies import emergencies_due_out_at
from balancer.services.see_proposal import becoming_late
from balancer.services.see_unreported import see_unreported
from balancer.store import plans, runs
from balancer.store.database import Session
from balancer.web.class_table import as_download
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.forecast import HOURS
from balancer.web.overview import Overview, overview
from balancer.web.overview_figures import Proposed, Sight
from balancer.web.overview_tables import Card, card_table
from balancer.web.proposals import proposals_of
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
HERE: Final = "/"
_SEE_OTHER: Final = 303
# Where somebody begins who may not see the overview: the first that they may open.
_ELSEWHERE: Final[Mapping[Permission, str]] = {
    Permission.STUDIES_READ: "/studies",
    Permission.WORKLISTS_READ: "/lists",
}


# Whoever holds anything may come; what they are shown is within what they may see of it.
@router.get(HERE, dependencies=[may(*Permission)])
def show_overview(desk: AtDesk, view: Viewing, of: Card | None = None) -> Response:
    """Show where the network stands; send a reporter to their list, and others to what they may see.

    ``of``: which of its tables is wanted as a file, if not that of classes.
    """
    if not desk.may(Permission.BALANCE_READ):
        return RedirectResponse(_begins(desk), _SEE_OTHER)
    with desk.within(Permission.BALANCE_READ).session() as session:
        try:
            found = overview(session, _proposed(desk, session), _sight(desk), desk.now)
        except NotFoundError as nothing_loaded:
            return desk.page("overview_empty.html", title="Overview", here=HERE, said=str(nothing_loaded))
    return _answer(desk, view, found, of)


def _answer(desk: Desk, view: View, found: Overview, of: Card | None) -> Response:
    if view.medium is not Medium.PAGE:
        table = as_download(found.classes, view) if of is None else card_table(found, of, view)
        return download(table, desk.now)
    return desk.page("overview.html", title="Overview", here=HERE, found=found, view=view)


def _begins(desk: Desk) -> str:
    """Return where somebody begins who may not see the overview."""
    if desk.caller.reporter_id is not None and desk.caller.may(Permission.READS_WORK):
        return "/my-list"
    return next((address for permission, address in _ELSEWHERE.items() if desk.may(permission)), "/about")


def _sight(desk: Desk) -> Sight:
    return Sight(
        studies=desk.may(Permission.STUDIES_READ),
        rosters=desk.may(Permission.REPORTERS_READ),
        runs=desk.may(Permission.RUNS_READ),
        moves=desk.may(Permission.RUNS_DECIDE) or desk.may(Permission.AUDIT_READ),
        feeds=desk.may(Permission.FEEDS_READ),
    )


def _proposed(desk: Desk, session: Session) -> Proposed | None:
    """Return the plan that waits to be published, if one does and whoever looks may see runs."""
    held = runs.newest_held(session) if desk.may(Permission.RUNS_READ) else None
    if held is None:
        return None
    proposal = proposals_of(desk.request, desk.request.app.state.serving.database).of(session, held.id or 0)
    reads = see_unreported(session, desk.now).waiting_reads(session, HOURS)
    return Proposed(
        run=held,
        late=becoming_late(proposal, reads),
        moves=plans.count_moving(session, held.id or 0),
        due_out_at=emergencies_due_out_at(session),
    )

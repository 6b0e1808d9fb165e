"""The page of the audit trail: filtered, downloaded, and its chain followed when somebody asks."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.routes.audit import entries_cut_for, require_everywhere
from balancer.domain.permission import Permission
from balancer.store import audit
from balancer.web.audit import audit_table, verdict_words
from balancer.web.desk import AtDesk
from balancer.web.downloads import download
from balancer.web.tables import Medium, Viewing

router = APIRouter(include_in_schema=False)
_HERE: Final = "/audit"
_Word = Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")]


@router.get("/audit", dependencies=[may(Permission.AUDIT_READ)])
def show_audit(  # noqa: PLR0913, PLR0917 - one parameter a filter
    desk: AtDesk,
    view: Viewing,
    actor: _Word = "",
    action: _Word = "",
    kind: _Word = "",
    subject: _Word = "",
    check: Annotated[bool, Query()] = False,  # noqa: FBT002 - from a link
) -> Response:
    """Show what was done, newest first, and with ``check`` whether the chain holds."""
    require_everywhere(desk.reach)
    which = audit.AuditFilter(actor=actor.strip(), action=action.strip(), kind=kind.strip(), subject=subject.strip())
    with desk.database.session() as session:
        blind = desk.reach.blind_to if which.actor not in {"", desk.caller.subject} else None
        rows, total = audit.entries_page(session, which, limit=view.limit, offset=view.offset, blind_to=blind)
        cut = entries_cut_for(session, desk.reach, rows)
        verdict = audit.verify(session) if check else None
    with_hashes = desk.reach.blind_to is None
    table = audit_table(rows, total, cut, view, desk.now, with_hashes=with_hashes)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    said = None if verdict is None else verdict_words(verdict, with_hashes=with_hashes)
    holds = verdict is not None and not verdict.fault
    return desk.page("audit.html", title="Audit", here=_HERE, table=table, verdict=said, holds=holds)

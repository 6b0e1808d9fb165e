"""Rows of quarantine that are not to be mended: refused with a reason, listed, and taken up again."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from pydantic import BeforeValidator
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.serving import Code, IdInPath
from balancer.domain.errors import ConflictError
from balancer.domain.permission import Permission
from balancer.domain.states import QuarantineState
from balancer.services.refuse_rows import refuse_rows, reopen_row
from balancer.services.word_at_fault import SETTLED
from balancer.store import quarantine
from balancer.store.quarantine import QuarantineFilter
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.quarantine_routes import REASON, quarantine_page, rows_with_cause
from balancer.web.quarantine_rows import HERE, rows_heading, rows_listed
from balancer.web.tables import Medium, Viewing

router = APIRouter(include_in_schema=False)
_DECIDE: Final = [may(Permission.FEEDS_DECIDE)]
_MOST: Final = 2**31 - 1
# A filter that is taken off is sent empty.
_BatchOrNone = Annotated[int | None, BeforeValidator(lambda said: said or None), Query(ge=1, le=_MOST)]


@router.get(HERE, dependencies=[may(Permission.QUARANTINE_READ)])
def show_rows(  # noqa: PLR0913, PLR0917 - one parameter a filter
    desk: AtDesk,
    view: Viewing,
    state: Annotated[str, Query(pattern="^[a-z]*$", max_length=20)] = QuarantineState.REFUSED.value,
    feed: Code = "",
    reason: Code = "",
    batch: _BatchOrNone = None,
) -> Response:
    """List rows of quarantine, whatever became of them: refused ones, if no other state is asked for."""
    wanted = QuarantineState(state) if state in set(QuarantineState) else None
    which = QuarantineFilter(feed=feed or None, reason=reason or None, state=wanted, batch=batch)
    with desk.database.session() as session:
        rows, total = quarantine.rows_like(session, which, limit=view.limit, offset=view.offset)
    desk.look("quarantined_row", [row.id or 0 for row in rows])
    table = rows_listed(rows, total, which, view, desk.now)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    heading = rows_heading(which, total)
    return desk.page("quarantine_rows.html", title="Rows of quarantine", here="/feeds", table=table, heading=heading)


@router.post("/quarantine/{row_id:int}/refuse", dependencies=_DECIDE)
def refuse(
    desk: AtDesk,
    row_id: IdInPath,
    reason: Annotated[str, REASON],
    rows: Annotated[int, Form(ge=1, le=_MOST)] = 1,
) -> Response:
    """Decide that a row is not to be mended, or all ``rows`` with its cause, if they are still so many."""

    def act() -> int:
        chosen = _chosen(desk, row_id, rows)
        refuse_rows(desk.database, chosen, desk.now, by=desk.caller, reason=" ".join(reason.split()))
        return len(chosen)

    return desk.after(
        act,
        then=lambda many: f"/quarantine?refused={many}",
        refused=lambda words, status: quarantine_page(desk, row_id, said=words, status=status),
    )


@router.post("/quarantine/{row_id:int}/reopen", dependencies=_DECIDE)
def reopen(desk: AtDesk, row_id: IdInPath, reason: Annotated[str, REASON]) -> Response:
    """Take back that a row is refused."""
    return desk.after(
        lambda: reopen_row(desk.database, row_id, desk.now, by=desk.caller, reason=" ".join(reason.split())),
        then=lambda _: f"/quarantine/{row_id}",
        refused=lambda words, status: quarantine_page(desk, row_id, said=words, status=status),
    )


def _chosen(desk: Desk, row_id: int, rows: int) -> list[int]:
    """Return the rows that are meant: the one, or all with its cause as its page counted them."""
    if rows == 1:
        return [row_id]
    found = rows_with_cause(desk, row_id)
    if not found:
        raise ConflictError(SETTLED)
    if len(found) != rows:
        raise ConflictError(f"there are {len(found):,} rows with this cause now, and not {rows:,}: look at it anew")
    return found

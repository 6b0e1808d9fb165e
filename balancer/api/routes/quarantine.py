"""Rows that could not be taken, and reading them again after the map was mended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.models.quarantine import QuarantinedRowOut, ReasonOut
from balancer.api.models.shape import ListOut, PageOut
from balancer.api.serving import Code, IdInPath, Paging, Served, page_out
from balancer.domain.states import QuarantineState
from balancer.store import quarantine

router = APIRouter()


@router.get("/quarantine", tags=["quarantine"])
def list_quarantined(  # noqa: PLR0913, PLR0917 - one parameter a filter
    served: Served,
    cut: Paging,
    feed: Code | None = None,
    reason: Code | None = None,
    state: QuarantineState = QuarantineState.OPEN,
    batch_id: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The last batch that held the row.")] = None,
) -> PageOut[QuarantinedRowOut]:
    """List rows that could not be taken, newest first, each whole and with its reason."""
    which = quarantine.QuarantineFilter(feed=feed, reason=reason, state=state, batch=batch_id)
    with served.database.session() as session:
        return page_out(quarantine.quarantined(session, which, cut), QuarantinedRowOut.of)


@router.get("/quarantine/reasons", tags=["quarantine"])
def count_quarantined(served: Served, feed: Code | None = None) -> ListOut[ReasonOut]:
    """Count the rows that wait in quarantine, by feed and reason, the most frequent first."""
    with served.database.session() as session:
        return ListOut(items=[ReasonOut.of(counted) for counted in quarantine.reasons(session, feed)])


@router.get("/quarantine/{row_id}", tags=["quarantine"], responses=problems.may_be(problems.NOT_FOUND))
def get_quarantined(served: Served, row_id: IdInPath) -> QuarantinedRowOut:
    """Get one row, whatever became of it."""
    with served.database.session() as session:
        return QuarantinedRowOut.of(quarantine.quarantined_row(session, row_id))

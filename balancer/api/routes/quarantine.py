"""Rows that could not be taken, and reading them again after the map was mended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.looks import Looking
from balancer.api.models.feeds import BatchOut
from balancer.api.models.instructions import WhyIn
from balancer.api.models.quarantine import QuarantinedRowOut, ReasonOut, ReplayIn
from balancer.api.models.shape import ListOut, PageOut
from balancer.api.serving import Code, IdInPath, Paging, Served, page_out
from balancer.domain.permission import Permission
from balancer.domain.states import QuarantineState
from balancer.services.refuse_rows import refuse_rows, reopen_row
from balancer.services.shift import shift_to_present
from balancer.store import batches, quarantine

router = APIRouter()
# What the audit trail calls what is shown here.
_ROW = "quarantined_row"


@router.get(
    "/quarantine",
    tags=["quarantine"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.QUARANTINE_READ)],
)
def list_quarantined(  # noqa: PLR0913, PLR0917 - one parameter a filter
    served: Served,
    look: Looking,
    cut: Paging,
    feed: Code | None = None,
    reason: Code | None = None,
    state: QuarantineState = QuarantineState.OPEN,
    batch_id: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="The last batch that held the row.")] = None,
) -> PageOut[QuarantinedRowOut]:
    """List rows that could not be taken, newest first, each whole and with its reason."""
    which = quarantine.QuarantineFilter(feed=feed, reason=reason, state=state, batch=batch_id)
    with served.database.session() as session:
        found = quarantine.quarantined(session, which, cut)
        look(_ROW, [row.id or 0 for row in found.items])
        return page_out(found, QuarantinedRowOut.of)


@router.get("/quarantine/reasons", tags=["quarantine"], dependencies=[may(Permission.FEEDS_READ)])
def count_quarantined(served: Served, feed: Code | None = None) -> ListOut[ReasonOut]:
    """Count the rows that wait in quarantine, by feed and reason, the most frequent first."""
    with served.database.session() as session:
        return ListOut(items=[ReasonOut.of(counted) for counted in quarantine.reasons(session, feed)])


# a number only: "replay" is another address
@router.get(
    "/quarantine/{row_id:int}",
    tags=["quarantine"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.QUARANTINE_READ)],
)
def get_quarantined(served: Served, look: Looking, row_id: IdInPath) -> QuarantinedRowOut:
    """Get one row, whatever became of it."""
    with served.database.session() as session:
        found = quarantine.quarantined_row(session, row_id)
        look(_ROW, [row_id])
        return QuarantinedRowOut.of(found)


@router.post(
    "/quarantine/{row_id:int}/refuse",
    tags=["quarantine"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT),
    dependencies=[may(Permission.FEEDS_DECIDE)],
)
def refuse_quarantined(
    served: Served, caller: Caller, look: Looking, row_id: IdInPath, asked: WhyIn
) -> QuarantinedRowOut:
    """Decide that a row is not to be mended: it is asked about no more, and stays in the books as refused.

    When a later file no longer has it, it is `gone`; when one has its study in a row that can be read, that is taken.
    """
    refuse_rows(served.database, [row_id], served.clock.now(), by=caller, reason=asked.reason)
    return get_quarantined(served, look, row_id)


@router.post(
    "/quarantine/{row_id:int}/reopen",
    tags=["quarantine"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT),
    dependencies=[may(Permission.FEEDS_DECIDE)],
)
def reopen_quarantined(
    served: Served, caller: Caller, look: Looking, row_id: IdInPath, asked: WhyIn
) -> QuarantinedRowOut:
    """Take back that a row is refused: it waits to be mended again."""
    reopen_row(served.database, row_id, served.clock.now(), by=caller, reason=asked.reason)
    return get_quarantined(served, look, row_id)


@router.post(
    "/quarantine/replay",
    tags=["quarantine"],
    responses=problems.may_be(problems.NOT_FOUND, problems.NETWORK_REFUSED),
    dependencies=[may(Permission.FEEDS_DECIDE)],
)
def replay(served: Served, reach: Reaching, asked: ReplayIn | None = None) -> ListOut[BatchOut]:
    """Read the rows in quarantine again, with the feed descriptions and the catalogue as they are now.

    Rows that can be taken now become studies; the others stay, with the reason there is now. The answer is a batch for
    each feed of the caller's trusts that had any. If anything was taken, a run is asked for.
    """
    now = served.clock.now()
    network = served.read_network()
    if asked is not None and asked.feed is not None:
        from balancer.services.described_feed import described_feed  # noqa: PLC0415 - as below

        network = replace(network, feeds=(described_feed(served.database, network, asked.feed),))
    shift = shift_to_present(served.database, network.as_of, now) if served.shifts and network.as_of else timedelta()
    from balancer.services.replay_quarantine import replay_quarantine  # noqa: PLC0415 - it loads pandas; few need it

    database = served.seeing_readings(reach)
    outcomes = replay_quarantine(database, network, served.pseudonym_key, now, shift=shift)
    with served.database.session() as session:
        return ListOut(items=[BatchOut.of(batches.batch(session, outcome.batch_id)) for outcome in outcomes])

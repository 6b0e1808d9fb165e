"""The ledger between trusts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api.callers import may
from balancer.api.models.ledger import LedgerPairOut, LedgerTrustOut, LedgerWeekOut
from balancer.api.models.shape import ListOut
from balancer.api.serving import Day, Served
from balancer.domain.ledger import LedgerWeek, week_of
from balancer.domain.permission import Permission
from balancer.store import ledger, standing
from balancer.store.database import Database
from balancer.store.policies import current_caps

router = APIRouter()
_MOST_WEEKS = 53


@router.get("/ledger", tags=["ledger"], dependencies=[may(Permission.LEDGER_READ)])
def get_ledger(
    served: Served,
    week: Annotated[
        Day | None, Query(description="Any day of the last week that is asked for; today's if none is named.")
    ] = None,
    weeks: Annotated[int, Query(ge=1, le=_MOST_WEEKS, description="How many weeks, the last one included.")] = 1,
) -> ListOut[LedgerWeekOut]:
    """Show whose reporters have read how much for whom, newest week first.

    Booked with each completion, for the reporter's home trust and the study's trust, and taken back if the source
    still lists the study after the policy's hours. What was reported without a word to this service is not in it.
    """
    present = week_of(served.clock.now())
    last = present if week is None else week - timedelta(days=week.weekday())
    return ListOut(items=_weeks(served.database, last, weeks, present))


def _weeks(database: Database, last: date, number: int, present: date) -> list[LedgerWeekOut]:
    asked = [last - timedelta(weeks=back) for back in range(number)]
    with database.session() as session:
        found = {item.starts_on: item for item in ledger.weeks(session, asked[-1], last)}
        trusts = [row.code for row in standing.trusts(session, listed_only=False)]
        caps, waiting = current_caps(session), ledger.waiting(session)
    shown = []
    for monday in asked:
        booked, now = found.get(monday, LedgerWeek(starts_on=monday, pairs=())), monday == present
        shown.append(
            LedgerWeekOut(
                week=monday,
                trusts=[
                    LedgerTrustOut.of(
                        code, booked, caps.get(code) if now else None, waiting.get(code, 0.0) if now else None
                    )
                    for code in trusts
                ],
                pairs=[LedgerPairOut.of(pair) for pair in booked.pairs],
            )
        )
    return shown

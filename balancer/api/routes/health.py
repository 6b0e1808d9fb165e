"""Whether the service lives, whether it is ready, what is running."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from balancer import __version__
from balancer.api import problems
from balancer.api.callers import anybody, may
from balancer.api.models.health import LiveOut, ReadyOut, VersionOut
from balancer.api.readiness import NEEDED, checks
from balancer.api.serving import Served
from balancer.domain.errors import NotFoundError
from balancer.domain.permission import Permission
from balancer.store.policies import current_policy_row

router = APIRouter(tags=["service"])


@router.get("/health/live", dependencies=[anybody()])
async def get_live() -> LiveOut:
    """Tell whether the process answers: no thread is needed, of which none may be free."""
    return LiveOut()


@router.get(
    "/health/ready", responses=problems.may_be(problems.NOT_READY), response_model=ReadyOut, dependencies=[anybody()]
)
def get_ready(served: Served, request: Request) -> ReadyOut | Response:
    """Tell whether worklists can be had; 503 with the reasons if not.

    Each of `checks` says how it is. A scheduler that is silent is a reason to alarm somebody, and none to send callers
    elsewhere: the lists that were last published can be fetched, and reads be claimed and completed.
    """
    found = checks(served)
    if all(check.ok for check in found if check.check in NEEDED):
        return ReadyOut(status="ready", checks=found)
    faults = [problems.FaultOut(detail=f"{check.check}: {check.detail}") for check in found if not check.ok]
    detail = "; ".join(fault.detail for fault in faults)
    return problems.answer(request.state.request_id, problems.NOT_READY, detail, errors=faults)


@router.get("/version", dependencies=[may(Permission.SERVICE_READ)])
def get_version(served: Served) -> VersionOut:
    """Tell what is running, and on which clinical policy."""
    with served.database.session() as session:
        try:
            policy = current_policy_row(session)
        except NotFoundError:
            policy = None
    return VersionOut(
        version=__version__,
        api="v1",
        policy_version=policy.version if policy else None,
        policy_owner=policy.owner if policy else None,
        policy_dated_on=policy.dated_on if policy else None,
        now=served.clock.now(),
    )

"""Who calls, and what they may do."""

from __future__ import annotations

from fastapi import APIRouter

from balancer.api.callers import Caller, may
from balancer.api.models.access import CallerOut
from balancer.domain.permission import Permission

router = APIRouter()


@router.get("/me", tags=["service"], dependencies=[may(*Permission)])
async def get_me(caller: Caller) -> CallerOut:
    """Say who calls and what they may do, trust by trust."""
    return CallerOut.of(caller)

"""The balance of every trust."""

from __future__ import annotations

from fastapi import APIRouter

from balancer.api.callers import may
from balancer.api.models.balance import FaultsOut, TrustBalanceOut
from balancer.api.models.shape import ListOut
from balancer.api.serving import Served
from balancer.domain.permission import Permission
from balancer.store.balance import balance
from balancer.store.conservation import faults

router = APIRouter()


@router.get("/balance", tags=["studies"], dependencies=[may(Permission.BALANCE_READ)])
def get_balance(served: Served) -> ListOut[TrustBalanceOut]:
    """Show, for every trust, where each read of each open study stands: none is ever lost."""
    with served.database.session() as session:
        return ListOut(items=[TrustBalanceOut.of(trust) for trust in balance(session)])


@router.get("/conservation", tags=["studies"], dependencies=[may(Permission.BALANCE_READ)])
def get_conservation(served: Served) -> ListOut[FaultsOut]:
    """Show what does not add up: empty while every read that is asked for is somewhere, with whoever has it."""
    with served.database.session() as session:
        return ListOut(items=[FaultsOut.of(counted) for counted in faults(session)])

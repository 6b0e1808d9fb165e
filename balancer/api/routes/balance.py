"""The balance of every trust."""

from __future__ import annotations

from fastapi import APIRouter

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.models.balance import FaultsOut, TrustBalanceOut
from balancer.api.models.shape import ListOut
from balancer.api.serving import OptionalPaging, Served, list_out
from balancer.domain.permission import Permission
from balancer.store.balance import balance
from balancer.store.conservation import faults
from balancer.store.pages import part

router = APIRouter()


@router.get(
    "/balance",
    tags=["studies"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.BALANCE_READ)],
)
def get_balance(served: Served, cut: OptionalPaging) -> ListOut[TrustBalanceOut]:
    """Show, for every trust, where each read of each open study stands: none is ever lost."""
    with served.database.session() as session:
        return list_out(part(balance(session), cut, "balance", lambda found: found.trust), TrustBalanceOut.of)


@router.get("/conservation", tags=["studies"], dependencies=[may(Permission.BALANCE_READ)])
def get_conservation(served: Served) -> ListOut[FaultsOut]:
    """Show what does not add up: empty while every read that is asked for is somewhere, with whoever has it."""
    with served.database.session() as session:
        return ListOut(items=[FaultsOut.of(counted) for counted in faults(session)])

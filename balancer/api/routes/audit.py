"""The audit trail: who did what. It is one chain for all trusts, so that only whoever reaches everywhere sees it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.models.audit import AuditEntryOut
from balancer.api.models.shape import PageOut
from balancer.api.serving import Code, Paging, Served, page_out
from balancer.domain.permission import Permission
from balancer.store import audit

router = APIRouter()


@router.get(
    "/audit",
    tags=["audit"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.AUDIT_READ)],
)
def list_audit(
    served: Served,
    cut: Paging,
    subject_kind: Annotated[Code | None, Query(description="`read` or `exception`.")] = None,
    subject_id: Annotated[Code | None, Query(description="Its number.")] = None,
) -> PageOut[AuditEntryOut]:
    """List what was done, newest first; of one read if it is named."""
    with served.database.session() as session:
        found = audit.entries(session, cut, subject_kind=subject_kind, subject_id=subject_id)
        return page_out(found, AuditEntryOut.of)

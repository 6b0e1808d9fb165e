"""The audit trail: who did what.

It is one chain for all trusts, and whole for whoever reaches every one. Whoever reaches some of them asks what was done
to one thing of theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Reaching, may
from balancer.api.models.audit import AuditEntryOut
from balancer.api.models.shape import PageOut
from balancer.api.serving import Code, Paging, Served, page_out
from balancer.domain.actor import Reach
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import Permission
from balancer.store import audit, instructions
from balancer.store.blind import decisions_not_told, hidden, untold
from balancer.store.database import Session
from balancer.store.limits import OF_ONE_TRUST
from balancer.store.tables_life import AuditRow

router = APIRouter()


@router.get(
    "/audit",
    tags=["audit"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.AUDIT_READ)],
)
def list_audit(
    served: Served,
    reach: Reaching,
    cut: Paging,
    subject_kind: Annotated[Code | None, Query(description="`read`, `study`, `worklist`, `caller`, ...")] = None,
    subject_id: Annotated[Code | None, Query(description="Its number, or a person's subject.")] = None,
) -> PageOut[AuditEntryOut]:
    """List what was done, newest first; of one read if it is named.

    Whole for whoever holds it at every trust. Whoever holds it at some names what it is about, one `read`, `study`,
    `instruction`, `exception` or `draft` of theirs by its number: a part of the chain that named nothing would look
    like a trust at which nothing else was ever done.
    """
    _require_everywhere_or_named(reach, subject_kind, subject_id)
    with served.database.session() as session:
        found = audit.entries(session, cut, subject_kind=subject_kind, subject_id=subject_id)
        cut_entries, reports = entries_cut_for(session, reach, found.items), reach.blind_to is not None
        return page_out(
            found, lambda row: AuditEntryOut.of(row, hidden=row.sequence in cut_entries, with_hash=not reports)
        )


def _require_everywhere_or_named(reach: Reach, kind: str | None, number: str | None) -> None:
    if not reach.is_everywhere and (kind not in OF_ONE_TRUST or not number):
        *most, last = OF_ONE_TRUST
        raise NotAllowedError(
            f"the trail is one for all trusts: name one {', '.join(most)} or {last} of yours by subject_kind and "
            "subject_id, or ask as somebody who may see who did what at every trust"
        )


def require_everywhere(reach: Reach) -> None:
    """Ensure that whoever asks for the trail may see who did what at every trust.

    Raises
    ------
    NotAllowedError
        If they may not: a part of the chain would prove nothing.
    """
    if not reach.is_everywhere:
        raise NotAllowedError(
            "the trail is one for all trusts: this needs leave to see who did what at every one; "
            "what was done to a study of yours stands on its own page"
        )


def entries_cut_for(session: Session, reach: Reach, rows: Iterable[AuditRow]) -> set[int]:
    """Return which of these entries name nobody and say nothing of what was found, for whoever asks (blind reading)."""
    found = list(rows)
    barring = _barring(session, reach, found)
    of = {row.sequence: audit.read_of(row) for row in found}
    about = {read for read in of.values() if read is not None}
    unseen, beside = hidden(session, about), untold(session, reach, about)
    return {
        row.sequence
        for row in found
        if of[row.sequence] in unseen
        or ((of[row.sequence] in beside or audit.decision_in(row) in barring) and not _is_own(row, reach))
    }


def _barring(session: Session, reach: Reach, rows: Iterable[AuditRow]) -> frozenset[int]:
    """Return the decisions among these entries of which it may not be told whom they name: bars from a study."""
    numbers = {number for row in rows if (number := audit.decision_in(row)) is not None}
    if reach.blind_to is None or not numbers:
        return frozenset()
    return decisions_not_told(session, reach, instructions.numbered(session, numbers))


def _is_own(row: AuditRow, reach: Reach) -> bool:
    """Tell whether an entry names whoever asks and nobody else: that is theirs to know."""
    return set(audit.named_in(row)) == {reach.blind_to}

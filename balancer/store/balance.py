"""The balance of every trust: each read of each open study is on a list, without a place, or not planned yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, func, select

from balancer.domain.states import QuarantineState, StudyState
from balancer.store.runs import current_run
from balancer.store.tables import (
    FeedRow,
    QuarantineRow,
    StudyRow,
    TrustRow,
    UnallocatedRow,
    WorklistItemRow,
    WorklistRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustBalance:
    """A trust's reads by where they stand: ``open_reads = allocated + unallocated + unplanned``.

    ``unplanned`` are reads of studies that came, or came to need more reads, since the current plan. ``quarantined``
    rows are not studies yet.
    """

    trust: str
    name: str
    open_studies: int
    open_reads: int
    allocated: int
    unallocated: int
    quarantined: int

    @property
    def unplanned(self) -> int:
        """Reads that no plan has seen yet."""
        return self.open_reads - self.allocated - self.unallocated


def balance(session: Session) -> list[TrustBalance]:
    """Return the balance of every trust, by code; five statements, whatever the number."""
    still_open = StudyRow.state == StudyState.OPEN
    opened = session.exec(
        select(StudyRow.trust, func.count(), func.sum(StudyRow.reads)).where(still_open).group_by(StudyRow.trust)
    ).all()
    studies = {trust: (studies, reads) for trust, studies, reads in opened}
    allocated = _by_trust(
        session,
        select(StudyRow.trust, func.count())
        .join(WorklistItemRow, col(WorklistItemRow.study_id) == col(StudyRow.id))
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .where(col(WorklistRow.superseded_at).is_(None), still_open, WorklistItemRow.read <= StudyRow.reads),
        StudyRow.trust,
    )
    current = current_run(session)
    unallocated = _by_trust(
        session,
        select(StudyRow.trust, func.count())
        .join(UnallocatedRow, col(UnallocatedRow.study_id) == col(StudyRow.id))
        .where(
            UnallocatedRow.run_id == (current.id if current else None),
            still_open,
            UnallocatedRow.read <= StudyRow.reads,
        ),
        StudyRow.trust,
    )
    quarantined = _by_trust(
        session,
        select(FeedRow.trust, func.count())
        .join(QuarantineRow, col(QuarantineRow.feed) == col(FeedRow.name))
        .where(QuarantineRow.state == QuarantineState.OPEN),
        FeedRow.trust,
    )
    return [
        TrustBalance(
            trust=trust.code,
            name=trust.name,
            open_studies=studies.get(trust.code, (0, 0))[0],
            open_reads=studies.get(trust.code, (0, 0))[1],
            allocated=allocated.get(trust.code, 0),
            unallocated=unallocated.get(trust.code, 0),
            quarantined=quarantined.get(trust.code, 0),
        )
        for trust in session.exec(select(TrustRow).order_by(TrustRow.code))
    ]


def _by_trust(session: Session, statement: Any, trust: Any) -> dict[str, int]:
    return dict(session.exec(statement.group_by(trust)).all())

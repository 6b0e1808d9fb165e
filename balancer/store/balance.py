"""The balance of every trust: each read of each open study is in exactly one state."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, case, col, func, select

from balancer.domain.life import UNPLANNED, ReadState
from balancer.domain.states import QuarantineState, StudyState
from balancer.store import conservation
from balancer.store.tables import FeedRow, QuarantineRow, StudyRow, TrustRow
from balancer.store.tables_life import ReadRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustBalance:
    """A trust's reads by where they stand.

    ``required`` are the reads that the sources of open studies still ask for. Those that we know of and that are not
    counted out are in ``states``: done ones too, until their source has confirmed it. ``unplanned`` are the
    unallocated ones that no plan has seen yet. ``short`` counts the studies of which there are fewer reads than their
    source asks for. ``quarantined`` rows are not studies yet; ``refused`` ones are not to be mended.
    """

    trust: str
    name: str
    open_studies: int
    required: int
    states: Mapping[ReadState, int]
    unplanned: int
    short: int
    quarantined: int
    refused: int = 0

    @property
    def open_reads(self) -> int:
        """Reads of open studies in whatever state but withdrawn."""
        return sum(number for state, number in self.states.items() if state is not ReadState.WITHDRAWN)

    @property
    def allocated(self) -> int:
        """Reads on somebody's list and not opened."""
        return self.states.get(ReadState.ALLOCATED, 0)

    @property
    def unallocated(self) -> int:
        """Reads that a plan has seen and found no place for."""
        return self.states.get(ReadState.UNALLOCATED, 0) - self.unplanned

    @property
    def balances(self) -> bool:
        """Whether of every open study there are the reads it needs: what one has too many is of no use to another."""
        return not self.short


def balance(session: Session) -> list[TrustBalance]:
    """Return the balance of every trust, by code; six statements, whatever the number."""
    still_open = StudyRow.state == StudyState.OPEN
    opened = session.exec(
        select(StudyRow.trust, func.count(), func.sum(StudyRow.reads)).where(still_open).group_by(StudyRow.trust)
    ).all()
    studies = {trust: (studies, reads) for trust, studies, reads in opened}
    unseen = case((col(ReadRow.reason) == UNPLANNED, 1), else_=0)
    states: dict[str, dict[ReadState, int]] = defaultdict(dict)
    unplanned: dict[str, int] = defaultdict(int)
    found: Any = session.exec(
        select(StudyRow.trust, ReadRow.state, func.count(), func.sum(unseen))
        .join(ReadRow, col(ReadRow.study_id) == col(StudyRow.id))
        .where(still_open, col(ReadRow.confirmed_at).is_(None))
        .group_by(StudyRow.trust, ReadRow.state)
    ).all()
    for trust, state, reads, new in found:
        states[trust][ReadState(state)] = reads
        unplanned[trust] += new if state is ReadState.UNALLOCATED else 0
    quarantined, refused = (
        _by_trust(session, _rows_in(state), FeedRow.trust) for state in (QuarantineState.OPEN, QuarantineState.REFUSED)
    )
    short = conservation.missing(session)
    return [
        TrustBalance(
            trust=trust.code,
            name=trust.name,
            open_studies=studies.get(trust.code, (0, 0))[0],
            required=studies.get(trust.code, (0, 0))[1],
            states=states.get(trust.code, {}),
            unplanned=unplanned.get(trust.code, 0),
            short=short.get(trust.code, 0),
            quarantined=quarantined.get(trust.code, 0),
            refused=refused.get(trust.code, 0),
        )
        for trust in session.exec(select(TrustRow).order_by(TrustRow.code))
    ]


def _rows_in(state: QuarantineState) -> Any:
    """Return the statement that counts rows in quarantine of a state; of which trust, is for the caller to say."""
    return (
        select(FeedRow.trust, func.count())
        .join(QuarantineRow, col(QuarantineRow.feed) == col(FeedRow.name))
        .where(QuarantineRow.state == state)
    )


def _by_trust(session: Session, statement: Any, trust: Any) -> dict[str, int]:
    return dict(session.exec(statement.group_by(trust)).all())

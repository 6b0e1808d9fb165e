"""Feeds and rosters: what each is, how fresh, and whether something of it waits for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, func, select

from balancer.domain.errors import NotFoundError
from balancer.domain.exceptional import office_of
from balancer.domain.feed import FeedKind
from balancer.domain.states import BatchState, FeedState, QuarantineState, StudyState
from balancer.store.tables import BatchRow, FeedRow, QuarantineRow, RosterBatchRow, RosterRow, StudyRow, TrustRow
from balancer.store.tables_silences import SilenceRow

_BY_WORKITEMS = " by workitems"
# Nobody expects anything of what comes when somebody has something to say: it is not stale for ten years.
_NO_RHYTHM_MINUTES = 10.0 * 366 * 24 * 60


def by_workitems(trust: str) -> str:
    """Return the name of the source of a trust's studies that systems make known by creating workitems."""
    return f"{trust}{_BY_WORKITEMS}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedStatus:
    """A feed as a manager sees it. ``stale`` holds beside ``state``: a held feed can be stale too.

    ``stale``: its newest extract was made longer ago than ``stale_after_minutes``, or there is none. ``owner`` is whose
    it is to look after one that is stale; ``is_taken``: somebody has said that they do.
    """

    name: str
    trust: str
    kind: FeedKind
    state: FeedState
    stale: bool
    refresh_minutes: float
    stale_after_minutes: float
    last_extracted_at: datetime | None
    last_received_at: datetime | None
    owner: str
    is_taken: bool
    open_studies: int
    open_quarantine: int
    refused_rows: int
    last_batch: BatchRow | None
    held_batch: BatchRow | None

    @property
    def has_rhythm(self) -> bool:
        """Whether anything is expected of it at any time: not of what comes when somebody has something to say."""
        return self.refresh_minutes < _NO_RHYTHM_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterStatus:
    """A roster and the last file that came for it."""

    name: str
    trust: str
    last_batch: RosterBatchRow | None


def feeds(session: Session, now: datetime) -> list[FeedStatus]:
    """Return every listed feed as it stands at ``now``, by name."""
    return _statuses(session, session.exec(select(FeedRow).where(FeedRow.listed).order_by(FeedRow.name)).all(), now)


def feed(session: Session, name: str, now: datetime) -> FeedStatus:
    """Return one feed as it stands at ``now``.

    Raises
    ------
    NotFoundError
        If there is none of that name.
    """
    return _statuses(session, [feed_row(session, name)], now)[0]


def feed_row(session: Session, name: str) -> FeedRow:
    """Return a feed's own row; ``NotFoundError`` if there is none."""
    row = session.get(FeedRow, name)
    if row is None:
        raise NotFoundError(f"there is no feed {name!r}")
    return row


def lock_trust(session: Session, trust: str) -> None:
    """Ensure that nobody else writes this trust's studies until the transaction ends.

    SQLite's writers exclude each other anyway; on PostgreSQL the trust's row is what they take turns on.
    """
    # others may enter what happened to studies of the trust meanwhile, which only refers to its row
    session.exec(select(TrustRow.code).where(TrustRow.code == trust).with_for_update(key_share=True)).one()


def lock_trusts(session: Session) -> None:
    """Ensure that nobody else writes any trust's studies until the transaction ends, as ``lock_trust`` of each.

    In the order of their codes, so that of two who do nobody waits for the other.
    """
    session.exec(select(TrustRow.code).order_by(TrustRow.code).with_for_update(key_share=True)).all()


def locked_feed(session: Session, name: str) -> FeedRow:
    """Return a feed's own row as it is once nobody else writes its trust's studies; ``NotFoundError`` if none."""
    row = feed_row(session, name)
    lock_trust(session, row.trust)
    session.refresh(row)  # whoever had the lock before may have changed it
    return row


def locked_source_by_workitems(session: Session, trust: str) -> FeedRow:
    """Return the source of a trust's studies that are made known by workitems, as ``locked_feed``; it is made at need.

    Raises
    ------
    NotFoundError
        If no such trust is listed within reach.
    """
    if session.exec(select(TrustRow.code).where(TrustRow.code == trust, TrustRow.listed)).first() is None:
        raise NotFoundError(f"there is no trust {trust!r}")
    lock_trust(session, trust)
    name = by_workitems(trust)
    if session.exec(select(FeedRow.name).where(FeedRow.name == name)).first() is None:
        slow = _NO_RHYTHM_MINUTES
        source = FeedRow(name=name, trust=trust, kind=FeedKind.DELTA, refresh_minutes=slow, stale_after_minutes=slow)
        session.add(source)
        session.flush()
    return locked_feed(session, name)


def sources_by_workitems(session: Session) -> list[FeedRow]:
    """Return the sources of studies that are made known by workitems: no network folder lists them."""
    return list(session.exec(select(FeedRow).where(col(FeedRow.name) == named_by_workitems())))


def named_by_workitems() -> Any:
    """Return what ``by_workitems`` names of a feed's own trust, in a statement about feeds."""
    return col(FeedRow.trust) + _BY_WORKITEMS


def rosters(session: Session) -> list[RosterStatus]:
    """Return every listed roster, by name, with the last file that came for it."""
    newest = select(func.max(RosterBatchRow.id)).group_by(col(RosterBatchRow.roster))
    last = {row.roster: row for row in session.exec(select(RosterBatchRow).where(col(RosterBatchRow.id).in_(newest)))}
    rows = session.exec(select(RosterRow).where(RosterRow.listed).order_by(RosterRow.name)).all()
    return [RosterStatus(name=row.name, trust=row.trust, last_batch=last.get(row.name)) for row in rows]


def is_stale(row: FeedRow, now: datetime) -> bool:
    """Tell whether the newest extract is older at ``now`` than the feed's interval allows."""
    if row.last_extracted_at is None:
        return True
    return now - row.last_extracted_at > timedelta(minutes=row.stale_after_minutes)


def _statuses(session: Session, rows: Iterable[FeedRow], now: datetime) -> list[FeedStatus]:
    last = _newest_batches(session)
    held = _newest_batches(session, BatchState.HELD)
    studies = _counts(session, StudyRow.feed, StudyRow.state, StudyState.OPEN)
    quarantine = _counts(session, QuarantineRow.feed, QuarantineRow.state, QuarantineState.OPEN)
    refused = _counts(session, QuarantineRow.feed, QuarantineRow.state, QuarantineState.REFUSED)
    silent = {row.feed: row for row in session.exec(select(SilenceRow).where(col(SilenceRow.ended_at).is_(None)))}
    return [
        FeedStatus(
            name=row.name,
            trust=row.trust,
            kind=row.kind,
            state=_state(row, held.get(row.name), now),
            stale=is_stale(row, now),
            refresh_minutes=row.refresh_minutes,
            stale_after_minutes=row.stale_after_minutes,
            last_extracted_at=row.last_extracted_at,
            last_received_at=row.last_received_at,
            owner=_owner(row, silent.get(row.name)) if is_stale(row, now) else "",
            is_taken=is_stale(row, now) and row.name in silent and silent[row.name].taken_at is not None,
            open_studies=studies.get(row.name, 0),
            open_quarantine=quarantine.get(row.name, 0),
            refused_rows=refused.get(row.name, 0),
            last_batch=last.get(row.name),
            held_batch=held.get(row.name),
        )
        for row in rows
    ]


def _state(row: FeedRow, held: BatchRow | None, now: datetime) -> FeedState:
    if held is not None:
        return FeedState.HELD
    if row.last_extracted_at is None:
        return FeedState.SILENT
    return FeedState.STALE if is_stale(row, now) else FeedState.FRESH


def _owner(row: FeedRow, silence: SilenceRow | None) -> str:
    return office_of(row.trust) if silence is None else silence.owner


def _newest_batches(session: Session, state: BatchState | None = None) -> Mapping[str, BatchRow]:
    newest = select(func.max(BatchRow.id)).group_by(col(BatchRow.feed))
    if state is not None:
        newest = newest.where(BatchRow.state == state)
    return {row.feed: row for row in session.exec(select(BatchRow).where(col(BatchRow.id).in_(newest)))}


def _counts(session: Session, of: Any, column: Any, state: Any) -> Mapping[str, int]:
    counted = select(of, func.count()).where(column == state).group_by(of)
    return dict(session.exec(counted).all())

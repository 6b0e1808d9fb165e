"""Feeds, rosters and the files they delivered, with books that must balance."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import Field

from balancer.api.models.shape import In, Instant, Out
from balancer.domain.feed import FeedKind
from balancer.domain.states import BatchKind, BatchState, FeedState
from balancer.store.batches import books_of
from balancer.store.sources import FeedStatus, RosterStatus
from balancer.store.tables import BatchRow, RosterBatchRow


class RowBooksOut(Out):
    """Every data row read is in exactly one heap: `rows_read` = the sum of the others."""

    rows_read: int = Field(examples=[2104])
    new: int = Field(description="Studies not known before.", examples=[2031])
    changed: int = Field(description="Known studies that differ, reopened ones included.", examples=[12])
    unchanged: int = Field(examples=[0])
    duplicate: int = Field(description="Rows that repeat another row of the same file.", examples=[9])
    excluded: int = Field(description="Rows left out by a named rule.", examples=[31])
    quarantined: int = Field(description="Rows that could not be taken; see `/quarantine`.", examples=[21])
    balanced: bool = Field(description="Whether the equation holds. It always should.", examples=[True])


class OpenBooksOut(Out):
    """`open_before` + `new` + `reopened` - `withdrawn` - `excluded_since` = `open_after`, over the whole trust."""

    open_before: int = Field(examples=[0])
    new: int = Field(examples=[2031])
    reopened: int = Field(description="Studies that had been withdrawn and came back.", examples=[0])
    withdrawn: int = Field(description="Studies that the source no longer lists.", examples=[0])
    excluded_since: int = Field(description="Open studies that a rule now leaves out.", examples=[0])
    open_after: int = Field(examples=[2031])
    balanced: bool = Field(description="Whether the equation holds. It always should.", examples=[True])


class BatchOut(Out):
    """One opening of a feed's books.

    A file that came, emergencies of one before the rest of it, a held one released, or quarantined rows read again.
    """

    batch_id: int = Field(examples=[1])
    feed: str = Field(examples=["RVV unreported studies"])
    kind: BatchKind
    state: BatchState = Field(
        description="`held`: what it brought was taken, what it would take away waits for a person. `refused`: nothing "
        "was taken. `unchanged`: the very same file again."
    )
    reason: str = Field(description="Why it was held or refused, in words.", examples=[""])
    waiting: int = Field(description="Studies that a held batch would close if it is released.", examples=[0])
    file_name: str = Field(examples=["unreported-20260302T0715.csv"])
    sha256: str = Field(description="Of the file's bytes.", examples=["9f86d081884c7d659a2feaa0c55ad015"])
    extracted_at: Instant | None = Field(description="When the trust's system made the file.")
    received_at: Instant = Field(description="When it first came.")
    last_received_at: Instant = Field(description="When the very same file last came.")
    times_received: int = Field(examples=[1])
    of_batch_id: int | None = Field(description="The held batch this one released.", examples=[None])
    resolved_at: Instant | None = Field(description="When a person decided, or a later file made it moot.")
    resolved_by: str = Field(description="Who decided.", examples=[""])
    rows: RowBooksOut
    studies: OpenBooksOut

    @classmethod
    def of(cls, row: BatchRow) -> BatchOut:
        """Return a batch as the API shows it."""
        books = books_of(row)
        return cls(
            batch_id=row.id or 0,
            feed=row.feed,
            kind=row.kind,
            state=row.state,
            reason=row.reason,
            waiting=row.waiting,
            file_name=row.file_name,
            sha256=row.digest,
            extracted_at=row.extracted_at,
            received_at=row.received_at,
            last_received_at=row.last_received_at,
            times_received=row.times_received,
            of_batch_id=row.of_batch,
            resolved_at=row.resolved_at,
            resolved_by=row.resolved_by,
            rows=RowBooksOut(
                rows_read=books.rows_read,
                new=books.new,
                changed=books.changed,
                unchanged=books.unchanged,
                duplicate=books.duplicate,
                excluded=books.excluded,
                quarantined=books.quarantined,
                balanced=books.rows_balance,
            ),
            studies=OpenBooksOut(
                open_before=books.open_before,
                new=books.new,
                reopened=books.reopened,
                withdrawn=books.withdrawn,
                excluded_since=books.excluded_since,
                open_after=books.open_after,
                balanced=books.studies_balance,
            ),
        )


class FeedOut(Out):
    """A trust's feed of unreported studies and how far it can be trusted now."""

    feed: str = Field(examples=["RVV unreported studies"])
    trust: str = Field(examples=["RVV"])
    kind: FeedKind = Field(description="`snapshot`: what a file no longer lists is withdrawn. `delta`: only changes.")
    state: FeedState = Field(description="`silent`: it never delivered. `held`: a file waits for a person.")
    stale: bool = Field(description="Its newest extract is older than `stale_after_minutes`, or there is none.")
    refresh_minutes: float = Field(examples=[15])
    stale_after_minutes: float = Field(examples=[60])
    last_extracted_at: Instant | None
    last_received_at: Instant | None
    open_studies: int = Field(examples=[2031])
    quarantined_rows: int = Field(description="Open rows in quarantine.", examples=[21])
    refused_rows: int = Field(description="Rows that a person has decided are not to be mended.", examples=[1])
    last_batch: BatchOut | None
    held_batch: BatchOut | None

    @classmethod
    def of(cls, status: FeedStatus) -> FeedOut:
        """Return a feed as the API shows it."""
        return cls(
            feed=status.name,
            trust=status.trust,
            kind=status.kind,
            state=status.state,
            stale=status.stale,
            refresh_minutes=status.refresh_minutes,
            stale_after_minutes=status.stale_after_minutes,
            last_extracted_at=status.last_extracted_at,
            last_received_at=status.last_received_at,
            open_studies=status.open_studies,
            quarantined_rows=status.open_quarantine,
            refused_rows=status.refused_rows,
            last_batch=None if status.last_batch is None else BatchOut.of(status.last_batch),
            held_batch=None if status.held_batch is None else BatchOut.of(status.held_batch),
        )


class RosterBatchOut(Out):
    """One roster file that came; its days replace what the trust's roster said of them."""

    batch_id: int = Field(examples=[1])
    roster: str = Field(examples=["RVV rota"])
    state: BatchState
    reason: str = Field(examples=[""])
    file_name: str = Field(examples=["rota-20260302.csv"])
    sha256: str = Field(examples=["9f86d081884c7d659a2feaa0c55ad015"])
    received_at: Instant
    last_received_at: Instant
    times_received: int = Field(examples=[1])
    covers_from: date | None = Field(examples=["2026-03-02"])
    covers_to: date | None = Field(examples=["2026-03-08"])
    rows_read: int = Field(examples=[240])
    sessions: int = Field(examples=[221])
    faults: list[dict[str, Any]] = Field(description="Rows that could not be taken, whole, each with its reason.")

    @classmethod
    def of(cls, row: RosterBatchRow) -> RosterBatchOut:
        """Return a roster's file as the API shows it."""
        return cls(
            batch_id=row.id or 0,
            roster=row.roster,
            state=row.state,
            reason=row.reason,
            file_name=row.file_name,
            sha256=row.digest,
            received_at=row.received_at,
            last_received_at=row.last_received_at,
            times_received=row.times_received,
            covers_from=row.covers_from,
            covers_to=row.covers_to,
            rows_read=row.rows_read,
            sessions=row.sessions,
            faults=row.faults,
        )


class RosterOut(Out):
    """A trust's feed of rostered sessions."""

    roster: str = Field(examples=["RVV rota"])
    trust: str = Field(examples=["RVV"])
    last_batch: RosterBatchOut | None

    @classmethod
    def of(cls, status: RosterStatus) -> RosterOut:
        """Return a roster as the API shows it."""
        last = status.last_batch
        return cls(roster=status.name, trust=status.trust, last_batch=None if last is None else RosterBatchOut.of(last))


class DecisionIn(In):
    """Who decides. There is no sign-in yet, so whoever asks says who they are; it is kept with the batch."""

    decided_by: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$", examples=["A. Manager"])

"""Rows that could not be taken."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import In, Instant, Out
from balancer.domain.states import QuarantineState
from balancer.store.quarantine import ReasonCount
from balancer.store.tables import QuarantineRow


class QuarantinedRowOut(Out):
    """A row of an extract that could not be taken, as it came, with the reason."""

    row_id: int = Field(examples=[17])
    feed: str = Field(examples=["RPA unreported studies"])
    state: QuarantineState = Field(
        description="`superseded`: a later good row for the same study came. `replayed`: taken after the map was "
        "mended. `gone`: a later snapshot no longer holds it. `refused`: a person has decided that it is not to be "
        "mended; it is in its trust's list still, and no study."
    )
    reason: str = Field(description="Why, as a fixed code.", examples=["unknown_exam"])
    detail: str = Field(description="Why, in words.", examples=["no examination is called 'XR BUNION'"])
    column: str = Field(description="The column at fault.", examples=["Exam"])
    line: int = Field(description="Counted from 1, as an editor or spreadsheet shows it.", examples=[212])
    sheet: str = Field(description="The sheet of a workbook, empty for a text file.", examples=[""])
    raw: dict[str, str] = Field(description="The row's cells by column, untouched.", examples=[{"Exam": "XR BUNION"}])
    trust: str | None = Field(examples=["RPA"])
    accession_number: str | None = Field(description="The study it may be, if the row says.", examples=["R1000123"])
    first_batch_id: int = Field(examples=[3])
    last_batch_id: int = Field(examples=[9])
    first_seen_at: Instant
    last_seen_at: Instant
    resolved_at: Instant | None
    refused_by: str | None = Field(description="Who refused it, if it is refused.", examples=[None])
    refused_at: Instant | None
    refused_why: str | None = Field(description="Why they did.", examples=[None])

    @classmethod
    def of(cls, row: QuarantineRow) -> QuarantinedRowOut:
        """Return a row as the API shows it."""
        return cls(
            row_id=row.id or 0,
            feed=row.feed,
            state=row.state,
            reason=row.reason,
            detail=row.detail,
            column=row.column,
            line=row.line,
            sheet=row.sheet,
            raw=row.raw,
            trust=row.trust,
            accession_number=row.accession_number,
            first_batch_id=row.first_batch_id,
            last_batch_id=row.last_batch_id,
            first_seen_at=row.first_seen_at,
            last_seen_at=row.last_seen_at,
            resolved_at=row.resolved_at,
            refused_by=row.refused_by,
            refused_at=row.refused_at,
            refused_why=row.refused_why,
        )


class ReasonOut(Out):
    """How many rows of a feed wait in quarantine for one reason."""

    feed: str = Field(examples=["RPA unreported studies"])
    reason: str = Field(examples=["unknown_exam"])
    rows: int = Field(examples=[12])

    @classmethod
    def of(cls, counted: ReasonCount) -> ReasonOut:
        """Return a count as the API shows it."""
        return cls(feed=counted.feed, reason=counted.reason, rows=counted.rows)


class ReplayIn(In):
    """Which rows to read again with the network folder as it is now."""

    feed: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[^\x00-\x1f]+$",
        description="A feed's name or its trust's code; all feeds if not given.",
        examples=["RPA"],
    )

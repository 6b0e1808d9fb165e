"""The balance of every trust: no read is ever lost."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import Out
from balancer.store.balance import TrustBalance


class TrustBalanceOut(Out):
    """A trust's open reads by where they stand: `open_reads` = `allocated` + `unallocated` + `unplanned`."""

    trust: str = Field(examples=["RVV"])
    name: str = Field(examples=["East Kent Hospitals University NHS Foundation Trust"])
    open_studies: int = Field(examples=[2031])
    open_reads: int = Field(examples=[2098])
    allocated: int = Field(description="On a reporter's worklist.", examples=[2050])
    unallocated: int = Field(description="Without a place in the current plan; see `/unallocated`.", examples=[48])
    unplanned: int = Field(description="Came after the current plan was made.", examples=[0])
    quarantined_rows: int = Field(description="Rows that are not studies yet; see `/quarantine`.", examples=[21])
    balanced: bool = Field(description="Whether the equation holds with no heap below 0.", examples=[True])

    @classmethod
    def of(cls, balance: TrustBalance) -> TrustBalanceOut:
        """Return a balance as the API shows it."""
        return cls(
            trust=balance.trust,
            name=balance.name,
            open_studies=balance.open_studies,
            open_reads=balance.open_reads,
            allocated=balance.allocated,
            unallocated=balance.unallocated,
            unplanned=balance.unplanned,
            quarantined_rows=balance.quarantined,
            balanced=balance.unplanned >= 0,
        )

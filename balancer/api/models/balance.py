"""The balance of every trust: no read is ever lost."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import Out
from balancer.domain.life import ReadState
from balancer.store.balance import TrustBalance
from balancer.store.conservation import Fault, FaultCount


class TrustBalanceOut(Out):
    """A trust's open reads by where they stand: `open_reads` is the sum of all that follow, up to `done`."""

    trust: str = Field(examples=["RVV"])
    name: str = Field(examples=["East Kent Hospitals University NHS Foundation Trust"])
    open_studies: int = Field(examples=[2031])
    open_reads: int = Field(examples=[2098])
    required_reads: int = Field(description="What the trust's own systems still ask for.", examples=[2098])
    allocated: int = Field(description="On a reporter's worklist.", examples=[2030])
    claimed: int = Field(description="Opened by a reporter.", examples=[12])
    unallocated: int = Field(description="Without a place in the current plan; see `/unallocated`.", examples=[48])
    unplanned: int = Field(description="Came, or came back, after the current plan was made.", examples=[0])
    parked: int = Field(description="Cannot be read now; somebody sees to it until a date.", examples=[2])
    sent_out: int = Field(description="With a provider.", examples=[0])
    excluded: int = Field(description="Left out by a rule that somebody approved.", examples=[0])
    done: int = Field(description="Done here, and not yet confirmed by the trust's own systems.", examples=[6])
    withdrawn: int = Field(description="No longer asked for, while another read of the study is open.", examples=[0])
    quarantined_rows: int = Field(description="Rows that are not studies yet; see `/quarantine`.", examples=[21])
    refused_rows: int = Field(
        description="Rows that are no studies either, for a person has decided that they are not to be mended.",
        examples=[1],
    )
    balanced: bool = Field(description="Whether every read that is asked for is somewhere.", examples=[True])

    @classmethod
    def of(cls, balance: TrustBalance) -> TrustBalanceOut:
        """Return a balance as the API shows it."""
        return cls(
            trust=balance.trust,
            name=balance.name,
            open_studies=balance.open_studies,
            open_reads=balance.open_reads,
            required_reads=balance.required,
            allocated=balance.allocated,
            claimed=balance.states.get(ReadState.CLAIMED, 0),
            unallocated=balance.unallocated,
            unplanned=balance.unplanned,
            parked=balance.states.get(ReadState.PARKED, 0),
            sent_out=balance.states.get(ReadState.SENT_OUT, 0),
            excluded=balance.states.get(ReadState.EXCLUDED, 0),
            done=balance.states.get(ReadState.DONE, 0),
            withdrawn=balance.states.get(ReadState.WITHDRAWN, 0),
            quarantined_rows=balance.quarantined,
            refused_rows=balance.refused,
            balanced=balance.balances,
        )


class FaultsOut(Out):
    """Reads of a trust that are not where the books say."""

    trust: str = Field(examples=["RVV"])
    fault: Fault = Field(
        description="`missing`: more reads are asked for than there are. `not_followed_up`: a provisional report that "
        "nobody is to verify, or what was to follow readings went with its study untold. `no_owner`: nobody is named "
        "who has it. "
        "`on_no_list`: allocated, and on no list. `claim_without_read`, `read_without_claim`: it is not clear who has "
        "it open. `same_reader`: two reads of a study are with one reporter."
    )
    reads: int = Field(description="How many; of `missing` and `same_reader`, how many studies.", examples=[1])

    @classmethod
    def of(cls, counted: FaultCount) -> FaultsOut:
        """Return a count as the API shows it."""
        return cls(trust=counted.trust, fault=counted.fault, reads=counted.number)

"""The ledger between trusts."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from balancer.api.models.shape import Out
from balancer.domain.ledger import LedgerWeek, Pair


class LedgerPairOut(Out):
    """What reporters of one trust read for another, or for their own."""

    by_trust: str = Field(description="The home trust of the reporters.", examples=["RVV"])
    for_trust: str = Field(description="The trust whose studies they read.", examples=["RWF"])
    minutes: float = Field(description="Expected minutes at speed 1.", examples=[412.5])
    reads: int = Field(examples=[38])

    @classmethod
    def of(cls, pair: Pair) -> LedgerPairOut:
        """Return an entry as the API shows it."""
        return cls(by_trust=pair.by_trust, for_trust=pair.for_trust, minutes=pair.minutes, reads=pair.reads)


class LedgerTrustOut(Out):
    """A trust's week, in expected minutes. `balance_minutes` of all trusts sum to zero."""

    trust: str = Field(examples=["RVV"])
    own_minutes: float = Field(description="Its reporters, for itself.", examples=[5120.0])
    given_minutes: float = Field(description="Its reporters, for others.", examples=[412.5])
    taken_minutes: float = Field(description="Others' reporters, for it.", examples=[96.0])
    balance_minutes: float = Field(description="Given less taken.", examples=[316.5])
    waiting_minutes: float | None = Field(
        description="On others' lists, or open with them, now; `null` of a week that is not the present one.",
        examples=[48.0],
    )
    cap_minutes: float | None = Field(
        description="The most it may take in a week by the policy in force; `null` without a cap, and of a week that "
        "is not the present one.",
        examples=[600.0],
    )
    left_minutes: float | None = Field(
        description="What it may still take this week; below zero if emergencies, claims or pins went beyond the cap.",
        examples=[504.0],
    )

    @classmethod
    def of(cls, trust: str, week: LedgerWeek, cap: float | None, waiting: float | None) -> LedgerTrustOut:
        """Return a trust's week as the API shows it."""
        return cls(
            trust=trust,
            own_minutes=week.own(trust),
            given_minutes=week.given(trust),
            taken_minutes=week.taken(trust),
            balance_minutes=week.balance(trust),
            waiting_minutes=waiting,
            cap_minutes=cap,
            left_minutes=None if cap is None else cap - week.taken(trust),
        )


class LedgerWeekOut(Out):
    """A week of the ledger, Monday to Sunday in London."""

    week: date = Field(description="Its Monday.", examples=["2026-03-02"])
    trusts: list[LedgerTrustOut] = Field(description="Each trust within your reach.")
    pairs: list[LedgerPairOut] = Field(description="Who read for whom, where a trust within your reach is one of them.")

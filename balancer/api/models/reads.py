"""Working a list: claims, and what becomes of them."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import In, Instant, Out
from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.outcome import Outcome
from balancer.services.claim_read import Claim
from balancer.store.choice import SkipCount

_REPORTER = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$", examples=["9000017"])


class ReporterIn(In):
    """Which reporter it is about: oneself, or the one whom a system or a manager speaks for."""

    reporter_id: str = _REPORTER


class ClaimIn(In):
    """A read is being opened."""

    reporter_id: str = _REPORTER
    heartbeats: bool = Field(
        default=True,
        description="The client will send heartbeats, and the claim ends without them. If not, it lasts until it is "
        "released, and is brought to a manager when it has become old.",
    )


class NextIn(In):
    """The next read is being opened."""

    heartbeats: bool = Field(default=True, description="As of a claim.")


class CompleteIn(In):
    """A report is written."""

    reporter_id: str = _REPORTER
    outcome: Outcome | None = Field(
        default=None,
        description="What it came to. Of a study that two read blind it must be known before their readings can be "
        "compared; it may be said later, by completing the read once more.",
    )
    provisional: bool = Field(
        default=False,
        description="Somebody else has to verify the report. By grade it may have to be, whatever is said here.",
    )


class ReturnIn(In):
    """A read is handed back."""

    reporter_id: str = _REPORTER
    reason: ReturnReason
    note: str = Field(
        default="", max_length=500, pattern=r"^[^\x00-\x1f]*$", description="Nothing that tells who the patient is."
    )


class UnparkIn(In):
    """A parked read can be read now."""

    reason: str = Field(
        min_length=1,
        max_length=500,
        pattern=r"^[^\x00-\x1f]+$",
        description="Nothing that tells who the patient is.",
        examples=["the images have come"],
    )


class ClaimOut(Out):
    """A read that a reporter has open."""

    read_id: int = Field(examples=[4711])
    reporter_id: str = Field(examples=["9000017"])
    claimed_at: Instant
    lease_until: Instant | None = Field(description="It ends then, unless a heartbeat comes; `null`: none can.")
    withdrawn: bool = Field(description="Its source no longer asks for it: do not go on.", examples=[False])

    @classmethod
    def of(cls, claim: Claim) -> ClaimOut:
        """Return a claim as the API shows it."""
        return cls(
            read_id=claim.read_id,
            reporter_id=claim.reporter_id,
            claimed_at=claim.claimed_at,
            lease_until=claim.lease_until,
            withdrawn=claim.withdrawn,
        )


class NextOut(Out):
    """What the reporter has open now."""

    claim: ClaimOut | None = Field(
        description="`null`: of what the caller may see of the list, there is nothing to read now. See `withheld`."
    )
    withheld: int = Field(
        description="How many more reads on the list could be opened now, of trusts that the caller may not see. They "
        "may stand before the one that was opened.",
        examples=[0],
    )


class StandingOut(Out):
    """Where a read stands now."""

    read_id: int = Field(examples=[4711])
    state: ReadState


class CompletionOut(Out):
    """What became of a completion."""

    read_id: int = Field(examples=[4711])
    accepted: bool = Field(
        description="`false`: somebody else had claimed the read meanwhile, or it was not to be read any more. The "
        "completion is kept beside, and the trust's reporting office has been told.",
        examples=[True],
    )


class SkipsOut(Out):
    """How often reads of a kind of study were passed over; by whom is not kept."""

    trust: str = Field(examples=["RVV"])
    subspecialty: str = Field(examples=["msk"])
    modality: str = Field(examples=["MR"])
    skips: int = Field(examples=[12])
    reads: int = Field(description="How many different reads that were.", examples=[5])

    @classmethod
    def of(cls, counted: SkipCount) -> SkipsOut:
        """Return a count as the API shows it."""
        return cls(
            trust=counted.trust,
            subspecialty=counted.subspecialty,
            modality=counted.modality,
            skips=counted.skips,
            reads=counted.reads,
        )

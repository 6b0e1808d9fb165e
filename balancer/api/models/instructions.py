"""What people decide about reads and studies, and how it is shown."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from balancer.api.models.shape import MOST_CHARACTERS, PATTERN, In, Instant, Out
from balancer.api.serving import When
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.services.steer_read import Said
from balancer.store.tables import StudyRow

LARGEST_ID = 2**31 - 1
_TEXT = r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$"
_REASON = Field(
    min_length=1,
    max_length=500,
    pattern=_TEXT,
    description="Why; nothing that tells who the patient is.",
    examples=["the clinic is this afternoon"],
)
_REPORTER = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$", examples=["9000017"])
_NAME = Field(min_length=1, max_length=200, pattern=_TEXT)


def _text(value: object) -> object:
    """Refuse a number, which pydantic would take for seconds since 1970."""
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 instant with an offset")  # noqa: TRY004 - what pydantic makes a fault of
    return value


Then = Annotated[When, BeforeValidator(_text)]


class WhyIn(In):
    """Why something is done."""

    reason: str = _REASON


class StagedIn(WhyIn):
    """What may be decided in a draft."""

    draft_id: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST_ID,
        description="Stage it in this draft: it holds nowhere until the draft is published.",
        examples=[None],
    )


class DecisionIn(StagedIn):
    """What every decision says: why, and until when if not for good."""

    expires_at: Then | None = Field(default=None, description="It ends by itself then.", examples=[None])

    def said(self) -> Said:
        """Return what the use cases take."""
        return Said(reason=self.reason, expires_at=self.expires_at, draft_id=self.draft_id)


class ForReporterIn(DecisionIn):
    """A decision about a read and a reporter."""

    reporter_id: str = _REPORTER


class ExcludeIn(DecisionIn):
    """A read is not to be read here."""

    approver: str = Field(
        min_length=1, max_length=200, pattern=_TEXT, description="Who has approved that.", examples=["Dr A. Lead"]
    )


class ParkIn(StagedIn):
    """A read cannot be read until something has come."""

    until: Then = Field(description="When its owner is asked what became of it.")
    owner: str = Field(
        default="",
        max_length=200,
        pattern=PATTERN,
        description="Who sees to it; the trust's reporting office if nobody is named.",
    )


class SendOutIn(StagedIn):
    """A provider outside the network reads it."""

    provider: str = _NAME
    due_back_at: Then = Field(description="When the reporting office is told if it is not back.")


class TakeOverIn(WhyIn):
    """A read is taken from whoever has it open."""

    reporter_id: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]+$",
        description="Who has it open from now; `null`: nobody, it goes back into the queue.",
        examples=["9000017"],
    )


class ExpediteIn(DecisionIn):
    """A study is needed sooner. What names it stands in the body: addresses end up in logs."""

    trust: str = Field(min_length=1, max_length=MOST_CHARACTERS, pattern=PATTERN, examples=["RVV"])
    accession_number: str = Field(min_length=1, max_length=MOST_CHARACTERS, pattern=PATTERN, examples=["R1000123"])
    due_at: Then
    priority: str | None = Field(
        default=None,
        max_length=MOST_CHARACTERS,
        pattern=PATTERN,
        description="A class of the policy; it counts if it is more urgent than the study's own.",
        examples=["emergency"],
    )


class InstructionOut(Out):
    """A decision, laid over what the feeds say for as long as it is in force."""

    instruction_id: int = Field(examples=[12])
    kind: InstructionKind
    state: InstructionState
    trust: str = Field(description="Whose managers see it.", examples=["RVV"])
    accession_number: str | None = Field(description="Of the study it is about.", examples=["R1000123"])
    read_id: int | None = Field(examples=[4711])
    reporter_id: str | None = Field(examples=["9000017"])
    session_id: str | None = Field(examples=[None])
    value: dict[str, Any] = Field(description="What is decided; its names follow from the kind.", examples=[{}])
    reason: str = Field(examples=["the clinic is this afternoon"])
    author: str = Field(description="Who decided.", examples=["oidc:5f1d"])
    made_at: Instant
    expires_at: Instant | None
    draft_id: int | None = Field(examples=[None])
    ended_at: Instant | None
    ended_by: str = Field(examples=[""])
    ended_why: str = Field(examples=[""])

    @classmethod
    def of(cls, given: Instruction, studies: Mapping[int, StudyRow], untold: Collection[int] = ()) -> InstructionOut:
        """Return an instruction as the API shows it; ``studies`` are those it may be about, by internal number.

        Of one among the ``untold`` it is not said for whom it is, nor why it was made or ended: it is read blind.
        """
        shown = {name: getattr(given, name) for name in cls.model_fields if hasattr(given, name)}
        study = studies.get(given.study_id or 0)
        number = None if study is None else study.accession_number
        if given.id in untold:
            shown |= {"reporter_id": None, "reason": "", "ended_why": ""}
        return cls(**{**shown, "value": dict(given.value)}, instruction_id=given.id, accession_number=number)

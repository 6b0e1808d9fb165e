"""Drafts: decisions that are collected and put in force together."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import MOST_CHARACTERS, PATTERN, In, Instant, Out
from balancer.domain.draft import DraftState
from balancer.store.tables_drafts import DraftRow


class DraftIn(In):
    """A draft to be begun."""

    name: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$",
        description="Nothing that tells who a patient is.",
        examples=["Tuesday without neuro"],
    )
    trust: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        pattern=PATTERN,
        description="Whose managers see it.",
        examples=["RVV"],
    )


class DraftOut(Out):
    """A draft. What is in it: `/instructions?draft_id=...`, `staged` while it is open."""

    draft_id: int = Field(examples=[4])
    name: str = Field(examples=["Tuesday without neuro"])
    trust: str = Field(description="Whose managers see it.", examples=["RVV"])
    state: DraftState
    author: str = Field(examples=["oidc:5f1d"])
    made_at: Instant
    base_run_id: int | None = Field(description="The run that was in force when it was begun.", examples=[12])
    instructions: int = Field(description="How many decisions it holds, as far as they are within reach.", examples=[3])
    decided_at: Instant | None = Field(description="When it was published or discarded.")
    decided_by: str = Field(examples=[""])
    decided_why: str = Field(examples=[""])

    @classmethod
    def of(cls, row: DraftRow, instructions: int) -> DraftOut:
        """Return a draft as the API shows it."""
        shown = {name: getattr(row, name) for name in cls.model_fields if name not in {"draft_id", "instructions"}}
        return cls(**shown, draft_id=row.id or 0, instructions=instructions)

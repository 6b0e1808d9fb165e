"""Drafts: decisions that are collected and put in force together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated

from pydantic import Field

from balancer.api.models.instructions import WhyIn
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN, In, Instant, Out
from balancer.domain.draft import MOST_INSTRUCTIONS, DraftState
from balancer.domain.states import RunState
from balancer.store.tables import RunRow
from balancer.store.tables_drafts import DraftRow, PreviewLoadRow, PreviewRow


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


class LeftOut(Out):
    """What undoing a draft or a run could not put back: a read and who had it, or an earlier decision."""

    read_id: int | None = Field(examples=[4711])
    reporter_id: str | None = Field(
        description="Who had it; `null` if it is not to be told: it is read blind.", examples=["9000017"]
    )
    instruction_id: int | None = Field(examples=[None])
    why: str = Field(examples=["it is done"])


class DraftPublicationIn(WhyIn):
    """Why a draft is published, and what whoever publishes it was shown."""

    instructions: list[Annotated[int, Field(ge=1, le=2**31 - 1)]] | None = Field(
        default=None,
        max_length=MOST_INSTRUCTIONS,
        description="The decisions that are staged in it, by `instruction_id`, as they were looked at: refused if it "
        "holds others by now. Without it whatever is staged comes into force.",
        examples=[[7, 8]],
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
    undone_at: Instant | None
    undone_by: str = Field(examples=[""])
    undone_why: str = Field(examples=[""])
    left: list[LeftOut] = Field(description="What undoing it could not put back, as far as it is within reach.")

    @classmethod
    def of(cls, row: DraftRow, instructions: int, within: Collection[int], unnamed: Collection[int] = ()) -> DraftOut:
        """Return a draft as the API shows it; ``within`` are the reads within reach of those that were left.

        Of those that are ``unnamed`` it is not told who had them.
        """
        made = {"draft_id", "instructions", "left"}
        shown = {name: getattr(row, name) for name in cls.model_fields if name not in made}
        left = [
            LeftOut(**{**item, "reporter_id": None if item["read_id"] in unnamed else item["reporter_id"]})
            for item in row.left
            if item["read_id"] is None or item["read_id"] in within
        ]
        return cls(**shown, draft_id=row.id or 0, instructions=instructions, left=left)


class LateOut(Out):
    """How many studies of a class the plan has late, without the draft and with it; of every trust."""

    priority: str = Field(examples=["urgent"])
    before: int = Field(examples=[12])
    after: int = Field(examples=[9])


class LoadOut(Out):
    """How much of a reporter's sessions within the horizon is planned, without the draft and with it."""

    reporter_id: str = Field(examples=["9000017"])
    available_minutes_before: float = Field(examples=[480.0])
    available_minutes_after: float = Field(examples=[480.0])
    planned_minutes_before: float = Field(examples=[310.5])
    planned_minutes_after: float = Field(examples=[340.0])
    load_before: float | None = Field(description="Planned by available; `null` without sessions.", examples=[0.647])
    load_after: float | None = Field(examples=[0.708])

    @classmethod
    def of(cls, row: PreviewLoadRow) -> LoadOut:
        """Return a load as the API shows it."""
        return cls(
            reporter_id=row.reporter_id,
            available_minutes_before=round(row.available_before, 1),
            available_minutes_after=round(row.available_after, 1),
            planned_minutes_before=round(row.planned_before, 1),
            planned_minutes_after=round(row.planned_after, 1),
            load_before=_share(row.planned_before, row.available_before),
            load_after=_share(row.planned_after, row.available_after),
        )


class PreviewOut(Out):
    """What a draft would do at once. Whom it moves: `/runs/{run_id}/moves`; how far it is: `/runs/{run_id}/events`."""

    run_id: int = Field(description="Of kind `preview`; it never changes a list.", examples=[31])
    draft_id: int = Field(examples=[4])
    state: RunState = Field(description="`previewed` once it can be looked at.")
    error: str = Field(examples=[""])
    planned_for: Instant = Field(description="The instant the plans are of; much may have changed since.")
    is_of_draft_as_it_is: bool = Field(description="`false`: something was staged, or taken out, since.")
    late: list[LateOut]
    load: list[LoadOut] = Field(description="Of reporters within reach; whoever reports gets their own.")

    @classmethod
    def of(cls, run: RunRow, found: PreviewRow, staged: Sequence[int], loads: Iterable[PreviewLoadRow]) -> PreviewOut:
        """Return a preview as the API shows it; ``staged`` is in the draft now."""
        before, after = found.late_before or {}, run.late or {}
        return cls(
            run_id=run.id or 0,
            draft_id=found.draft_id,
            state=run.state,
            error=run.error,
            planned_for=run.now,
            is_of_draft_as_it_is=sorted(staged) == found.instructions,
            late=[LateOut(priority=name, before=before.get(name, 0), after=count) for name, count in after.items()],
            load=[LoadOut.of(row) for row in loads],
        )


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None

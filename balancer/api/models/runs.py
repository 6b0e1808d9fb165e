"""Allocation runs."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from balancer.api.models.shape import In, Instant, Out
from balancer.domain.states import RunKind, RunState
from balancer.store.tables import RunRow


class RunProgressOut(Out):
    """How far a run is, as its solver last said."""

    run_id: int = Field(examples=[12])
    state: RunState
    stage: str = Field(description="Under way; of a run that waits, why it was asked for.", examples=["improve"])
    at: Instant | None = Field(description="When the solver last spoke.")
    solver_seconds: float | None = Field(description="Since it began.", examples=[4.2])
    incumbent_points: float | None = Field(description="Cost of the best plan so far.", examples=[18250.4])
    bound_points: float | None = Field(description="No plan can cost less.", examples=[18102.9])

    @classmethod
    def of(cls, row: RunRow) -> RunProgressOut:
        """Return a run's progress as the API shows it."""
        said: dict[str, Any] = row.progress
        return cls(
            run_id=row.id or 0,
            state=row.state,
            stage=str(said.get("stage", "") or row.stage) if row.state is RunState.RUNNING else row.stage,
            at=row.progress_at,
            solver_seconds=said.get("seconds"),
            incumbent_points=said.get("incumbent"),
            bound_points=said.get("bound"),
        )


class RunOut(Out):
    """An allocation run: what it was made for, how it ended, what it cost and proved. Costs are in points."""

    run_id: int = Field(examples=[12])
    kind: RunKind = Field(description="`mending` changed only the lists that something urgent concerns.")
    state: RunState = Field(description="Only a `published` run changed anybody's list.")
    stage: str = Field(description="Under way; of a run that waits, why it was asked for.", examples=[""])
    planned_for: Instant = Field(description="The instant the plan starts from.")
    started_at: Instant = Field(description="Of a run that waits, when it was asked for.")
    finished_at: Instant | None
    seed: int = Field(examples=[0])
    error: str = Field(description="Why nothing was published.", examples=[""])
    warnings: list[str] = Field(description="What a person should know about the input.")
    status: str | None = Field(description="`optimal` or `feasible`: how much was proved.", examples=["feasible"])
    stopped_by: str | None = Field(description="`optimal`, `work` or `time`.", examples=["time"])
    total_points: float | None = Field(description="The plan's cost.", examples=[18250.4])
    terms_points: dict[str, float] | None = Field(description="The cost by term.", examples=[{"clinical": 17903.1}])
    sunk_points: float | None = Field(description="What no plan could avoid.", examples=[15020.0])
    bound_points: float | None = Field(description="No plan costs less: proven.", examples=[18102.9])
    gap: float | None = Field(
        description="Share of the avoidable cost that might still be saved: (total - bound) / max(1, total - sunk).",
        examples=[0.046],
    )
    studies: int | None = Field(examples=[5921])
    reads: int | None = Field(examples=[6103])
    allocated_reads: int | None = Field(examples=[5988])
    late_studies: dict[str, int] | None = Field(description="By priority class.", examples=[{"emergency": 0}])
    longest_wait_hours: dict[str, float] | None = Field(
        description="From acquisition to planned end, by priority class.", examples=[{"emergency": 3.2}]
    )
    seconds: dict[str, float] | None = Field(description="By stage.", examples=[{"solve": 19.4}])
    input_digest: str | None = Field(description="Of what the plan was made from.", examples=[None])

    @classmethod
    def of(cls, row: RunRow) -> RunOut:
        """Return a run as the API shows it."""
        return cls(
            run_id=row.id or 0,
            kind=row.kind,
            state=row.state,
            stage=row.stage,
            planned_for=row.now,
            started_at=row.started_at,
            finished_at=row.finished_at,
            seed=row.seed,
            error=row.error,
            warnings=row.warnings,
            status=row.status,
            stopped_by=row.stopped_by,
            total_points=row.total,
            terms_points=row.terms,
            sunk_points=row.sunk,
            bound_points=row.bound,
            gap=row.gap,
            studies=row.studies,
            reads=row.reads,
            allocated_reads=row.allocated,
            late_studies=row.late,
            longest_wait_hours=row.longest_wait_hours,
            seconds=row.seconds,
            input_digest=row.digest,
        )


class RunIn(In):
    """Why a run is asked for."""

    reason: str = Field(
        default="asked for by a person",
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]+$",
        description="Shown while the run waits. No patient's or person's name belongs here.",
        examples=["the CT reporters' list looks thin"],
    )

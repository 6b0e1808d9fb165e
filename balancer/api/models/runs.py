"""Allocation runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from balancer.api.models.drafts import LeftOut
from balancer.api.models.shape import In, Instant, Out
from balancer.domain.life import ReadState
from balancer.domain.run_changes import MoveReason
from balancer.domain.states import RunKind, RunState
from balancer.store.run_records import ShownMove
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
    kind: RunKind = Field(
        description="`mending` changed only the lists that something urgent concerns; a `preview` changes none."
    )
    state: RunState = Field(
        description="A `published` run changed everybody's list; of one that is `held`, at most emergencies are."
    )
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
    input_digest: str | None = Field(description="SHA-256 of what the plan was made from.", examples=["9f86d081884c"])
    policy_id: int | None = Field(description="The version of the policy that it was made by.", examples=[3])
    work: int | None = Field(description="Proposals of the search; `null` is as many as the size asks for.")
    code_version: str = Field(description="Of the Balancer that made it.", examples=["0.1.0"])
    held_at: Instant | None = Field(description="Since when its plan waits, or waited, for a manager.")
    minutes_old: float | None = Field(
        description="While it waits: how long ago the instant is that it plans from. Much may have changed since.",
        examples=[7.5],
    )
    emergencies_due_out_at: Instant | None = Field(
        description="While it waits: when the first emergencies that nobody has go onto lists all the same, by the "
        "policy. They have waited since the first plan that had them."
    )
    emergencies_out_at: Instant | None = Field(description="When its emergencies went onto lists all the same.")
    decided_at: Instant | None
    decided_by: str = Field(description="Who published or discarded it.", examples=[""])
    decided_why: str = Field(examples=[""])

    @classmethod
    def of(cls, row: RunRow, now: datetime, due_out_at: datetime | None = None) -> RunOut:
        """Return a run as the API shows it at ``now``; ``due_out_at``: of the one that waits (``waits_until``)."""
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
            policy_id=row.policy_id,
            work=row.work,
            code_version=row.code_version,
            held_at=row.held_at,
            minutes_old=_minutes(now - row.now) if row.state is RunState.HELD else None,
            emergencies_due_out_at=due_out_at if row.state is RunState.HELD else None,
            emergencies_out_at=row.emergencies_out_at,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
            decided_why=row.decided_why,
        )


def _minutes(time: timedelta) -> float:
    return round(time.total_seconds() / 60.0, 1)


class RunMoveOut(Out):
    """A read that a run's plan gives to somebody else than had it when the run began."""

    read_id: int = Field(examples=[4711])
    trust: str = Field(examples=["RVV"])
    accession_number: str = Field(examples=["RVV2603020042"])
    priority: str = Field(description="As it is now.", examples=["urgent"])
    read: int = Field(examples=[1])
    was: str | None = Field(
        description="Who had it; `null` is nobody, or not to be told: it is read blind.", examples=["9000017"]
    )
    becomes: str | None = Field(
        description="Whom the plan gives it to; `null` is nobody, or not to be told: it is read blind.",
        examples=["9000021"],
    )
    reason: MoveReason = Field(
        description="`new`: nobody had it. `not_offered`: whoever had it may not read it. `not_rostered`: they have no "
        "session within the horizon. `no_place`: the plan has none. `better`: the whole plan costs less so. "
        "`taken_out`: of a preview: the draft takes it out of the queue."
    )
    detail: str = Field(description="Why there is no place.", examples=["no_capacity"])
    overtaken: bool = Field(
        description="Somebody has it open, or it is done, parked or gone: publishing does not move it any more."
    )

    @classmethod
    def of(cls, shown: ShownMove, *, unnamed: bool = False) -> RunMoveOut:
        """Return a move as the API shows it; one that is ``unnamed`` is of a read that is read blind."""
        move, study, read = shown.move, shown.study, shown.read
        return cls(
            read_id=read.id or 0,
            trust=study.trust,
            accession_number=study.accession_number,
            priority=study.priority,
            read=move.read,
            was=None if unnamed else move.was,
            becomes=None if unnamed else move.becomes,
            reason=move.reason,
            detail=move.detail,
            overtaken=read.state not in {ReadState.UNALLOCATED, ReadState.ALLOCATED},
        )


class DecisionOnRunIn(In):
    """Why a held plan is published or discarded."""

    reason: str = Field(
        min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$", examples=["looked through with the CT lead"]
    )


class RunUndoneOut(Out):
    """What undoing a run came to: lists are as they were before it, but for what is `left`."""

    run_id: int = Field(description="The run that was undone.", examples=[12])
    left: list[LeftOut] = Field(description="What could not be put back, and why.")


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

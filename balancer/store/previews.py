"""Previews of drafts: asked for, begun one at a time, and what they found; their figures and moves are a run's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime

from sqlmodel import Session, col, select

from balancer.domain.effects import Completion, Figures
from balancer.domain.states import RunKind, RunState
from balancer.store.tables import RunRow
from balancer.store.tables_drafts import PreviewLoadRow, PreviewRow

_UNFINISHED = (RunState.REQUESTED, RunState.RUNNING)


def request(session: Session, draft_id: int, *, now: datetime, stage: str) -> RunRow:
    """Enter that a preview is asked for; if one of the draft waits already, that is the one.

    The caller holds the draft: nobody else asks at this moment.
    """
    statement = select(RunRow).join(PreviewRow, col(PreviewRow.run_id) == col(RunRow.id))
    waiting = session.exec(
        statement.where(PreviewRow.draft_id == draft_id, RunRow.state == RunState.REQUESTED).with_for_update(of=RunRow)
    ).first()
    if waiting is not None:
        return waiting
    row = RunRow(
        kind=RunKind.PREVIEW,
        state=RunState.REQUESTED,
        token=0,
        now=now,
        started_at=now,
        seed=0,
        stage=stage,
        progress={},
        warnings=[],
    )
    session.add(row)
    session.flush()
    session.add(PreviewRow(run_id=row.id or 0, draft_id=draft_id))
    session.flush()
    return row


def unfinished(session: Session) -> bool:
    """Tell whether a preview waits, or was begun and has not ended."""
    states = col(RunRow.state).in_(_UNFINISHED)
    return session.exec(select(RunRow.id).where(RunRow.kind == RunKind.PREVIEW, states).limit(1)).first() is not None


def begin(session: Session, now: datetime) -> tuple[int, int] | None:
    """Begin the first preview asked for; return its run and its draft, ``None`` if none is.

    Called by the one process that makes previews: any other that says it is under way has died.
    """
    rows = session.exec(
        select(RunRow)
        .where(RunRow.kind == RunKind.PREVIEW, col(RunRow.state).in_(_UNFINISHED))
        .order_by(col(RunRow.id))
        .with_for_update(),
        execution_options={"populate_existing": True},
    ).all()
    for dead in rows:
        if dead.state is RunState.RUNNING:
            dead.state, dead.stage, dead.finished_at = RunState.FAILED, "", now
            dead.error = "the process that made it stopped"
    first = next((row for row in rows if row.state is RunState.REQUESTED), None)
    if first is None:
        return None
    first.state, first.now, first.started_at, first.stage = RunState.RUNNING, now, now, "mend"
    session.flush()
    return first.id or 0, session.get_one(PreviewRow, first.id).draft_id


def keep(
    session: Session,
    run_id: int,
    late_before: Mapping[str, int],
    staged: Iterable[int],
    loads: Iterable[PreviewLoadRow],
) -> None:
    """Keep what a preview found beside its run's figures."""
    row = session.get_one(PreviewRow, run_id)
    row.late_before, row.instructions = dict(late_before), sorted(staged)
    session.add(row)
    session.add_all(loads)
    session.flush()


def keep_effects(  # noqa: PLR0913 - what is kept of what
    session: Session,
    run_id: int,
    *,
    before: Figures,
    after: Figures,
    turned: Mapping[int, tuple[Completion, Completion]],
    about: Mapping[int, Completion],
) -> None:
    """Keep what a draft does to the plan in figures, and which studies (by number) become late or are in time again.

    And when each study that the draft is ``about`` is completed then.
    """
    row = session.get_one(PreviewRow, run_id)
    late_by = {str(study_id): round(completion.late_minutes, 2) for study_id, completion in about.items()}
    row.figures = {"before": asdict(before), "after": asdict(after), "about": late_by}
    row.lateness = [
        {"study_id": study_id, "before": round(was.late_minutes, 2), "after": round(becomes.late_minutes, 2)}
        for study_id, (was, becomes) in turned.items()
    ]
    session.add(row)
    session.flush()


def newest(session: Session, draft_id: int) -> tuple[RunRow, PreviewRow] | None:
    """Return the last preview that was asked for of a draft, if any was."""
    statement = select(RunRow, PreviewRow).join(PreviewRow, col(PreviewRow.run_id) == col(RunRow.id))
    statement = statement.where(PreviewRow.draft_id == draft_id).order_by(col(RunRow.id).desc()).limit(1)
    return session.exec(statement).first()


def loads(session: Session, run_id: int) -> list[PreviewLoadRow]:
    """Return everybody's load, as far as they are within reach."""
    statement = select(PreviewLoadRow).where(PreviewLoadRow.run_id == run_id)
    return list(session.exec(statement.order_by(col(PreviewLoadRow.reporter_id))))

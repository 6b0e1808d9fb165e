"""Runs as people read them: how one ended, how good its plan is known to be, what it costs, against the one before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.policy import Policy
from balancer.domain.run_changes import MoveReason
from balancer.domain.states import RunKind, RunState
from balancer.store.run_records import ShownMove
from balancer.store.tables import RunRow
from balancer.web.class_marks import ClassMark, mark_of
from balancer.web.not_placed import reason_words
from balancer.web.points import point_words
from balancer.web.run_quality import quality_words
from balancer.web.tables import Cell, Choice, Column, Row, Table, View, number, table_of
from balancer.web.time_left import at_words, span

STATES: Final = {
    RunState.REQUESTED: "Waits to begin",
    RunState.RUNNING: "Under way",
    RunState.HELD: "Waits to be published",
    RunState.PUBLISHED: "Published",
    RunState.DISCARDED: "Discarded",
    RunState.SUPERSEDED: "Overtaken by a later run",
    RunState.REJECTED: "Refused: a rule is broken",
    RunState.FAILED: "Failed",
    RunState.PREVIEWED: "Preview, never to be published",
}
KINDS: Final = {
    RunKind.ALLOCATION: "Whole plan",
    RunKind.MENDING: "Lists mended",
    RunKind.PREVIEW: "Preview of a draft",
    RunKind.RESTORING: "Lists put back",
}
TERMS: Final = {
    "clinical": "Waiting and lateness, by class",
    "match": "Read by somebody who is not a specialist",
    "remote": "Read at another trust",
    "prior": "Not read by whoever reported the last study",
    "churn": "Taken from somebody's list",
    "split": "One patient, several reporters",
    "load": "Full sessions, the fullest most",
}
STAGES: Final = {
    "gather": "Collecting what waits",
    "solve": "Looking for the best plan",
    "dispatch": "A first plan, read by read",
    "flow": "A plan for all reads at once",
    "improve": "Looking for a better plan",
    "bound": "Proving what no plan can beat",
    "explain": "Finding why reads have no place",
    "done": "The plan is made",
    "judge": "Checking every rule",
    "publish": "Writing lists",
    "mend": "Mending lists",
}
MOVES: Final = {
    MoveReason.NEW: "Nobody had it",
    MoveReason.NOT_OFFERED: "Whoever had it may not read it",
    MoveReason.NOT_ROSTERED: "Whoever had it has no session",
    MoveReason.NO_PLACE: "No place",
    MoveReason.BETTER: "The whole plan is better so",
    MoveReason.TAKEN_OUT: "Taken out of the queue",
}


def is_under_way(run: RunRow) -> bool:
    """Tell whether a run has not ended."""
    return run.state in {RunState.REQUESTED, RunState.RUNNING}


def gap_words(run: RunRow) -> str:
    """Return how good a run's plan is known to be: said only where a bound was proven."""
    return "" if run.gap is None else quality_words(run.gap)


def stage_words(stage: str) -> str:
    """Return what a run is doing; of one that waits, why it was asked for."""
    return STAGES.get(stage, stage)


def took(run: RunRow) -> timedelta | None:
    """Return how long a run took, if it has ended; of one that was asked for earlier, from when it began to plan."""
    return None if run.finished_at is None else max(run.finished_at - run.started_at, timedelta())


# --- the list ---------------------------------------------------------------------------------------------------------

_COLUMNS: Final = (
    Column(key="run", head="Run"),
    Column(key="kind", head="Kind", second="stage"),
    Column(key="state", head="State", second="why"),
    Column(key="planned_for", head="Planned for"),
    Column(key="seconds", head="Took", number=True, kept="seconds"),
    Column(key="placed", head="Placed", number=True),
    Column(key="reads", head="Of reads", number=True),
    Column(key="late", head="Late studies", number=True),
    Column(key="points", head="Points", number=True),
    Column(key="quality", head="Quality", kept="gap"),
)


def run_list(rows: Sequence[RunRow], total: int, view: View, now: datetime, filters: Sequence[Choice]) -> Table:
    """Return runs as a table, as they come: newest first."""
    return Table(
        name="Runs",
        columns=_COLUMNS,
        rows=[_run_row(run, now) for run in rows],
        total=total,
        view=view,
        filters=filters,
        empty="No run yet. The first is asked for when the service starts, or here.",
    )


def _run_row(run: RunRow, now: datetime) -> Row:
    lasted = took(run)
    address = f"/runs/{run.id}"
    return Row(
        cells=(
            Cell(text=f"Run {run.id}", value=run.id, link=address),
            Cell(text=KINDS[run.kind], second=run.stage if run.state is RunState.REQUESTED else ""),
            Cell(text=STATES[run.state], second=run.decided_why or _first_line(run.error)),
            Cell(text=at_words(run.now, now), value=run.now),
            _absent()
            if lasted is None
            else Cell(text=f"{lasted.total_seconds():,.0f} s", value=lasted.total_seconds()),
            _count(run.allocated, link=address),
            _count(run.reads, link=address),
            _count(None if run.late is None else sum(run.late.values()), link=address),
            _absent()
            if run.total is None
            else Cell(text=f"{run.total:,.0f}", value=round(run.total, 2), link=f"{address}#terms-heading"),
            Cell(text=gap_words(run), value=None if run.gap is None else round(run.gap, 4)),
        )
    )


def _absent() -> Cell:
    return Cell(text="not known", value="", grey=True)


def _count(value: int | None, link: str = "") -> Cell:
    return _absent() if value is None else number(value, link=link)


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0][:120]


# --- one run ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure of a run beside that of the one before it; either may not be known."""

    name: str
    words: str
    was: float | None
    becomes: float | None
    mark: ClassMark | None = None

    @property
    def difference(self) -> float | None:
        """How much more it is."""
        return None if self.was is None or self.becomes is None else self.becomes - self.was


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The longest wait of a class in a plan, against its ceiling; in hours."""

    mark: ClassMark
    late: int
    late_was: int | None
    hours: float | None
    ceiling: float | None

    @property
    def words(self) -> str:
        """The wait in words."""
        return "nothing waits" if self.hours is None else span(timedelta(hours=self.hours))

    @property
    def ceiling_words(self) -> str:
        """The ceiling in words."""
        return "no ceiling known" if self.ceiling is None else span(timedelta(hours=self.ceiling))

    @property
    def share(self) -> float:
        """How far it has come to its ceiling, from 0 to 100 at most."""
        if self.hours is None or not self.ceiling:
            return 0.0
        return round(min(100.0 * self.hours / self.ceiling, 100.0), 2)

    @property
    def over_words(self) -> str:
        """By how much it is past its ceiling, in words; nothing if it is not."""
        if self.hours is None or self.ceiling is None or not self.is_over:
            return ""
        return f"over by {span(timedelta(hours=self.hours - self.ceiling))}"

    @property
    def is_over(self) -> bool:
        """Whether it is past its ceiling."""
        return self.hours is not None and self.ceiling is not None and self.hours > self.ceiling


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """What a run's page shows; ``before`` is the whole plan that was published before it, if one was."""

    run: RunRow
    before: RunRow | None
    state: str
    kind: str
    quality: str
    stage: str
    under_way: bool
    took: str
    planned: str
    terms: Sequence[Change]
    waits: Sequence[Wait]
    stages: Sequence[tuple[str, str, float]]
    errors: Sequence[str]
    point: str


def run_page(
    run: RunRow, before: RunRow | None, policy: Policy | None, marks: Mapping[str, ClassMark], now: datetime
) -> RunPage:
    """Return a run's page; ``policy`` is the one it was made by, if that is known."""
    lasted = took(run)
    return RunPage(
        run=run,
        before=before,
        state=STATES[run.state],
        kind=KINDS[run.kind],
        quality=gap_words(run),
        stage=stage_words(str(run.progress.get("stage") or run.stage)),
        under_way=is_under_way(run),
        took="" if lasted is None else f"{lasted.total_seconds():,.1f} s",
        planned=at_words(run.now, now),
        terms=terms(run, before),
        waits=_waits(run, before, policy, marks),
        stages=[(stage_words(name), name, seconds) for name, seconds in (run.seconds or {}).items()],
        errors=[line for line in run.error.split("\n") if line],
        point=point_words(policy),
    )


def terms(run: RunRow, before: RunRow | None) -> list[Change]:
    """Return what a run's plan costs by term, beside the one before; and its total, sunk cost and bound."""
    if run.terms is None:
        return []
    was = (before.terms or {}) if before is not None else {}
    found = [
        Change(name=name.capitalize(), words=TERMS.get(name, ""), was=was.get(name), becomes=points)
        for name, points in run.terms.items()
    ]
    whole: Iterable[tuple[str, str, str]] = (
        ("Total", "All of it together", "total"),
        ("Sunk", "What no plan could avoid", "sunk"),
        ("Bound", "No plan costs less: proven", "bound"),
    )
    return [
        *found,
        *(
            Change(name=name, words=words, was=getattr(before, column, None), becomes=getattr(run, column))
            for name, words, column in whole
        ),
    ]


def _waits(run: RunRow, before: RunRow | None, policy: Policy | None, marks: Mapping[str, ClassMark]) -> list[Wait]:
    if run.late is None:
        return []
    ceilings = {} if policy is None else {item.code: item.ceiling_hours for item in policy.priorities}
    order = list(marks)
    codes = sorted(run.late, key=lambda code: order.index(code) if code in order else len(order))
    was = None if before is None else before.late
    return [
        Wait(
            mark=mark_of(marks, code),
            late=run.late[code],
            late_was=None if was is None else was.get(code, 0),
            hours=(run.longest_wait_hours or {}).get(code),
            ceiling=ceilings.get(code),
        )
        for code in codes
    ]


# --- whom it moved ----------------------------------------------------------------------------------------------------


def run_moves(  # noqa: PLR0913 - what is said of whom
    found: Sequence[ShownMove],
    unnamed: Iterable[int],
    *,
    names: Mapping[str, str],
    exams: Mapping[str, str],
    marks: Mapping[str, ClassMark],
    view: View,
) -> Table:
    """Return whom a run moved; of a read that is read blind nobody is named."""
    hidden = set(unnamed)
    columns = (
        Column(key="study", head="Study", sorts=True, second="accession"),
        Column(key="class", head="Class", sorts=True),
        Column(key="trust", head="Trust", sorts=True),
        Column(key="from", head="From", sorts=True),
        Column(key="to", head="To", sorts=True),
        Column(key="why", head="Why", sorts=True),
    )

    def who(move: ShownMove, name: str | None) -> Cell:
        if move.read.id in hidden:
            return Cell(text="read blind", grey=True)
        return Cell(text="nobody" if name is None else names.get(name, "a reporter"), grey=name is None)

    rows = [
        Row(
            cells=(
                Cell(
                    text=exams.get(move.study.exam_code, move.study.exam_code),
                    link=f"/studies/{move.study.id}",
                    second=move.study.accession_number,
                ),
                Cell(mark=mark_of(marks, move.study.priority)),
                Cell(trust=move.study.trust),
                who(move, move.move.was),
                who(move, move.move.becomes),
                Cell(text=_why(move)),
            )
        )
        for move in found
    ]
    return table_of("Moves of a run", columns, rows, view, empty="It moved nothing, or its moves are no longer kept.")


def _why(move: ShownMove) -> str:
    said = MOVES[move.move.reason]
    return f"{said}: {reason_words(move.move.detail).lower()}" if move.move.detail else said

"""The reads that one figure of a reporter's day counts: of a class, late, or behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from balancer.store.plans import PlannedRead
from balancer.web.allocation import Standing
from balancer.web.class_marks import mark_of
from balancer.web.gantt_shapes import GanttRow

LATE: Final = "late"
BEHIND: Final = "behind"


def reads_behind(row: GanttRow, only: str, base: Standing) -> tuple[str, Sequence[PlannedRead]]:
    """Return what the reads of a day are called that ``only`` means, and them; all of it, if it means nothing."""
    placed = [(read, read.becomes) for read in row.reads if read.becomes is not None]
    if only == LATE:
        late = [read for read, spot in placed if spot.end > read.due_at]
        return f"{_reads(late)} due before {'its' if len(late) == 1 else 'their'} planned end", late
    if only == BEHIND:
        behind = [read for read, spot in placed if spot.end <= base.now]
        return f"{_reads(behind)} that should have been read by now", behind
    if only in base.marks:
        of_class = [read for read in row.reads if read.priority == only]
        return f"{_reads(of_class)} of class {mark_of(base.marks, only).name}", of_class
    return _reads(row.reads), row.reads


def _reads(found: Sequence[PlannedRead]) -> str:
    return f"{len(found):,} {'read' if len(found) == 1 else 'reads'}"

"""A plan as the folder of section 5: ``plan.csv``, ``unallocated.csv``, ``summary.json``; written, and read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from balancer.domain.errors import InputRefusedError
from balancer.domain.plan import Allocation, Plan, Summary
from balancer.publish.plan_reader import PLAN_COLUMNS, UNALLOCATED_COLUMNS, read_filed_plan
from balancer.publish.whole_folder import refuse_target, whole_folder, write_table, write_text

PLAN_FILES = ("plan.csv", "unallocated.csv", "summary.json")

__all__ = ["PLAN_FILES", "read_filed_plan", "read_plan", "refuse_plan_target", "summary_text", "write_plan"]


def refuse_plan_target(folder: Path) -> None:
    """Ensure that a plan may be written to ``folder``.

    Raises
    ------
    InputRefusedError
        If it is a file, or holds anything but an earlier plan.
    """
    refuse_target(folder, PLAN_FILES)


def write_plan(plan: Plan, folder: Path) -> None:
    """Write ``plan`` to ``folder``, all three files or none; an earlier plan there is replaced.

    Rows are sorted by trust, accession number and read; instants are whole seconds in UTC with ``+00:00``.

    Raises
    ------
    InputRefusedError
        If ``folder`` is a file or holds anything but an earlier plan.
    """
    with whole_folder(folder, PLAN_FILES) as new:
        allocations = sorted(plan.allocations, key=lambda row: row.key)
        unallocated = sorted(plan.unallocated, key=lambda row: row.key)
        write_table(new / "plan.csv", PLAN_COLUMNS, map(_plan_row, allocations))
        write_table(
            new / "unallocated.csv",
            UNALLOCATED_COLUMNS,
            ((row.trust, row.accession_number, row.read, row.reason.value) for row in unallocated),
        )
        write_text(new / "summary.json", summary_text(plan.summary))


def _plan_row(row: Allocation) -> Sequence[object]:
    return (
        row.trust,
        row.accession_number,
        row.read,
        row.reporter_id,
        row.session_id,
        row.position,
        _whole_seconds(row.start),
        _whole_seconds(row.end),
        _whole_seconds(row.due_at),
        f"{row.late_minutes:.2f}",
    )


def _whole_seconds(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def summary_text(summary: Summary) -> str:
    """Return ``summary.json``, exactly the keys of section 5."""
    content = {
        "now": summary.now.astimezone(UTC).isoformat(),
        "status": summary.status.value,
        "stopped_by": summary.stopped_by.value,
        "seconds": dict(summary.seconds),
        "total": summary.total,
        "terms": summary.terms.as_dict(),
        "sunk": summary.sunk,
        "bound": summary.bound,
        "gap": summary.gap,
        "studies": summary.studies,
        "reads": summary.reads,
        "allocated": summary.allocated,
        "late": dict(summary.late),
        "longest_wait_hours": dict(summary.longest_wait_hours),
        "seed": summary.seed,
        "digest": summary.digest,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_plan(folder: Path) -> Plan:
    """Return the plan in ``folder``.

    Raises
    ------
    InputRefusedError
        With every fault of every file; rows that no plan can hold, and a second row for a read, included.
    """
    filed = read_filed_plan(folder)
    if filed.impossible or filed.repeated:
        raise InputRefusedError([*filed.impossible, *filed.repeated])
    return filed.plan

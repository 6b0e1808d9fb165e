"""Where each read of open studies stands, from the tables that are the truth: lists, claims, what found no place."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from balancer.domain.states import AssignmentState, StudyState
from balancer.store.runs import current_run
from balancer.store.tables import ClaimRow, StudyRow, UnallocatedRow, WorklistItemRow, WorklistRow

_CHUNK = 2_000
Key = tuple[int, int]
# What a worklist shows of a study; its trust and number never change.
_SHOWN = (
    *("local_patient_id", "patient_id", "study_instance_uid", "exam_code", "modality", "subspecialty", "site"),
    *("patient_setting", "priority", "minutes", "acquired_at", "due_at", "prior_reporter", "state"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one read stands; the fields are columns of ``AssignmentRow``."""

    state: AssignmentState
    study_digest: str
    reporter_id: str | None = None
    reason: str = ""
    planned_start: datetime | None = None
    planned_end: datetime | None = None
    late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose reads are meant: those of these studies, or of all studies of these trusts."""

    trusts: Collection[str] = ()
    study_ids: Collection[int] = ()

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield a condition on studies for each statement that it takes to look at all of them."""
        if self.trusts:
            yield col(StudyRow.trust).in_(self.trusts)
        ids = iter(sorted(self.study_ids))
        while chunk := list(islice(ids, _CHUNK)):
            yield col(StudyRow.id).in_(chunk)


def where_reads_stand(session: Session, scope: Scope) -> dict[Key, Standing]:
    """Return where every read of every open study in ``scope`` stands, by study and read number.

    A claim says more than a list, and a list more than what a run found no place for.
    """
    run = current_run(session)
    found: dict[Key, Standing] = {}
    for condition in scope.conditions():
        reads = _reads(session, condition)
        _place(session, condition, reads)
        _excuse(session, condition, reads, run.id if run else None)
        _claim(session, condition, reads)
        found.update({key: Standing(**columns) for key, columns in reads.items()})
    return found


def closed_states(session: Session, study_ids: Collection[int]) -> dict[int, Standing]:
    """Return how reads of these studies stand that are not to be read any more.

    A read that an open study needs no longer is withdrawn too.
    """
    found = {}
    for condition in Scope(study_ids=study_ids).conditions():
        for row in session.exec(_shown(StudyRow.exclusion_rule).where(condition)):
            excluded = row.state is StudyState.EXCLUDED
            state = AssignmentState.EXCLUDED if excluded else AssignmentState.WITHDRAWN
            found[row.id] = Standing(state=state, reason=row.exclusion_rule, study_digest=digest(row))
    return found


def digest(study: Any) -> str:
    """Return a digest of what a worklist shows of a study."""
    shown = repr([str(getattr(study, name)) for name in _SHOWN])
    return hashlib.sha256(shown.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _shown(*more: Any) -> Any:
    return select(StudyRow.id, StudyRow.reads, *(getattr(StudyRow, name) for name in _SHOWN), *more)


def _reads(session: Session, condition: Any) -> dict[Key, dict[str, Any]]:
    reads: dict[Key, dict[str, Any]] = {}
    for study in session.exec(_shown().where(condition, StudyRow.state == StudyState.OPEN)):
        shown = digest(study)
        for read in range(1, study.reads + 1):
            reads[study.id, read] = {"state": AssignmentState.UNALLOCATED, "study_digest": shown}
    return reads


def _place(session: Session, condition: Any, reads: dict[Key, dict[str, Any]]) -> None:
    statement = (
        select(WorklistItemRow, WorklistRow.reporter_id)
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .join(StudyRow, col(StudyRow.id) == col(WorklistItemRow.study_id))
        .where(condition, col(WorklistRow.superseded_at).is_(None))
    )
    for item, reporter_id in session.exec(statement):
        if (columns := reads.get((item.study_id, item.read))) is not None:
            columns.update(
                state=AssignmentState.ALLOCATED,
                reporter_id=reporter_id,
                planned_start=item.planned_start,
                planned_end=item.planned_end,
                late=item.late,
            )


def _excuse(session: Session, condition: Any, reads: dict[Key, dict[str, Any]], run_id: int | None) -> None:
    statement = (
        select(UnallocatedRow)
        .join(StudyRow, col(StudyRow.id) == col(UnallocatedRow.study_id))
        .where(condition, UnallocatedRow.run_id == run_id)
    )
    for row in session.exec(statement):
        columns = reads.get((row.study_id, row.read))
        if columns is not None and columns["state"] is AssignmentState.UNALLOCATED:
            columns["reason"] = row.reason


def _claim(session: Session, condition: Any, reads: dict[Key, dict[str, Any]]) -> None:
    statement = select(ClaimRow).join(StudyRow, col(StudyRow.id) == col(ClaimRow.study_id)).where(condition)
    for claim in session.exec(statement):
        if (columns := reads.get((claim.study_id, claim.read))) is not None:
            columns.update(state=AssignmentState.CLAIMED, reporter_id=claim.reporter_id, reason="")

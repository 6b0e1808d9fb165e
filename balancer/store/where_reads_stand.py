"""Where each read of open studies stands, from the table that is the truth, and when the current lists plan it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_
from sqlmodel import Session, col, select

from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import UNPLANNED, ReadState
from balancer.domain.states import AssignmentState, StudyState
from balancer.store import policies
from balancer.store.chunks import is_among
from balancer.store.tables import StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_assignments import AssignmentRow
from balancer.store.tables_instructions import InstructionRow
from balancer.store.tables_life import ReadRow
from balancer.store.workitems import with_current

SHOWN = frozenset({InstructionKind.STUDY, InstructionKind.EXPEDITE})
"""What people decide of a study that is shown with it: its class, its examination, when it is due."""

DRIFTS = ("planned_start", "planned_end", "late")
"""What of a read's standing drifts with every run."""

Key = tuple[int, int]
# What a worklist shows of a study; its trust and number never change.
_SHOWN = (
    *("local_patient_id", "patient_id", "study_instance_uid", "exam_code", "modality", "subspecialty", "site"),
    *("patient_setting", "priority", "minutes", "acquired_at", "due_at", "prior_reporter", "state"),
)
_UID = 1 + _SHOWN.index("study_instance_uid")


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
    workitem: int = 0
    has_images: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose reads are meant: those of these studies, or of all studies of these trusts."""

    trusts: Collection[str] = ()
    study_ids: Collection[int] = ()

    def conditions(self, session: Session) -> Iterator[ColumnElement[bool]]:
        """Yield a condition on studies for each statement that it takes to look at all of them."""
        if self.trusts:
            yield col(StudyRow.trust).in_(self.trusts)
        if self.study_ids:
            yield is_among(session, StudyRow.id, sorted(self.study_ids))


def where_reads_stand(session: Session, scope: Scope) -> dict[Key, Standing]:
    """Return where every read that open studies in ``scope`` need stands, by study and read number."""
    found: dict[Key, Standing] = {}
    for condition in scope.conditions(session):
        reads = _reads(session, condition)
        _plan(session, condition, reads)
        found.update({key: Standing(**columns) for key, columns in reads.items()})
    return found


def current_places() -> Any:
    """Return a statement that gives every place on a current list: study and read, whose list it is, when it is read.

    Columns and not rows: it is asked of many reads while everybody who writes waits.
    """
    columns: Any = (
        *(WorklistItemRow.study_id, WorklistItemRow.read, WorklistRow.reporter_id),
        *(WorklistItemRow.planned_start, WorklistItemRow.planned_end, WorklistItemRow.late),
    )
    on_list = col(WorklistRow.id) == col(WorklistItemRow.worklist_id)
    return select(*columns).join(WorklistRow, on_list).where(col(WorklistRow.superseded_at).is_(None))


def other_times(lists: Any, *columns: Any) -> Any:
    """Return a statement that gives each read that the feed has and ``lists`` plan at other times than it says.

    It gives these columns of the feed's and then ``DRIFTS`` as they are now; ``lists`` is a subquery as
    ``current_places``. Whose a read is counts as the feed has it.
    """
    times: dict[str, Any] = {name: lists.c[name] for name in DRIFTS} | {"late": func.coalesce(lists.c.late, false())}
    same_read = (col(AssignmentRow.study_id) == lists.c.study_id, col(AssignmentRow.read) == lists.c.read)
    return (
        select(*columns, *(column.label(f"{name}_now") for name, column in times.items()))
        .select_from(AssignmentRow)
        .outerjoin(lists, and_(*same_read, col(AssignmentRow.reporter_id) == lists.c.reporter_id))
        .where(~col(AssignmentRow.gone))
        .where(or_(*(getattr(AssignmentRow, name).is_distinct_from(column) for name, column in times.items())))
    )


def closed_states(session: Session, study_ids: Collection[int]) -> dict[int, Standing]:
    """Return how reads of these studies stand that are not to be read any more.

    A read that an open study needs no longer is withdrawn too.
    """
    found = {}
    for condition in Scope(study_ids=study_ids).conditions(session):
        for row in session.exec(_shown(StudyRow.exclusion_rule).where(condition)):
            excluded = row.state is StudyState.EXCLUDED
            state = AssignmentState.EXCLUDED if excluded else AssignmentState.WITHDRAWN
            has_images = row.study_instance_uid is not None
            found[row.id] = Standing(
                state=state, reason=row.exclusion_rule, study_digest=digest(row[1:-1]), has_images=has_images
            )
    return found


def digest(shown: Sequence[Any], decided: Sequence[int] = ()) -> str:
    """Return a digest of what a worklist shows of a study: what its source says, and which decisions are laid over it.

    ``shown`` are its columns in their order. Of decisions the numbers do, and of the policy by which they are laid over
    it: neither ever changes.
    """
    shown = repr([*map(str, shown), *map(str, decided)])
    return hashlib.sha256(shown.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _shown(*more: Any) -> Any:
    return select(StudyRow.id, *(getattr(StudyRow, name) for name in _SHOWN), *more)


def _decided(session: Session, of_studies: tuple[Any, ...]) -> dict[int, list[int]]:
    """Return the decisions in force about these studies' class, examination or due time, by study.

    Behind them comes the version of the policy in force: what is held to be of another class than its source says is
    due by that, and its own row says nothing of it.
    """
    statement = (
        select(InstructionRow.study_id, InstructionRow.id)
        .join(StudyRow, col(StudyRow.id) == col(InstructionRow.study_id))
        .where(*of_studies, InstructionRow.state == InstructionState.IN_FORCE)
        .where(col(InstructionRow.kind).in_(sorted(SHOWN)))
        .order_by(col(InstructionRow.id))
    )
    found: dict[int, list[int]] = defaultdict(list)
    for study_id, number in session.exec(statement):
        found[study_id or 0].append(number or 0)
    if found:
        policy_id = policies.number_in_force(session)
        for numbers in found.values():
            numbers.append(policy_id)
    return found


def _reads(session: Session, condition: Any) -> dict[Key, dict[str, Any]]:
    still_open = (condition, StudyRow.state == StudyState.OPEN)
    decided = _decided(session, still_open)
    # by place and not by name: this is asked of every study with each publish
    shown = {
        row[0]: (digest(row[1:], decided.get(row[0], ())), row[_UID] is not None)
        for row in session.exec(_shown().where(*still_open))
    }
    columns: Any = (ReadRow.study_id, ReadRow.number, ReadRow.state, ReadRow.reporter_id, ReadRow.reason)
    statement = (
        with_current(select(*columns))
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(*still_open, ReadRow.state != ReadState.WITHDRAWN)
    )
    return {
        (study_id, number): {
            "state": AssignmentState(state),
            "study_digest": shown[study_id][0],
            "reporter_id": reporter_id,
            "reason": "" if reason == UNPLANNED else reason,
            "workitem": workitem,
            "has_images": shown[study_id][1],
        }
        for study_id, number, state, reporter_id, reason, workitem in session.exec(statement)
    }


def _plan(session: Session, condition: Any, reads: dict[Key, dict[str, Any]]) -> None:
    """Add when each read is planned, if it is still on the list of whose it is."""
    statement = current_places().join(StudyRow, col(StudyRow.id) == col(WorklistItemRow.study_id)).where(condition)
    for study_id, read, reporter_id, start, end, late in session.exec(statement):
        standing = reads.get((study_id, read))
        if standing is not None and standing["reporter_id"] == reporter_id and not standing["state"].is_gone:
            standing.update(planned_start=start, planned_end=end, late=late)

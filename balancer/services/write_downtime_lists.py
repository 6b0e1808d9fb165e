"""Write everybody's list to disk, so that reporting goes on when nothing answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from balancer.domain.actor import Reach
from balancer.domain.downtime import DowntimeList, DowntimeRead
from balancer.domain.errors import NotFoundError
from balancer.domain.life import ReadKind, ReadState
from balancer.publish.downtime.folder import prune, write_set
from balancer.services.what_holds import HeldStudy, what_holds
from balancer.store import follow_ups, people, standing, worklists
from balancer.store.database import Database, Session
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.worklists import WorklistItem, WorklistSummary

_TASKS = {
    ReadKind.INTERPRETATION: "",
    ReadKind.VERIFICATION: "Verify a provisional report",
    ReadKind.ARBITRATION: "Decide between two readings",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was written: the set's name, how many lists with how many reads, and how many old sets went."""

    name: str
    lists: int
    reads: int
    pruned: int


def write_downtime_lists(db: Database, root: Path, now: datetime, *, keep: timedelta) -> Written | None:
    """Write every current list under ``root`` as a set of its own, and forget sets older than ``keep``.

    Each list is what its reporter may see and no more: blind to others' readings, without trusts at which their
    entitlement has ended. ``None`` if nothing has been published yet.

    Raises
    ------
    OSError
        If it cannot be written; every earlier set is as it was.
    """
    with db.session() as session:
        current = worklists.worklists(session)
    lists = [found for found in (_list_of(db, summary, now) for summary in current) if found is not None]
    if not lists:
        return None
    name = write_set(root, lists, now)
    return Written(
        name=name, lists=len(lists), reads=sum(len(item.reads) for item in lists), pruned=prune(root, now, keep)
    )


def _list_of(db: Database, summary: WorklistSummary, now: datetime) -> DowntimeList | None:
    """Return a list as its own reporter sees it; ``None`` if it went while the others were read."""
    with db.within(Reach(own=summary.reporter_id).at(now)).session() as session:
        try:
            found = worklists.worklist(session, summary.reporter_id)
        except NotFoundError:
            return None
        return DowntimeList(
            reporter_id=summary.reporter_id,
            name=people.name_of(session, summary.reporter_id),
            home_trust=summary.home_trust,
            version=found.version.version,
            published_at=found.version.published_at,
            made_at=now,
            withheld=found.withheld,
            reads=_reads(session, [item for item in found.items if item.still_open], now),
        )


def _reads(session: Session, items: list[WorklistItem], now: datetime) -> list[DowntimeRead]:
    held = what_holds(session, [item.study for item in items], now)
    names = standing.examination_names(session)
    follows = follow_ups.of_reads(
        session, [item.read.id or 0 for item in items if item.read.kind is not ReadKind.INTERPRETATION]
    )
    return [_read(item, held[item.study.id or 0], names, follows.get(item.read.id or 0)) for item in items]


def _read(entry: WorklistItem, held: HeldStudy, names: dict[str, str], follows: FollowUpRow | None) -> DowntimeRead:
    study, item = entry.study, entry.item
    return DowntimeRead(
        place=item.place,
        trust=study.trust,
        site=study.site,
        accession_number=study.accession_number,
        local_patient_id=study.local_patient_id,
        exam_code=held.exam_code,
        exam_name=names.get(held.exam_code, held.exam_code),
        modality=held.modality,
        priority=held.priority,
        patient_setting=study.patient_setting,
        acquired_at=study.acquired_at,
        due_at=held.due_of(follows),
        planned_start=item.planned_start,
        planned_end=item.planned_end,
        minutes=held.minutes if follows is None else follows.minutes_of(held.minutes),
        task=_TASKS[entry.read.kind],
        open=entry.read.state is ReadState.CLAIMED,
    )

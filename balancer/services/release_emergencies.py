"""Let the emergencies of a plan out that has waited too long for its manager; everything else goes on waiting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from balancer.domain.actor import job
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import NotFoundError
from balancer.domain.insertion import inserted
from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.plan import Allocation
from balancer.domain.reporter import REPORTING
from balancer.domain.study import ReadKey, StudyKey
from balancer.publish.run_record import KeptPlan, own_key, unpack_plan
from balancer.services.publish_worklists import Placing, add_lists
from balancer.services.run_allocation import LEASE
from balancer.services.still_entitled import StillEntitled
from balancer.store import assignments, audit, leases, queue, reads, run_records, runs
from balancer.store.database import Database, Session
from balancer.store.held_rosters import held_roster
from balancer.store.policies import current_policy
from balancer.store.reads import Move
from balancer.store.tables import RunRow

_log = structlog.get_logger("balancer.services")
_HOLD = job("hold")
_A_MOMENT = timedelta(microseconds=1)


def release_emergencies(db: Database, now: datetime) -> int:
    """Put emergencies on lists that have been in a held plan for the policy's time; return how many.

    Those that nobody has yet go where the plan that is held now has them, each the first of its session on that list;
    they have waited since the first plan that had them, whether it was discarded or another took its place. One that is
    on a list already stays there, one for which the held plan has no place waits. One whose place has gone, because
    whoever was to have it has fallen ill since or is not there yet, is looked at again until it has one: its time does
    not begin anew. The lists of those concerned get a new version, others stand; the run goes on waiting for its
    manager.
    """
    with db.session() as session:
        try:
            patience = timedelta(minutes=current_policy(session).publishing.emergencies_after_minutes)
        except NotFoundError:
            return 0
        if not runs.emergencies_overdue(session, now - patience):
            return 0
    with db.transaction() as session:
        leases.turn(session, LEASE)
        overdue, newest = runs.emergencies_overdue(session, now - patience), runs.newest_held(session)
        if not overdue or newest is None:
            return 0
        wanted = {run.id or 0: _emergencies_of(session, run) for run in overdue}
        given, refused = _place(session, newest, set().union(*wanted.values()), now)
        out = [run for run in overdue if not wanted[run.id or 0] & refused]
        for run in out:
            run.emergencies_out_at = now
        if not out and not given:
            return 0  # looked at again in a minute: whoever was to have it may be rostered by then
        audit.append(session, _entry(newest, given, now))
    _log.warning("run.emergencies_out", run=newest.id, emergencies=given)
    return given


def emergencies_due_out_at(session: Session) -> datetime | None:
    """Return when the emergencies go out that have waited longest in a plan; ``None`` if none waits that has any.

    The job that lets them out looks every minute.
    """
    if runs.newest_held(session) is None:
        return None
    since = runs.emergencies_wait_since(session)
    if since is None:
        return None
    return since + timedelta(minutes=current_policy(session).publishing.emergencies_after_minutes)


def plan_that_waits(db: Database, now: datetime) -> tuple[int, float] | None:
    """Return the held plan that has waited longer than emergencies may, and for how many minutes; ``None`` if none."""
    with db.session() as session:
        run = runs.newest_held(session)
        if run is None or run.held_at is None:
            return None
        waited = now - run.held_at
        patience = timedelta(minutes=current_policy(session).publishing.emergencies_after_minutes)
    return (run.id or 0, round(waited.total_seconds() / 60.0, 1)) if waited >= patience else None


def _entry(run: RunRow, given: int, now: datetime) -> AuditEntry:
    return AuditEntry(
        at=now,
        actor=_HOLD.subject,
        action="run.emergencies_out",
        subject_kind="run",
        subject_id=str(run.id),
        was=run.state,
        became=run.state,
        why="nobody has published the plan in the policy's time",
        detail={"emergencies": given},
    )


def _emergencies_of(session: Session, run: RunRow) -> set[ReadKey]:
    kept = unpack_plan(run_records.record(session, run.id or 0).plan)
    return {own_key(kept, key) for key in kept.emergencies}


def _place(session: Session, run: RunRow, wanted: set[ReadKey], now: datetime) -> tuple[int, set[ReadKey]]:
    """Put what is wanted where a run has it; return how many were, and those that nobody could be given."""
    kept = unpack_plan(run_records.record(session, run.id or 0).plan)
    rows = [row for row in _own(kept) if row.key in wanted]
    ids = queue.study_ids(session, {StudyKey(row.trust, row.accession_number) for row in rows})
    places = [(ids[StudyKey(row.trust, row.accession_number)], row.read) for row in rows]
    entitled = StillEntitled(session, set(ids.values()), now)
    placing = Placing(session, ids, {}, reads.locked_places(session, places), entitled)
    urgent: dict[str, list[Allocation]] = defaultdict(list)
    moves, refused = [], set()
    for row in rows:
        standing = placing.standing(row.key)
        if standing is None or standing.state is not ReadState.UNALLOCATED:
            continue
        if not placing.may_be_given(row) or not _is_there(session, row, now):
            refused.add(row.key)
        else:
            urgent[row.reporter_id].append(row)
            given = {"reporter_id": row.reporter_id}
            moves.append(Move(read=standing, event=ReadEvent.PUBLISH, to=ReadState.ALLOCATED, columns=given))
    if moves:
        _publish_lists(session, run, urgent, now)
        reads.move_all(session, moves, by=_HOLD, now=now, why=f"run {run.id}: emergencies of a plan that is held")
        assignments.note_all(session, now)
    return len(moves), refused


def _is_there(session: Session, row: Allocation, now: datetime) -> bool:
    """Tell whether whoever has a place for a read is rostered then, or now if it is later, as rosters are held now."""
    at = max(row.start, now)
    roster = held_roster(session, at, at + _A_MOMENT, now, reporter_id=row.reporter_id)
    shifts = [*(shift for _, held, _ in roster.said for shift in held), *roster.added]
    return any(
        shift.session.activity == REPORTING and shift.session.start <= at < shift.session.end for shift in shifts
    )


def _own(kept: KeptPlan) -> list[Allocation]:
    return [replace(row, read=own_key(kept, row.key).read) for row in kept.plan.allocations]


def _publish_lists(session: Session, run: RunRow, urgent: Mapping[str, Sequence[Allocation]], now: datetime) -> None:
    """Give whoever gets an emergency a new version of their list."""
    listed = queue.listed(session, urgent)
    versions = queue.supersede_worklists(session, now, of=urgent)
    items = {
        reporter_id: inserted(
            [row for row, _ in listed.get(reporter_id, ())],
            rows,
            {row.key for row, opened in listed.get(reporter_id, ()) if opened},
            now,
        )
        for reporter_id, rows in urgent.items()
    }
    keys = {StudyKey(row.trust, row.accession_number) for rows in items.values() for row in rows}
    add_lists(session, items, versions, queue.study_ids(session, keys), run.id or 0, now)

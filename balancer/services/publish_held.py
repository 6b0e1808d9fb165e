"""Publish a run that was held: a manager has looked at its plan."""

from __future__ import annotations

from datetime import datetime, timedelta

from balancer.domain.actor import Actor
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError
from balancer.domain.states import RunState
from balancer.publish.run_record import unpack_plan
from balancer.services.give_way import give_way
from balancer.services.publish_worklists import Seen, put_on_lists
from balancer.services.run_allocation import LEASE
from balancer.store import audit, leases, run_records, runs
from balancer.store.database import Database, Session
from balancer.store.tables import RunRow


def publish_held(db: Database, run_id: int, now: datetime, *, by: Actor, reason: str) -> None:
    """Put a held plan in force, read by read as it still can be, as if it had been published at once.

    It is of the instant it was gathered for: what has been claimed, done, parked, withdrawn, pinned or handed back
    since stays so, what has been put on a list since (mended, because it could not wait) stays on it, and what came
    since waits for the next run (``publish_worklists.publish``).

    Raises
    ------
    NotFoundError
        If there is no such run.
    ConflictError
        If it does not wait, or something of a later whole run is on a list: an older plan must not undo it.
    GoneError
        If its plan is no longer kept.
    """

    def put_in_force(session: Session, waited: timedelta) -> None:
        leases.turn(session, LEASE)
        run = runs.held_run(session, run_id)
        later = runs.on_lists_since(session, run_id)
        if later is not None:
            raise ConflictError(f"run {later}, which is later, is on people's lists: look at a later plan instead")
        kept = unpack_plan(run_records.record(session, run_id).plan)
        put_on_lists(
            session,
            run,
            kept.plan,
            now + waited,
            people=kept.people,
            left_out=kept.left_out,
            numbers=kept.numbers,
            by=by,
            seen=Seen(at=run.now),
        )
        _decide(session, run, RunState.PUBLISHED, now + waited, by=by, reason=reason)

    give_way(db, put_in_force)


def discard_run(db: Database, run_id: int, now: datetime, *, by: Actor, reason: str) -> None:
    """Decide against a held plan; the lists stand, and a run is asked for.

    Its emergencies wait for the next plan, and the time that they have waited counts: if the policy's has run out by
    then, they go onto lists as that one has them, with the scheduler's next look.

    Raises
    ------
    NotFoundError
        If there is no such run.
    ConflictError
        If it does not wait.
    """
    with db.transaction() as session:
        leases.turn(session, LEASE)
        run = runs.held_run(session, run_id)
        runs.ask_for_run(session, now=now, reason=f"run {run_id} was discarded")
        _decide(session, run, RunState.DISCARDED, now, by=by, reason=reason)


def _decide(session: Session, run: RunRow, state: RunState, now: datetime, *, by: Actor, reason: str) -> None:  # noqa: PLR0913
    run.state, run.decided_at, run.decided_by, run.decided_why = state, now, by.subject, reason
    audit.append(
        session,
        AuditEntry(
            at=now,
            actor=by.subject,
            action="run.publish" if state is RunState.PUBLISHED else "run.discard",
            subject_kind="run",
            subject_id=str(run.id),
            was=RunState.HELD,
            became=state,
            why=reason,
            detail={"minutes_old": round((now - run.now).total_seconds() / 60.0, 1)},
        ),
    )

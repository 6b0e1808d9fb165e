"""Publish a plan: a new version of everybody's list, all of them or none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from balancer.domain.plan import Allocation, Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import RunState
from balancer.domain.study import ReadKey, StudyKey
from balancer.store import assignments, leases, queue, runs
from balancer.store.database import Database
from balancer.store.leases import Lease
from balancer.store.tables import WorklistRow

_NOTHING: Mapping[ReadKey, str] = {}


def publish(  # noqa: PLR0913 - what is published, when, on whose authority
    db: Database,
    run_id: int,
    plan: Plan,
    problem: AllocationProblem,
    now: datetime,
    *,
    lease: Lease,
    left_out: Mapping[ReadKey, str] = _NOTHING,
) -> None:
    """Make ``plan``, which the referee has passed, the one in force, in one transaction.

    Everyone who takes part gets a new version of their list; that of somebody with nothing to read is empty and says
    so, and so is that of somebody who took part before and no longer does. Whoever reads meanwhile sees all the old
    lists or all the new ones.

    Raises
    ------
    ConflictError
        If the lease has passed to somebody else, or the run has been declared dead: nothing is published.
    """
    items = _by_reporter(plan)
    reasons = {row.key: row.reason.value for row in plan.unallocated} | dict(left_out)
    with db.transaction() as session:
        leases.require(session, lease)
        run = runs.own_run(session, run_id, lease.token)
        keys = {StudyKey(key.trust, key.accession_number) for key in reasons} | {
            StudyKey(row.trust, row.accession_number) for row in plan.allocations
        }
        ids = queue.study_ids(session, keys)
        named = [person.reporter_id for person in problem.reporters]
        everyone = dict.fromkeys([*named, *queue.current_holders(session)])
        versions = queue.supersede_worklists(session, now)
        lists = {
            reporter_id: WorklistRow(
                reporter_id=reporter_id,
                version=versions.get(reporter_id, 0) + 1,
                run_id=run_id,
                published_at=now,
                items=len(items[reporter_id]),
                digest=queue.digest_of(items[reporter_id]),
            )
            for reporter_id in everyone
        }
        queue.add_worklists(session, list(lists.values()))
        queue.add_items(session, lists, items, ids)
        queue.add_unallocated(session, run_id, reasons, ids)
        runs.keep_summary(run, plan.summary)
        run.state, run.stage, run.finished_at = RunState.PUBLISHED, "", now
        assignments.note_all(session, now)


def _by_reporter(plan: Plan) -> Mapping[str, list[Allocation]]:
    """Return each reporter's reads in the order they are planned."""
    found: dict[str, list[Allocation]] = defaultdict(list)
    for row in sorted(plan.allocations, key=lambda row: (row.start, row.session_id, row.position)):
        found[row.reporter_id].append(row)
    return found

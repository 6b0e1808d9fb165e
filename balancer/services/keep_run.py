"""Keep what a run was made from and what came of it, so that it can be made again, compared and published later."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog

from balancer.domain.plan import Plan
from balancer.domain.run_changes import moves_of
from balancer.domain.study import StudyKey
from balancer.publish.run_record import KeptPlan, digest_of, own_key, pack_plan, pack_problem
from balancer.services.build_problem import Gathered
from balancer.services.scratch_folder import scratch_folder
from balancer.store import queue, run_records
from balancer.store.database import Database

_log = structlog.get_logger("balancer.services")
NOT_KEPT = "what this run was made from could not be kept: it cannot be made again"


def keep_run(db: Database, run_id: int, gathered: Gathered, plan: Plan, now: datetime) -> str:
    """Keep a run, and return the SHA-256 of its problem; empty if that could not be packed.

    A problem that cannot be packed keeps nobody from their worklist: it is logged, and the run's warnings say so.
    """
    problem, digest = _packed(gathered, run_id)
    kept = kept_plan(gathered, plan)
    moves = [replace(move, read=own_key(kept, move.read)) for move in moves_of(gathered.problem, plan)]
    with db.transaction() as session:
        keys = {StudyKey(move.read.trust, move.read.accession_number) for move in moves}
        run_records.keep(
            session,
            run_id,
            problem=problem,
            plan=pack_plan(kept),
            moves=moves,
            ids=queue.study_ids(session, keys),
            now=now,
        )
    return digest


def kept_plan(gathered: Gathered, plan: Plan) -> KeptPlan:
    """Return a plan with what publishing it later takes."""
    emergencies = {
        study.key for study in gathered.problem.studies if gathered.problem.policy.is_emergency(study.priority)
    }
    return KeptPlan(
        plan=plan,
        people=tuple(person.reporter_id for person in gathered.problem.reporters),
        emergencies=tuple(
            row.key for row in plan.allocations if StudyKey(row.trust, row.accession_number) in emergencies
        ),
        left_out=gathered.reasons(plan),
        numbers=gathered.numbers,
    )


def _packed(gathered: Gathered, run_id: int) -> tuple[bytes | None, str]:
    try:
        with scratch_folder() as scratch:
            content = pack_problem(gathered.problem, scratch)
    except (KeyError, ValueError, OSError) as error:
        _log.error("run.not_kept", run=run_id, error=type(error).__name__)
        return None, ""
    return content, digest_of(content)

"""Keep where a plan that is held has every read, so that a manager sees what publishing it would do."""

from __future__ import annotations

from typing import Any

from balancer.domain.plan import Plan
from balancer.domain.study import ReadKey, StudyKey
from balancer.publish.run_record import KeptPlan, own_key
from balancer.services.build_problem import Gathered
from balancer.services.keep_run import kept_plan
from balancer.store import proposals, queue
from balancer.store.database import Session
from balancer.store.tables_runs import ProposedRow


def keep_proposal(session: Session, run_id: int, gathered: Gathered, plan: Plan) -> None:
    """Keep every read of a held run's plan, placed or not, by its own number."""
    kept = kept_plan(gathered, plan)
    reasons = {row.key: row.reason.value for row in plan.unallocated} | dict(kept.left_out)
    keys = [*reasons, *(row.key for row in plan.allocations)]
    ids = queue.study_ids(session, {StudyKey(key.trust, key.accession_number) for key in keys})
    proposals.add(session, [*_placed(run_id, kept, ids), *_not_placed(run_id, kept, reasons, ids)])


def _placed(run_id: int, kept: KeptPlan, ids: queue.Ids) -> list[ProposedRow]:
    return [
        ProposedRow(
            **_which(run_id, own_key(kept, row.key), ids),
            reporter_id=row.reporter_id,
            session_id=row.session_id,
            position=row.position,
            planned_start=row.start,
            planned_end=row.end,
            due_at=row.due_at,
        )
        for row in kept.plan.allocations
    ]


def _not_placed(run_id: int, kept: KeptPlan, reasons: dict[ReadKey, str], ids: queue.Ids) -> list[ProposedRow]:
    return [ProposedRow(**_which(run_id, own_key(kept, key), ids), reason=why) for key, why in reasons.items()]


def _which(run_id: int, key: ReadKey, ids: queue.Ids) -> dict[str, Any]:
    return {"run_id": run_id, "study_id": ids[StudyKey(key.trust, key.accession_number)], "read": key.read}

"""The door to explanations: why a read is where it is, or why it is nowhere, each figure of a plan that could be made.

Open a plan once (``open_plan``, about as long as it takes to read it), then ask about as many reads as you like.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from balancer.domain.errors import NotFoundError
from balancer.domain.explanation import AllocatedExplanation, Alternative, Clinical, UnallocatedExplanation
from balancer.domain.plan import Terms
from balancer.domain.study import ReadKey
from balancer.optimise.explain import reason_unallocated
from balancer.optimise.explain_additions import Additions, direct_places
from balancer.optimise.explain_alternatives import alternative_of, alternatives, left_out
from balancer.optimise.explain_refusals import refusals
from balancer.optimise.opened import OpenPlan, open_plan
from balancer.optimise.problem import UNPLACED
from balancer.optimise.schedule import duration, insert, insertion, price_of_level, price_of_load, price_of_split

__all__ = ["OpenPlan", "explain", "open_plan"]

_ALTERNATIVES = 5


def explain(
    opened: OpenPlan, key: ReadKey, *, count: int = _ALTERNATIVES
) -> AllocatedExplanation | UnallocatedExplanation:
    """Return why a read is where it is, with up to ``count`` alternatives.

    Raises
    ------
    NotFoundError
        If the problem has no such read.
    """
    if key not in opened.read_of:
        raise NotFoundError(f"{key.trust} {key.accession_number} read {key.read} is not a read of this problem")
    read = opened.read_of[key]
    compiled = opened.compiled
    study_idx = int(compiled.arrays.reads["study"][read])
    study = opened.problem.studies[study_idx]
    clinical, completed = _clinical(opened, study_idx)
    ranked, able = alternatives(opened, read, count=count)
    waiting = _waiting_with(opened, read)
    common: dict[str, Any] = {
        "key": key,
        "study": study,
        "due_at": compiled.due_at[study_idx],
        "completed_at": completed,
        "plan_total": opened.terms.total,
        "cost": _cost(opened, read, clinical.total),
        "clinical": clinical,
        "able": able,
        "alternatives": ranked,
        "refusals": refusals(opened, read),
    }
    placement = opened.placement(opened.x, read)
    if placement is not None:
        return AllocatedExplanation(**common, placement=placement, left_out=left_out(opened, read))
    return UnallocatedExplanation(
        **common,
        reason=reason_unallocated(compiled.arrays, opened.x, read),
        insertion=_insertion(opened, read),
        remedies=Additions(opened, read).remedies(),
        waiting_with=waiting,
    )


def _clinical(opened: OpenPlan, study: int) -> tuple[Clinical, datetime]:
    """Return the clinical term of a study in its parts, and when the plan completes it (section 4)."""
    problem, x = opened.problem, opened.x
    row, own = opened.compiled.arrays.studies[study], problem.studies[study]
    ends = [problem.beyond_at] if _unplaced(opened, study) else []
    ends += [opened.compiled.instant(int(end)) for end in x.reads["end"][row["first_read"] : row["end_read"]]]
    completed = max(ends)
    priority, weights = problem.policy.priority(own.priority), problem.policy.weights
    late = (completed - opened.compiled.due_at[study]).total_seconds() / 3600.0
    over = (completed - priority.ceiling_at(own.acquired_at)).total_seconds() / 3600.0
    wait = (completed - problem.now).total_seconds() / 3600.0
    clinical = Clinical(
        breach=priority.weight * priority.breach if late > 0 else 0.0,
        late=priority.weight * max(0.0, late),
        wait=priority.weight * weights.wait_rate * wait,
        over=weights.ceiling_weight * max(0.0, over),
    )
    return clinical, completed


def _unplaced(opened: OpenPlan, study: int) -> list[int]:
    """Return the reads of a study that have no place."""
    row = opened.compiled.arrays.studies[study]
    own = range(int(row["first_read"]), int(row["end_read"]))
    return [read for read in own if opened.x.reads["session"][read] == UNPLACED]


def _cost(opened: OpenPlan, read: int, clinical: float) -> Terms:
    """Return what a read stands for in the plan's terms (see ``Explanation``)."""
    p, x = opened.compiled.arrays, opened.x
    study_idx, session = int(p.reads["study"][read]), int(x.reads["session"][read])
    row, study, weights = p.studies[study_idx], opened.problem.studies[study_idx], opened.problem.policy.weights
    own = x.reads["session"][row["first_read"] : row["end_read"]]
    readers = {opened.compiled.sessions[one].reporter_id for one in own[own != UNPLACED].tolist()}
    churn = weights.churn * len(study.publishers - readers)
    if session == UNPLACED:
        return Terms(clinical=clinical, match=0.0, remote=0.0, prior=0.0, churn=churn, split=0.0, load=0.0)
    r = int(p.sessions["reporter"][session])
    reporter, person = opened.compiled.reporters[r], p.reporters[r]
    split = [
        price_of_split(p.prices, p.studies, x.reads, x.sessions, p.patient_reads, read, who) for who in (r, UNPLACED)
    ]
    used, rostered = float(x.reporters["used"][r]), float(person["rostered"])
    without = used - int(duration(p.studies, x.reads, x.sessions, read, session))
    return Terms(
        clinical=clinical,
        match=float(price_of_level(p.prices, int(p.level[row["pool"], r]))),
        remote=weights.remote if reporter.home_trust != study.trust else 0.0,
        prior=weights.prior if study.prior_reporter not in {None, reporter.reporter_id} else 0.0,
        churn=churn,
        split=float(split[0] - split[1]),
        load=float(price_of_load(p.bands, rostered, used) - price_of_load(p.bands, rostered, without)),
    )


def _insertion(opened: OpenPlan, read: int) -> Alternative | None:
    """Return the plan with an unplaced read in the cheapest place it fits into, nothing else moved from its session."""
    p, x = opened.copy()
    points = direct_places(p, x, read)
    if not len(points) or not np.isfinite(points.min()):
        return None
    session = int(np.argmin(points))
    position, _ = insertion(p.studies, p.latest, *x, read, session)
    insert(p.studies, *x, read, session, position)
    return alternative_of(opened, x, read)


def _waiting_with(opened: OpenPlan, read: int) -> tuple[ReadKey, ...]:
    study = int(opened.compiled.arrays.reads["study"][read])
    return tuple(opened.keys[other] for other in _unplaced(opened, study) if other != read)

"""Who may not do a read, each by the first hard rule that keeps them from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from balancer.domain.explanation import Refusal, Rule
from balancer.domain.reporter import Reporter
from balancer.domain.study import Study
from balancer.optimise.opened import OpenPlan
from balancer.optimise.problem import UNPLACED
from balancer.optimise.schedule import can_hold, duration


def refusals(opened: OpenPlan, read: int) -> tuple[Refusal, ...]:
    """Return who may not do a read, by rule in the order in which they are asked.

    H9 means that they do another read of the study in this plan; H4 that no session of theirs takes it; H5 that none of
    those is long enough for it from when it is ready and before the entitlement ends, even if it were alone there.
    """
    kept: dict[Rule, list[str]] = defaultdict(list)
    for r, reporter in enumerate(opened.compiled.reporters):
        rule = next(_broken(opened, read, r, reporter), None)
        if rule is not None:
            kept[rule].append(reporter.reporter_id)
    return tuple(Refusal(rule=rule, reporters=tuple(sorted(kept[rule]))) for rule in Rule if rule in kept)


def _broken(opened: OpenPlan, read: int, r: int, reporter: Reporter) -> Iterator[Rule]:
    p, x = opened.compiled.arrays, opened.x
    row = p.studies[p.reads["study"][read]]
    study: Study = opened.problem.studies[int(p.reads["study"][read])]
    number = opened.keys[read].read
    if not p.entitled[row["trust"], r]:
        yield Rule.ENTITLED
    if reporter.level(study.subspecialty, study.modality) == 0:
        yield Rule.SKILLED
    if reporter.modalities and study.modality not in reporter.modalities:
        yield Rule.MODALITY
    if reporter.reporter_id in study.excluded:
        yield Rule.EXCLUDED
    if study.pinned(number) not in {None, reporter.reporter_id}:
        yield Rule.PINNED
    if study.claimed(number) not in {None, reporter.reporter_id}:
        yield Rule.CLAIMED
    own = np.arange(int(row["first_read"]), int(row["end_read"]))
    others = x.reads["session"][own[own != read]]
    if np.any(x.sessions["reporter"][others[others != UNPLACED]] == r):
        yield Rule.TWO_READERS
    sessions = range(int(p.reporters["first_session"][r]), int(p.reporters["end_session"][r]))
    claimed = study.claimed(number) is not None
    takes = [
        session
        for session in sessions
        if can_hold(p.studies, p.takes_pool, x.reads, x.sessions, read, session)
        and (claimed or p.sessions["max_reads"][session] != 0)
    ]
    if not takes:
        yield Rule.SESSION
    for session in takes:
        begin = max(int(p.sessions["start"][session]), int(row["ready"]))
        end = begin + int(duration(p.studies, x.reads, x.sessions, read, session))
        if begin < p.latest[r, row["trust"]] and end <= p.sessions["end"][session]:
            return
    yield Rule.TIME

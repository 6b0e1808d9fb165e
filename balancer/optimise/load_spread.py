"""How evenly work lies on those who could share it, and what the unevenness costs (the load term, section 4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from balancer.domain.capacity import LoadSpread
from balancer.optimise.opened import OpenPlan
from balancer.optimise.problem import HOUR, Ints
from balancer.optimise.schedule import price_of_load


def load_spread(opened: OpenPlan) -> tuple[LoadSpread, ...]:
    """Return the spread of utilisation for everybody, then for each subspecialty of each trust, dearest first.

    Entitled to the same work are those who may, by H1 (at ``now``), H2 and H3, read some study of the subspecialty and
    trust in this queue, and have a session that counts. A reporter stands in every group whose work they may read, so
    the costs of groups overlap and do not add up; that of everybody is the first row's.
    """
    compiled, p = opened.compiled, opened.compiled.arrays
    everybody: Ints = np.flatnonzero(p.reporters["rostered"] > 0.0)
    if len(everybody) == 0:
        return ()
    pools: dict[tuple[str, str], set[int]] = {}
    for study, pool in zip(compiled.problem.studies, p.studies["pool"].tolist(), strict=True):
        pools.setdefault((study.trust, study.subspecialty), set()).add(pool)
    groups = []
    for (trust, subspecialty), rows in pools.items():
        able: NDArray[np.bool_] = np.any(p.level[sorted(rows)] > 0, axis=0)
        members = everybody[able[everybody]]
        if len(members):
            groups.append(_spread(opened, members, trust, subspecialty))
    groups.sort(key=lambda group: (-group.cost, group.trust, group.subspecialty))
    return (_spread(opened, everybody, "", ""), *groups)


def _spread(opened: OpenPlan, members: Ints, trust: str, subspecialty: str) -> LoadSpread:
    bands = opened.compiled.arrays.bands
    rostered, used = opened.x.reporters["rostered"][members], opened.x.reporters["used"][members]
    utilisation = used / rostered
    order = np.argsort(utilisation, kind="stable")
    half = np.searchsorted(np.cumsum(rostered[order]), rostered.sum() / 2.0)
    now = sum(price_of_load(bands, own, busy) for own, busy in zip(rostered.tolist(), used.tolist(), strict=True))
    even = price_of_load(bands, float(rostered.sum()), float(used.sum()))
    return LoadSpread(
        trust=trust,
        subspecialty=subspecialty,
        reporters=len(members),
        rostered_hours=float(rostered.sum()) / HOUR,
        least=float(utilisation.min()),
        median=float(utilisation[order[half]]),
        mean=float(used.sum() / rostered.sum()),
        most=float(utilisation.max()),
        # equal loads are equal to the last bit only by luck
        cost=max(0.0, now - even),
    )

"""The door: ``draw_sample`` draws the whole network folder in memory, byte for byte the same for the same seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from balancer.domain.reporter import Reporter
from balancer.simulate.kent import standing
from balancer.simulate.kent.policy import POLICY_TOML
from balancer.simulate.kent.queue import Order, draw_orders
from balancer.simulate.kent.reporters import draw_reporters

# A Monday morning, 07:30 in London, in winter.
AS_OF = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
DEFAULT_SEED = 2026


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The truth, and ``files``: the content of every file by its path below the network folder."""

    as_of: datetime
    reporters: tuple[Reporter, ...]
    orders: tuple[Order, ...]
    files: Mapping[str, bytes]


def draw_sample(seed: int = DEFAULT_SEED) -> Sample:
    """Return the sample of ``seed``."""
    people_rng, queue_rng = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    reporters = draw_reporters(people_rng)
    orders = draw_orders(queue_rng, reporters, AS_OF)
    texts = {
        "network.toml": standing.network_toml(AS_OF),
        "trusts.csv": standing.trusts_csv(),
        "exams.csv": standing.exams_csv(),
        "reporters.csv": standing.reporters_csv(reporters),
        "policy.toml": POLICY_TOML,
    }
    return Sample(
        as_of=AS_OF,
        reporters=reporters,
        orders=orders,
        files={path: text.encode() for path, text in texts.items()},
    )

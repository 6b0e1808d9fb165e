"""The door: ``draw_sample`` draws the whole network folder in memory, byte for byte the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from balancer.domain.reporter import Reporter
from balancer.simulate.kent import standing
from balancer.simulate.kent.extracts import Extract, write_extract
from balancer.simulate.kent.places import TRUSTS
from balancer.simulate.kent.policy import POLICY_TOML
from balancer.simulate.kent.queue import Order, draw_orders
from balancer.simulate.kent.reporters import draw_reporters
from balancer.simulate.kent.rota import Duty, draw_duties
from balancer.simulate.kent.rota_files import write_rota

# A Monday morning, 07:30 in London, in winter.
AS_OF = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
DEFAULT_SEED = 2026


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The truth, and ``files``: the content of every file by its path below the network folder."""

    as_of: datetime
    reporters: tuple[Reporter, ...]
    duties: tuple[Duty, ...]
    orders: tuple[Order, ...]
    extracts: tuple[Extract, ...]
    rotas: tuple[Extract, ...]
    files: Mapping[str, bytes]


def draw_sample(seed: int = DEFAULT_SEED) -> Sample:
    """Return the sample of ``seed``."""
    children = np.random.SeedSequence(seed).spawn(4)
    people_rng, queue_rng, rota_rng, writing_rng = (np.random.default_rng(child) for child in children)
    reporters = draw_reporters(people_rng)
    orders = draw_orders(queue_rng, reporters, AS_OF)
    duties = draw_duties(rota_rng, reporters)
    extracts = tuple(write_extract(writing_rng, trust.code, orders, AS_OF) for trust in TRUSTS)
    rotas = tuple(write_rota(trust.code, reporters, duties) for trust in TRUSTS)
    texts = {
        "network.toml": standing.network_toml(AS_OF),
        "trusts.csv": standing.trusts_csv(),
        "exams.csv": standing.exams_csv(),
        "reporters.csv": standing.reporters_csv(reporters),
        "policy.toml": POLICY_TOML,
        "PLANTED.csv": _planted_csv((*extracts, *rotas)),
    }
    return Sample(
        as_of=AS_OF,
        reporters=reporters,
        duties=duties,
        orders=orders,
        extracts=extracts,
        rotas=rotas,
        files={
            **{path: text.encode() for path, text in texts.items()},
            **{extract.path: extract.content for extract in (*extracts, *rotas)},
        },
    )


def _planted_csv(extracts: Iterable[Extract]) -> str:
    """Return the list of everything planted; ``study_or_reporter`` is an accession number, or a number of a rota."""
    return standing.table(
        ("file", "sheet", "line", "trust", "study_or_reporter", "kind", "expected", "label"),
        (
            (p.file, p.sheet, p.line, p.trust, p.accession_number, p.kind, p.expected.value, standing.LABEL)
            for extract in extracts
            for p in extract.planted
        ),
    )

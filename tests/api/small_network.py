"""A small network that has been allocated: A1 and A2 are R1's in this order, A3 has no place, a row is quarantined."""

from __future__ import annotations

from typing import NoReturn

from balancer.domain.errors import Fault, InputRefusedError
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.api.service import StandingClock
from tests.networks import Feed, bad_row, extract, incoming, queued, rostered, solving
from tests.worlds import NOW, session

STUDIES = (incoming("A1", prior_reporter="R1"), incoming("A2"), incoming("A3"))


def allocate(db: Database) -> None:
    """Take it in and publish its plan at one instant: the clock stands, however slow the machine is."""
    queued(db, *STUDIES)
    ingest_extract(db, Feed(), extract(*STUDIES, at=1, quarantined=[bad_row("B9", NHS="999 123 4567")]), NOW)
    rostered(db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2.5))
    solver = solving({"S1": ["A1", "A2"]}, {"A3": "deferred"})
    run_allocation(db, NOW, solver=solver, clock=StandingClock())


def read_network() -> NoReturn:
    """Stand in for a network folder that has faults."""
    raise InputRefusedError([Fault(file="exams.csv", line=3, column="minutes", reason="'x' is not a number")])

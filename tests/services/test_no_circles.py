"""Whoever writes locks what they need in one order, so that no two wait for each other: PostgreSQL takes one back then.

The order: the allocation's lease, trusts, versions of the policy, studies, reads by number, drafts and instructions,
the run that is asked for, the change feed's turn, the end of the audit trail. SQLite has one writer.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from balancer.services import give_way as giving
from balancer.services.run_allocation import run_allocation
from balancer.store import policies
from balancer.store.database import Database
from tests.databases import SERVERS
from tests.networks import minutes, queued, rostered, solving
from tests.patience import PATIENCE_SECONDS
from tests.worlds import session

pytestmark = pytest.mark.parametrize("kind", SERVERS)


@pytest.fixture(autouse=True)
def _nothing_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives way would do once more what was taken back from them: no test but one is of that."""
    monkeypatch.setattr(giving, "LONGEST_SECONDS", 0.0)


def test_a_run_is_made_while_somebody_decides_about_a_policy(db: Database) -> None:
    """It refers to the version in force, which stays as it is whatever is decided: nobody waits."""
    queued(db, "A1")
    rostered(db, session("S1"))
    with ThreadPoolExecutor(1) as thread, db.transaction() as deciding:
        policies.turn(deciding)
        run = thread.submit(run_allocation, db, minutes(1), solver=solving({"S1": ["A1"]}))
        assert run.result(PATIENCE_SECONDS).error == ""

"""The ledger over the wire: every trust sees what it gave and took, and what it may still take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from balancer.domain.permission import Role
from balancer.domain.policy import LedgerCap
from balancer.services.complete_read import complete_read
from balancer.store.database import Database
from tests.access.doors import MANAGER_EAST, MANAGER_WEST, REPORTER, Known, holding
from tests.access.two_trusts import allocate_both
from tests.api.service import Service, problem
from tests.capped import cap_in_force
from tests.networks import PACS, minutes, read_id
from tests.worlds import NOW


@pytest.fixture
def both(db: Database) -> Database:
    """Return two trusts' database: R2 of West has read EAST-2 and has nothing else of East; East may take 20 minutes.

    R1 of East has WEST-1 on their list.
    """
    allocate_both(db)
    complete_read(db, read_id(db, "EAST-2"), "R2", minutes(1), by=PACS)
    cap_in_force(db, LedgerCap(trust="RVV", minutes=20))
    return db


def figures(trust: dict[str, Any]) -> dict[str, Any]:
    """Return a trust's figures without the word minutes."""
    return {name.removesuffix("_minutes"): value for name, value in trust.items()}


def test_a_manager_sees_their_own_trusts_week(both: Database) -> None:
    """What was given, taken and is still left; the other trust's figures are not theirs to see."""
    (week,) = Service(both, door=Known(MANAGER_EAST)).ask("/ledger")["items"]
    assert week["week"] == "2026-03-02"
    assert [figures(trust) for trust in week["trusts"]] == [
        {"trust": "RVV", "own": 0, "given": 0, "taken": 7, "balance": -7, "waiting": 0, "cap": 20, "left": 13}
    ]
    assert week["pairs"] == [{"by_trust": "RWF", "for_trust": "RVV", "minutes": 7, "reads": 1}]


def test_what_is_owed_is_owed_to_somebody(both: Database) -> None:
    """Whoever reaches all trusts sees balances that sum to zero; West has no cap."""
    (week,) = Service(both).ask("/ledger")["items"]
    assert sum(trust["balance_minutes"] for trust in week["trusts"]) == 0
    (west,) = Service(both, door=Known(MANAGER_WEST)).ask("/ledger")["items"][0]["trusts"]
    assert figures(west) == {
        "trust": "RWF", "own": 0, "given": 7, "taken": 0, "balance": 7, "waiting": 7, "cap": None, "left": None
    }  # fmt: skip


def test_weeks_are_shown_newest_first_and_caps_of_the_present_one_only(both: Database) -> None:
    """A week in which nothing was read is there, with nothing in it."""
    service = Service(both, door=Known(MANAGER_EAST))
    service.clock.at = NOW + timedelta(days=7)
    found = service.ask("/ledger", weeks=3)["items"]
    assert [week["week"] for week in found] == ["2026-03-09", "2026-03-02", "2026-02-23"]
    assert [week["trusts"][0]["taken_minutes"] for week in found] == [0, 7, 0]
    assert [week["trusts"][0]["left_minutes"] for week in found] == [20, None, None]
    (asked,) = service.ask("/ledger", week="2026-03-08")["items"]
    assert (asked["week"], asked["trusts"][0]["waiting_minutes"]) == ("2026-03-02", None)


@pytest.mark.parametrize(
    "query", [{"weeks": 0}, {"weeks": 54}, {"week": "0"}, {"week": "2026-03-02T00:00:00Z"}, {"week": "soon"}]
)
def test_what_is_asked_for_is_a_week(both: Database, query: dict[str, Any]) -> None:
    """Of this calendar, and not for ever."""
    problem(Service(both).get("/ledger", **query), 422, "invalid-value")


def test_an_auditor_may_look_and_a_reporter_may_not(both: Database) -> None:
    """Whose minutes they were is nobody's business either."""
    assert Service(both, door=Known(holding(Role.AUDITOR, "RVV"))).get("/ledger").status_code == 200
    problem(Service(both, door=Known(REPORTER)).get("/ledger"), 403, "not-allowed")


def test_before_a_policy_is_loaded_there_is_no_cap(service: Service) -> None:
    """And no trust either."""
    (week,) = service.ask("/ledger")["items"]
    assert (week["trusts"], week["pairs"]) == ([], [])

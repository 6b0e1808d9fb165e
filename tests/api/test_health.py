"""Whether the service says truly how it is."""

from __future__ import annotations

from datetime import timedelta

from balancer import __version__
from balancer.api.readiness import MOST_SILENT, SCHEDULER
from balancer.scheduler.leading import LEASE
from balancer.store import jobs
from balancer.store.database import Database
from tests.api.service import Service, problem
from tests.worlds import EXAMPLE_POLICY, NOW


def test_it_lives_even_without_a_database(sqlite_db: Database) -> None:
    """A dead database is no reason to restart the process that says so."""
    service = Service(sqlite_db)
    with sqlite_db.connection() as connection:
        connection.exec_driver_sql("DROP TABLE heartbeats")
    assert service.ask("/health/live") == {"status": "live"}
    found = problem(service.get("/health/ready"), 503, "not-ready")
    assert [fault["detail"] for fault in found["errors"]] == ["database: does not answer"]


def test_it_is_not_ready_before_the_first_worklists(service: Service) -> None:
    """With every reason, and when to ask again."""
    answer = service.get("/health/ready")
    found = problem(answer, 503, "not-ready")
    assert [fault["detail"].split(":")[0] for fault in found["errors"]] == ["worklists", "scheduler"]
    assert answer.headers["retry-after"] == "5"


def test_it_is_ready_with_worklists_and_a_scheduler_that_lives(allocated: Service, db: Database) -> None:
    """Both, or whoever relies on it is told."""
    with db.transaction() as session:
        jobs.beat(session, SCHEDULER, now=NOW)
    assert allocated.ask("/health/ready")["status"] == "ready"


def test_a_scheduler_that_falls_silent_is_reported_and_the_lists_can_still_be_had(
    allocated: Service, db: Database
) -> None:
    """What was published stands, and whoever watches knows that it grows old."""
    with db.transaction() as session:
        jobs.beat(session, SCHEDULER, now=NOW)
    allocated.clock.at = NOW + MOST_SILENT + timedelta(seconds=1)
    found = allocated.ask("/health/ready")  # a balancer of loads that took 503 would send nobody to the lists there are
    assert [(check["check"], check["ok"]) for check in found["checks"]] == [
        ("database", True),
        ("worklists", True),
        ("scheduler", False),
    ]
    assert "silent" in found["checks"][2]["detail"]
    assert allocated.ask("/worklists/R1")["items"]


def test_readiness_looks_for_the_beat_that_the_scheduler_makes() -> None:
    """The two rooms do not import each other, so the name is written twice."""
    assert SCHEDULER == LEASE


def test_the_version_says_which_policy_is_in_force(allocated: Service) -> None:
    """And what time the service thinks it is."""
    found = allocated.ask("/version")
    assert (found["version"], found["policy_version"]) == (__version__, EXAMPLE_POLICY.version)
    assert found["now"] == "2026-03-02T08:00:00Z"

"""Workitems and Tasks say, and are found by, what holds of a study: what people have decided over the feed's word."""

from __future__ import annotations

import pytest

from balancer.publish.fhir import search as fhir
from balancer.publish.fhir.ids import id_of
from balancer.publish.ups import query as ups
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.correct_study import correct_study
from balancer.services.search_tasks import search_tasks
from balancer.services.search_workitems import search_workitems
from balancer.services.see_task import see_task
from balancer.services.see_workitem import see_workitem
from balancer.store import workitems
from balancer.store.database import Database
from tests.instructed import MANAGER
from tests.networks import queued
from tests.services.test_what_holds import A1, WHY, shown
from tests.worlds import NOW


@pytest.fixture
def corrected(db: Database) -> Database:
    """Return A1 and A2, both urgent by their feed; a manager has found that A1 is an emergency."""
    queued(db, "A1", "A2")
    correct_study(db, A1, {"priority": "emergency"}, NOW, by=MANAGER, said=WHY)
    return db


def numbering_and_read(db: Database) -> tuple[str, int]:
    """Return the numbering, and A1's read."""
    status, _ = shown(db, NOW)
    with db.session() as session:
        return workitems.numbering(session), status.reads[0].row.id or 0


def test_a_workitem_says_what_holds(corrected: Database) -> None:
    """Its label, its priority and when it is to be done."""
    numbering, read_id = numbering_and_read(corrected)
    item, _ = see_workitem(corrected, uid_of(WorkitemKey(read_id, 0), numbering), NOW)
    _, held = shown(corrected, NOW)
    assert (item.WorklistLabel, item.ScheduledProcedureStepPriority) == ("emergency", "HIGH")
    assert str(item.ExpectedCompletionDateTime).startswith(f"{held.due_at:%Y%m%d%H%M}")


@pytest.mark.parametrize(("label", "found"), [("emergency", 1), ("urgent", 1), ("routine", 0)])
def test_workitems_are_found_by_the_class_that_holds(corrected: Database, label: str, found: int) -> None:
    """And not by what the feed said."""
    page = search_workitems(corrected, ups.query_of([("WorklistLabel", label)]), NOW)
    assert [item.WorklistLabel for item in page.items] == [label] * found


def test_a_task_says_what_holds(corrected: Database) -> None:
    """Its priority and until when it is wanted."""
    numbering, read_id = numbering_and_read(corrected)
    task, _ = see_task(corrected, id_of(read_id, numbering), NOW)
    _, held = shown(corrected, NOW)
    assert (task["priority"], task["restriction"]["period"]["end"]) == ("stat", held.due_at.isoformat())


@pytest.mark.parametrize("asked", [{"priority": "stat"}, {"priority": "urgent,routine"}])
def test_tasks_are_found_by_the_class_that_holds(corrected: Database, asked: dict[str, str]) -> None:
    """And not by what the feed said."""
    numbering, read_id = numbering_and_read(corrected)
    page = search_tasks(corrected, fhir.query_of(list(asked.items())), NOW)
    emergency = asked["priority"] == "stat"
    assert [item["id"] == id_of(read_id, numbering) for item in page.items] == [emergency]

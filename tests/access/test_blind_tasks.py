"""Two who read one study learn nothing of each other by FHIR either, whatever they ask and in whatever role."""

from __future__ import annotations

import json
from typing import Any

from balancer.domain.life import ReadState
from balancer.publish.fhir.ids import id_of
from balancer.store import workitems
from balancer.store.database import Database
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, OTHER, TWICE, once, read_file
from tests.access.test_every_route import served
from tests.networks import read_id, standing

__all__ = ["once", "read_file"]  # fixtures


def shown(db: Database, who: Any, **query: str) -> list[Any]:
    """Return the resources that a search for Tasks shows somebody."""
    answer = served(db, who).client.post("/fhir/Task/_search", data={"_include": "*", **query})
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", ())]


def telling(resources: list[Any]) -> list[str]:
    """Return those Tasks of the study that name who has the first reading."""
    tasks = [json.dumps(resource) for resource in resources if resource["resourceType"] == "Task"]
    return [text for text in tasks if TWICE in text and FIRST in text]


def test_no_task_tells_a_reader_who_else_reads(once: Database) -> None:
    """Neither all of them, nor a search by whose it is, by status or by number; a count would tell too."""
    for query in ({}, {"owner": FIRST}, {"group-identifier": TWICE}, {"status": "in-progress,completed"}):
        assert telling(shown(once, COLLEAGUE, **query)) == []
        assert telling(shown(once, MANAGER, **query)) != []
    total = served(once, COLLEAGUE).client.get(f"/fhir/Task?owner={FIRST}&_summary=count").json()["total"]
    assert total == 1  # the study that is read once


def test_a_colleagues_task_is_not_there(once: Database) -> None:
    """To be read or to be changed: an error that says who has it would tell."""
    with once.session() as session:
        task = id_of(read_id(once, TWICE), workitems.numbering(session))
    before = standing(once, TWICE)
    sent = json.dumps([{"op": "replace", "path": "/status", "value": "in-progress"}])
    for who, there in ((COLLEAGUE, False), (MANAGER, True)):
        client = served(once, who).client
        answer = client.get(f"/fhir/Task/{task}")
        assert (answer.status_code == 200) == there
    answer = served(once, COLLEAGUE).client.patch(
        f"/fhir/Task/{task}", content=sent, headers={"content-type": "application/json-patch+json"}
    )
    assert answer.status_code == 404
    assert FIRST not in answer.text
    assert standing(once, TWICE) == before
    assert before[0] in {ReadState.CLAIMED, ReadState.DONE}
    assert standing(once, TWICE, read=2)[1] == OTHER

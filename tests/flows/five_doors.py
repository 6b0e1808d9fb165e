"""Five people who open one read, each by a door of their own, and what each door says to whoever does not get it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from balancer.domain.life import ReadState
from balancer.publish.fhircast.events import CLOSE
from balancer.services.complete_read import complete_read
from tests.api.fhircast.hubs import names, opened, post
from tests.api.service import problem
from tests.api.test_tasks import ACCESSIONS, JSON_PATCH, outcome
from tests.api.test_workitems import INCONSISTENT, TYPE, performed_by
from tests.flows.one_network import READERS, Network
from tests.networks import PACS, standing
from tests.patience import until
from tests.services.test_two_at_once import at_once
from tests.worlds import NOW

# So that each may win: a patch takes longer than a claim.
HEAD_START_SECONDS = 0.02
HEAD_STARTS = (*READERS, None)
_THEIRS = "theirs"
Opening = Callable[[], bool]
"""Opens it, once everything is at hand; ``True`` if it is theirs, ``False`` if they are told of a conflict."""


def by_the_api(network: Network, number: str) -> Opening:
    """R1, by the API: a problem that names who has it."""
    path = f"/api/v1/reads/{network.read_id(number)}/claim"

    def claim() -> bool:
        answer = network.clients["api"].post(path, json={"reporter_id": "R1"})
        if answer.status_code == 200:
            return True
        assert problem(answer, 409, "claimed")["claimed_by"] in {"R2", "R3", "R4", "R5"}
        return False

    return claim


def by_ups_rs(network: Network, number: str) -> Opening:
    """R2, by a workitem's change of state over HTTP: 409 with the standard's Warning (PS3.18, 11.7)."""
    address = f"/dicomweb/workitems/{uid_of(network, number)}/state"
    wanted: dict[str, Any] = {"00741000": {"vr": "CS", "Value": ["IN PROGRESS"]}, **performed_by("R2")}
    wanted["00081195"] = {"vr": "UI", "Value": ["2.25.2"]}

    def change() -> bool:
        answer = network.clients["ups"].put(address, json=[wanted], headers=TYPE)
        if answer.status_code == 200:
            return True
        problem(answer, 409, "conflict")
        assert answer.headers["warning"] == f"299 balancer: {INCONSISTENT}"
        return False

    return change


def by_fhir(network: Network, number: str) -> Opening:
    """R3, by a patch of the Task: an OperationOutcome."""
    client = network.clients["fhir"]
    address = f"/fhir/Task/{task_of(network, number)['id']}"
    begun = [
        {"op": "replace", "path": "/status", "value": "in-progress"},
        {"op": "add", "path": "/owner", "value": {"reference": "Practitioner/R3"}},
    ]

    def patch() -> bool:
        answer = client.patch(address, content=json.dumps(begun), headers={"content-type": JSON_PATCH})
        if answer.status_code == 200:
            return True
        outcome(answer, 409, "conflict")
        return False

    return patch


def by_dimse(network: Network, number: str) -> Opening:
    """R4, by the same change of state as an N-ACTION: C302 (PS3.4, CC.2.1)."""
    uid = uid_of(network, number)

    def act() -> bool:
        status = int(network.workstation.change(uid, "IN PROGRESS", "2.25.4", who="R4").Status)
        assert status in {0x0000, 0xC302}, f"{status:04X}"
        return status == 0

    return act


def by_fhircast(network: Network, number: str) -> Opening:
    """R5, by opening it in a viewer that shares their session: a SyncError, else nothing."""
    screen, event = network.screens["R5"], opened(number, topic="R5")

    def show() -> bool:
        assert post(network.hub, event=event).status_code == 202
        assert names(screen.follow())[1] == event.id
        return until(lambda: _outcome(network, number, event.id)) == _THEIRS

    return show


def _outcome(network: Network, number: str, event_id: str) -> str:
    """Return whether it is R5's, or what their session was told instead; nothing as long as neither is so."""
    if standing(network.db, number) == (ReadState.CLAIMED, "R5"):
        return _THEIRS
    try:
        told = network.screens["R5"].hear(0.02)
    except TimeoutError:
        return ""
    (issue,) = told["event"]["context"][0]["resource"]["issue"]
    assert (told["event"]["hub.event"], issue["details"]["coding"][0]["code"]) == ("SyncError", event_id)
    return "a conflict"


DOORS: dict[str, Callable[[Network, str], Opening]] = {
    "R1": by_the_api,
    "R2": by_ups_rs,
    "R3": by_fhir,
    "R4": by_dimse,
    "R5": by_fhircast,
}


def uid_of(network: Network, number: str) -> str:
    """Return the UID of a study's workitem that is scheduled."""
    query = {"ReferencedRequestSequence.AccessionNumber": number, "ProcedureStepState": "SCHEDULED"}
    answer = network.clients["ups"].get("/dicomweb/workitems", params=query)
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()
    return str(item["00080018"]["Value"][0])


def task_of(network: Network, number: str) -> Any:
    """Return a study's Task."""
    sent = {"group-identifier": f"{ACCESSIONS}|{number}"}
    (entry,) = network.clients["fhir"].post("/fhir/Task/_search", data=sent).json()["entry"]
    return entry["resource"]


def race(openings: dict[str, Opening], ahead: str | None) -> list[str]:
    """Let all five open a study's read at once, ``ahead`` some milliseconds before the rest; return who has it.

    They are told so by their own door. Whoever is told otherwise than by a conflict in its protocol fails the test.
    """

    def late(opening: Opening, seconds: float) -> bool:
        time.sleep(seconds)
        return opening()

    behind = {reader: 0.0 if ahead in {None, reader} else HEAD_START_SECONDS for reader in READERS}
    results = at_once(*(partial(late, opening, behind[reader]) for reader, opening in openings.items()))
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [reader for reader, result in zip(openings, results, strict=True) if result]


def completed(network: Network, number: str, reader: str) -> None:
    """Complete a read; a session in which something is open is told so, and R5's has heard of no error meanwhile."""
    complete_read(network.db, network.read_id(number), reader, NOW, by=PACS)
    told = network.screens[reader].follow()
    assert told["event"]["hub.event"] == CLOSE

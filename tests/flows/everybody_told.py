"""Every side that is connected: each waits, in its own protocol, until it is told who has a read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from httpx2 import Client, Response
from websockets.sync.client import ClientConnection, connect

from balancer.publish.fhircast.report import meant_by
from tests.api.fhircast.hubs import Peer
from tests.flows.five_doors import task_of, uid_of
from tests.flows.one_network import READERS, TRUST, Network
from tests.networks import standing
from tests.patience import PATIENCE_SECONDS, until

GONE = "somebody else"
Listening = Callable[[], str]
"""Waits until it is told that somebody has opened the read, and returns who; ``GONE`` if all it is told is not R1."""


def by_the_feed(network: Network, number: str) -> Listening:
    """Wait for the next change of the assignments."""
    client, query = network.clients["feed"], {"trust": TRUST}
    query["since"] = client.get("/api/v1/assignments", params=query).json()["cursor"]

    def hear() -> str:
        while True:
            found = client.get("/api/v1/assignments", params={**query, "wait": "20"}).json()
            query["since"] = found["cursor"]
            for item in found["items"]:
                if (item["accession_number"], item["state"]) == (number, "claimed"):
                    return str(item["reporter_id"])

    return hear


def by_the_worklist(network: Network, number: str) -> Listening:
    """Wait until the first reader's list, on which it stands, has another ETag: it is theirs there, or gone from it."""
    client, theirs = network.clients["feed"], f"/api/v1/worklists/{READERS[0]}"
    had = {"If-None-Match": client.get(theirs).headers["etag"]}

    def hear() -> str:
        answer = until(lambda: _unless_unchanged(client.get(theirs, params={"wait": "20"}, headers=had)))
        found = [item["claimed_by"] for item in answer.json()["items"] if item["accession_number"] == number]
        return str(found[0]) if found else GONE

    return hear


def _unless_unchanged(answer: Response) -> Response | None:
    assert answer.status_code in {200, 304}, answer.text
    return answer if answer.status_code == 200 else None


def by_event_reports(network: Network, number: str, socket: ClientConnection) -> Listening:
    """Wait for the workitem's event report, and look at who performs it."""
    client, uid = network.clients["ups"], uid_of(network, number)

    def hear() -> str:
        while True:
            told = json.loads(socket.recv(timeout=PATIENCE_SECONDS))
            if told["00001000"]["Value"] == [uid] and told.get("00741000", {}).get("Value") == ["IN PROGRESS"]:
                return _performer(client, uid)

    return hear


def _performer(client: Client, uid: str) -> str:
    (item,) = client.get(f"/dicomweb/workitems/{uid}").json()
    (done,) = item["00741216"]["Value"]
    return str(done["00404035"]["Value"][0]["00404009"]["Value"][0]["00080100"]["Value"][0])


def by_event_reports_over_dimse(network: Network, number: str) -> Listening:
    """Wait for the same report on an association that is opened to whoever subscribed, and look."""
    client, uid = network.clients["ups"], uid_of(network, number)

    def hear() -> str:
        until(lambda: (1, uid, "IN PROGRESS") in network.events.heard)
        return _performer(client, uid)

    return hear


def by_a_rest_hook(network: Network, number: str) -> Listening:
    """Wait until the endpoint is told that there is news, and look at the Task."""
    before = len(network.endpoint.heard)

    def hear() -> str:
        until(lambda: len(network.endpoint.heard) > before)
        task = task_of(network, number)
        assert task["status"] == "in-progress"
        return str(task["owner"]["reference"]).removeprefix("Practitioner/")

    return hear


def by_hl7(network: Network, number: str) -> Listening:
    """Wait for the message that says who has begun it."""
    before = len(network.ris.messages)

    def hear() -> str:
        def found() -> list[str]:
            owners = zip(network.ris.messages[before:], network.ris.owners[before:], strict=False)
            return [one[1] for message, one in owners if (str(message.segment("OBR")(3)), one[0]) == (number, "IP")]

        return str(until(found)[0])

    return hear


def by_fhircast(network: Network, number: str) -> Listening:
    """Wait until a session is told that it is open; what R5 has opened in theirs they have been told by the hub."""

    def hear() -> str:
        def found() -> str:
            if standing(network.db, number)[1] == READERS[-1]:
                return READERS[-1]
            return next((reader for reader in READERS[:-1] if is_opened(network.screens[reader], number)), "")

        return until(found)

    return hear


def is_opened(screen: Peer, number: str) -> bool:
    """Tell whether a session is told within a moment that a study is open; it is told of nothing else."""
    try:
        told = screen.hear(0.02)
    except TimeoutError:
        return False
    assert told["event"]["hub.event"] == "DiagnosticReport-open"
    screen.say(json.dumps({"id": told["id"], "status": 200}))
    assert [one.value for one in meant_by(tuple(told["event"]["context"])).accession_numbers] == [number]
    return True


@contextmanager
def sides(network: Network, number: str) -> Iterator[dict[str, Listening]]:
    """Yield every side, listening already."""
    address = f"ws://127.0.0.1:{network.port}/dicomweb/subscribers/VIEWER"
    shown = {"authorization": f"Bearer {network.keys['ups']}"}
    every = "/dicomweb/workitems/1.2.840.10008.5.1.4.34.5/subscribers/VIEWER"
    assert network.clients["ups"].post(every).status_code == 201
    with connect(address, additional_headers=shown, open_timeout=PATIENCE_SECONDS) as socket:
        yield {
            "assignments": by_the_feed(network, number),
            "worklist": by_the_worklist(network, number),
            "UPS event report": by_event_reports(network, number, socket),
            "UPS event report over DIMSE": by_event_reports_over_dimse(network, number),
            "FHIR rest-hook": by_a_rest_hook(network, number),
            "HL7": by_hl7(network, number),
            "FHIRcast": by_fhircast(network, number),
        }

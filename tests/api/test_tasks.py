"""FHIR over HTTP: what is found and shown, what a change of status does to the read, and what every error says."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from balancer.domain.actor import Grant, person, system
from balancer.domain.life import ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.permission import Permission, Role
from balancer.domain.steps import StepState
from balancer.publish.fhir import codes
from balancer.publish.fhir.from_resource import task_of
from balancer.publish.fhir.parameters import PARAMETERS
from balancer.publish.fhir.to_resource import task_resource
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.change_workitem import Change, change_workitem
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.park_read import park_read
from balancer.services.release_read import release_read
from balancer.store import reads, workitems
from balancer.store.database import Database
from balancer.store.tables_life import ExceptionRow
from tests.access.doors import Known
from tests.api.service import Service
from tests.api.small_network import STUDIES, allocate
from tests.instructed import MANAGER
from tests.networks import Feed, claimed, extract, incoming, minutes, read_id, standing
from tests.publish.fhir.bindings import check

PACS = system("pacs-of-rvv", "PACS of RVV", [Permission.READS_WORK, Permission.ASSIGNMENTS_READ], ["RVV"])
ELSEWHERE = system("pacs-of-rwf", "PACS of RWF", [Permission.READS_WORK, Permission.ASSIGNMENTS_READ], ["RWF"])
R1 = person("test:r1", "A. Reader", Grant(Role.REPORTER, "RVV"), reporter_id="R1")
FHIR, JSON_PATCH = "application/fhir+json", "application/json-patch+json"
ACCESSIONS = codes.accessions_of("RVV")


class Pacs:
    """A PACS of RVV that works by FHIR."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.service = Service(db, door=Known(PACS))
        self.client = self.service.client

    def search(self, **query: Any) -> Any:
        """Search by a form, and return the Bundle, which must be valid."""
        bundle = ok(self.client.post("/fhir/Task/_search", data=query))
        check(bundle)
        return bundle

    def task(self, number: str) -> Any:
        """Return the one Task of a study."""
        (entry,) = self.search(**{"group-identifier": f"{ACCESSIONS}|{number}"})["entry"]
        return entry["resource"]

    def patch(self, task: Any, *operations: Any, **headers: str) -> Response:
        """Patch a Task by JSON Patch."""
        sent = {"content-type": JSON_PATCH, **headers}
        return self.client.patch(f"/fhir/Task/{task['id']}", content=json.dumps(operations), headers=sent)

    def put(self, task: Any, **headers: str) -> Response:
        """Send a Task whole."""
        sent = {"content-type": FHIR, **headers}
        return self.client.put(f"/fhir/Task/{task['id']}", content=json.dumps(task), headers=sent)

    def change(self, number: str, status: str, owner: str = "R1", **more: Any) -> Response:
        """Send a study's Task whole with another status and owner."""
        owned = {"owner": {"reference": f"Practitioner/{owner}"}} if owner else {}
        return self.put({**self.task(number), "status": status, **owned, **more})


def ok(answer: Response, status: int = 200) -> Any:
    """Return an answer's content, which must be FHIR's."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json; charset=utf-8; fhirVersion=4.0"
    return answer.json()


def outcome(answer: Response, status: int, code: str) -> str:
    """Return what an OperationOutcome says, having seen that it is one, valid, with this status and code."""
    found = ok(answer, status)
    check(found)
    assert found["resourceType"] == "OperationOutcome"
    assert found["issue"][0]["code"] == code, found
    assert found["issue"][0]["diagnostics"] == f"urn:uuid:{answer.headers['x-request-id']}"
    return str(found["issue"][0]["details"]["text"])


def numbers(bundle: Any) -> list[str]:
    """Return the accession numbers of the Tasks that were found."""
    found = [entry["resource"] for entry in bundle.get("entry", ()) if entry["search"]["mode"] == "match"]
    return [task["groupIdentifier"]["value"] for task in found]


@pytest.fixture
def pacs(allocated_copy: Database) -> Pacs:
    """Return a PACS on a small network: A1 and A2 are R1's, A3 nobody's."""
    return Pacs(allocated_copy)


@pytest.fixture
def pacs_on_each(db: Database) -> Pacs:
    """Return a PACS on each kind of database."""
    allocate(db)
    return Pacs(db)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_task_and_all_that_it_points_to_can_be_read(pacs: Pacs) -> None:
    """But the patient, of whom we hold nothing but a number."""
    task = pacs.task("A1")
    assert (task["status"], task["owner"]["reference"]) == ("ready", "Practitioner/R1")
    for reference in (task["focus"], task["owner"], task["requester"]):
        found = ok(pacs.client.get(f"/fhir/{reference['reference']}"))
        check(found)
        assert reference["reference"] == f"{found['resourceType']}/{found['id']}"
    assert "reference" not in task["for"]


def test_a_read_comes_back_as_it_was(pacs: Pacs) -> None:
    """Read, Task, read."""
    for number in ("A1", "A3"):
        task = pacs.task(number)
        assert task_resource(task_of(task)) == task
        assert task_of(task).state is standing(pacs.db, number)[0]


def test_what_the_client_has_is_not_sent_again(pacs: Pacs) -> None:
    """Until it changes."""
    address = f"/fhir/Task/{pacs.task('A1')['id']}"
    first = pacs.client.get(address)
    tag = first.headers["etag"]
    assert tag == f'W/"{first.json()["meta"]["versionId"]}"'
    again = pacs.client.get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    claimed(pacs.db, "A1")
    assert pacs.client.get(address, headers={"If-None-Match": tag}).status_code == 200


def test_only_the_current_version_is_kept(pacs: Pacs) -> None:
    """It can be read by its number; another cannot."""
    task = pacs.task("A1")
    version = task["meta"]["versionId"]
    assert ok(pacs.client.get(f"/fhir/Task/{task['id']}/_history/{version}")) == task
    outcome(pacs.client.get(f"/fhir/Task/{task['id']}/_history/0"), 404, "not-found")


@pytest.mark.parametrize(
    "path",
    ["Task/1", "Task/0123456789abcdef-1", "ServiceRequest/x", "ImagingStudy/x", "Practitioner/X", "Patient/1", ""],
)
def test_what_is_not_there_is_not_found_in_fhirs_words(pacs: Pacs, path: str) -> None:
    """Whatever its address."""
    outcome(pacs.client.get(f"/fhir/{path}"), 404, "not-found")


def test_images_of_which_nobody_told_us_are_none(pacs: Pacs) -> None:
    """No Study Instance UID is made up."""
    task = pacs.task("A1")
    assert "ImagingStudy" not in json.dumps(task)
    study = task["focus"]["reference"].partition("/")[2]
    outcome(pacs.client.get(f"/fhir/ImagingStudy/{study}"), 404, "not-found")


def test_another_trusts_pacs_finds_nothing(pacs: Pacs) -> None:
    """Neither by searching nor by what it was told."""
    task = pacs.task("A1")
    other = Service(pacs.db, door=Known(ELSEWHERE)).client
    assert ok(other.get("/fhir/Task"))["total"] == 0
    for path in (f"Task/{task['id']}", task["focus"]["reference"], "Organization/RVV"):
        outcome(other.get(f"/fhir/{path}"), 404, "not-found")
    body = json.dumps([{"op": "replace", "path": "/status", "value": "in-progress"}])
    sent = other.patch(f"/fhir/Task/{task['id']}", content=body, headers={"content-type": JSON_PATCH})
    outcome(sent, 404, "not-found")


# --- searching -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["A1", "A2", "A3"]),
        ({"status": "ready"}, ["A1", "A2"]),
        ({"status": "ready,requested"}, ["A1", "A2", "A3"]),
        ({"status": "completed"}, []),
        ({"status:not": "ready"}, ["A3"]),
        ({"business-status": f"{codes.READ_STATES}|unallocated"}, ["A3"]),
        ({"owner": "Practitioner/R1"}, ["A1", "A2"]),
        ({"owner": "R2"}, []),
        ({"owner:identifier": f"{codes.REPORTERS}|R1"}, ["A1", "A2"]),
        ({"owner:identifier": f"{codes.GMC}|R1"}, []),
        ({"owner.identifier": "R1"}, ["A1", "A2"]),
        ({"group-identifier": "A2"}, ["A2"]),
        ({"group-identifier": f"{ACCESSIONS}|A2,{ACCESSIONS}|A3"}, ["A2", "A3"]),
        ({"group-identifier": f"{codes.accessions_of('RWF')}|A2"}, []),
        ({"patient:identifier": f"{codes.patients_of('RVV')}|H-A1"}, ["A1"]),
        ({"subject:identifier": "H-A1"}, ["A1"]),
        ({"code": "110005"}, ["A1", "A2", "A3"]),
        ({"code": f"{codes.READ_KINDS}|verification"}, []),
        ({"priority": "routine,stat,urgent"}, ["A1", "A2", "A3"]),
        ({"priority": "asap"}, []),
        ({"requester": "Organization/RVV"}, ["A1", "A2", "A3"]),
        ({"requester": "RWF"}, []),
        ({"requester:identifier": f"{codes.ODS}|RVV"}, ["A1", "A2", "A3"]),
        ({"requester.identifier": f"{codes.GMC}|RVV"}, []),
        ({"intent": "order"}, ["A1", "A2", "A3"]),
        ({"intent": "plan"}, []),
        ({"_lastUpdated": "ge2026-03-02"}, ["A1", "A2", "A3"]),
        ({"_lastUpdated": "gt2026"}, []),
        ({"modified": "lt2026-03-02T00:00:00Z"}, []),
        ({"authored-on": "2026-03"}, ["A1", "A2", "A3"]),
        ({"authored-on": "le2026-03-01"}, []),
        ({"due": "ge2026-03-02"}, ["A1", "A2", "A3"]),
        ({"due": "lt2026-03-02"}, []),
        ({"planned-start": "ge2026-03-02T08:00:00Z"}, ["A1", "A2"]),
        ({"planned-start": "lt2026-03-02T08:00:00Z"}, []),
        ({"period": "ge2026-03-02"}, []),
        ({"status": "ready", "owner": "R2"}, []),
    ],
)
def test_a_search_finds_what_it_asks_for(pacs: Pacs, query: dict[str, str], found: list[str]) -> None:
    """And counts it."""
    bundle = pacs.search(**query)
    assert (numbers(bundle), bundle["total"]) == (found, len(found))


def test_every_parameter_that_is_told_of_is_tested() -> None:
    """The CapabilityStatement promises no other."""
    (mark,) = (mark for mark in test_a_search_finds_what_it_asks_for.pytestmark if mark.name == "parametrize")  # type: ignore[attr-defined]
    asked = {re.split(r"[:.]", name)[0] for query, _ in mark.args[1] for name in query}
    assert set(PARAMETERS) - asked == {"_id", "identifier", "focus"}  # by what is only known once it is found


def test_a_task_is_found_by_what_names_it(pacs: Pacs) -> None:
    """Its id, its workitem's UID, its order."""
    task = pacs.task("A2")
    for query in (
        {"_id": task["id"]},
        {"identifier": f"urn:dicom:uid|{task['identifier'][0]['value']}"},
        {"focus": task["focus"]["reference"]},
        {"_id": f"{task['id']},0-1", "status": "ready"},
    ):
        assert numbers(pacs.search(**query)) == ["A2"]


def test_several_values_of_one_parameter_must_all_hold(pacs: Pacs) -> None:
    """As R4 says of a parameter that is repeated."""
    found = ok(pacs.client.get("/fhir/Task?status=ready,requested&status=requested"))
    assert numbers(found) == ["A3"]


def test_pages_have_everything_once(pacs: Pacs) -> None:
    """By links that say nothing of anybody and cannot be made up, whatever is claimed meanwhile."""
    bundle = pacs.search(_count=1, **{"patient:identifier": "H-A1,H-A2,H-A3"})
    seen, links = [], []
    while True:
        seen += numbers(bundle)
        links += [link["url"] for link in bundle["link"]]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            break
        claimed(pacs.db, seen[-1])
        bundle = ok(pacs.client.get(urlsplit(following[0])._replace(scheme="", netloc="").geturl()))
        assert bundle["total"] == 3
    assert seen == ["A1", "A2", "A3"]
    # whole numbers: a sealed link is of base64url, in which three letters come by chance
    assert [link for link in links if any(one in link for one in ("H-A1", "H-A2", "H-A3", "patient"))] == []
    outcome(pacs.client.get("/fhir/Task?_page=made.up"), 400, "structure")


def test_what_tasks_point_to_comes_with_them(pacs: Pacs) -> None:
    """Each once."""
    bundle = pacs.search(_include="*")
    included = [entry["resource"] for entry in bundle["entry"] if entry["search"]["mode"] == "include"]
    kinds = [resource["resourceType"] for resource in included]
    assert sorted(kinds) == ["Organization", "Practitioner", *["ServiceRequest"] * 3]
    assert bundle["total"] == 3
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert len(set(urls)) == len(urls) == 8


def test_only_the_number_is_told_if_that_is_asked(pacs: Pacs) -> None:
    """By _summary or by _count=0."""
    for query in ({"_summary": "count"}, {"_count": "0"}):
        bundle = pacs.search(**query)
        assert (bundle["total"], "entry" in bundle) == (3, False)


@pytest.mark.parametrize(
    "query",
    [
        *("status=done", "status=", "status=a|b|c", "owner=Patient/1", "_count=-1", "_include=Task:x", "_sort=status"),
        *("modified=yesterday", "modified=2026-02-30", "period=ne2026", "_lastUpdated=0001", "_summary=all"),
        *("_sort=", "_sort=--due", "_sort=-priority,label", "_elements=", "_elements=a,b%20c", "due=soon"),
        *("unknown=1", "patient=Patient/1", "code=%00", "code=%ff", "_id=%ED%A0%80", "status=" + "ready," * 200),
    ],
)
def test_what_cannot_be_asked_for_is_refused(pacs: Pacs, query: str) -> None:
    """Leaving it out would find more than was meant."""
    outcome(pacs.client.get(f"/fhir/Task?{query}"), 400, "structure")


def test_a_lenient_client_is_told_what_was_understood(pacs: Pacs) -> None:
    """The self link has no parameter that was left out."""
    bundle = ok(pacs.client.get("/fhir/Task?status=ready&no=1", headers={"Prefer": "handling=lenient"}))
    (link,) = bundle["link"]
    assert (link["relation"], urlsplit(link["url"]).query, bundle["total"]) == ("self", "status=ready", 2)


def test_what_has_ended_is_found_for_a_week(pacs: Pacs) -> None:
    """By its own number, for ever."""
    assert ok(pacs.change("A1", "completed"))["status"] == "completed"
    assert numbers(pacs.search(status="completed")) == ["A1"]
    pacs.service.clock.at = minutes(8 * 24 * 60)
    assert numbers(pacs.search(status="completed")) == []
    assert pacs.task("A1")["status"] == "completed"


# --- a change of status ----------------------------------------------------------------------------------------------


def test_a_life_by_fhir(pacs_on_each: Pacs) -> None:
    """Claimed, released, claimed, completed; what is answered is what is read then."""
    pacs = pacs_on_each
    steps = [
        ("in-progress", ReadState.CLAIMED, "R1"),
        ("ready", ReadState.ALLOCATED, "R1"),
        ("in-progress", ReadState.CLAIMED, "R1"),
        ("completed", ReadState.DONE, "R1"),
    ]
    for status, state, whose in steps:
        answer = pacs.change("A1", status)
        task = ok(answer)
        check(task)
        assert (task["status"], standing(pacs.db, "A1")) == (status, (state, whose))
        again = pacs.client.get(f"/fhir/Task/{task['id']}")
        assert (again.json(), again.headers["etag"]) == (task, answer.headers["etag"])


def test_a_claim_by_fhir_needs_no_heartbeats(pacs: Pacs) -> None:
    """Whoever speaks FHIR has none to send."""
    ok(pacs.change("A1", "in-progress"))
    pacs.service.clock.at = minutes(600)
    assert pacs.task("A1")["status"] == "in-progress"


def test_a_study_on_nobodys_list_is_begun_by_whoever_is_named(pacs: Pacs) -> None:
    """A system's word is a fact."""
    assert ok(pacs.change("A3", "in-progress", "R2"))["owner"]["reference"] == "Practitioner/R2"
    assert standing(pacs.db, "A3") == (ReadState.CLAIMED, "R2")


def test_a_part_of_a_task_that_names_nobody_begins_nothing(pacs: Pacs) -> None:
    """Whoever has it on their list has not opened it until somebody says so."""
    task = pacs.task("A1")
    begin = {"op": "replace", "path": "/status", "value": "in-progress"}
    outcome(pacs.patch(task, begin), 422, "invalid")
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")
    named = {"op": "test", "path": "/owner/reference", "value": "Practitioner/R1"}
    assert ok(pacs.patch(task, named, begin))["status"] == "in-progress"
    # whose it is then is known
    assert ok(pacs.patch(task, {"op": "replace", "path": "/status", "value": "completed"}))["status"] == "completed"


def begun_by_nobody(pacs: Pacs) -> Any:
    """Begin A1 over UPS in the standard's own words, which name nobody; return its Task."""
    with pacs.db.session() as session:
        numbering = workitems.numbering(session)
    uid = uid_of(WorkitemKey(read_id(pacs.db, "A1"), 0), numbering)
    begun = Change(to=StepState.IN_PROGRESS, transaction="2.25.1")
    change_workitem(pacs.db, uid, begun, minutes(0), by=PACS, acting=lambda _: pacs.db)
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")
    return pacs.task("A1")


DONE = {"op": "replace", "path": "/status", "value": "completed"}


def test_what_nobody_was_named_for_is_not_completed_in_the_name_that_was_presumed(pacs: Pacs) -> None:
    """Neither by a part that leaves the owner alone nor by the whole Task as it was told; by whoever says who it is."""
    task = begun_by_nobody(pacs)
    outcome(pacs.patch(task, DONE), 422, "invalid")
    outcome(pacs.put({**task, "status": "completed"}), 422, "invalid")
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")
    named = {"op": "replace", "path": "/owner", "value": {"reference": "Practitioner/R1"}}
    assert ok(pacs.patch(task, named, DONE))["status"] == "completed"
    assert standing(pacs.db, "A1") == (ReadState.DONE, "R1")
    with pacs.db.session() as session:
        assert session.exec(select(ExceptionRow)).all() == []


@pytest.mark.parametrize("whole", [True, False])
def test_what_nobody_was_named_for_is_whoevers_is_named_and_the_office_is_told(
    pacs: Pacs,
    whole: bool,  # noqa: FBT001
) -> None:
    """There was no other word; that the list had somebody else is for a person to look at."""
    task, owner = begun_by_nobody(pacs), {"reference": "Practitioner/R2"}
    named = {"op": "replace", "path": "/owner", "value": owner}
    done = {**task, "status": "completed", "owner": owner}
    assert ok(pacs.put(done) if whole else pacs.patch(task, named, DONE))["owner"]["reference"] == "Practitioner/R2"
    assert standing(pacs.db, "A1") == (ReadState.DONE, "R2")
    with pacs.db.session() as session:
        assert "other_performer" in [row.kind for row in session.exec(select(ExceptionRow)).all()]


def test_who_is_named_after_the_beginning_has_it(pacs: Pacs) -> None:
    """From then on it is no presumption, and whose it is need not be said again."""
    task = begun_by_nobody(pacs)
    begun = {"op": "replace", "path": "/status", "value": "in-progress"}
    named = {"op": "test", "path": "/owner/reference", "value": "Practitioner/R1"}
    ok(pacs.patch(task, named, begun))
    assert ok(pacs.patch(task, DONE))["status"] == "completed"
    assert standing(pacs.db, "A1") == (ReadState.DONE, "R1")


def test_a_reporter_works_in_their_own_name(pacs: Pacs) -> None:
    """Signed in, they need not say who they are."""
    own = Service(pacs.db, door=Known(R1)).client
    body = json.dumps([{"op": "replace", "path": "/status", "value": "in-progress"}])
    answer = own.patch(f"/fhir/Task/{pacs.task('A1')['id']}", content=body, headers={"content-type": JSON_PATCH})
    assert ok(answer)["status"] == "in-progress"
    other = json.dumps({**pacs.task("A2"), "status": "in-progress", "owner": {"reference": "Practitioner/R2"}})
    answer = own.put(f"/fhir/Task/{pacs.task('A2')['id']}", content=other, headers={"content-type": FHIR})
    outcome(answer, 403, "forbidden")


def test_the_second_to_claim_hears_who_was_first(pacs: Pacs) -> None:
    """In FHIR's own words."""
    ok(pacs.change("A1", "in-progress"))
    assert "(R1)" in outcome(pacs.change("A1", "in-progress", "R2"), 409, "conflict")
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")
    assert ok(pacs.change("A1", "in-progress"))["status"] == "in-progress"


def test_a_claim_from_another_side_wins_too(pacs: Pacs) -> None:
    """The first committed claim, from whichever side."""
    claimed(pacs.db, "A1", "R2")
    outcome(pacs.change("A1", "in-progress"), 409, "conflict")
    release_read(pacs.db, read_id(pacs.db, "A1"), "R2", minutes(1), by=PACS)
    assert ok(pacs.change("A1", "in-progress"))["status"] == "in-progress"


def test_a_version_that_has_passed_changes_nothing(pacs: Pacs) -> None:
    """If-Match with the ETag of what was seen."""
    task = pacs.task("A1")
    tag = f'W/"{task["meta"]["versionId"]}"'
    begun = {**task, "status": "in-progress"}
    outcome(pacs.put(begun, **{"If-Match": 'W/"1"'}), 412, "conflict")
    outcome(pacs.put(begun, **{"If-Match": "no version"}), 400, "structure")
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")
    assert ok(pacs.put(begun, **{"If-Match": tag}))["status"] == "in-progress"
    outcome(pacs.put({**begun, "status": "completed"}, **{"If-Match": tag}), 412, "conflict")
    assert ok(pacs.put({**begun, "status": "completed"}, **{"If-Match": "*"}))["status"] == "completed"


def why(code: str) -> Any:
    """Return a reason of ours, with a word beside."""
    return {**codes.concept(codes.RETURN_REASONS, code), "text": "as I know her"}


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    ("status", "reason", "shown"),
    [("rejected", "conflict_of_interest", "requested"), ("failed", "other", "requested"), ("on-hold", "", "on-hold")],
)
def test_a_read_is_handed_back(pacs: Pacs, status: str, reason: str, shown: str, begun: bool) -> None:  # noqa: FBT001
    """To nobody, or on hold because its images are missing; the Task goes on, as the same."""
    if begun:
        ok(pacs.change("A1", "in-progress"))
    task = ok(pacs.change("A1", status, **({"statusReason": why(reason)} if reason else {})))
    assert (task["status"], "owner" in task) == (shown, False)


def test_whoever_hands_a_read_back_says_why(pacs: Pacs) -> None:
    """In one of the words; it decides what becomes of it."""
    outcome(pacs.change("A1", "rejected"), 422, "invalid")
    outcome(pacs.change("A1", "rejected", statusReason=why("bored")), 422, "invalid")
    outcome(pacs.change("A1", "on-hold", statusReason=why("no_time")), 422, "invalid")
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")


def test_what_a_report_came_to_is_said_with_it(pacs: Pacs) -> None:
    """As over the API, and shown."""
    said = [
        {"type": codes.concept(codes.PARAMETERS, "outcome"), "valueCode": "abnormal"},
        {"type": codes.concept(codes.PARAMETERS, "provisional"), "valueBoolean": True},
    ]
    ok(pacs.change("A1", "in-progress"))
    assert ok(pacs.change("A1", "completed", output=said))["output"] == said
    with pacs.db.session() as session:
        row = reads.read(session, read_id(pacs.db, "A1"))
    assert (row.outcome, row.provisional) == (Outcome.ABNORMAL, True)


def test_no_report_is_dropped(pacs: Pacs) -> None:
    """One that comes beside another's claim is kept, and its sender is told."""
    ok(pacs.change("A1", "in-progress", "R2"))
    assert "on record" in outcome(pacs.change("A1", "completed", "R1"), 409, "conflict")
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R2")
    exceptions = Service(pacs.db).ask("/exceptions")["items"]
    assert [item["kind"] for item in exceptions if "completed by R1" in item["detail"]] == ["completed_beside"]


def begun_and_cancelled(pacs: Pacs) -> Any:
    """Return the Task of A1 as R1 began it: its source forgot it, the claim ended, and another Task stands for it."""
    begun = ok(pacs.change("A1", "in-progress"))
    ingest_extract(pacs.db, Feed(), extract("A2", "A3", at=2), minutes(2))
    lapse_claims(pacs.db, minutes(30))
    ingest_extract(pacs.db, Feed(), extract(*STUDIES, at=31), minutes(31))
    pacs.service.clock.at = minutes(32)
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")
    return begun


_COMPLETED = {"op": "replace", "path": "/status", "value": "completed"}


@pytest.mark.parametrize("whole", [True, False])
def test_a_report_of_a_task_that_another_has_followed_is_not_dropped(
    pacs_on_each: Pacs,
    whole: bool,  # noqa: FBT001
) -> None:
    """Its claimant sends the Task as they have it, or only the status: nobody reads the study once more."""
    pacs = pacs_on_each
    begun = begun_and_cancelled(pacs)
    answer = pacs.put({**begun, "status": "completed"}) if whole else pacs.patch(begun, _COMPLETED)
    assert "on record" in outcome(answer, 409, "conflict")
    assert standing(pacs.db, "A1") == (ReadState.DONE, "R1")
    assert pacs.client.get(f"/fhir/Task/{begun['id']}").json()["status"] == "cancelled"


def test_a_report_of_a_task_that_another_has_followed_ends_nobodys_work(pacs: Pacs) -> None:
    """Somebody else has the read open by then: both stand, and the office is told."""
    begun = begun_and_cancelled(pacs)
    claim_read(pacs.db, read_id(pacs.db, "A1"), "R2", minutes(32), by=PACS, heartbeats=False)
    assert "on record" in outcome(pacs.patch(begun, _COMPLETED), 409, "conflict")
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R2")
    exceptions = Service(pacs.db).ask("/exceptions")["items"]
    assert [item["kind"] for item in exceptions if "completed by R1" in item["detail"]] == ["completed_beside"]


def test_a_report_of_a_task_that_another_has_followed_is_no_report_of_later_images(pacs: Pacs) -> None:
    """It was written before they were made: it is kept, and the read stays where it is."""
    begun = begun_and_cancelled(pacs)
    late = incoming("A1", acquired_at=minutes(50))
    ingest_extract(pacs.db, Feed(), extract(late, *STUDIES[1:], at=60), minutes(60))
    pacs.service.clock.at = minutes(61)
    assert "on record" in outcome(pacs.patch(begun, _COMPLETED), 409, "conflict")
    assert standing(pacs.db, "A1")[0] in {ReadState.UNALLOCATED, ReadState.ALLOCATED}


def test_a_report_of_a_task_that_another_has_followed_ends_no_later_claim_of_its_own_reporter(pacs: Pacs) -> None:
    """They have opened it once more, for a reason: an answer that was 409 is asked for again."""
    begun = begun_and_cancelled(pacs)
    claim_read(pacs.db, read_id(pacs.db, "A1"), "R1", minutes(32), by=PACS, heartbeats=False)
    assert "on record" in outcome(pacs.patch(begun, _COMPLETED), 409, "conflict")
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")


def test_who_is_said_to_have_done_what_another_had_begun_is_brought_to_the_office(pacs: Pacs) -> None:
    """Of a Task that has ended as of any other."""
    begun = begun_and_cancelled(pacs)
    owner = {"op": "add", "path": "/owner", "value": {"reference": "Practitioner/R2"}}
    outcome(pacs.patch(begun, _COMPLETED, owner), 409, "conflict")
    exceptions = Service(pacs.db).ask("/exceptions")["items"]
    assert "other_performer" in [item["kind"] for item in exceptions]


def test_what_a_completed_task_says_once_more_does_not_complete_what_is_to_be_read_again(pacs: Pacs) -> None:
    """A PACS that repeats itself does not know of the images that came late."""
    ok(pacs.change("A1", "in-progress"))
    done = ok(pacs.change("A1", "completed"))
    late = incoming("A1", prior_reporter="R1", acquired_at=minutes(40))
    ingest_extract(pacs.db, Feed(), extract(late, *STUDIES[1:], at=60), minutes(60))
    claim_read(pacs.db, read_id(pacs.db, "A1"), "R1", minutes(61), by=PACS, heartbeats=False)
    assert "another stands" in outcome(pacs.put(done), 409, "conflict")
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")


@pytest.mark.parametrize("status", ["cancelled", "draft", "accepted", "on-hold"])
def test_a_change_that_means_nothing_is_refused(pacs: Pacs, status: str) -> None:
    """A409, and nothing is done."""
    outcome(pacs.change("A3", status), 409, "conflict")
    assert standing(pacs.db, "A3")[0] is ReadState.UNALLOCATED


@pytest.mark.parametrize(
    "more", [{"priority": "stat"}, {"restriction": {}}, {"note": [{"text": "x"}]}, {"for": None}, {"status": "done"}]
)
def test_nothing_but_the_status_can_be_changed(pacs: Pacs, more: dict[str, Any]) -> None:
    """And what was meant to be changed is named rather than left out."""
    task = {**pacs.task("A1"), "status": "in-progress", **more}
    said = outcome(pacs.put(task), 422, "invalid")
    assert next(iter(more)) in said
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")


def test_nobody_is_given_a_read_by_another_owner(pacs: Pacs) -> None:
    """Who has it on their list is the plan's business, or a manager's."""
    outcome(pacs.change("A1", "ready", "R2"), 422, "invalid")
    assert ok(pacs.put(pacs.task("A1")))["status"] == "ready"


def parameters(*operations: dict[str, Any]) -> Any:
    """Return a FHIRPath Patch."""

    def part(name: str, value: Any) -> Any:
        return {"name": name, **(value if isinstance(value, dict) else {"valueString": value})}

    made = [[part(name, value) for name, value in item.items()] for item in operations]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts} for parts in made]}


def test_a_fhirpath_patch_does_it_too(pacs: Pacs) -> None:
    """As the CapabilityStatement says."""
    address = f"/fhir/Task/{pacs.task('A1')['id']}"
    begin = parameters(
        {"type": "replace", "path": "Task.status", "value": {"valueCode": "in-progress"}},
        {"type": "replace", "path": "Task.owner", "value": {"valueReference": {"reference": "Practitioner/R1"}}},
    )
    assert ok(pacs.client.patch(address, json=begin, headers={"content-type": FHIR}))["status"] == "in-progress"
    give_back = parameters(
        {"type": "replace", "path": "Task.status", "value": {"valueCode": "failed"}},
        {"type": "add", "path": "Task", "name": "statusReason", "value": {"valueCodeableConcept": why("no_time")}},
    )
    assert ok(pacs.client.patch(address, json=give_back, headers={"content-type": FHIR}))["status"] == "requested"


# --- what is no request ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "application/fhir+xml"}, 406),
        ({"Accept": "text/html"}, 406),
        ({"Accept": "text/html, application/fhir+json;q=0.9"}, 200),
        ({"Accept": "application/json"}, 200),
        ({"Accept": "*/*"}, 200),
    ],
)
def test_only_json_is_sent(pacs: Pacs, headers: dict[str, str], status: int) -> None:
    """406 otherwise; _format goes before Accept."""
    assert pacs.client.get("/fhir/Task", headers=headers).status_code == status
    assert pacs.client.get("/fhir/Task?_format=xml").status_code == 406
    assert pacs.client.get("/fhir/Task?_format=json", headers=headers).status_code == 200


def test_what_is_no_json_is_refused(pacs: Pacs) -> None:
    """By its media type or by what it is."""
    address = f"/fhir/Task/{pacs.task('A1')['id']}"
    outcome(
        pacs.client.put(address, content="<Task/>", headers={"content-type": "application/fhir+xml"}),
        415,
        "not-supported",
    )
    deep = "[" * 30_000 + "]" * 30_000
    for body in ("", "{", "NaN", deep, '{"resourceType": "Patient"}', "[]", '"\\ud800"', '{"a": "\\u0000"}', b"\xff"):
        outcome(pacs.client.put(address, content=body, headers={"content-type": FHIR}), 400, "structure")
        outcome(pacs.client.patch(address, content=body, headers={"content-type": FHIR}), 400, "structure")
    too_large = b'{"a": "' + b"x" * 70_000 + b'"}'
    outcome(pacs.client.put(address, content=too_large, headers={"content-type": FHIR}), 413, "too-long")


@pytest.mark.parametrize(
    "operations",
    [
        [],
        {},
        [1],
        [{"op": "copy", "from": "/a", "path": "/b"}],
        [{"op": "replace", "path": "/status"}],
        [{"op": "replace", "path": "status", "value": 1}],
        [{"op": "remove", "path": "/nothing"}],
        [{"op": "replace", "path": "", "value": []}],
        [{"op": "add", "path": "/input/-1", "value": 1}],
    ],
)
def test_what_is_no_patch_is_refused(pacs: Pacs, operations: Any) -> None:
    """Copies too: twenty of them could fill the memory."""
    address = f"/fhir/Task/{pacs.task('A1')['id']}"
    answer = pacs.client.patch(address, content=json.dumps(operations), headers={"content-type": JSON_PATCH})
    outcome(answer, 400, "structure")


def test_a_test_that_fails_is_a_conflict(pacs: Pacs) -> None:
    """The Task is not as the client thought."""
    outcome(pacs.patch(pacs.task("A1"), {"op": "test", "path": "/status", "value": "requested"}), 409, "conflict")


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ELEMENTS = ("status", "owner", "statusReason", "output", "input", "focus", "code", "meta", "identifier", "id")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(element=st.sampled_from(ELEMENTS), value=JSONS, owner=JSONS, output=JSONS)
def test_whatever_is_sent_is_answered_in_fhirs_words(
    pacs: Pacs, element: str, value: Any, owner: Any, output: Any
) -> None:
    """A Task with anything anywhere; nothing is ever 500."""
    task = pacs.task("A1")
    sent = {**task, "status": "completed", "owner": owner, "output": output, element: value}
    for answer in (
        pacs.client.put(f"/fhir/Task/{task['id']}", content=json.dumps(sent), headers={"content-type": FHIR}),
        pacs.patch(task, {"op": "replace", "path": f"/{element}", "value": value}),
        pacs.client.patch(
            f"/fhir/Task/{task['id']}",
            content=json.dumps({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": value}]}),
            headers={"content-type": FHIR},
        ),
    ):
        assert answer.status_code < 500, answer.text
        assert ok(answer, answer.status_code)["resourceType"] in {"Task", "OperationOutcome"}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from([*PARAMETERS, "patient:identifier", "_count", "_include", "_page"]), value=st.text(max_size=20)
)
def test_whatever_is_asked_for_is_answered_in_fhirs_words(pacs: Pacs, name: str, value: str) -> None:
    """Any value of any parameter."""
    answer = pacs.client.post("/fhir/Task/_search", data={name: value})
    assert answer.status_code in {200, 400}, answer.text
    check(ok(answer, answer.status_code))


# --- who may, and what is told ---------------------------------------------------------------------------------------


def test_nobody_is_told_anything_without_saying_who_they_are(pacs: Pacs) -> None:
    """But what the server can do; that, too, is valid R4."""
    nobody = Service(pacs.db, door=Known(None)).client
    for method, path in (("GET", "Task"), ("POST", "Task/_search"), ("GET", "Task/1"), ("PUT", "Task/1")):
        outcome(nobody.request(method, f"/fhir/{path}"), 401, "login")
    statement = ok(nobody.get("/fhir/metadata"))
    check(statement)
    assert statement["fhirVersion"] == "4.0.1"
    (task,) = (item for item in statement["rest"][0]["resource"] if item["type"] == "Task")
    assert {item["name"] for item in task["searchParam"]} == set(PARAMETERS)
    outcome(nobody.delete("/fhir/metadata"), 405, "not-supported")


def test_who_may_only_look_changes_nothing(pacs: Pacs) -> None:
    """And is told so."""
    looker = system("board", "Board", [Permission.ASSIGNMENTS_READ], ["RVV"])
    client = Service(pacs.db, door=Known(looker)).client
    task = pacs.task("A1")
    outcome(client.put(f"/fhir/Task/{task['id']}", json=task, headers={"content-type": FHIR}), 403, "forbidden")


def test_a_request_of_another_sites_page_is_refused_in_fhirs_words(pacs: Pacs) -> None:
    """What the guard says too."""
    outcome(pacs.client.put("/fhir/Task/1", headers={"origin": "https://elsewhere.example"}), 403, "security")


def test_everything_that_is_done_is_on_record(pacs: Pacs) -> None:
    """As whoever asked, in the reporter's name; and that the study was looked at."""
    ok(pacs.change("A1", "in-progress"))
    auditor = Service(pacs.db).client
    trail = auditor.get("/api/v1/audit", params={"limit": 1000}).json()["items"]
    done = [item for item in trail if item["actor"] == PACS.subject]
    assert {"read.claim"} <= {item["action"] for item in done}
    assert any(item["subject_kind"] == "study" for item in done)


def test_why_a_task_waits_is_said_in_a_code_and_in_words(pacs: Pacs) -> None:
    """The words are somebody's own, and what the API tells the same caller; the version is of the code."""
    task = pacs.task("A3")
    assert task["statusReason"] == {
        "coding": [{"system": codes.STATUS_REASONS, "code": "deferred"}],
        "text": "deferred",
    }
    park_read(pacs.db, read_id(pacs.db, "A3"), minutes(1), by=MANAGER, reason="asked for old films", until=minutes(900))
    parked = pacs.task("A3")
    assert parked["statusReason"] == {
        "coding": [{"system": codes.STATUS_REASONS, "code": "parked"}],
        "text": "asked for old films",
    }
    untold = task_of({**parked, "statusReason": {"coding": parked["statusReason"]["coding"]}})
    assert task_resource(untold)["meta"] == parked["meta"]


def test_an_outcome_that_is_said_later_is_a_change_of_the_task(pacs_on_each: Pacs) -> None:
    """Whoever keeps a copy by ``_lastUpdated`` gets it; the read stays where it was."""
    read, db = read_id(pacs_on_each.db, "A1"), pacs_on_each.db
    complete_read(db, read, "R1", minutes(5), by=PACS)
    done = pacs_on_each.task("A1")
    complete_read(db, read, "R1", minutes(9), by=PACS, outcome=Outcome.ABNORMAL)
    said = pacs_on_each.task("A1")
    assert (done["status"], said["status"]) == ("completed", "completed")
    assert done["meta"]["versionId"] != said["meta"]["versionId"]
    assert (done["meta"]["lastUpdated"], said["meta"]["lastUpdated"]) == (
        minutes(5).isoformat(),
        minutes(9).isoformat(),
    )
    assert numbers(pacs_on_each.search(_lastUpdated=f"gt{minutes(6).isoformat()}")) == ["A1"]

"""UPS-RS over HTTP: the state table cell by cell, what each act does to the read, and what comes back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from sqlmodel import col, delete, select, update

from balancer.api import dicom
from balancer.domain.actor import system
from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.permission import Permission
from balancer.domain.steps import StepState
from balancer.publish.ups.elements import put
from balancer.publish.ups.json_model import datasets_in, model_of
from balancer.publish.ups.native_xml import dataset_in_xml, xml_bytes
from balancer.publish.ups.state_table import StepEvent
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services import search_workitems
from balancer.services.complete_read import complete_read
from balancer.services.release_read import release_read
from balancer.services.see_workitem import dataset_from
from balancer.store import reads
from balancer.store.database import Database
from balancer.store.tables import EntitlementRow, ReporterRow, StudyRow
from balancer.store.tables_life import CompletionRow, ExceptionRow, ReadRow
from balancer.store.workitems import Found
from tests.access.doors import Known
from tests.api.service import Service, problem
from tests.api.small_network import allocate
from tests.creations import UID, request_of
from tests.networks import claimed, minutes, read_id, standing
from tests.services.test_claiming import R1

PACS = system("pacs-of-rvv", "PACS of RVV", [Permission.READS_WORK, Permission.ASSIGNMENTS_READ], ["RVV"])
ELSEWHERE = system("pacs-of-rwf", "PACS of RWF", [Permission.READS_WORK, Permission.ASSIGNMENTS_READ], ["RWF"])
RIS = system("ris-of-rvv", "RIS of RVV", [Permission.STUDIES_CREATE], ["RVV"])
LOCK, OTHER = "2.25.111", "2.25.222"
TYPE = {"content-type": "application/dicom+json"}
S, P, D, C = StepState.SCHEDULED, StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED
DONE = "UnifiedProcedureStepPerformedProcedureSequence"


class Pacs:
    """A PACS of RVV that works from its worklist."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.service = Service(db, door=Known(PACS))
        self.client = self.service.client

    def found(self, query: str = "") -> list[Any]:
        """Search, and return what is found."""
        answer = self.client.get(f"/dicomweb/workitems?{query}")
        assert answer.status_code in {200, 204}, answer.text
        return [] if answer.status_code == 204 else list(answer.json())

    def uid(self, number: str, state: StepState = S) -> str:
        """Return the UID of a study's workitem in that state."""
        query = f"ReferencedRequestSequence.AccessionNumber={number}&ProcedureStepState={state.replace(' ', '%20')}"
        (item,) = self.found(query)
        return str(item["00080018"]["Value"][0])

    def state_of(self, uid: str) -> StepState:
        """Return the state of a workitem."""
        return StepState(self.item(uid)["00741000"]["Value"][0])

    def item(self, uid: str) -> Any:
        """Return a workitem."""
        answer = self.client.get(f"/dicomweb/workitems/{uid}")
        assert answer.status_code == 200, answer.text
        (item,) = answer.json()
        return item

    def change(self, uid: str, to: str, transaction: str | None = LOCK, *, who: str | None = "R1") -> Response:
        """Ask for a state; who begins a step is said."""
        dataset: dict[str, Any] = {"00741000": {"vr": "CS", "Value": [to]}}
        if who is not None and to == P:
            dataset |= performed_by(who)
        if transaction is not None:
            dataset["00081195"] = {"vr": "UI", "Value": [transaction]}
        return self.client.put(f"/dicomweb/workitems/{uid}/state", json=[dataset], headers=TYPE)

    def say(self, uid: str, dataset: Any, query: str = LOCK) -> Response:
        """Update a workitem."""
        return self.client.post(f"/dicomweb/workitems/{uid}?{query}", json=[dataset], headers=TYPE)

    def report(self, uid: str) -> None:
        """Say what has been done, as must be said before COMPLETED."""
        assert self.say(uid, PERFORMED).status_code == 200

    def give_up(self, uid: str, code: str = "110513", scheme: str = "DCM") -> None:
        """Say why it is given up, as must be said before CANCELED."""
        assert self.say(uid, stopped(code, scheme)).status_code == 200


def code(value: str, scheme: str, meaning: str) -> Any:
    """Return a code sequence."""
    item = {"00080100": ("SH", value), "00080102": ("SH", scheme), "00080104": ("LO", meaning)}
    return {"vr": "SQ", "Value": [{tag: {"vr": vr, "Value": [text]} for tag, (vr, text) in item.items()}]}


def performed_by(who: str) -> Any:
    """Return Actual Human Performers of one."""
    return {"00404035": {"vr": "SQ", "Value": [{"00404009": code(who, "99BALANCER", who)}]}}


PERFORMED = {
    "00741216": {
        "vr": "SQ",
        "Value": [
            {
                "00404028": {"vr": "SQ"},
                "00404019": code("110005", "DCM", "Interpretation"),
                "00404050": {"vr": "DT", "Value": ["20260302080000+0000"]},
                "00404051": {"vr": "DT", "Value": ["20260302081000+0000"]},
                "00404033": {"vr": "SQ"},
            }
        ],
    }
}


def stopped(value: str, scheme: str) -> Any:
    """Return what says that a step was given up."""
    at = {"vr": "DT", "Value": ["20260302081000+0000"]}
    return {"00741002": {"vr": "SQ", "Value": [{"00404052": at, "0074100E": code(value, scheme, "why")}]}}


@pytest.fixture
def pacs(allocated_copy: Database) -> Pacs:
    """Return a PACS on a small network: A1 and A2 are R1's, A3 nobody's."""
    return Pacs(allocated_copy)


@pytest.fixture
def pacs_on_each(db: Database) -> Pacs:
    """Return a PACS on each kind of database."""
    allocate(db)
    return Pacs(db)


# --- the state table -------------------------------------------------------------------------------------------------

MISSING, INCORRECT = "The Transaction UID is missing.", "The Transaction UID is incorrect."
INCONSISTENT = "The submitted request is inconsistent with the state of the UPS Instance."
WAS_CANCELED = "The UPS is already in the requested state of CANCELED."
WAS_COMPLETED = "The UPS is already in the requested state of COMPLETED."
Cell = tuple[int, str, StepState | None]
UNKNOWN: Cell = (404, "", None)


def stays(status: int, warning: str) -> tuple[Cell, Cell, Cell, Cell]:
    """Return four cells in which nothing changes."""
    return (status, warning, S), (status, warning, P), (status, warning, D), (status, warning, C)


# Status, Warning and the state afterwards; the columns: none, SCHEDULED, IN PROGRESS, COMPLETED, CANCELED.
CELLS: dict[StepEvent, tuple[Cell, ...]] = {
    StepEvent.CREATE: ((201, "", None), *stays(409, "")),
    StepEvent.BEGIN: (UNKNOWN, (200, "", P), *stays(409, INCONSISTENT)[1:]),
    StepEvent.BEGIN_WITHOUT: (UNKNOWN, *stays(400, MISSING)),
    StepEvent.SCHEDULE: (UNKNOWN, *stays(400, INCONSISTENT)),
    StepEvent.COMPLETE: (
        UNKNOWN,
        (409, INCONSISTENT, S),
        (200, "", D),
        (200, WAS_COMPLETED, D),
        (409, INCONSISTENT, C),
    ),
    StepEvent.COMPLETE_WITHOUT: (UNKNOWN, (400, MISSING, S), *stays(400, INCORRECT)[1:]),
    StepEvent.CANCEL: (UNKNOWN, (409, INCONSISTENT, S), (200, "", C), (409, INCONSISTENT, D), (200, WAS_CANCELED, C)),
    StepEvent.CANCEL_WITHOUT: (UNKNOWN, (400, MISSING, S), *stays(400, INCORRECT)[1:]),
    StepEvent.REQUEST_CANCEL: (UNKNOWN, (202, "", C), (202, "", P), (409, INCONSISTENT, D), (202, WAS_CANCELED, C)),
}


def in_state(pacs: Pacs, state: StepState | None) -> str:
    """Bring A1's workitem into a state, by what a PACS does."""
    if state is None:
        return uid_of(WorkitemKey(999, 0), "0123456789abcdef")
    uid = pacs.uid("A1")
    if state is not S:
        assert pacs.change(uid, P).status_code == 200
    if state is D:
        pacs.report(uid)
        assert pacs.change(uid, D).status_code == 200
    if state is C:
        pacs.give_up(uid)
        assert pacs.change(uid, C).status_code == 200
    return uid


def ask(pacs: Pacs, uid: str, event: StepEvent, state: StepState | None) -> Response:
    """Ask for what the event is; whoever holds a lock has said what a final state needs."""
    if event is StepEvent.CREATE:
        return created(pacs.db, f"?{UID if state is None else uid}")
    wrong = None if state in {None, S} or event is StepEvent.BEGIN_WITHOUT else OTHER
    if state is P and event is StepEvent.COMPLETE:
        pacs.report(uid)
    if state is P and event is StepEvent.CANCEL:
        pacs.give_up(uid)
    if event is StepEvent.REQUEST_CANCEL:
        return pacs.client.post(f"/dicomweb/workitems/{uid}/cancelrequest")
    to = {"BEGIN": P, "SCHEDULE": S, "COMPLETE": D, "CANCEL": C}[event.name.removesuffix("_WITHOUT")]
    return pacs.change(uid, to, wrong if event.name.endswith("_WITHOUT") else LOCK)


@pytest.mark.parametrize(
    ("event", "state", "cell"),
    [
        pytest.param(event, state, cell, id=f"{event.name}-{state}")
        for event, row in CELLS.items()
        for state, cell in zip((None, S, P, D, C), row, strict=True)
    ],
)
def test_each_cell_of_the_state_table_over_http(
    pacs: Pacs, event: StepEvent, state: StepState | None, cell: Cell
) -> None:
    """The status, the Warning, and the state that is found afterwards."""
    status, warning, after = cell
    uid = in_state(pacs, state)
    answer = ask(pacs, uid, event, state)
    assert (answer.status_code, answer.headers.get("warning", "")) == (
        status,
        f"299 balancer: {warning}" if warning else "",
    ), answer.text
    if after is not None:
        assert pacs.state_of(uid) is after


def test_every_event_of_the_table_is_asked() -> None:
    """Create too, in every state."""
    assert set(CELLS) == set(StepEvent)


@pytest.mark.parametrize(("to", "lacks"), [(D, "PerformedProcedureStepEndDateTime"), (C, "CancellationDateTime")])
def test_what_a_final_state_needs_is_asked_for_by_name(pacs: Pacs, to: StepState, lacks: str) -> None:
    """C304: 409, what is missing, and the read is still open."""
    uid = in_state(pacs, P)
    answer = pacs.change(uid, to)
    found = problem(answer, 409, "conflict")
    assert "C304H" in found["detail"]
    assert lacks in found["detail"]
    assert answer.headers["warning"] == f"299 balancer: {INCONSISTENT}"
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")


# --- creation --------------------------------------------------------------------------------------------------------


def created(db: Database, query: str = "", request: Dataset | None = None, **given: Any) -> Response:
    """Ask, as a RIS of RVV, for a workitem."""
    client = Service(db, door=Known(RIS)).client
    dataset = model_of(request_of() if request is None else request)
    return client.post(f"/dicomweb/workitems{query}", **{"json": [dataset], "headers": TYPE, **given})


@pytest.mark.parametrize("query", [f"?{UID}", f"?workitem={UID}", f"?AffectedSOPInstanceUID={UID}", ""])
def test_a_created_workitem_is_where_location_says(pacs: Pacs, query: str) -> None:
    """Its UID stands in the address, however that is spelled, or in the dataset; and it is worked as any other."""
    request = request_of() if query else put(request_of(), SOPInstanceUID=UID)
    answer = created(pacs.db, query, request)
    assert (answer.status_code, answer.headers["location"]) == (201, f"/dicomweb/workitems/{UID}"), answer.text
    assert "warning" not in answer.headers
    assert pacs.uid("N1") == UID
    assert pacs.change(UID, P).status_code == 200
    assert standing(pacs.db, "N1") == (ReadState.CLAIMED, "R1")


def test_a_workitem_created_by_xml_with_modifications_says_so(pacs: Pacs) -> None:
    """201, with the standard's Warning."""
    sent = {"content-type": "application/dicom+xml"}
    content = xml_bytes(request_of(ProcedureStepLabel="Read me"))
    answer = created(pacs.db, f"?{UID}", json=None, content=content, headers=sent)
    assert answer.status_code == 201, answer.text
    assert answer.headers["warning"] == "299 balancer: The Workitem was created with modifications."


@pytest.mark.parametrize(
    ("query", "request_sent", "status", "kind", "words"),
    [
        ("", request_of(), 400, "bad-request", "say one UID"),
        ("?2.25.7", put(request_of(), SOPInstanceUID=UID), 400, "bad-request", "say one UID"),
        ("?workitem=1.02", request_of(), 400, "bad-request", "is not a UID"),
        (f"?{UID}", put(Dataset(), ProcedureStepState=S), 400, "bad-request", "0120H"),
        (f"?{UID}", request_of(ProcedureStepState=P), 400, "bad-request", "C309H"),
        (f"?{UID}", request_of(TransactionUID="2.25.1"), 400, "bad-request", "TransactionUID"),
        (f"?{UID}", request_of(InputReadinessState="INCOMPLETE"), 400, "bad-request", "InputReadinessState"),
        (f"?{UID}", request_of("A1"), 409, "conflict", "known as 2.25."),
        (f"?{UID}", request_of(trust="RWF"), 403, "not-allowed", "that trust"),
    ],
)
def test_what_a_creation_meets(  # noqa: D103 - the table says it
    pacs: Pacs, query: str, request_sent: Dataset, status: int, kind: str, words: str
) -> None:
    assert words in problem(created(pacs.db, query, request_sent), status, kind)["detail"]


def test_who_works_reads_makes_none_known(pacs: Pacs) -> None:
    """It needs a permission of its own, which no person has."""
    answer = pacs.client.post(f"/dicomweb/workitems?{UID}", json=[model_of(request_of())], headers=TYPE)
    problem(answer, 403, "not-allowed")


# --- what acts do to the read ----------------------------------------------------------------------------------------


def test_a_workitems_life_is_the_reads(pacs_on_each: Pacs) -> None:
    """Claimed, said, completed; the lock is never shown."""
    pacs = pacs_on_each
    uid = pacs.uid("A1")
    assert pacs.change(uid, P).status_code == 200
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")
    pacs.report(uid)
    assert pacs.change(uid, D).status_code == 200
    assert standing(pacs.db, "A1") == (ReadState.DONE, "R1")
    item = pacs.item(uid)
    assert item[("00741216")]["Value"][0]["00404051"]["Value"] == ["20260302081000+0000"]
    assert LOCK not in pacs.client.get(f"/dicomweb/workitems/{uid}").text
    assert pacs.uid("A1", D) == uid


def test_a_release_cancels_the_workitem_and_another_stands_for_the_read(pacs_on_each: Pacs) -> None:
    """It never goes back to SCHEDULED; the new one says which it replaces, and can be claimed."""
    pacs = pacs_on_each
    uid = in_state(pacs, C)
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")
    again = pacs.uid("A1")
    assert again != uid
    assert pacs.item(again)["00741224"]["Value"][0]["00081155"]["Value"] == [uid]
    assert pacs.state_of(uid) is C
    assert pacs.change(uid, P, OTHER).status_code == 409
    assert pacs.change(again, P, OTHER).status_code == 200


def test_given_up_with_one_of_our_reasons_it_is_handed_back(pacs: Pacs) -> None:
    """And parked, if the images are missing: what replaces it says so."""
    uid = in_state(pacs, P)
    pacs.give_up(uid, "IMAGES_MISSING", "99BALANCER")
    assert pacs.change(uid, C).status_code == 200
    assert standing(pacs.db, "A1") == (ReadState.PARKED, None)
    item = pacs.item(pacs.uid("A1"))
    assert item["00404041"]["Value"] == ["UNAVAILABLE"]
    assert "Value" not in item["00404034"]


def test_what_is_released_here_is_cancelled_there(pacs: Pacs) -> None:
    """Whichever door it was claimed by: a claim of ours is held by nobody's Transaction UID."""
    uid = pacs.uid("A1")
    claimed(pacs.db, "A1")
    assert pacs.state_of(uid) is P
    assert pacs.change(uid, D).status_code == 400
    release_read(pacs.db, read_id(pacs.db, "A1"), "R1", minutes(1), by=PACS)
    assert pacs.state_of(uid) is C
    assert pacs.uid("A1") != uid


def test_what_is_completed_here_is_completed_there(pacs: Pacs) -> None:
    """Also one that was never opened: it has met what a final state needs."""
    uid = pacs.uid("A2")
    assert complete_read(pacs.db, read_id(pacs.db, "A2"), "R1", minutes(1), by=PACS)
    assert pacs.state_of(uid) is D


def test_of_two_one_gets_it(pacs: Pacs) -> None:
    """The other hears a conflict, whatever Transaction UID they bring, and has changed nothing."""
    uid = in_state(pacs, P)
    assert pacs.change(uid, P, OTHER).status_code == 409
    assert pacs.change(uid, D, OTHER).status_code == 400
    pacs.report(uid)
    assert pacs.change(uid, D, LOCK).status_code == 200


def test_a_step_that_nobody_is_named_for_is_its_scheduled_performers(pacs: Pacs) -> None:
    """The standard's own request names nobody; it may be given up so, but not completed."""
    uid = begun_by_nobody(pacs)
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")
    pacs.give_up(uid)
    assert pacs.change(uid, C).status_code == 200
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")


def begun_by_nobody(pacs: Pacs) -> str:
    """Begin A1's workitem without a name, and return its UID."""
    uid = pacs.uid("A1")
    assert pacs.change(uid, P, who=None).status_code == 200
    return uid


def test_what_nobody_was_named_for_is_completed_by_whoever_is_named(pacs_on_each: Pacs) -> None:
    """A list says nothing of who has written a report; with a name it is theirs, and without one it is not done."""
    pacs = pacs_on_each
    uid = begun_by_nobody(pacs)
    pacs.report(uid)
    found = problem(pacs.change(uid, D), 409, "conflict")
    assert "C304H" in found["detail"]
    assert "ActualHumanPerformersSequence" in found["detail"]
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")
    completed_by(pacs, uid, "R1")
    assert standing(pacs.db, "A1") == (ReadState.DONE, "R1")
    assert exceptions(pacs) == []


@pytest.mark.parametrize("by_update", [True, False])
def test_a_registrar_who_is_named_at_the_end_has_written_a_provisional_report(
    pacs: Pacs,
    by_update: bool,  # noqa: FBT001
) -> None:
    """Whoever's list it was on: it is judged by the grade and the entitlements of who is named, and the office told."""
    with pacs.db.transaction() as session:
        session.exec(update(ReporterRow).where(col(ReporterRow.reporter_id) == "R2").values(grade="Registrar"))
        session.exec(delete(EntitlementRow).where(col(EntitlementRow.reporter_id) == "R2"))
    uid = begun_by_nobody(pacs)
    completed_by(pacs, uid, "R2", by_update=by_update)
    assert pacs.state_of(uid) is D
    with pacs.db.session() as session:
        (row,) = session.exec(select(ReadRow).where(ReadRow.id == read_id(pacs.db, "A1"))).all()
        assert (row.state, row.reporter_id, row.provisional) == (ReadState.DONE, "R2", True)
    assert sorted(exceptions(pacs)) == ["claimant_not_entitled", "other_performer"]


def test_what_comes_unsigned_after_it_was_taken_away_is_never_final(pacs: Pacs) -> None:
    """The report is kept, and somebody verifies it."""
    uid = begun_by_nobody(pacs)
    with pacs.db.transaction() as session:
        row, _ = reads.locked_read(session, read_id(pacs.db, "A1"))
        reads.move(session, row, ReadEvent.TAKE_OVER, ReadState.UNALLOCATED, by=R1, now=minutes(1), reporter_id=None)
    assert pacs.change(uid, D).status_code == 409
    with pacs.db.session() as session:
        kept = session.exec(select(CompletionRow)).one()
    assert (kept.reporter_id, kept.provisional) == ("R1", True)


def completed_by(pacs: Pacs, uid: str, who: str, *, by_update: bool = True) -> None:
    """Report, and complete, with a name."""
    performed = PERFORMED["00741216"]["Value"][0]
    said = performed | performed_by(who) if by_update else performed
    assert pacs.say(uid, {"00741216": {"vr": "SQ", "Value": [said]}}).status_code == 200
    ask = {"00741000": {"vr": "CS", "Value": [D]}, "00081195": {"vr": "UI", "Value": [LOCK]}}
    whole = ask if by_update else ask | performed_by(who)
    answer = pacs.client.put(f"/dicomweb/workitems/{uid}/state", json=[whole], headers=TYPE)
    assert answer.status_code == 200, answer.text


def exceptions(pacs: Pacs) -> list[str]:
    """Return the kinds of what the office has been told."""
    with pacs.db.session() as session:
        return [row.kind.value for row in session.exec(select(ExceptionRow)).all()]


@pytest.mark.parametrize("number", ["A1", "A3"])
def test_a_step_is_begun_by_whoever_is_named(pacs: Pacs, number: str) -> None:
    """Nobody is made up; nor guessed where two read a study, for one could do both: without a name it is 400."""
    with pacs.db.transaction() as session:
        session.exec(update(StudyRow).values(reads=2))
    uid = pacs.uid(number)
    before = standing(pacs.db, number)
    assert "ActualHumanPerformersSequence" in problem(pacs.change(uid, P, who=None), 400, "bad-request")["detail"]
    assert standing(pacs.db, number) == before
    assert pacs.change(uid, P, who="R2").status_code == 200
    assert standing(pacs.db, number) == (ReadState.CLAIMED, "R2")
    assert pacs.found("ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue=R2")[0]["00080018"][
        "Value"
    ] == [uid]


def test_a_reporter_who_signed_in_and_names_nobody_means_themselves(pacs: Pacs) -> None:
    """Nobody else has asked."""
    client = Service(pacs.db, door=Known(R1)).client
    begin = {"00741000": {"vr": "CS", "Value": [P]}, "00081195": {"vr": "UI", "Value": [LOCK]}}
    answer = client.put(f"/dicomweb/workitems/{pacs.uid('A1')}/state", json=[begin], headers=TYPE)
    assert answer.status_code == 200, answer.text
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")


@pytest.mark.parametrize(("who", "kinds"), [("R1", []), ("R2", ["other_performer"])])
def test_a_performer_who_is_named_at_the_end_is_compared(pacs: Pacs, who: str, kinds: list[str]) -> None:
    """No report is dropped; if another has written it than has begun it, the office is told, and who is named."""
    uid = in_state(pacs, P)
    performed = PERFORMED["00741216"]["Value"][0] | performed_by(who)
    assert pacs.say(uid, {"00741216": {"vr": "SQ", "Value": [performed]}}).status_code == 200
    assert pacs.change(uid, D).status_code == 200
    assert standing(pacs.db, "A1") == (ReadState.DONE, "R1")
    with pacs.db.session() as session:
        found = session.exec(select(ExceptionRow)).all()
    assert [row.kind.value for row in found] == kinds
    assert [row.detail for row in found] == ["begun by R1, and said to be performed by R2"] * len(kinds)


def test_a_request_to_cancel_loses_no_read_and_is_told_to_the_office(pacs: Pacs) -> None:
    """The workitem is cancelled, its read stands as it stood under another, and somebody is to look at it."""
    uid = pacs.uid("A1")
    reason = {"00741238": {"vr": "LT", "Value": ["a duplicate"]}}
    answer = pacs.client.post(f"/dicomweb/workitems/{uid}/cancelrequest", json=[reason], headers=TYPE)
    assert answer.status_code == 202
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")
    assert pacs.item(uid)["00741002"]["Value"][0]["00741238"]["Value"] == ["a duplicate"]
    assert pacs.uid("A1") != uid
    found = [item["kind"] for item in Service(pacs.db).ask("/exceptions")["items"]]
    assert found == ["cancel_requested"]


def test_a_request_to_cancel_is_taken_once_until_the_office_has_decided(pacs_on_each: Pacs) -> None:
    """Else it would be asked for without end, for each workitem that stands for the one before."""
    pacs, office = pacs_on_each, Service(pacs_on_each.db)
    assert pacs.client.post(f"/dicomweb/workitems/{pacs.uid('A1')}/cancelrequest").status_code == 202
    again = pacs.uid("A1")
    answer = pacs.client.post(f"/dicomweb/workitems/{again}/cancelrequest")
    assert "C313H" in problem(answer, 409, "conflict")["detail"]
    assert answer.headers["warning"] == f"299 balancer: {INCONSISTENT}"
    assert pacs.uid("A1") == again
    (told,) = office.ask("/exceptions")["items"]
    assert office.post(f"/exceptions/{told['exception_id']}/resolve", {"resolution": "to be read"}).status_code == 200
    assert pacs.client.post(f"/dicomweb/workitems/{again}/cancelrequest").status_code == 202
    assert pacs.uid("A1") != again


def test_a_request_to_cancel_what_is_open_is_entered_once(pacs: Pacs) -> None:
    """It changes nothing a second time, and is no longer trail."""
    uid = in_state(pacs, P)
    for _ in range(3):
        assert pacs.client.post(f"/dicomweb/workitems/{uid}/cancelrequest").status_code == 202
    trail = [entry["action"] for entry in Service(pacs.db).ask("/audit")["items"]]
    assert trail.count("workitem.request_cancel") == 1


def test_no_more_is_kept_of_what_is_said_than_others_can_read(pacs: Pacs) -> None:
    """Everybody's searches read it: neither an update nor a request to cancel leaves thousands of items behind."""
    many: Any = {"vr": "SQ", "Value": [{}] * 1_000}
    uid = pacs.uid("A2")
    request = pacs.client.post(f"/dicomweb/workitems/{uid}/cancelrequest", json=[{"0074100E": many}], headers=TYPE)
    problem(request, 400, "bad-request")
    assert pacs.state_of(uid) is S
    uid = in_state(pacs, P)
    pacs.report(uid)
    problem(pacs.say(uid, {"00741002": many}), 400, "bad-request")
    assert "00741002" not in pacs.item(uid)
    assert pacs.change(uid, D).status_code == 200


# --- updates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "query", "status", "warning"),
    [
        (S, "", 409, "The target URI did not reference a claimed Workitem."),
        (P, "", 400, MISSING),
        (P, OTHER, 400, INCORRECT),
        (P, LOCK, 200, ""),
        (P, f"transaction-uid={LOCK}", 200, ""),
        (P, f"transaction={LOCK}", 200, ""),
        (D, LOCK, 400, "The submitted request is inconsistent with the current state of the Workitem."),
        (C, LOCK, 400, "The submitted request is inconsistent with the current state of the Workitem."),
    ],
)
def test_whoever_holds_the_lock_may_update(pacs: Pacs, state: StepState, query: str, status: int, warning: str) -> None:
    """In every spelling of the address; each refusal has its Warning."""
    answer = pacs.say(in_state(pacs, state), PERFORMED, query)
    assert answer.status_code == status, answer.text
    assert answer.headers.get("warning", "") == (f"299 balancer: {warning}" if warning else "")


def test_what_is_not_the_performers_to_say_is_left_out_or_refused(pacs: Pacs) -> None:
    """The first with a Warning, the second whole: no other patient gets on a workitem."""
    uid = in_state(pacs, P)
    answer = pacs.say(uid, {**PERFORMED, "00741202": {"vr": "LO", "Value": ["emergency"]}})
    assert (answer.status_code, answer.headers["warning"]) == (
        200,
        "299 balancer: The Workitem was updated with modifications.",
    )
    assert pacs.item(uid)["00741202"]["Value"] == ["urgent"]
    assert pacs.say(uid, {"00100020": {"vr": "LO", "Value": ["another"]}}).status_code == 400
    assert pacs.item(uid)["00100020"]["Value"] == ["H-A1"]


# --- searching -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["A1", "A2", "A3"]),
        ("ProcedureStepState=SCHEDULED", ["A1", "A2", "A3"]),
        ("ProcedureStepState=COMPLETED", []),
        ("ProcedureStepState=NONSENSE", []),
        ("00404034.00404009.00080100=R1", ["A1", "A2"]),
        ("PatientID=H-A2", ["A2"]),
        ("PatientID=H-A?", ["A1", "A2", "A3"]),
        ("ReferencedRequestSequence.AccessionNumber=A3", ["A3"]),
        ("WorklistLabel=urgent&PatientID=H-A3", ["A3"]),
        ("WorklistLabel=emergency", []),
        ("InputReadinessState=READY", []),
        ("ExpectedCompletionDateTime=20260302-", ["A1", "A2", "A3"]),
        ("ExpectedCompletionDateTime=-20260301", []),
        ("ReferencedRequestSequence.IssuerOfAccessionNumberSequence.LocalNamespaceEntityID=RVV", ["A1", "A2", "A3"]),
        ("ProcedureStepLabel=ct*", []),
        ("ProcedureStepLabel=CT*", ["A1", "A2", "A3"]),
        ("StudyInstanceUID=1.2,1.3", []),
        ("limit=2", ["A1", "A2"]),
        ("limit=2&offset=2", ["A3"]),
        ("PatientID=H-*&limit=1&offset=1", ["A2"]),
        ("offset=3", []),
        ("limit=0", []),
    ],
)
def test_a_search_finds_what_matches(pacs: Pacs, query: str, found: list[str]) -> None:
    """Whether the database looks for it or we do; in a stable order, in pages."""
    items = pacs.found(query)
    assert [item["0040A370"]["Value"][0]["00080050"]["Value"][0] for item in items] == found


def test_what_is_left_is_told(pacs: Pacs) -> None:
    """As the standard says it, along with what was not done."""
    warnings = pacs.client.get("/dicomweb/workitems?limit=2&fuzzymatching=true").headers.get_list("warning")
    assert warnings == [
        "299 balancer: There are 1 additional results that can be requested",
        "299 balancer: The fuzzymatching parameter is not supported. Only literal matching has been performed.",
    ]
    lacking = pacs.client.get("/dicomweb/workitems?includefield=BodyPartExamined").headers["warning"]
    assert lacking == "299 balancer: Requested optional Attributes are not supported."


TRUST = "ReferencedRequestSequence.IssuerOfAccessionNumberSequence.LocalNamespaceEntityID=RVV"
EXAMINATION = "ReferencedRequestSequence.RequestedProcedureDescription=CT*"


@pytest.mark.parametrize(
    ("query", "built"),
    [
        ("PatientComments=*&MedicalAlerts=**&Allergies=*&ProcedureStepLabel=*", 0),
        ("ProcedureStepLabel=CT*&InputReadinessState=UNAVAILABLE", 0),
        (f"{TRUST}&{EXAMINATION}", 3),
        (f"{TRUST}&{EXAMINATION}&PatientID=H-A?&WorklistLabel=URG*", 0),
    ],
    ids=["whatever", "read off", "within", "nothing left"],
)
def test_a_search_looks_into_a_workitem_once(
    pacs: Pacs, monkeypatch: pytest.MonkeyPatch, query: str, built: int
) -> None:
    """However many keys there are, and only where it must; beside that each is built once to be shown."""
    made: list[str] = []

    def build(found: Found, *rest: Any) -> Dataset:
        made.append(found.study.accession_number)
        return dataset_from(found, *rest)

    monkeypatch.setattr(search_workitems, "dataset_from", build)
    shown = len(pacs.found(query))
    assert len(made) == built + shown


@pytest.mark.parametrize(
    ("query", "limit", "status"),
    [
        ("ProcedureStepLabel=CT*", "_MOST_LOOKED_AT", 400),
        ("ProcedureStepLabel=CT*&PatientID=H-A2", "_MOST_LOOKED_AT", 200),
        ("ProcedureStepState=SCHEDULED", "_MOST_LOOKED_AT", 200),
        (TRUST, "_MOST_BUILT", 400),
        (f"{TRUST}&PatientID=H-*2", "_MOST_BUILT", 200),
        ("ProcedureStepLabel=CT*", "_MOST_BUILT", 200),
    ],
)
def test_a_search_that_would_look_at_too_many_is_to_be_narrowed(
    pacs: Pacs, monkeypatch: pytest.MonkeyPatch, query: str, limit: str, status: int
) -> None:
    """Refused in words, never cut in silence; what the database looks for has no limit."""
    monkeypatch.setattr(search_workitems, limit, 2)
    answer = pacs.client.get(f"/dicomweb/workitems?{query}")
    assert answer.status_code == status
    if status == 400:
        assert "narrow it" in problem(answer, 400, "bad-request")["detail"]


@pytest.mark.parametrize(
    "query", ["Nonsense=1", "limit=x", "PatientID=1&PatientID=2", "ExpectedCompletionDateTime=x", "%ff"]
)
def test_what_cannot_be_asked_is_400(pacs: Pacs, query: str) -> None:
    """Never an empty answer that looks like no work."""
    problem(pacs.client.get(f"/dicomweb/workitems?{query}"), 400, "bad-request")


def test_another_trusts_pacs_sees_and_changes_nothing(pacs: Pacs) -> None:
    """Not there, whatever it asks."""
    uid = pacs.uid("A1")
    pacs.service.app.state.door = Known(ELSEWHERE)
    assert pacs.found() == []
    problem(pacs.client.get(f"/dicomweb/workitems/{uid}"), 404, "not-found")
    problem(pacs.change(uid, P), 404, "not-found")
    problem(pacs.say(uid, PERFORMED), 404, "not-found")
    problem(pacs.client.post(f"/dicomweb/workitems/{uid}/cancelrequest"), 404, "not-found")
    assert standing(pacs.db, "A1") == (ReadState.ALLOCATED, "R1")


# --- forms -----------------------------------------------------------------------------------------------------------

RELATED = 'multipart/related; type="application/dicom+xml"'


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/dicom+json"),
        ("*/*", "application/dicom+json"),
        ("application/json", "application/dicom+json"),
        (RELATED, RELATED),
        (f"application/dicom+json;q=0.5, {RELATED}", RELATED),
        ("application/dicom+xml", RELATED),
    ],
)
def test_answers_come_in_the_form_asked_for(pacs: Pacs, accept: str, kind: str) -> None:
    """JSON if nothing is said."""
    answer = pacs.client.get(f"/dicomweb/workitems/{pacs.uid('A1')}", headers={"accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    if kind == RELATED:
        inside = answer.content.split(b"\r\n\r\n", 1)[1].rsplit(b"\r\n--", 1)[0]
        assert dataset_in_xml(inside).SOPInstanceUID == pacs.uid("A1")


def test_a_form_that_nobody_has_is_refused(pacs: Pacs) -> None:
    """406 for what is to come back, 415 for what was sent."""
    uid = pacs.uid("A1")
    assert pacs.client.get("/dicomweb/workitems", headers={"accept": "text/html"}).status_code == 406
    sent = pacs.client.put(f"/dicomweb/workitems/{uid}/state", content=b"x", headers={"content-type": "text/plain"})
    assert sent.status_code == 415


@pytest.mark.parametrize("address", ["state", "state/SOMEAET"])
def test_a_change_may_come_as_xml(pacs: Pacs, address: str) -> None:
    """In parts; and at the address that some archives use."""
    uid = pacs.uid("A1")
    begin = {
        "00741000": {"vr": "CS", "Value": [P]},
        "00081195": {"vr": "UI", "Value": ["2.25.5"]},
        **performed_by("R1"),
    }
    (dataset,) = datasets_in(json.dumps(begin).encode())
    body = b"--b\r\nContent-Type: application/dicom+xml\r\n\r\n" + xml_bytes(dataset) + b"\r\n--b--\r\n"
    answer = pacs.client.put(
        f"/dicomweb/workitems/{uid}/{address}", content=body, headers={"content-type": f"{RELATED}; boundary=b"}
    )
    assert answer.status_code == 200, answer.text
    assert standing(pacs.db, "A1") == (ReadState.CLAIMED, "R1")


@pytest.mark.parametrize(("form", "reader"), [("json", "json_model.datasets_in"), ("xml", "native_xml.dataset_in_xml")])
def test_others_are_answered_while_a_body_is_read(
    pacs: Pacs, monkeypatch: pytest.MonkeyPatch, form: str, reader: str
) -> None:
    """It is read beside the event loop, on which everybody waits."""
    module, name = reader.split(".")
    real, on_loop = getattr(getattr(dicom, module), name), []

    def read(body: bytes) -> Any:
        on_loop.append(asyncio.events._get_running_loop() is not None)  # noqa: SLF001 - the other raises
        return real(body)

    monkeypatch.setattr(getattr(dicom, module), name, read)
    body = b"[{}]" if form == "json" else b"<NativeDicomModel/>"
    headers = {"content-type": f"application/dicom+{form}"}
    pacs.client.put(f"/dicomweb/workitems/{pacs.uid('A1')}/state", content=body, headers=headers)
    assert on_loop == [False]


FORMS = st.sampled_from(
    ["application/dicom+json", "application/dicom+xml", f"{RELATED}; boundary=b", "multipart/related", "", "x"]
)
TEXTS = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=30)
BODIES = st.binary(max_size=60) | st.sampled_from(
    [
        b"[]",
        b"[{}]",
        b"{}",
        b"[{},{}]",
        b"--b\r\n\r\nx\r\n--b--",
        b'[{"00741000":{"vr":"CS","Value":["IN PROGRESS"]}}]',
        b'[{"00741000":{"vr":"SQ","Value":[{}]},"00081195":{"vr":"UI","Value":[null]}}]',
        b'[{"00741000":{"vr":"CS","Value":["IN PROGRESS","COMPLETED"]},"00081195":{"vr":"UI","Value":["x"]}}]',
        b'[{"00741002":{"vr":"CS","Value":["x"]}}]',
        b'[{"00741216":{"vr":"SQ","Value":[null]}}]',
        b"<NativeDicomModel/>",
    ]
)


@given(body=BODIES, form=FORMS, accept=TEXTS | FORMS, query=TEXTS, path=TEXTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
def test_nothing_that_is_sent_breaks_the_service(
    pacs: Pacs, body: bytes, form: str, accept: str, query: str, path: str
) -> None:
    """Neither bodies nor headers, queries or addresses: 2xx or 4xx, and nobody's read has been done."""
    headers = {"content-type": form, "accept": accept}
    uid = uid_of(WorkitemKey(1, 0), "0" * 16)
    mine = pacs.found("limit=1")[0]["00080018"]["Value"][0]
    for method, address in (
        ("GET", ""),
        ("GET", f"/{mine}"),
        ("POST", f"/{mine}"),
        ("PUT", f"/{mine}/state"),
        ("POST", f"/{uid}/cancelrequest"),
    ):
        answer = pacs.client.request(
            method, f"/dicomweb/workitems{address}", params=query, content=body, headers=headers
        )
        assert answer.status_code < 500, answer.text
    assert pacs.client.request("GET", "/dicomweb/workitems/" + path.replace("/", "%2F")).status_code < 500
    assert standing(pacs.db, "A1")[0] is not ReadState.DONE

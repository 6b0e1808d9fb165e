"""UPS over DIMSE, with pynetdicom as SCU: the same state table as over HTTP, cell by cell, and who may do what."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pynetdicom.association import Association

from balancer.domain.actor import system
from balancer.domain.life import ReadState
from balancer.domain.permission import Permission
from balancer.domain.steps import StepState
from balancer.publish.ups.codes import INTERPRETATION, UNSPECIFIED, Code
from balancer.publish.ups.elements import coded, put
from balancer.publish.ups.sop_classes import PULL, PUSH, QUERY, WATCH
from balancer.publish.ups.state_table import StepEvent
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.register_system import disable_system
from balancer.services.release_read import release_read
from balancer.store import audit
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.api.dimse_peers import Workstation, calling, listening, registered
from tests.api.small_network import allocate
from tests.copies import copied, filled
from tests.creations import UID, request_of
from tests.networks import claimed, minutes, read_id, standing
from tests.patience import PATIENCE_SECONDS
from tests.publish.ups.cells import CELLS, STATES, C, D, P, S
from tests.terminal import OPERATOR
from tests.worlds import NOW

PACS, LOOKS, ELSEWHERE = "PACS_RVV", "LOOKS_RVV", "PACS_RWF"
LOCK, OTHER = "2.25.111", "2.25.222"
AT = "20260302080000+0000"
SOMEBODY = system("pacs-of-rvv", "PACS of RVV", [Permission.READS_WORK], ["RVV"])


@pytest.fixture(scope="module")
def registered_file(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file to copy from: a small network, and three systems that may call."""

    def fill(db: Database) -> None:
        allocate(db)
        registered(db, PACS)
        registered(db, LOOKS, Permission.ASSIGNMENTS_READ)
        registered(db, ELSEWHERE, trust="RWF")

    return filled(migrated_sqlite, tmp_path_factory.mktemp("dimse"), fill)


@pytest.fixture
def small_db(registered_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a copy: A1 and A2 are R1's, A3 nobody's."""
    with copied(registered_file, tmp_path) as db:
        yield db


@pytest.fixture
def port(small_db: Database) -> Iterator[int]:
    """Yield the port of a listener on that copy."""
    with listening(small_db) as port:
        yield port


@pytest.fixture
def pacs(port: int) -> Iterator[Workstation]:
    """Yield a PACS of RVV that has called."""
    with calling(port, PACS) as association:
        assert association.is_established
        yield Workstation(association)


def performed() -> Dataset:
    """Return what must be said before COMPLETED, and the lock."""
    done = put(
        Dataset(),
        ActualHumanPerformersSequence=None,
        PerformedStationNameCodeSequence=None,
        PerformedWorkitemCodeSequence=[coded(INTERPRETATION)],
        PerformedProcedureStepStartDateTime=AT,
        PerformedProcedureStepEndDateTime=AT,
        OutputInformationSequence=None,
    )
    return put(Dataset(), TransactionUID=LOCK, UnifiedProcedureStepPerformedProcedureSequence=[done])


def given_up(code: Code = UNSPECIFIED) -> Dataset:
    """Return what must be said before CANCELED, and the lock."""
    stopped = put(
        Dataset(),
        ProcedureStepCancellationDateTime=AT,
        ProcedureStepDiscontinuationReasonCodeSequence=[coded(code)],
    )
    return put(Dataset(), TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[stopped])


# --- the state table -------------------------------------------------------------------------------------------------


def in_state(pacs: Workstation, state: StepState | None) -> str:
    """Bring A1's workitem into a state, by what a PACS does."""
    if state is None:
        return uid_of(WorkitemKey(999, 0), "0123456789abcdef")
    uid = pacs.uid("A1")
    if state is not S:
        assert pacs.change(uid, P, LOCK).Status == 0
    if state in {D, C}:
        assert pacs.say(uid, performed() if state is D else given_up()).Status == 0
        assert pacs.change(uid, state, LOCK).Status == 0
    return uid


def ask(pacs: Workstation, uid: str, event: StepEvent, state: StepState | None) -> int:
    """Ask for what the event is, and return the status; whoever holds a lock has said what a final state needs."""
    if event is StepEvent.REQUEST_CANCEL:
        return int(pacs.act(uid, 2).Status)
    if state is P and event is StepEvent.COMPLETE:
        assert pacs.say(uid, performed()).Status == 0
    if state is P and event is StepEvent.CANCEL:
        assert pacs.say(uid, given_up()).Status == 0
    wrong = None if state in {None, S} or event is StepEvent.BEGIN_WITHOUT else OTHER
    to = {"BEGIN": P, "SCHEDULE": S, "COMPLETE": D, "CANCEL": C}[event.name.removesuffix("_WITHOUT")]
    return int(pacs.change(uid, to, wrong if event.name.endswith("_WITHOUT") else LOCK).Status)


@pytest.mark.parametrize(
    ("event", "state", "cell"),
    [
        pytest.param(event, state, cell, id=f"{event.name}-{state}")
        for event, row in CELLS.items()
        if event is not StepEvent.CREATE
        for state, cell in zip(STATES, row, strict=True)
    ],
)
def test_each_cell_of_the_state_table_over_dimse(
    pacs: Workstation, event: StepEvent, state: StepState | None, cell: int | tuple[int, StepState]
) -> None:
    """The status that the standard has there, and the state that is found afterwards."""
    code, to = cell if isinstance(cell, tuple) else (cell, state)
    uid = in_state(pacs, state)
    assert f"{ask(pacs, uid, event, state):04X}" == f"{code:04X}"
    if to is not None:
        assert pacs.state_of(uid) == to


@pytest.mark.parametrize(("to", "lacks"), [(D, "PerformedProcedureStepStartDateTime"), (C, "CancellationDateTime")])
def test_what_a_final_state_needs_is_asked_for(
    small_db: Database, pacs: Workstation, to: StepState, lacks: str
) -> None:
    """C304, what is missing as far as there is room to say, and the read is still open."""
    uid = in_state(pacs, P)
    status = pacs.change(uid, to, LOCK)
    assert status.Status == 0xC304
    assert status.ErrorComment.startswith("missing: ")
    assert lacks in status.ErrorComment or to is D
    assert standing(small_db, "A1") == (ReadState.CLAIMED, "R1")


# --- what operations do to the read ----------------------------------------------------------------------------------


def test_a_workitems_life_is_the_reads(small_db: Database, pacs: Workstation) -> None:
    """Claimed, said, completed; the lock is never shown."""
    uid = in_state(pacs, P)
    assert standing(small_db, "A1") == (ReadState.CLAIMED, "R1")
    assert pacs.say(uid, performed()).Status == 0
    assert pacs.change(uid, D, LOCK).Status == 0
    assert standing(small_db, "A1") == (ReadState.DONE, "R1")
    _, found = pacs.get(uid)
    assert found is not None
    assert found.UnifiedProcedureStepPerformedProcedureSequence[0].PerformedProcedureStepEndDateTime == AT
    assert LOCK not in str(found)
    with small_db.session() as session:
        trail = audit.entries(session, Cut()).items
    assert {entry.actor for entry in trail if entry.action in {"read.claim", "read.complete"}} == {"system:pacs-rvv"}


def test_a_release_cancels_the_workitem_and_another_stands_for_the_read(small_db: Database, pacs: Workstation) -> None:
    """The new one says which it replaces, and can be claimed."""
    uid = in_state(pacs, C)
    assert standing(small_db, "A1") == (ReadState.ALLOCATED, "R1")
    again = pacs.uid("A1")
    assert again != uid
    _, found = pacs.get(again)
    assert found is not None
    assert found.ReplacedProcedureStepSequence[0].ReferencedSOPInstanceUID == uid
    assert pacs.change(again, P, OTHER).Status == 0


def test_given_up_with_one_of_our_reasons_it_is_handed_back(small_db: Database, pacs: Workstation) -> None:
    """And parked, if the images are missing."""
    uid = in_state(pacs, P)
    assert pacs.say(uid, given_up(Code("IMAGES_MISSING", "99BALANCER", "why"))).Status == 0
    assert pacs.change(uid, C, LOCK).Status == 0
    assert standing(small_db, "A1") == (ReadState.PARKED, None)


def test_what_is_open_through_another_door_is_in_progress_here(small_db: Database, pacs: Workstation) -> None:
    """And no Transaction UID opens it; released there, it is cancelled here."""
    uid = pacs.uid("A1")
    claimed(small_db, "A1")
    assert pacs.state_of(uid) == P
    assert pacs.change(uid, P, LOCK).Status == 0xC302
    assert pacs.change(uid, D, LOCK).Status == 0xC301
    release_read(small_db, read_id(small_db, "A1"), "R1", minutes(1), by=SOMEBODY)
    assert pacs.state_of(uid) == C


def test_of_two_that_begin_one_gets_it(port: int, pacs: Workstation) -> None:
    """The other hears C302, on an association of its own."""
    uid = in_state(pacs, P)
    with calling(port, PACS) as association:
        assert Workstation(association).change(uid, P, OTHER).Status == 0xC302


def test_nobodys_read_is_begun_by_whoever_is_named(small_db: Database, pacs: Workstation) -> None:
    """Nobody is made up: without a name it is an invalid argument, and nothing has happened."""
    uid = pacs.uid("A3")
    status = pacs.change(uid, P, LOCK, who=None)
    assert (status.Status, standing(small_db, "A3")[0]) == (0x0115, ReadState.UNALLOCATED)
    assert "ActualHumanPerformersSequence" in status.ErrorComment
    assert pacs.change(uid, P, LOCK, who="R2").Status == 0
    assert standing(small_db, "A3") == (ReadState.CLAIMED, "R2")


@pytest.mark.parametrize(
    ("state", "dataset", "code"),
    [
        (S, performed(), 0xC310),
        (P, put(performed(), TransactionUID=OTHER), 0xC301),
        (P, put(performed(), ProcedureStepLabel="another"), 0x0001),
        (P, put(performed(), PatientID="another"), 0x0106),
        (D, performed(), 0xC300),
        (None, performed(), 0xC307),
    ],
)
def test_what_an_update_meets(pacs: Workstation, state: StepState | None, dataset: Dataset, code: int) -> None:
    """Only who holds the lock says something; what is not theirs to say is left out with a warning, or refused."""
    assert f"{pacs.say(in_state(pacs, state), dataset).Status:04X}" == f"{code:04X}"


def made(pacs: Workstation, request: Dataset, uid: str | None = UID) -> Dataset:
    """Create a workitem and return the status."""
    status, _ = pacs.association.send_n_create(request, PUSH, uid)
    return status


@pytest.fixture
def ris(small_db: Database) -> Iterator[Workstation]:
    """Yield a RIS of RVV that may make studies known, and follow them."""
    registered(small_db, "RIS_RVV", Permission.STUDIES_CREATE, Permission.ASSIGNMENTS_READ)
    with listening(small_db) as port, calling(port, "RIS_RVV") as association:
        yield Workstation(association)


def test_what_is_created_is_there_and_the_same_uid_again_is_a_duplicate(ris: Workstation) -> None:
    """0000, then 0111; with a label that is not the examination's B300; half of what is needed is 0120."""
    assert made(ris, request_of()).Status == 0x0000
    assert ris.state_of(UID) == S
    assert made(ris, request_of("N2")).Status == 0x0111
    assert made(ris, request_of("N2", ProcedureStepLabel="Read me"), "2.25.7").Status == 0xB300
    lacking = made(ris, put(Dataset(), ProcedureStepState=S), "2.25.8")
    assert lacking.Status == 0x0120
    assert "ScheduledProcedureStepPriority" in lacking.ErrorComment


@pytest.mark.parametrize("state", [S, P, D, C])
def test_no_state_of_a_workitem_lets_its_uid_be_created_again(
    small_db: Database, pacs: Workstation, state: StepState
) -> None:
    """0111 in each (PS3.4, Table CC.1.1-2), and nothing has changed."""
    uid = in_state(pacs, state)
    registered(small_db, "RIS_RVV", Permission.STUDIES_CREATE)
    with listening(small_db) as port, calling(port, "RIS_RVV") as association:
        assert f"{made(Workstation(association), request_of(), uid).Status:04X}" == "0111"
    assert pacs.state_of(uid) == state


@pytest.mark.parametrize(
    ("request_sent", "uid", "code", "comment"),
    [
        (request_of(ProcedureStepState=P), UID, 0xC309, ""),
        (request_of(TransactionUID="2.25.1"), UID, 0x0106, "TransactionUID"),
        (request_of(InputReadinessState="INCOMPLETE"), UID, 0x0106, "InputReadinessState"),
        (request_of(), None, 0x0106, "AffectedSOPInstanceUID"),
        (request_of("A1"), UID, 0x0110, "known as 2.25."),
        (request_of(trust="RWF"), UID, 0x0124, ""),
    ],
)
def test_what_a_creation_meets(  # noqa: D103 - the table says it
    ris: Workstation, request_sent: Dataset, uid: str | None, code: int, comment: str
) -> None:
    status = made(ris, request_sent, uid)
    assert f"{status.Status:04X}" == f"{code:04X}"
    assert comment in status.get("ErrorComment", "")


def test_who_works_reads_makes_none_known(pacs: Workstation) -> None:
    """0124H: it needs a permission of its own."""
    assert made(pacs, request_of()).Status == 0x0124


def test_an_action_that_is_none_is_refused(pacs: Workstation) -> None:
    """0123H, with its name in the standard: no such action."""
    assert pacs.act(pacs.uid("A1"), 99).Status == 0x0123


# --- searching -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [PULL, WATCH, QUERY])
def test_a_search_returns_what_is_asked_for_and_nothing_else(pacs: Workstation, model: str) -> None:
    """What is due first first; within sequences too."""
    performer = put(Dataset(), HumanPerformerCodeSequence=[put(Dataset(), CodeValue="R1")])
    request = put(Dataset(), AccessionNumber=None)
    found = pacs.find(
        model=model,
        ProcedureStepState=S,
        ScheduledHumanPerformersSequence=[performer],
        ReferencedRequestSequence=[request],
    )
    assert [item.ReferencedRequestSequence[0].AccessionNumber for item in found] == ["A1", "A2"]
    names = {element.keyword for element in found[0]}
    assert names == {
        "SpecificCharacterSet",
        "ProcedureStepState",
        "ScheduledHumanPerformersSequence",
        "ReferencedRequestSequence",
    }
    (person,) = found[0].ScheduledHumanPerformersSequence
    assert [element.keyword for element in person] == ["HumanPerformerCodeSequence"]
    assert [element.keyword for element in person.HumanPerformerCodeSequence[0]] == ["CodeValue"]


def test_a_search_by_range_list_and_wild_card(pacs: Workstation) -> None:
    """Matching is one and the same through both doors."""
    assert len(pacs.find(ScheduledProcedureStepStartDateTime="19000101-", SOPInstanceUID=None)) == 3
    assert pacs.find(ScheduledProcedureStepStartDateTime="-19000101", SOPInstanceUID=None) == []
    uids = [str(item.SOPInstanceUID) for item in pacs.find(SOPInstanceUID=None)]
    assert len(pacs.find(SOPInstanceUID=uids[:2])) == 2
    assert len(pacs.find(WorklistLabel="*", ProcedureStepLabel="?*")) == 3


@pytest.mark.parametrize(
    ("keys", "comment"),
    [
        ({"TransactionUID": None}, "TransactionUID"),
        ({"ScheduledProcedureStepStartDateTime": "soon"}, "date"),
        ({"ProcedureStepState": ["SCHEDULED", "COMPLETED"]}, "several"),
        ({"ReferencedRequestSequence": [Dataset(), Dataset()]}, "more than one item"),
        ({"TimezoneOffsetFromUTC": "+0100"}, "TimezoneOffsetFromUTC"),
    ],
)
def test_a_search_that_cannot_be_done_is_refused(pacs: Workstation, keys: dict[str, Any], comment: str) -> None:
    """A900, with words why, and no match: silently asked for something else would be a wrong answer."""
    ((status, found),) = list(pacs.association.send_c_find(put(Dataset(), **keys), PULL))
    assert (status.Status, found) == (0xA900, None)
    assert comment in status.ErrorComment


def test_a_key_that_no_workitem_has_is_said_to_be_so(pacs: Workstation) -> None:
    """FF01 with each match, and FF00 where all is supported though empty."""
    asked = put(Dataset(), SOPInstanceUID=None, EthnicGroup=None)
    assert [status.Status for status, _ in pacs.association.send_c_find(asked, PULL)] == [0xFF01] * 3 + [0]
    asked = put(Dataset(), SOPInstanceUID=None, ReplacedProcedureStepSequence=None)
    assert [status.Status for status, _ in pacs.association.send_c_find(asked, PULL)] == [0xFF00] * 3 + [0]


def test_attributes_can_be_got_one_by_one(pacs: Workstation) -> None:
    """What is asked for; what there is none of is a warning."""
    uid = pacs.uid("A1")
    status, found = pacs.get(uid, Tag("ProcedureStepState"))
    assert (status, found is not None and found.ProcedureStepState) == (0, S)
    assert found is not None
    assert "PatientID" not in found
    status, found = pacs.get(uid, Tag("ProcedureStepState"), Tag("EthnicGroup"))
    assert (status, found is not None and "ProcedureStepState" in found) == (1, True)


# --- who may do what -------------------------------------------------------------------------------------------------


def test_whoever_is_nobodys_application_is_rejected(port: int) -> None:
    """A-ASSOCIATE-RJ: the calling AE title is not recognised (PS3.8, 9.3.4)."""
    with calling(port, "STRANGER") as association:
        assert why_rejected(association) == (1, 1, 3)


def test_whoever_calls_somebody_else_is_rejected(port: int) -> None:
    """The called AE title is not recognised."""
    with calling(port, PACS, called="ANOTHER") as association:
        assert why_rejected(association) == (1, 1, 7)


def test_a_system_that_is_shut_out_is_out_in_the_middle_of_an_association(
    small_db: Database, port: int, pacs: Workstation
) -> None:
    """And cannot call again."""
    uid = pacs.uid("A1")
    disable_system(small_db, "pacs-rvv", NOW, by=OPERATOR)
    assert pacs.get(uid)[0] == 0x0124
    with calling(port, PACS) as association:
        assert why_rejected(association) == (1, 1, 3)


def test_another_trusts_system_finds_nothing_and_nothing_is_there(port: int, pacs: Workstation) -> None:
    """By UID neither: C307, as of what never was."""
    uid = pacs.uid("A1")
    with calling(port, ELSEWHERE) as association:
        elsewhere = Workstation(association)
        assert elsewhere.find(SOPInstanceUID=None) == []
        assert elsewhere.get(uid)[0] == 0xC307
        assert elsewhere.change(uid, P, LOCK).Status == 0xC307
        assert elsewhere.say(uid, performed()).Status == 0xC307
        assert elsewhere.act(uid, 2).Status == 0xC307
    assert pacs.state_of(uid) == S


def test_a_system_that_may_only_look_changes_nothing(port: int) -> None:
    """0124H for every operation that works on a read."""
    with calling(port, LOOKS) as association:
        looks = Workstation(association)
        uid = looks.uid("A1")
        assert looks.change(uid, P, LOCK).Status == 0x0124
        assert looks.say(uid, performed()).Status == 0x0124
        assert looks.act(uid, 2).Status == 0x0124
        assert looks.state_of(uid) == S


def test_who_looked_is_entered(small_db: Database, pacs: Workstation) -> None:
    """As through any other door."""
    pacs.uid("A1")
    with small_db.session() as session:
        trail = audit.entries(session, Cut()).items
    assert [entry.actor for entry in trail if entry.subject_kind == "study"] == ["system:pacs-rvv"]


# --- the wire --------------------------------------------------------------------------------------------------------


def test_it_answers_an_echo_and_sends_at_once(small_db: Database) -> None:
    """C-ECHO; and Nagle's algorithm is switched off on the connection it came by."""
    with listening(small_db) as port, calling(port, PACS) as association:
        assert association.send_c_echo().Status == 0
        (theirs,) = [thread for thread in threading.enumerate() if "AcceptorThread" in thread.name]
        assert isinstance(theirs, Association)
        connection = theirs.dul.socket.socket if theirs.dul.socket is not None else None
        assert connection is not None
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_is_no_dicom_at_all_ends_and_harms_nobody(port: int, pacs: Workstation) -> None:
    """A web browser, a port scanner."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as stray:
        stray.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(200))
        assert stray.recv(1) == b"\x07"  # A-ABORT
    assert pacs.association.send_c_echo().Status == 0


def why_rejected(association: Association) -> tuple[int | None, int | None, int | None]:
    """Return result, source and reason of a rejection."""
    assert association.is_rejected
    answer = association.acceptor.primitive
    assert answer is not None
    return answer.result, answer.result_source, answer.diagnostic

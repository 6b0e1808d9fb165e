"""A system makes a study known by creating a workitem: once, in balanced books; and a feed says more than its word."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlmodel import select

from balancer.domain.actor import system
from balancer.domain.errors import ConflictError, InvalidValueError, NotAllowedError, NotFoundError
from balancer.domain.life import ReadState
from balancer.domain.network import Examination
from balancer.domain.permission import Permission
from balancer.domain.policy import Policy
from balancer.domain.states import StudyState
from balancer.domain.steps import StepState
from balancer.domain.study import StudyKey
from balancer.ingest.pseudonym import pseudonym
from balancer.publish.fhir.search import query_of
from balancer.publish.ups.codes import EXAMINATIONS, INTERPRETATION, VERIFICATION, Code
from balancer.publish.ups.elements import coded, items, put, text
from balancer.publish.ups.events import EventType
from balancer.publish.ups.json_model import model_of
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.check_completions import check_completions
from balancer.services.close_created import close_created
from balancer.services.complete_read import complete_read
from balancer.services.create_workitem import create_workitem
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.release_read import release_read
from balancer.services.report_steps import reports_since
from balancer.services.search_tasks import search_tasks
from balancer.services.see_workitem import see_workitem
from balancer.services.subscribe import ALL, Subscriber, subscribe
from balancer.store import batches, journal, sources, studies, workitems
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import BatchRow, StudyRow
from balancer.store.tables_life import ReadRow
from tests.creations import HEAD, IMAGES, UID, request_of
from tests.networks import (
    PACS,
    TWO_FEEDS,
    Feed,
    Network,
    claimed,
    extract,
    incoming,
    loaded,
    minutes,
    queued,
    read_id,
    standing,
)
from tests.services.test_claiming import R1
from tests.worlds import NOW, policy, priority

RIS = system("ris-of-rvv", "RIS of RVV", [Permission.STUDIES_CREATE], ["RVV"])
BOTH = system("broker", "Broker", [Permission.STUDIES_CREATE], ["RVV", "RWF"])
KEY = b"a key"
SOURCE = sources.by_workitems("RVV")
TWICE = Code("MAM", EXAMINATIONS, "Mammogram")


def create(db: Database, uid: str = UID, request: Dataset | None = None, at: float = 1, by: Any = RIS) -> Status:
    """Create a workitem and return the status."""
    reach = by.reach(Permission.STUDIES_CREATE).at(minutes(at))
    said = request_of() if request is None else request
    made = create_workitem(db.within(reach), uid, said, minutes(at), by=by, reach=reach, key=KEY)
    return made.status


def study(db: Database, number: str = "N1", trust: str = "RVV") -> StudyRow:
    """Return a study's row."""
    with db.session() as session:
        return studies.study(session, StudyKey(trust, number)).study


def own_uid(db: Database, number: str, read: int = 1) -> str:
    """Return the UID that a read's first workitem has of itself."""
    with db.session() as session:
        return uid_of(WorkitemKey(read_id(db, number, read=read), 0), workitems.numbering(session))


def two_read_mammograms() -> Network:
    """Return a network in whose catalogue one examination is read by two."""
    exam = Examination(
        code="MAM", name="Mammogram", modality="MG", body_region="breast", subspecialty="breast", minutes=3, reads=2
    )
    rules: Policy = policy(priority("urgent"), priority("emergency", target_hours=1))
    return replace(TWO_FEEDS, examinations=(*TWO_FEEDS.examinations, exam), policy=rules)


def test_a_study_is_made_known_in_books_that_balance(db: Database) -> None:
    """It is open and unallocated, of a source of its own; its workitem has the UID that was given, and no other."""
    queued(db, "A1")
    assert create(db) is Status.SUCCESS
    row = study(db)
    assert (row.state, row.feed, row.exam_code, row.priority) == (StudyState.OPEN, SOURCE, "CTH", "urgent")
    assert row.patient_id == pseudonym(KEY, None, "RVV", "H-N1")
    assert standing(db, "N1") == (ReadState.UNALLOCATED, None)
    with db.session() as session:
        batch = session.get_one(BatchRow, row.first_batch_id)
        books = batches.books_of(batch)
        (feed,) = [each for each in sources.feeds(session, minutes(60 * 24 * 30)) if each.name == SOURCE]
    assert (books.rows_read, books.new, books.open_before, books.open_after) == (1, 1, 1, 2)
    assert not feed.stale
    assert not feed.has_rhythm
    found, _ = see_workitem(db, UID, minutes(2))
    assert found.SOPInstanceUID == UID
    with pytest.raises(NotFoundError):
        see_workitem(db, own_uid(db, "N1"), minutes(2))


def test_what_a_workitem_says_is_what_is_said_when_it_is_created(db: Database) -> None:
    """Dataset to read to dataset is the identity on everything that is a creator's to say."""
    queued(db)
    create(db)
    first, _ = see_workitem(db, UID, minutes(1))
    again = deepcopy(first)
    again.ReferencedRequestSequence[0].AccessionNumber = "N2"
    assert create(db, "2.25.7", again) is Status.SUCCESS
    second, _ = see_workitem(db, "2.25.7", minutes(1))
    first.ReferencedRequestSequence[0].AccessionNumber, first.SOPInstanceUID = "N2", "2.25.7"
    assert model_of(second) == model_of(first)


def test_of_two_reads_the_first_has_the_uid(sqlite_db: Database) -> None:
    """The other has one of our numbering."""
    loaded(sqlite_db, two_read_mammograms())
    request = request_of()
    request.ReferencedRequestSequence[0].RequestedProcedureCodeSequence = [coded(TWICE)]
    assert create(sqlite_db, request=request) is Status.MODIFIED  # the label is the examination's
    for uid in (UID, own_uid(sqlite_db, "N1", 2)):
        assert see_workitem(sqlite_db, uid, NOW)[0].ProcedureStepState == "SCHEDULED"


def test_a_release_names_the_uid_that_was_given(sqlite_db: Database) -> None:
    """The workitem that replaces it has one of ours."""
    queued(sqlite_db)
    create(sqlite_db)
    claimed(sqlite_db, "N1")
    release_read(sqlite_db, read_id(sqlite_db, "N1"), "R1", minutes(2), by=R1)
    assert see_workitem(sqlite_db, UID, minutes(2))[0].ProcedureStepState == StepState.CANCELED
    with sqlite_db.session() as session:
        again = uid_of(WorkitemKey(read_id(sqlite_db, "N1"), 1), workitems.numbering(session))
    found, _ = see_workitem(sqlite_db, again, minutes(2))
    assert text(items(found, "ReplacedProcedureStepSequence")[0], "ReferencedSOPInstanceUID") == UID


# --- once ------------------------------------------------------------------------------------------------------------


def test_the_same_uid_again_is_a_duplicate(sqlite_db: Database) -> None:
    """Whatever study it is said to be of, at whatever trust; and so is one that a feed's study has."""
    queued(sqlite_db, "A1")
    create(sqlite_db)
    for uid, request in (
        (UID, request_of()),
        (UID, request_of("N2")),
        (UID, request_of("N2", trust="RWF", IssuerOfPatientID="RWF")),
        (own_uid(sqlite_db, "A1"), request_of("N2")),
    ):
        assert create(sqlite_db, uid, request, by=BOTH) is Status.DUPLICATE
    with pytest.raises(NotFoundError):
        study(sqlite_db, "N2")


def test_of_two_who_create_one_uid_at_once_one_does(db: Database) -> None:
    """At two trusts, whose studies nothing else makes wait for each other."""
    queued(db)
    requests = [request_of(), request_of(trust="RWF", IssuerOfPatientID="RWF")]
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda request: create(db, request=request, by=BOTH), requests))
    assert sorted(found, key=lambda status: status.code) == [Status.SUCCESS, Status.DUPLICATE]
    with db.session() as session:
        assert len(session.exec(select(StudyRow)).all()) == 1


def test_what_a_feed_lists_is_not_doubled(sqlite_db: Database) -> None:
    """A conflict that names the workitem which there is; so is what its source no longer lists, or leaves out."""
    queued(sqlite_db, "A1", "A2")
    with pytest.raises(ConflictError, match=own_uid(sqlite_db, "A1").replace(".", r"\.")):
        create(sqlite_db, request=request_of("A1"))
    ingest_extract(sqlite_db, Feed(), extract("A1", at=1, excluded=["X1"]), minutes(1), most_closed=1)
    with pytest.raises(ConflictError, match="medical photography"):
        create(sqlite_db, request=request_of("X1"), at=2)
    with pytest.raises(ConflictError, match="withdrawn"):
        create(sqlite_db, request=request_of("A2"), at=2)
    with pytest.raises(NotFoundError):
        see_workitem(sqlite_db, UID, minutes(2))


def test_of_two_creators_the_second_is_told_which_workitem_there_is(sqlite_db: Database) -> None:
    """With another UID for the same study."""
    queued(sqlite_db)
    create(sqlite_db)
    with pytest.raises(ConflictError, match=UID.replace(".", r"\.")):
        create(sqlite_db, "2.25.7")


# --- and the feeds ---------------------------------------------------------------------------------------------------


def test_no_feeds_silence_takes_it_away_until_a_feed_has_listed_it(db: Database) -> None:
    """Then it is that feed's, whose word counts: but for where the images are, if it says nothing of it."""
    queued(db, "A1")
    create(db)
    ingest_extract(db, Feed(), extract("A1", at=2), minutes(2))
    assert study(db).state is StudyState.OPEN
    listed = incoming("N1", exam_code="XCH", subspecialty="thoracic", modality="DX")
    assert ingest_extract(db, Feed(), extract("A1", listed, at=3), minutes(3)).books.changed == 1
    row = study(db)
    assert (row.feed, row.exam_code, row.study_instance_uid) == (Feed().name, "XCH", IMAGES)
    assert see_workitem(db, UID, minutes(3))[0].ProcedureStepLabel == "XR chest"
    assert ingest_extract(db, Feed(), extract("A1", listed, at=4), minutes(4)).books.unchanged == 2
    ingest_extract(db, Feed(), extract("A1", at=5), minutes(5), most_closed=1)
    assert study(db).state is StudyState.WITHDRAWN
    ingest_extract(db, Feed(), extract("A1", listed, at=6), minutes(6))
    assert (study(db).state, study(db).study_instance_uid) == (StudyState.OPEN, IMAGES)


def test_its_source_stays_listed_when_the_network_is_read_again(sqlite_db: Database) -> None:
    """Else the next snapshot would take it away."""
    queued(sqlite_db, "A1")
    create(sqlite_db)
    rules = policy(priority("urgent"), priority("emergency", target_hours=1))
    load_network(sqlite_db, replace(TWO_FEEDS, policy=rules), minutes(2))
    ingest_extract(sqlite_db, Feed(), extract("A1", at=3), minutes(3))
    assert study(sqlite_db).state is StudyState.OPEN


def test_a_report_is_not_doubted_because_something_else_is_created(sqlite_db: Database) -> None:
    """What a feed of changes does not call reported contradicts a report: this source never says so."""
    queued(sqlite_db)
    create(sqlite_db)
    claimed(sqlite_db, "N1")
    complete_read(sqlite_db, read_id(sqlite_db, "N1"), "R1", minutes(2), by=R1)
    create(sqlite_db, "2.25.7", request_of("N2"), at=60 * 24 * 7)
    assert check_completions(sqlite_db, minutes(60 * 24 * 7)) == 0
    assert standing(sqlite_db, "N1") == (ReadState.DONE, "R1")


def test_what_no_feed_ever_lists_is_closed_once_it_has_been_reported_here(db: Database) -> None:
    """As long after as a feed's word is waited for, in books that balance; what is not done, or reopened, stays."""
    queued(db, "A1")
    create(db)
    create(db, "2.25.7", request_of("N2"))
    complete_read(db, read_id(db, "N1"), "R1", minutes(2), by=PACS)
    assert close_created(db, minutes(3)) == 0
    later = 60 * 24 * 7
    assert close_created(db, minutes(later)) == 1
    assert close_created(db, minutes(later)) == 0
    assert [study(db, number).state for number in ("N1", "N2", "A1")] == [
        StudyState.WITHDRAWN,
        StudyState.OPEN,
        StudyState.OPEN,
    ]
    assert standing(db, "N1") == (ReadState.DONE, "R1")
    with db.session() as session:
        (last, *_) = batches.batches_of(session, SOURCE, Cut()).items
        assert session.get_one(ReadRow, read_id(db, "N1")).confirmed_at == minutes(later)
    books = batches.books_of(last)
    assert (books.withdrawn, books.open_before, books.open_after) == (1, 3, 2)


def test_whoever_follows_hears_of_it_by_the_uid_that_was_given(sqlite_db: Database) -> None:
    """And a Task is found by it."""
    queued(sqlite_db)
    who = Subscriber(by=PACS, aet="PACS_RVV")
    subscribe(sqlite_db, who, ALL, NOW)
    with sqlite_db.session() as session:
        mark = journal.mark(session)
    create(sqlite_db)
    events = reports_since(sqlite_db, who, mark).events
    assert [(event.type, event.uid) for event in events] == [(EventType.STATE_REPORT, UID)]
    query = query_of([("identifier", f"urn:oid:{UID}")], lenient=False)
    (task,) = search_tasks(sqlite_db, query, minutes(2)).items
    assert f"urn:oid:{UID}" in str(task["identifier"])
    nobodys = query_of([("identifier", "urn:oid:2.25.7")], lenient=False)
    assert search_tasks(sqlite_db, nobodys, minutes(2)).items == []


# --- what is said ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"TransactionUID": "2.25.1"}, "TransactionUID"),
        ({"SOPClassUID": "1.2.3"}, "SOPClassUID"),
        ({"ScheduledWorkitemCodeSequence": [coded(VERIFICATION)]}, "ScheduledWorkitemCodeSequence"),
        ({"ScheduledProcedureStepPriority": "SOON"}, "ScheduledProcedureStepPriority"),
        ({"WorklistLabel": "whenever"}, "WorklistLabel"),
        ({"WorklistLabel": None, "ScheduledProcedureStepPriority": "LOW"}, "WorklistLabel"),
        ({"ScheduledProcedureStepStartDateTime": "19000101"}, "ScheduledProcedureStepStartDateTime"),
        ({"ExpectedCompletionDateTime": "22000101"}, "ExpectedCompletionDateTime"),
        ({"InputReadinessState": "INCOMPLETE"}, "InputReadinessState"),
        ({"InputReadinessState": "UNAVAILABLE"}, "InputReadinessState"),
        ({"InputReadinessState": "PERHAPS"}, "InputReadinessState"),
        ({"StudyInstanceUID": "1.02"}, "StudyInstanceUID"),
        ({"PatientID": "H\\N1"}, "PatientID"),
        ({"IssuerOfPatientID": "RWF"}, "IssuerOfPatientID"),
    ],
)
def test_what_cannot_be_meant_is_refused(sqlite_db: Database, said: dict[str, Any], field: str) -> None:
    """By the attribute at fault, and nothing is taken."""
    queued(sqlite_db)
    with pytest.raises(InvalidValueError, match=f"^{field}"):
        create(sqlite_db, request=request_of(**said))
    with pytest.raises(NotFoundError):
        study(sqlite_db)


@pytest.mark.parametrize(
    ("code", "reason"), [(Code("ABC", EXAMINATIONS, ""), "catalogue"), (Code("CTH", "99X", ""), EXAMINATIONS)]
)
def test_an_examination_that_nobody_knows_is_refused(sqlite_db: Database, code: Code, reason: str) -> None:
    """Nothing would say who may read it, or how long that takes."""
    queued(sqlite_db)
    request = request_of()
    request.ReferencedRequestSequence[0].RequestedProcedureCodeSequence = [coded(code)]
    with pytest.raises(InvalidValueError, match=reason):
        create(sqlite_db, request=request)


def test_an_nhs_number_makes_one_patient_across_trusts(sqlite_db: Database) -> None:
    """One that cannot be is refused, and is not repeated."""
    queued(sqlite_db)
    other = put(Dataset(), PatientID="999 000 0018", IssuerOfPatientID="NHS")
    create(sqlite_db, request=request_of(OtherPatientIDsSequence=[other]))
    assert study(sqlite_db).patient_id == pseudonym(KEY, "9990000018", "RVV", "")
    other.PatientID = "9990000019"
    with pytest.raises(InvalidValueError) as refused:
        create(sqlite_db, "2.25.7", request_of("N2", OtherPatientIDsSequence=[other]))
    assert "9990000019" not in str(refused.value)


@pytest.mark.parametrize("lacks", ["PatientID", "ProcedureStepLabel", "InputReadinessState", "AccessionNumber"])
def test_what_must_be_said_is_asked_for_by_name(sqlite_db: Database, lacks: str) -> None:
    """0120H."""
    queued(sqlite_db)
    request = request_of()
    del (request.ReferencedRequestSequence[0] if lacks == "AccessionNumber" else request)[lacks]
    reach = RIS.reach(Permission.STUDIES_CREATE)
    made = create_workitem(sqlite_db.within(reach), UID, request, NOW, by=RIS, reach=reach, key=KEY)
    assert made.status is Status.MISSING
    assert made.missing[0].endswith(lacks)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"ProcedureStepState": "IN PROGRESS"}, Status.NOT_SCHEDULED),
        ({"ProcedureStepState": None}, Status.SUCCESS),
        ({"WorklistLabel": None}, Status.SUCCESS),
        ({"WorklistLabel": None, "ScheduledProcedureStepPriority": "HIGH"}, Status.SUCCESS),
        ({"ScheduledProcedureStepPriority": "HIGH"}, Status.MODIFIED),
        ({"ScheduledWorkitemCodeSequence": [coded(INTERPRETATION)]}, Status.SUCCESS),
        ({"ScheduledProcedureStepStartDateTime": "20260302070000"}, Status.SUCCESS),
        ({"ScheduledProcedureStepStartDateTime": "20260302090000+0100"}, Status.SUCCESS),
        ({"ExpectedCompletionDateTime": "20260303120000+0000"}, Status.SUCCESS),
        ({"ScheduledProcedureStepExpirationDateTime": "20260303120000+0000"}, Status.MODIFIED),
        ({"ProcedureStepLabel": "Read me"}, Status.MODIFIED),
        ({"PatientName": "A^B"}, Status.MODIFIED),
        ({"StudyInstanceUID": None}, Status.MODIFIED),
        ({"StudyInstanceUID": None, "InputReadinessState": "UNAVAILABLE"}, Status.SUCCESS),
        ({"ScheduledHumanPerformersSequence": [put(Dataset(), HumanPerformerName="A B")]}, Status.MODIFIED),
    ],
)
def test_whether_it_is_as_it_was_asked_for_is_told(sqlite_db: Database, said: dict[str, Any], status: Status) -> None:
    """Who reads it is the plan's to say; an emergency is what the policy calls one."""
    queued(sqlite_db)
    assert create(sqlite_db, request=request_of(**said)) is status


def test_of_which_trust_it_is_is_said_or_plain(sqlite_db: Database) -> None:
    """Beyond their reach nobody makes anything known; a system of several trusts says whose number it is."""
    queued(sqlite_db)
    assert create(sqlite_db, request=request_of(trust="")) is Status.SUCCESS
    elsewhere = request_of("N2", trust="RWF", IssuerOfPatientID="RWF")
    with pytest.raises(NotAllowedError):
        create(sqlite_db, "2.25.7", elsewhere)
    with pytest.raises(InvalidValueError, match="Issuer"):
        create(sqlite_db, "2.25.7", request_of("N2", trust=""), by=BOTH)
    assert create(sqlite_db, "2.25.7", elsewhere, by=BOTH) is Status.SUCCESS
    assert study(sqlite_db, "N2", "RWF").feed == sources.by_workitems("RWF")
    assert HEAD.value == study(sqlite_db, "N2", "RWF").exam_code

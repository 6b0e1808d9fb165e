"""Subscriptions: whoever has one is told of every step of what it is to, in order, once, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from balancer.domain.actor import Actor, Reach, system
from balancer.domain.errors import InvalidValueError, NotFoundError
from balancer.domain.permission import Permission
from balancer.domain.steps import StepState
from balancer.publish.ups.elements import first, put, text
from balancer.publish.ups.events import Event, EventType
from balancer.services.cancel_workitem import cancel_workitem
from balancer.services.change_workitem import Change, change_workitem
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.release_read import release_read
from balancer.services.report_steps import reports_since
from balancer.services.run_allocation import run_allocation
from balancer.services.subscribe import ALL, FILTERED, Subscriber, subscribe, suspend, unsubscribe
from balancer.services.take_over_read import take_over_read
from balancer.services.update_workitem import update_workitem
from balancer.store import journal
from balancer.store.database import Database
from tests.networks import PACS, Feed, extract, incoming, minutes, read_id, solving
from tests.services.test_claiming import MANAGER, NUMBERS, R1, five, take
from tests.services.test_workitems import LOCK, change, uid

OTHER = system("pacs-of-rwf", "PACS of RWF", [Permission.ASSIGNMENTS_READ], ["RWF"])
AET = "RVV_PACS"
STATE, ASSIGNED = EventType.STATE_REPORT, EventType.ASSIGNED


class Listener:
    """Somebody who has subscribed, and hears what has come since they last listened."""

    def __init__(self, db: Database, by: Actor = PACS, aet: str = AET) -> None:
        self.db = db
        self.who = Subscriber(by=by, aet=aet)
        self.within = db.within(Reach(trusts=by.at))
        with db.session() as reading:
            self.mark = journal.mark(reading)

    def subscribe(self, workitem: str = ALL, **more: str) -> None:
        """Subscribe; the first report of a single one is heard later."""
        subscribe(self.within, self.who, workitem, minutes(0), **more)  # type: ignore[arg-type]

    def events(self, *, limit: int = 200) -> list[Event]:
        """Return what has been told."""
        found: list[Event] = []
        more = True
        while more:
            reports = reports_since(self.within, self.who, self.mark, limit=limit)
            found += reports.events
            self.mark, more = reports.mark, reports.more
        return found

    def hears(self, **more: int) -> list[tuple[EventType, str, str]]:
        """Return what has been told, in short."""
        return [(event.type, event.uid, _what(event)) for event in self.events(**more)]


def _what(event: Event) -> str:
    if event.type is ASSIGNED:
        return text(first(event.information, "HumanPerformerCodeSequence"), "CodeValue")
    return text(event.information, "ProcedureStepState")


def test_the_whole_life_is_told_in_order_and_once(db: Database) -> None:
    """Claimed, released, claimed anew by another, done: each workitem to its end, however it is read."""
    five(db)
    listener, in_small = Listener(db), Listener(db, aet="OTHER")
    listener.subscribe()
    in_small.subscribe()
    take(db, "A1")
    release_read(db, read_id(db, "A1"), "R1", minutes(1), by=R1)
    take(db, "A1", "R2", by=MANAGER, at=2)
    assert complete_read(db, read_id(db, "A1"), "R2", minutes(3), by=MANAGER)
    old, new = uid(db, "A1", 0), uid(db, "A1", 1)
    life = [
        (STATE, old, "IN PROGRESS"),
        (STATE, old, "CANCELED"),
        (STATE, new, "SCHEDULED"),
        (ASSIGNED, new, "R1"),
        (ASSIGNED, new, "R2"),
        (STATE, new, "IN PROGRESS"),
        (STATE, new, "COMPLETED"),
    ]
    assert listener.hears() == life
    assert in_small.hears(limit=1) == life
    assert listener.hears() == []


def test_who_is_given_it_by_a_run_or_a_manager_is_told(sqlite_db: Database) -> None:
    """UPS Assigned, whenever the reporter differs: so a viewer's list follows each plan."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe()
    placed = {"S1": NUMBERS[1:], "S2": ["B1", "A1"]}
    assert run_allocation(sqlite_db, minutes(1), solver=solving(placed)).error == ""
    assert listener.hears() == [(ASSIGNED, uid(sqlite_db, "A1"), "R2")]
    take(sqlite_db, "A2")
    take_over_read(sqlite_db, read_id(sqlite_db, "A2"), minutes(2), by=MANAGER, reason="gone home", reporter_id="R2")
    old, new = uid(sqlite_db, "A2", 0), uid(sqlite_db, "A2", 1)
    assert listener.hears() == [
        (STATE, old, "IN PROGRESS"),
        (STATE, old, "CANCELED"),
        (STATE, new, "SCHEDULED"),
        (ASSIGNED, new, "R2"),
        (STATE, new, "IN PROGRESS"),
    ]


def test_that_its_images_are_found_is_told(sqlite_db: Database) -> None:
    """A feed that begins to carry the Study Instance UID makes the workitem READY: whoever waits for that hears it."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe()
    found = incoming("A1", study_instance_uid="2.25.4711")
    ingest_extract(sqlite_db, Feed(), extract(found, *NUMBERS[1:], at=1), minutes(1))
    reports = [(event.type, event.uid, text(event.information, "InputReadinessState")) for event in listener.events()]
    assert reports == [(STATE, uid(sqlite_db, "A1"), "READY")]


def test_that_its_images_are_found_is_told_once(db: Database) -> None:
    """What else is shown of it may change: its readiness has not. That it has another class is for whoever asks."""
    five(db)
    listener = Listener(db)
    listener.subscribe()
    rest = NUMBERS[1:]
    steps = [
        incoming("A1", study_instance_uid="2.25.4711"),
        incoming("A1", study_instance_uid="2.25.4711", site="Elsewhere"),
        incoming("A1", study_instance_uid="2.25.4711", priority="routine"),
        incoming("A1", priority="routine"),
    ]
    told = []
    for at, step in enumerate(steps, start=1):
        ingest_extract(db, Feed(), extract(step, *rest, at=at), minutes(at))
        told.append([text(event.information, "InputReadinessState") for event in listener.events()])
    assert told == [["READY"], [], [], ["UNAVAILABLE"]]


def test_a_report_says_how_ready_it_was_when_that_happened(sqlite_db: Database) -> None:
    """Whoever is told late of a claim that came before the images is not told that they were there."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe()
    take(sqlite_db, "A1")
    found = incoming("A1", study_instance_uid="2.25.4711")
    ingest_extract(sqlite_db, Feed(), extract(found, *NUMBERS[1:], at=1), minutes(1))
    reports = [(_what(event), text(event.information, "InputReadinessState")) for event in listener.events()]
    assert reports == [("IN PROGRESS", "UNAVAILABLE"), ("IN PROGRESS", "READY")]


def test_nobody_who_has_not_subscribed_is_told(sqlite_db: Database) -> None:
    """Nor whoever uses the title of somebody who has."""
    five(sqlite_db)
    listener, stranger = Listener(sqlite_db), Listener(sqlite_db, by=MANAGER)
    stranger.within = sqlite_db
    listener.subscribe()
    take(sqlite_db, "A1")
    assert stranger.hears() == []
    assert len(listener.hears()) == 1


def test_what_is_out_of_reach_is_neither_subscribed_to_nor_told(sqlite_db: Database) -> None:
    """Another trust's PACS subscribes to everything, which is everything of its own."""
    five(sqlite_db)
    elsewhere = Listener(sqlite_db, by=OTHER)
    elsewhere.subscribe()
    take(sqlite_db, "A1")
    assert elsewhere.hears() == []
    with pytest.raises(NotFoundError):
        elsewhere.subscribe(uid(sqlite_db, "A1"))


def test_of_a_single_one_it_is_told_at_once_how_it_stands(sqlite_db: Database) -> None:
    """To the subscriber alone (CC.2.3.3), and of an old one what it came to; then what happens, of no other."""
    five(sqlite_db)
    take(sqlite_db, "A1")
    release_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(1), by=R1)
    listener, beside = Listener(sqlite_db), Listener(sqlite_db, aet="OTHER")
    beside.subscribe()
    old, new = uid(sqlite_db, "A1", 0), uid(sqlite_db, "A1", 1)
    listener.subscribe(old)
    listener.subscribe(new)
    assert listener.hears() == [(STATE, old, "CANCELED"), (STATE, new, "SCHEDULED")]
    take(sqlite_db, "A1", at=2)
    take(sqlite_db, "A2", at=2)
    assert listener.hears() == [(STATE, new, "IN PROGRESS")]
    assert beside.hears() == [(STATE, new, "IN PROGRESS"), (STATE, uid(sqlite_db, "A2"), "IN PROGRESS")]


def test_leaving_one_leaves_it_alone_and_leaving_all_leaves_everything(sqlite_db: Database) -> None:
    """CC.2.3: a single one is left though the subscription to all stands; with that go all others."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe()
    unsubscribe(listener.within, listener.who, uid(sqlite_db, "A1"), minutes(0))
    take(sqlite_db, "A1")
    take(sqlite_db, "A2")
    assert listener.hears() == [(STATE, uid(sqlite_db, "A2"), "IN PROGRESS")]
    listener.subscribe(uid(sqlite_db, "A3"))
    assert len(listener.hears()) == 1
    unsubscribe(listener.within, listener.who, ALL, minutes(1))
    take(sqlite_db, "A3", at=1)
    assert listener.hears() == []


def test_one_that_is_suspended_takes_in_nothing_new(sqlite_db: Database) -> None:
    """What was there goes on being told; a study that comes, or a workitem that replaces one, is not."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe()
    suspend(listener.within, listener.who, ALL, minutes(1))
    ingest_extract(sqlite_db, Feed(), extract(*NUMBERS, "B1", "C1", at=2), minutes(2))
    take(sqlite_db, "A1", at=3)
    release_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(4), by=R1)
    take(sqlite_db, "A1", at=5)
    old = uid(sqlite_db, "A1", 0)
    assert listener.hears() == [(STATE, old, "IN PROGRESS"), (STATE, old, "CANCELED")]
    listener.subscribe()
    complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(6), by=R1)
    assert listener.hears() == [(STATE, uid(sqlite_db, "A1", 1), "COMPLETED")]


def test_only_what_is_to_many_is_suspended(sqlite_db: Database) -> None:
    """And only what there is."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    with pytest.raises(NotFoundError):
        suspend(listener.within, listener.who, FILTERED, minutes(1))
    with pytest.raises(InvalidValueError):
        suspend(listener.within, listener.who, uid(sqlite_db, "A1"), minutes(1))


def test_a_filter_follows_what_it_means_to_the_end(sqlite_db: Database) -> None:
    """By accession number: its states all, and nothing of another."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe(
        FILTERED, filter_text="ReferencedRequestSequence.AccessionNumber=A1,ProcedureStepState=SCHEDULED"
    )
    take(sqlite_db, "A2")
    take(sqlite_db, "A1")
    complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(6), by=R1)
    one = uid(sqlite_db, "A1")
    assert listener.hears() == [(STATE, one, "IN PROGRESS"), (STATE, one, "COMPLETED")]
    unsubscribe(listener.within, listener.who, FILTERED, minutes(7))
    take(sqlite_db, "A3", at=8)
    assert listener.hears() == []


def test_whoever_follows_a_reporters_work_hears_that_it_goes_to_another(sqlite_db: Database) -> None:
    """Else a viewer would go on showing it as theirs."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    performer = "ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue"
    listener.subscribe(FILTERED, filter_text=f"{performer}=R2")
    run_allocation(sqlite_db, minutes(1), solver=solving({"S1": [*NUMBERS[1:], "B1"], "S2": ["A1"]}))
    assert sorted(listener.hears()) == sorted(
        [(ASSIGNED, uid(sqlite_db, "A1"), "R2"), (ASSIGNED, uid(sqlite_db, "B1"), "R1")]
    )


@pytest.mark.parametrize(
    "text_of_filter", ["", "nonsense", "NoSuchAttribute=1", "ProcedureStepState=COMPLETED", "limit=5", "A=1,A=2"]
)
def test_what_is_no_filter_is_refused(sqlite_db: Database, text_of_filter: str) -> None:
    """Rather than taken for one that means everything, or nothing."""
    with pytest.raises(InvalidValueError):
        Listener(sqlite_db).subscribe(FILTERED, filter_text=text_of_filter)


@pytest.mark.parametrize("aet", ["", "  ", "SEVENTEEN_LETTERS", "A\\B", "A\nB", "Ä"])
def test_what_is_no_title_is_refused(aet: str) -> None:
    """PS3.5, 6.2."""
    with pytest.raises(InvalidValueError):
        Subscriber(by=PACS, aet=aet)


def _progress(db: Database) -> None:
    item = put(Dataset(), ProcedureStepProgress="50")
    said = put(Dataset(), ProcedureStepProgressInformationSequence=[item])
    update_workitem(db, uid(db, "A1"), said, LOCK, minutes(2), by=PACS, acting=lambda _: db)


def _request(db: Database) -> None:
    cancel_workitem(db, uid(db, "A1"), put(Dataset(), ReasonForCancellation="twice"), minutes(2), by=PACS)


@pytest.mark.parametrize(
    ("act", "kind"), [(_progress, EventType.PROGRESS_REPORT), (_request, EventType.CANCEL_REQUESTED)]
)
def test_what_is_said_of_a_step_in_progress_is_told(
    sqlite_db: Database, act: Callable[[Database], None], kind: EventType
) -> None:
    """How far it is to whoever watches; that somebody asks to leave it to whoever performs it."""
    five(sqlite_db)
    asked = Change(to=StepState.IN_PROGRESS, transaction=LOCK, performer="R1")
    change_workitem(sqlite_db, uid(sqlite_db, "A1"), asked, minutes(1), by=PACS, acting=lambda _: sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe()
    act(sqlite_db)
    assert [(event.type, event.uid) for event in listener.events()] == [(kind, uid(sqlite_db, "A1"))]


def test_a_request_for_what_nobody_has_begun_is_told_as_the_end_of_it(sqlite_db: Database) -> None:
    """CANCELED, and another workitem of the read."""
    five(sqlite_db)
    listener = Listener(sqlite_db)
    listener.subscribe()
    _request(sqlite_db)
    old, new = uid(sqlite_db, "A1", 0), uid(sqlite_db, "A1", 1)
    assert listener.hears() == [(STATE, old, "CANCELED"), (STATE, new, "SCHEDULED"), (ASSIGNED, new, "R1")]
    assert change(sqlite_db, "A1", StepState.IN_PROGRESS, at=3, sequence=1).status.code == 0

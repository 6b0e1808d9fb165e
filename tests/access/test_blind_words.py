"""What was written of a reading before somebody let it go names them still: whoever reads blind is not told it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from balancer.domain.life import ReadState, ReturnReason
from balancer.domain.permission import Permission
from balancer.services.park_read import park_read
from balancer.services.return_read import return_read
from balancer.services.steer_read import Said, exclude_read, send_out_read
from balancer.store import people, reads, study_history
from balancer.store.database import Database
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, THEMSELVES, TWICE, read_once
from tests.access.test_every_route import served
from tests.networks import PACS, minutes, read_id, standing

NOTE = "8 mm nodule, left upper lobe"
SAID = f"completed by {FIRST}"
HTML = {"Accept": "text/html"}
ORIGIN = {"Origin": "http://testserver"}


@pytest.fixture
def handed_back(sqlite_db: Database) -> Database:
    """Return a database in which R2 had one of two readings, wrote a note of it and gave it back: nobody has it now."""
    read_once(sqlite_db)
    reason = ReturnReason.OTHER_EXPERTISE
    return_read(sqlite_db, read_id(sqlite_db, TWICE), FIRST, minutes(3), by=PACS, reason=reason, note=NOTE)
    assert standing(sqlite_db, TWICE)[1] is None
    return sqlite_db


def test_who_handed_a_reading_back_is_not_told_to_whoever_may_read_it_now(handed_back: Database) -> None:
    """Nor what they wrote; themselves and whoever does not report are told."""
    told = {}
    with handed_back.session() as session:
        study_id = reads.read(session, read_id(handed_back, TWICE)).study_id
    for who in (COLLEAGUE, THEMSELVES, MANAGER):
        with handed_back.within(who.reach(*Permission)).session() as reading:
            told[who.subject] = [item.row.note for item in study_history.returned(reading, study_id)]
    assert told == {COLLEAGUE.subject: [], THEMSELVES.subject: [NOTE], MANAGER.subject: [NOTE]}


def test_an_exception_does_not_name_who_handed_it_back(handed_back: Database) -> None:
    """Neither over the API, on the pages, in the file nor in the trail."""
    addresses = ("/api/v1/exceptions", "/exceptions", "/exceptions?as=csv", "/exceptions/1", "/api/v1/audit", "/audit")
    with handed_back.session() as session:
        by_name = SAID.replace(FIRST, people.names(session)[FIRST])
    for address in addresses:
        shown = [served(handed_back, who).client.get(address, headers=HTML).text for who in (COLLEAGUE, MANAGER)]
        assert [SAID in text or by_name in text for text in shown] == [False, True], address


def test_whoever_resolved_an_exception_of_a_reading_is_not_named(handed_back: Database) -> None:
    """It may be its reader."""
    answer = served(handed_back, THEMSELVES).post("/exceptions/1/resolve", {"resolution": "mine, by mistake"})
    assert answer.status_code == 200, answer.text
    for who, there in ((COLLEAGUE, False), (MANAGER, True)):
        item = served(handed_back, who).ask("/exceptions", resolved=True)["items"][0]
        assert bool(item["resolved_by"] or item["resolution"]) == there


NAMING = f"{FIRST} has seen half of it"
TAKES_OUT = pytest.mark.parametrize(
    "take_out",
    [
        partial(park_read, by=MANAGER, reason=NAMING, until=minutes(900)),
        partial(send_out_read, by=MANAGER, said=Said(reason=NAMING), provider="Farsight", due_back_at=minutes(900)),
        partial(exclude_read, by=MANAGER, said=Said(reason=NAMING), approver="Dr A. Lead"),
    ],
    ids=["parked", "sent out", "excluded"],
)


@TAKES_OUT
def test_why_a_reading_is_away_is_not_told_to_whoever_reads_the_other(
    handed_back: Database, take_out: Callable[..., object]
) -> None:
    """Somebody's words may name whoever had it: over the API, on pages, in lists, in the feed and in the trail."""
    number = read_id(handed_back, TWICE)
    take_out(handed_back, number, minutes(4))
    with handed_back.session() as reading:
        study_id = reads.read(reading, number).study_id
    excluded = standing(handed_back, TWICE)[0] is ReadState.EXCLUDED
    workitems = "/dicomweb/workitems?accept=application/dicom%2Bjson&includefield=all"
    addresses = {
        "/api/v1/instructions": True,
        "/api/v1/studies": True,
        "/api/v1/assignments?trust=RVV": not excluded,  # that is gone
        "/api/v1/audit": True,
        "/fhir/Task?_format=json": True,
        workitems: not excluded,  # what is cancelled has no comment
        f"/studies/{study_id}": True,
        f"/studies/{study_id}?of=reads&as=csv": True,
        f"/studies/{study_id}?of=history&as=csv": True,
        "/studies": False,  # it says so of what is parked alone
    }
    for address, always in addresses.items():
        told = [
            NAMING in served(handed_back, who).client.get(address, headers=HTML).text for who in (COLLEAGUE, MANAGER)
        ]
        assert not told[0], address
        assert told[1] or not always, address


def test_why_a_reading_is_parked_is_not_told_by_a_search(handed_back: Database) -> None:
    """Neither on its page nor in its file, to whoever reads the other."""
    park_read(handed_back, read_id(handed_back, TWICE), minutes(4), by=MANAGER, reason=NAMING, until=minutes(900))
    for address in ("/search", "/search?of=studies&as=csv"):
        shown = [
            served(handed_back, who).client.post(address, data={"text": TWICE}, headers=ORIGIN).text
            for who in (COLLEAGUE, MANAGER)
        ]
        assert all(TWICE in text for text in shown), address
        assert [NAMING in text for text in shown] == [False, True], address

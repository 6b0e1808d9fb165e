"""Nobody who reads blind finds by a name in the trail's filter what the trail does not tell them."""

from __future__ import annotations

import csv
import io

import pytest

from balancer.domain.actor import Actor
from balancer.domain.life import ReturnReason
from balancer.services.return_read import return_read
from balancer.services.steer_read import Said, bar_reporter
from balancer.store import audit
from balancer.store.database import Database
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, THEMSELVES, TWICE, read_once
from tests.access.test_every_route import served
from tests.networks import PACS, minutes, read_id


def about(db: Database, who: Actor, actor: str, *, also: str = "") -> set[tuple[str, str]]:
    """Return the entries about the reading that somebody finds by whoever entered them: of what, and who that was.

    And those about what is named ``also``.
    """
    answer = served(db, who).client.get("/audit", params={"as": "csv", "actor": actor})
    assert answer.status_code == 200, answer.text
    rows = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))
    of_it = {f"read {read_id(db, TWICE)}", "exception 1", "instruction 1", also}
    return {(row["subject"], row["actor"]) for row in rows if row["subject"] in of_it}


@pytest.mark.parametrize("is_let_go", [False, True])
def test_whoever_reads_blind_finds_nothing_by_asking_who_did_it(db: Database, is_let_go: bool) -> None:  # noqa: FBT001
    """Neither that a PACS or a colleague did something, nor who pinned it; without a name it is there, and unnamed."""
    read_once(db)
    number = read_id(db, TWICE)
    if is_let_go:
        return_read(db, number, FIRST, minutes(3), by=PACS, reason=ReturnReason.IMAGES_MISSING)
    by = {f"read {number}": PACS, "exception 1": THEMSELVES, "instruction 1": MANAGER}
    for subject, actor in by.items():
        assert (subject, actor.subject) in about(db, MANAGER, actor.subject)
        assert about(db, COLLEAGUE, actor.subject) == set()
    assert about(db, COLLEAGUE, "") == {(subject, "not shown") for subject in by}


def test_whoever_looks_for_themselves_finds_what_they_did(sqlite_db: Database) -> None:
    """They know that already; and of what is read once, everybody's."""
    read_once(sqlite_db)
    assert about(sqlite_db, THEMSELVES, THEMSELVES.subject)
    single = f"read {read_id(sqlite_db, 'SINGLE-1')}"
    answer = served(sqlite_db, COLLEAGUE).client.get("/audit", params={"as": "csv", "actor": "job:allocation"})
    assert single in answer.text


def test_whom_a_bar_names_is_not_in_the_trail_of_whoever_reads_blind(db: Database) -> None:
    """It names no read, and is about every reading of its study: neither shown nor found by who decided it."""
    read_once(db)
    return_read(db, read_id(db, TWICE), FIRST, minutes(3), by=PACS, reason=ReturnReason.IMAGES_MISSING)
    given = bar_reporter(db, read_id(db, TWICE), FIRST, minutes(4), by=MANAGER, said=Said(reason=f"{FIRST} knows her"))
    subject = f"instruction {given.id}"
    told = {}
    for who in (COLLEAGUE, MANAGER):
        (entry,) = served(db, who).ask("/audit", subject_kind="instruction", subject_id=str(given.id))["items"]
        found = {of for of, _ in about(db, who, MANAGER.subject, also=subject)}
        told[who.subject] = (entry["detail"].get("reporter"), entry["why"], subject in found)
    assert told == {COLLEAGUE.subject: (None, "", False), MANAGER.subject: (FIRST, f"{FIRST} knows her", True)}


def test_whoever_reports_is_given_no_hash_to_try_a_guess_against(sqlite_db: Database) -> None:
    """Neither of what is cut nor of anything after it: each follows from the one before."""
    read_once(sqlite_db)
    with sqlite_db.session() as reading:
        end = audit.end(reading).hash
    for who, shown in ((COLLEAGUE, False), (MANAGER, True)):
        service = served(sqlite_db, who)
        assert {bool(entry["hash"]) for entry in service.ask("/audit")["items"]} == {shown}
        page = service.client.get("/audit", params={"check": "true"}, headers={"Accept": "text/html"}).text
        assert (end in page, "The chain holds" in page) == (shown, True)
        sheet = service.client.get("/audit", params={"as": "csv"}).text
        assert (end in sheet) is shown

"""Nobody who reads blind finds by a name in the trail's filter what the trail does not tell them."""

from __future__ import annotations

import csv
import io

import pytest

from balancer.domain.actor import Actor
from balancer.domain.life import ReturnReason
from balancer.services.return_read import return_read
from balancer.store.database import Database
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, THEMSELVES, TWICE, read_once
from tests.access.test_every_route import served
from tests.networks import PACS, minutes, read_id


def about(db: Database, who: Actor, actor: str) -> set[tuple[str, str]]:
    """Return the entries about the reading that somebody finds by whoever entered them: of what, and who that was."""
    answer = served(db, who).client.get("/audit", params={"as": "csv", "actor": actor})
    assert answer.status_code == 200, answer.text
    rows = csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff")))
    of_it = {f"read {read_id(db, TWICE)}", "exception 1", "instruction 1"}
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

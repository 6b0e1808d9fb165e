"""When downtime lists are written: after each publish, and after a while when people have worked on them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from balancer.domain.errors import InputRefusedError
from balancer.scheduler.downtime import WORK_AFTER, DowntimeLists, DowntimeOrder
from balancer.services.claim_read import claim_read
from balancer.store import worklists
from balancer.store.database import Database
from tests.api.service import StandingClock
from tests.api.small_network import allocate
from tests.networks import PACS
from tests.worlds import NOW


def scheduled(db: Database, folder: Path) -> tuple[DowntimeLists, StandingClock]:
    """Return what writes them, and its clock."""
    clock = StandingClock()
    return DowntimeLists(db, clock, DowntimeOrder(folder=folder, keep=timedelta(days=1))), clock


def test_they_are_written_once_for_each_publish(sqlite_db: Database, tmp_path: Path) -> None:
    """Before the first there is nothing to write; as long as nothing changes they stand."""
    lists, clock = scheduled(sqlite_db, tmp_path / "lists")
    assert not lists.is_due()
    allocate(sqlite_db)
    assert lists.is_due()
    assert lists.write() == "written"
    clock.at = NOW + timedelta(days=1)
    assert not lists.is_due()


def test_what_people_have_opened_is_written_after_a_while(sqlite_db: Database, tmp_path: Path) -> None:
    """Not at once: a set for every claim would be thousands a day."""
    allocate(sqlite_db)
    lists, clock = scheduled(sqlite_db, tmp_path / "lists")
    lists.write()
    with sqlite_db.session() as session:
        first = worklists.worklist(session, "R1").items[0].read.id or 0
    claim_read(sqlite_db, first, "R1", NOW, by=PACS)
    assert not lists.is_due()
    clock.at = NOW + WORK_AFTER
    assert lists.is_due()


def test_what_failed_is_tried_again_a_minute_later(sqlite_db: Database, tmp_path: Path) -> None:
    """And is known to have failed: the ledger of jobs has it."""
    allocate(sqlite_db)
    (tmp_path / "lists").write_text("a file where the folder should be")
    lists, clock = scheduled(sqlite_db, tmp_path / "lists")
    with pytest.raises(InputRefusedError):
        lists.write()
    assert not lists.is_due()
    clock.at = NOW + timedelta(seconds=61)
    assert lists.is_due()

"""Next, when what stands first on the list cannot be had: the one after it, not nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlmodel import select

from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadState
from balancer.services import claim_read as claiming
from balancer.services import next_read as opening
from balancer.services.next_read import next_read
from balancer.services.park_read import park_read
from balancer.store import choice
from balancer.store.database import Database
from balancer.store.tables import StudyRow
from tests.networks import minutes, read_id, standing
from tests.services.test_claiming import MANAGER, NUMBERS, R1, five, take
from tests.worlds import NOW


def bar_from(db: Database, *numbers: str) -> None:
    """Exclude R1 from these studies, after the list was made."""
    with db.transaction() as writing:
        for row in writing.exec(select(StudyRow)):
            row.excluded = ["R1"] if row.accession_number in numbers else []


@pytest.mark.parametrize("barred", [NUMBERS[:1], NUMBERS[:4]], ids=["the first", "more than one may choose from"])
def test_what_the_reporter_may_not_report_by_now_keeps_nobody_from_the_next(db: Database, barred: list[str]) -> None:
    """However many such stand before it; the next run places them elsewhere."""
    five(db)
    bar_from(db, *barred)
    claim = next_read(db, "R1", NOW, by=R1)
    assert claim is not None
    assert claim.read_id == read_id(db, NUMBERS[len(barred)])


def test_what_one_may_not_report_is_not_passed_over(db: Database) -> None:
    """Nor does it take a place among those one may choose from."""
    five(db)
    bar_from(db, "A1")
    take(db, "A4")
    with db.session() as reading:
        (counted,) = choice.skips(reading, NOW - timedelta(days=1))
    assert counted.skips == 2


def test_what_was_parked_a_moment_ago_keeps_nobody_from_the_next(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking at the list and opening the read."""
    five(db)

    def park_first(*arguments: object, **named: object) -> object:
        if standing(db, "A1")[0] is ReadState.ALLOCATED:
            park_read(db, read_id(db, "A1"), NOW, by=MANAGER, reason="films", until=minutes(60))
        return claiming.claim_read(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(opening, "claim_read", park_first)
    claim = next_read(db, "R1", NOW, by=R1)
    assert claim is not None
    assert claim.read_id == read_id(db, "A2")


def test_that_too_many_are_open_is_said(db: Database) -> None:
    """It is not that there is nothing left."""
    five(db)
    for _ in range(3):
        assert next_read(db, "R1", NOW, by=R1) is not None
    with pytest.raises(ConflictError, match="3 reads are open already"):
        next_read(db, "R1", NOW, by=R1)

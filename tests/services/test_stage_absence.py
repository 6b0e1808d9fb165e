"""That somebody is away is staged in a draft, and nothing is left behind if it cannot be."""

from __future__ import annotations

import pytest

from balancer.domain.draft import DraftState
from balancer.domain.errors import BalancerError, ConflictError, InvalidValueError, NotFoundError
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.states import RunState
from balancer.services.begin_draft import begin_draft
from balancer.services.override_scope import Decision
from balancer.services.stage_absence import stage_absence
from balancer.store import drafts, instructions, previews
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables_drafts import DraftRow
from tests.networks import loaded
from tests.services.test_drafts import MANAGER
from tests.worlds import NOW, at


def stage(
    db: Database, reporter_id: str = "R1", *, trust: str = "RVV", draft_id: int | None = None, end: float = 9
) -> int:
    """Stage that somebody is away from an hour after ``NOW``."""
    said = Decision(trust=trust, reason="away", draft_id=draft_id)
    return stage_absence(db, reporter_id, at(1), at(end), NOW, by=MANAGER, said=said, name="Dr R1 away")


def all_drafts(db: Database) -> list[DraftRow]:
    """Return every draft."""
    with db.session() as reading:
        return list(drafts.drafts(reading, Cut()).items)


def test_an_absence_is_staged_in_a_draft_of_its_own_and_its_preview_asked_for(sqlite_db: Database) -> None:
    """It holds nowhere yet."""
    loaded(sqlite_db)
    number = stage(sqlite_db)
    with sqlite_db.session() as reading:
        staged = drafts.of_draft(reading, number, InstructionState.STAGED)
        found = previews.newest(reading, number)
        assert instructions.in_force(reading, NOW) == []
    assert [(row.kind, row.reporter_id) for row in staged] == [(InstructionKind.ABSENCE, "R1")]
    assert found is not None
    assert found[0].state is RunState.REQUESTED


def test_it_may_be_added_to_a_draft_that_is_open(sqlite_db: Database) -> None:
    """No other draft is begun."""
    loaded(sqlite_db)
    number = begin_draft(sqlite_db, "Tuesday", "RVV", NOW, by=MANAGER)
    assert stage(sqlite_db, draft_id=number) == number
    assert len(all_drafts(sqlite_db)) == 1


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"end": 0.5}, InvalidValueError),
        ({"reporter_id": "R9"}, NotFoundError),
        ({"draft_id": 99}, NotFoundError),
        ({"trust": "XXX"}, BalancerError),
    ],
)
def test_no_draft_stays_open_in_which_nothing_could_be_staged(
    sqlite_db: Database, asked: dict[str, object], error: type[Exception]
) -> None:
    """It is refused, and what was begun for it is discarded."""
    loaded(sqlite_db)
    with pytest.raises(error):
        stage(sqlite_db, **asked)  # type: ignore[arg-type]
    assert [row.state for row in all_drafts(sqlite_db)] in ([], [DraftState.DISCARDED])


def test_a_draft_that_is_discarded_takes_nothing_more(sqlite_db: Database) -> None:
    """Whoever had it open in another window is told."""
    loaded(sqlite_db)
    with pytest.raises(InvalidValueError):
        stage(sqlite_db, end=0.5)
    with pytest.raises(ConflictError, match="discarded"):
        stage(sqlite_db, draft_id=all_drafts(sqlite_db)[0].id)

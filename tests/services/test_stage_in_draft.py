"""A session more, and moves that are left out: staged in a draft, previewed, and nothing left behind if refused."""

from __future__ import annotations

import pytest

from balancer.domain.draft import DraftState
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.states import RunState
from balancer.services.leave_moves_out import leave_moves_out
from balancer.services.override_roster import Extra
from balancer.services.override_scope import Decision
from balancer.services.publish_draft import publish_draft
from balancer.services.run_allocation import run_allocation
from balancer.services.stage_session import stage_session
from balancer.store import drafts, previews
from balancer.store.database import Database
from tests.networks import claimed, loaded, minutes, read_id, solving
from tests.services.test_held_runs import MANAGER, held_run, holding, lists
from tests.services.test_stage_absence import all_drafts
from tests.worlds import NOW, at

WHY = "the CT lead asks for it"
MORE = Extra(start=at(1), end=at(4), subspecialties=("neuro",))


def staged(db: Database, draft_id: int) -> list[tuple[InstructionKind, str | None, int | None]]:
    """Return what a draft holds, having seen that its preview is asked for."""
    with db.session() as reading:
        found = previews.newest(reading, draft_id)
        assert found is not None
        assert found[0].state is RunState.REQUESTED
        rows = drafts.of_draft(reading, draft_id, InstructionState.STAGED)
    return [(row.kind, row.reporter_id, row.read_id) for row in rows]


def test_a_session_more_is_staged_and_previewed(sqlite_db: Database) -> None:
    """It holds nowhere until its draft is published."""
    loaded(sqlite_db)
    said = Decision(trust="RVV", reason=WHY)
    number = stage_session(sqlite_db, "R1", MORE, NOW, by=MANAGER, said=said, name="Dr R1 covers neuro")
    assert staged(sqlite_db, number) == [(InstructionKind.SESSION, "R1", None)]


def test_no_draft_stays_open_in_which_no_session_could_be_staged(sqlite_db: Database) -> None:
    """It is refused, and what was begun for it is discarded."""
    loaded(sqlite_db)
    said = Decision(trust="RVV", reason=WHY)
    with pytest.raises(NotFoundError):
        stage_session(sqlite_db, "R9", MORE, NOW, by=MANAGER, said=said, name="nobody covers")
    assert [row.state for row in all_drafts(sqlite_db)] == [DraftState.DISCARDED]


def test_a_move_that_is_left_out_stays_where_it_was_whatever_is_planned_then(sqlite_db: Database) -> None:
    """A pin to whoever has it: published, the plan that waits can no longer take it from them."""
    holding(sqlite_db)
    held_run(sqlite_db)
    stays = {read_id(sqlite_db, "A1"): "R1"}
    number = leave_moves_out(sqlite_db, stays, "RVV", minutes(2), by=MANAGER, reason=WHY, name="leave out 1 move")
    assert staged(sqlite_db, number) == [(InstructionKind.PIN, "R1", read_id(sqlite_db, "A1"))]
    assert "A1" in lists(sqlite_db)["R1"][1]
    with sqlite_db.session() as reading:
        shown = [row.id or 0 for row in drafts.of_draft(reading, number, InstructionState.STAGED)]
    publish_draft(sqlite_db, number, minutes(3), by=MANAGER, why=WHY, shown=shown)
    run_allocation(sqlite_db, minutes(4), solver=solving({"S1": ["A1", "A3"], "S2": ["A2"]}))
    assert "A1" in lists(sqlite_db)["R1"][1]


def test_if_one_of_several_cannot_be_left_out_none_is(sqlite_db: Database) -> None:
    """Somebody else has opened it meanwhile: the draft that was begun is discarded."""
    holding(sqlite_db)
    held_run(sqlite_db)
    claimed(sqlite_db, "A2", "R2")
    stays = {read_id(sqlite_db, "A1"): "R1", read_id(sqlite_db, "A2"): "R1"}
    with pytest.raises(ConflictError):
        leave_moves_out(sqlite_db, stays, "RVV", minutes(2), by=MANAGER, reason=WHY, name="leave out 2 moves")
    assert [row.state for row in all_drafts(sqlite_db)] == [DraftState.DISCARDED]

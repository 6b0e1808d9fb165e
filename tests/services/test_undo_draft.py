"""A published draft is undone: its decisions end, and lists are as they were but for what people have done since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from balancer.domain.actor import EVERY_TRUST, Grant, person, system
from balancer.domain.draft import DraftState
from balancer.domain.errors import ConflictError, GoneError, NotAllowedError
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ReadState
from balancer.domain.permission import Permission, Role
from balancer.domain.states import RunKind
from balancer.domain.study import StudyKey
from balancer.services.complete_read import complete_read
from balancer.services.correct_study import correct_study
from balancer.services.override_scope import Decision, decide_entitlement
from balancer.services.restore_lists import DECIDED_SINCE, Left
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, bar_reporter, exclude_read, pin_read
from balancer.services.undo_draft import undo_draft
from balancer.store import conservation, drafts, instructions, queue, runs
from balancer.store.database import Database
from tests.networks import PACS, Network, claimed, loaded, minutes, read_id, solving, standing
from tests.services.test_drafts import MANAGER, WHY, begun, morning, published, states
from tests.services.test_preview_draft import lists
from tests.worlds import reporter

AS_IT_WAS = {"R1": ["A1", "A2", "A3"], "R2": ["B1"]}


def a_published_draft(db: Database) -> int:
    """Publish a draft that pins A1 to R2 and excludes A3; the run after it gives R2 what is pinned to them."""
    morning(db)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    exclude_read(db, read_id(db, "A3"), minutes(2), by=MANAGER, said=said, approver="Dr A")
    published(db, number)
    assert run_allocation(db, minutes(6), solver=solving({"S1": ["A2"], "S2": ["B1", "A1"]})).error == ""
    return number


def undone(db: Database, draft_id: int, at: float = 10) -> list[tuple[str | None, str]]:
    """Undo a draft; return who had what could not be put back, and why."""
    left = undo_draft(db, draft_id, minutes(at), by=MANAGER, why="the wrong Tuesday")
    with db.session() as reading:
        assert conservation.faults(reading) == []
    return [(item.reporter_id, item.why) for item in left]


def on_lists(db: Database) -> dict[str, list[str]]:
    """Return what is on everybody's current list, in order."""
    return {name: numbers for name, (_, numbers) in lists(db).items()}


def test_lists_are_as_they_were(db: Database) -> None:
    """In new versions, by a run of its own kind; nothing of the draft holds, and a run is asked for."""
    number = a_published_draft(db)
    assert on_lists(db) == {"R1": ["A2"], "R2": ["B1", "A1"]}
    versions = {name: version for name, (version, _) in lists(db).items()}
    assert undone(db, number) == []
    assert on_lists(db) == AS_IT_WAS
    assert {name: version for name, (version, _) in lists(db).items()} == {
        name: old + 1 for name, old in versions.items()
    }
    assert states(db, number) == [InstructionState.WITHDRAWN] * 2
    with db.session() as reading:
        row, current = drafts.draft(reading, number), runs.current_run(reading)
        assert (row.state, row.undone_by, row.undone_why) == (
            DraftState.UNDONE,
            MANAGER.subject,
            "the wrong Tuesday",
        )
        assert current is not None
        assert current.kind is RunKind.RESTORING
        assert runs.requested(reading) is not None
    with pytest.raises(ConflictError, match=f"draft {number} is undone"):
        undone(db, number, at=11)


def opens(db: Database) -> None:
    """Let R2 open what the draft gave them."""
    claimed(db, "A1", "R2")


def reports(db: Database) -> None:
    """Let R2 report it."""
    claimed(db, "A1", "R2")
    complete_read(db, read_id(db, "A1"), "R2", minutes(8), by=PACS)


def decides(db: Database) -> None:
    """Let a manager pin it to R2 once more, outside any draft."""
    pin_read(db, read_id(db, "A1"), "R2", minutes(8), by=MANAGER, said=Said(reason=WHY))


@pytest.mark.parametrize(
    ("since", "why", "stands"),
    [
        (opens, "somebody else has it open", (ReadState.CLAIMED, "R2")),
        (reports, "it is done", (ReadState.DONE, "R2")),
        (decides, "somebody has decided about it since", (ReadState.ALLOCATED, "R2")),
    ],
)
def test_what_people_did_since_stays_and_is_named(
    since: Callable[[Database], None], why: str, stands: tuple[ReadState, str], db: Database
) -> None:
    """Claimed, done, decided: it stays with R2, and everything else is put back."""
    number = a_published_draft(db)
    since(db)
    assert undone(db, number) == [("R1", why)]
    assert standing(db, "A1") == stands
    assert on_lists(db)["R1"] == ["A2", "A3"]
    with db.session() as reading:
        assert [item["why"] for item in drafts.draft(reading, number).left] == [why]


def test_whoever_has_been_barred_since_is_not_given_it_back(db: Database) -> None:
    """A bar is a decision like any other."""
    number = a_published_draft(db)
    bar_reporter(db, read_id(db, "A3"), "R1", minutes(8), by=MANAGER, said=Said(reason=WHY))
    assert undone(db, number) == [("R1", "somebody has decided about it since")]
    assert standing(db, "A3") == (ReadState.UNALLOCATED, None)
    assert on_lists(db) == {"R1": ["A1", "A2"], "R2": ["B1"]}


def test_what_the_draft_took_the_place_of_holds_again(db: Database) -> None:
    """An earlier pin of the same read, unless somebody has pinned it anew."""
    morning(db)
    pin_read(db, read_id(db, "A1"), "R1", minutes(1), by=MANAGER, said=Said(reason="knows the patient"))
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    published(db, number)
    assert undone(db, number) == []
    with db.session() as reading:
        (held,) = instructions.in_force(reading, minutes(11))
    assert (held.kind, held.reporter_id, held.reason) == (InstructionKind.PIN, "R1", "knows the patient")
    assert on_lists(db) == AS_IT_WAS


def test_what_a_draft_decides_that_was_published_since_counts_as_decided_since(db: Database) -> None:
    """Though it was staged before: nobody meant the draft that is undone to win over it."""
    morning(db)
    pin_read(db, read_id(db, "A1"), "R1", minutes(1), by=MANAGER, said=Said(reason="knows the patient"))
    number, said = begun(db)
    later, later_said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    pin_read(db, read_id(db, "A1"), "R1", minutes(3), by=MANAGER, said=later_said)
    published(db, number, 5)
    published(db, later, 6)
    assert undone(db, number) == [(None, DECIDED_SINCE), ("R1", DECIDED_SINCE)]
    assert states(db, later) == [InstructionState.IN_FORCE]


def held(db: Database, kind: InstructionKind = InstructionKind.PIN) -> list[tuple[str | None, dict[str, object]]]:
    """Return whom each decision of a kind is about that holds, and what it says."""
    with db.session() as reading:
        found = instructions.in_force(reading, minutes(30), kinds={kind})
        return [(item.reporter_id, dict(item.value)) for item in found]


def with_a_third(db: Database) -> None:
    """Let the network have somebody else who may report what R1 and R2 do."""
    third = reporter("R3", trusts=("RVV", "RWF"), skills={"neuro": 2})
    loaded(db, replace(Network(), reporters=[*Network().reporters, third]))


def pinned(db: Database, reporter_id: str, at: float, said: Said | None = None) -> None:
    """Pin A1 to somebody, or stage that."""
    pin_read(db, read_id(db, "A1"), reporter_id, minutes(at), by=MANAGER, said=said or Said(reason=WHY))


def corrected(db: Database, at: float, said: Said | None = None, **value: object) -> None:
    """Correct what the feed says of A1, or stage that."""
    correct_study(db, StudyKey("RVV", "A1"), value, minutes(at), by=MANAGER, said=said or Said(reason=WHY))


def test_a_pin_to_a_third_person_since_is_not_ended_by_the_one_before_the_draft(db: Database) -> None:
    """Whomever it names, it is about the same read: a manager has decided that later than the draft."""
    morning(db)
    with_a_third(db)
    pinned(db, "R1", 1)
    number, said = begun(db)
    pinned(db, "R2", 2, said)
    published(db, number)
    pinned(db, "R3", 8)
    assert (None, DECIDED_SINCE) in undone(db, number)
    assert held(db) == [("R3", {})]


def test_of_two_drafts_undone_neither_holds_again_and_what_was_before_both_does(db: Database) -> None:
    """What the second had taken the place of came with the first, which nobody means any more."""
    morning(db)
    with_a_third(db)
    pinned(db, "R1", 1)
    (one, one_said), (two, two_said) = begun(db), begun(db)
    pinned(db, "R2", 2, one_said)
    pinned(db, "R3", 2, two_said)
    published(db, one, 5)
    published(db, two, 6)
    assert (None, DECIDED_SINCE) in undone(db, one, 10)
    assert undone(db, two, 11) == [("R1", DECIDED_SINCE)]
    assert held(db) == [("R1", {})]


def test_of_two_drafts_undone_the_later_first_neither_holds(db: Database) -> None:
    """What the first had decided holds again until it is undone as well: then what was before both does."""
    morning(db)
    with_a_third(db)
    pinned(db, "R1", 1)
    corrected(db, 1, minutes=11.0)
    (one, one_said), (two, two_said) = begun(db), begun(db)
    for reporter_id, said, stated in (("R2", one_said, 22.0), ("R3", two_said, 33.0)):
        pinned(db, reporter_id, 2, said)
        corrected(db, 2, said, minutes=stated)
    published(db, one, 5)
    published(db, two, 6)
    assert undone(db, two, 10) == [("R1", "whoever had it may not be given it any more")]  # it is pinned to R2
    assert (held(db), held(db, InstructionKind.STUDY)) == ([("R2", {})], [(None, {"minutes": 22.0})])
    assert undone(db, one, 11) == []
    assert (held(db), held(db, InstructionKind.STUDY)) == ([("R1", {})], [(None, {"minutes": 11.0})])
    assert on_lists(db) == AS_IT_WAS


def test_what_was_decided_about_people_is_undone_by_whoever_might_decide_it(db: Database) -> None:
    """A system's key may be for steering reads alone, at every trust."""
    morning(db)
    number, _ = begun(db)
    about = Decision(trust="RVV", reason=WHY, draft_id=number)
    decide_entitlement(db, "R1", minutes(2), by=MANAGER, said=about, granted=False, until=None)
    published(db, number)
    narrow = system("pacs", "a PACS", [Permission.READS_STEER], [EVERY_TRUST])
    with pytest.raises(NotAllowedError, match="rosters or scopes"):
        undo_draft(db, number, minutes(10), by=narrow, why=WHY)
    assert states(db, number) == [InstructionState.IN_FORCE]


def test_a_decision_about_somebody_at_another_trust_is_not_about_the_same(db: Database) -> None:
    """Whoever was kept from reporting for one trust is again, whatever another has decided of them."""
    morning(db)
    number, _ = begun(db)

    def decided(trust: str, at: float, *, granted: bool, draft_id: int | None = None) -> None:
        about = Decision(trust=trust, reason=WHY, draft_id=draft_id)
        decide_entitlement(db, "R1", minutes(at), by=MANAGER, said=about, granted=granted, until=None)

    decided("RVV", 1, granted=False)
    decided("RVV", 2, granted=True, draft_id=number)
    published(db, number)
    decided("RWF", 8, granted=False)
    undone(db, number)
    assert {value["trust"] for _, value in held(db, InstructionKind.ENTITLEMENT) if not value["granted"]} == {
        "RVV",
        "RWF",
    }


def test_what_is_left_of_a_drafts_correction_ends_with_the_draft(db: Database) -> None:
    """And of the one before the draft, what nobody has corrected since holds again."""
    morning(db)
    number, said = begun(db)
    corrected(db, 1, minutes=11.0, subspecialty="msk")
    corrected(db, 2, said, minutes=22.0, subspecialty="neuro")
    published(db, number)
    corrected(db, 8, minutes=33.0)
    undone(db, number)
    found = sorted((value for _, value in held(db, InstructionKind.STUDY)), key=len)
    assert found == [{"minutes": 33.0}, {"subspecialty": "msk"}]


def test_only_whoever_steers_everywhere_puts_everybodys_list_back(db: Database) -> None:
    """And only what was published, while what was there before is kept."""
    number = a_published_draft(db)
    here = person("oidc:m2", "B. Manager", Grant(Role.MANAGER, "RVV"))
    with pytest.raises(NotAllowedError, match="at every trust"):
        undo_draft(db, number, minutes(10), by=here, why=WHY)
    other, _ = begun(db)
    with pytest.raises(ConflictError, match="is open"):
        undone(db, other)
    with db.transaction() as writing:
        queue.forget_plans(writing, minutes(60 * 24 * 8))
    with pytest.raises(GoneError, match="no longer kept"):
        undone(db, number)
    assert states(db, number) == [InstructionState.IN_FORCE] * 2


def test_what_is_left_says_what_it_is() -> None:
    """A read and who had it, or a decision."""
    assert Left(why="it is done", read_id=1, reporter_id="R1").as_kept() == {
        "why": "it is done",
        "read_id": 1,
        "reporter_id": "R1",
        "instruction_id": None,
    }

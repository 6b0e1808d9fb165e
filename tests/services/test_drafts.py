"""Drafts: decisions that hold nowhere until they are put in force together, all of them or none."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from balancer.domain import draft as rules
from balancer.domain.actor import EVERY_TRUST, Grant, Reach, person, system
from balancer.domain.draft import DraftState
from balancer.domain.errors import BalancerError, ConflictError, NotAllowedError, NotFoundError
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ReadState
from balancer.domain.permission import Permission, Role
from balancer.domain.study import StudyKey
from balancer.services.begin_draft import begin_draft
from balancer.services.build_problem import build_problem
from balancer.services.discard_draft import discard_draft
from balancer.services.expedite_study import expedite_study
from balancer.services.override_roster import Extra, add_session, mark_absent
from balancer.services.override_scope import Decision, decide_skill
from balancer.services.park_read import park_read
from balancer.services.publish_draft import publish_draft
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, bar_reporter, exclude_read, pin_read, send_out_read
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import audit, conservation, drafts, instructions, runs
from balancer.store.database import Database
from balancer.store.instructions import InstructionFilter
from balancer.store.pages import Cut
from tests.networks import claimed, minutes, queued, read_id, rostered, solving, standing
from tests.worlds import NOW, session

MANAGER = person("oidc:m1", "A. Manager", Grant(Role.MANAGER, EVERY_TRUST))
WHY = "the clinic is today"


def morning(db: Database) -> None:
    """Put three studies on R1's list and one on R2's."""
    queued(db, "A1", "A2", "A3", "B1")
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2", "A3"], "S2": ["B1"]})).error == ""


def begun(db: Database) -> tuple[int, Said]:
    """Begin a draft; return its number, and what staging something in it says."""
    number = begin_draft(db, "Tuesday", "RVV", minutes(1), by=MANAGER)
    return number, Said(reason=WHY, draft_id=number)


def published(db: Database, draft_id: int, at: float = 5) -> None:
    """Publish a draft."""
    publish_draft(db, draft_id, minutes(at), by=MANAGER, why="agreed")


def states(db: Database, draft_id: int) -> list[InstructionState]:
    """Return how the decisions of a draft stand, in the order of entry."""
    with db.session() as reading:
        found = instructions.instructions(reading, InstructionFilter(state=None, draft_id=draft_id), Cut()).items
    return [item.state for item in found][::-1]


def state_of(db: Database, draft_id: int) -> DraftState:
    """Return how a draft stands."""
    with db.session() as reading:
        return drafts.draft(reading, draft_id).state


def all_as_before(db: Database) -> bool:
    """Tell whether every read is where the run of the morning has put it, and no run is asked for."""
    with db.session() as reading:
        asked = runs.requested(reading) is not None
    stand = [standing(db, number) for number in ("A1", "A2", "A3", "B1")]
    return not asked and stand == [(ReadState.ALLOCATED, "R1")] * 3 + [(ReadState.ALLOCATED, "R2")]


def test_nothing_of_a_draft_holds_until_it_is_published(db: Database) -> None:
    """Then all of it does, at once, and a run is asked for."""
    morning(db)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    exclude_read(db, read_id(db, "A2"), minutes(2), by=MANAGER, said=said, approver="Dr A")
    park_read(db, read_id(db, "A3"), minutes(2), by=MANAGER, reason=WHY, until=minutes(600), draft_id=number)
    bar_reporter(db, read_id(db, "B1"), "R2", minutes(2), by=MANAGER, said=said)
    assert states(db, number) == [InstructionState.STAGED] * 4
    assert all_as_before(db)
    published(db, number)
    assert states(db, number) == [InstructionState.IN_FORCE] * 4
    assert [standing(db, name)[0] for name in ("A1", "A2", "A3", "B1")] == [
        ReadState.UNALLOCATED,
        ReadState.EXCLUDED,
        ReadState.PARKED,
        ReadState.UNALLOCATED,
    ]
    with db.session() as reading:
        assert runs.requested(reading) is not None
        assert conservation.faults(reading) == []
        row = drafts.draft(reading, number)
        assert (row.state, row.decided_by, row.decided_why) == (DraftState.PUBLISHED, MANAGER.subject, "agreed")
        entries = audit.entries(reading, Cut(), subject_kind="draft", subject_id=str(number)).items
        trail = [(item.action, item.actor) for item in entries][::-1]
    assert trail == [("draft.begun", MANAGER.subject), ("draft.published", MANAGER.subject)]


def test_if_one_cannot_be_done_any_more_none_is(db: Database) -> None:
    """Somebody has opened a read since. It is named, and taken out of the draft the rest goes through."""
    morning(db)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    gone = exclude_read(db, read_id(db, "A2"), minutes(2), by=MANAGER, said=said, approver="Dr A")
    claimed(db, "A2", "R1")
    with pytest.raises(ConflictError, match=f"instruction {gone.id}, exclude: the read is claimed"):
        published(db, number)
    assert states(db, number) == [InstructionState.STAGED] * 2
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R1")
    assert state_of(db, number) is DraftState.OPEN
    withdraw_instruction(db, gone.id, minutes(4), by=MANAGER, why="open by now")
    published(db, number)
    assert states(db, number) == [InstructionState.IN_FORCE, InstructionState.DISCARDED]


def test_a_discarded_draft_has_done_nothing(db: Database) -> None:
    """It is kept, with who threw it away, and nothing can be added or published any more."""
    morning(db)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    discard_draft(db, number, minutes(3), by=MANAGER, why="no longer needed")
    assert states(db, number) == [InstructionState.DISCARDED]
    assert state_of(db, number) is DraftState.DISCARDED
    assert all_as_before(db)
    for refused in (
        lambda: published(db, number),
        lambda: discard_draft(db, number, minutes(4), by=MANAGER, why="again"),
        lambda: bar_reporter(db, read_id(db, "A1"), "R1", minutes(4), by=MANAGER, said=said),
    ):
        with pytest.raises(ConflictError, match=f"draft {number} is discarded"):
            refused()


def test_an_empty_draft_is_not_published(db: Database) -> None:
    """Nothing would be put in force; and what is not there cannot be."""
    morning(db)
    number, _ = begun(db)
    with pytest.raises(ConflictError, match="nothing is staged"):
        published(db, number)
    with pytest.raises(NotFoundError):
        published(db, number + 1)
    with pytest.raises(NotFoundError):
        pin_read(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=Said(reason=WHY, draft_id=number + 1))


def test_a_later_word_in_a_draft_takes_the_place_of_an_earlier(db: Database) -> None:
    """Of pins of one read, bars of one person from one study, expedites of one study the last is left."""
    morning(db)
    number, said = begun(db)
    for reporter_id in ("R1", "R2"):
        pin_read(db, read_id(db, "A1"), reporter_id, minutes(2), by=MANAGER, said=said)
        bar_reporter(db, read_id(db, "A2"), "R1", minutes(2), by=MANAGER, said=said)
    assert states(db, number) == [
        InstructionState.DISCARDED,
        InstructionState.DISCARDED,
        InstructionState.STAGED,
        InstructionState.STAGED,
    ]
    published(db, number)
    with db.session() as reading:
        held = instructions.in_force(reading, minutes(6))
    assert [(item.kind, item.reporter_id) for item in held] == [
        (InstructionKind.PIN, "R2"),
        (InstructionKind.BAR, "R1"),
    ]


def test_a_read_leaves_the_queue_one_way_in_a_draft(db: Database) -> None:
    """To exclude it and to send it out cannot both be meant, which is said when it is staged."""
    morning(db)
    _, said = begun(db)
    exclude_read(db, read_id(db, "A1"), minutes(2), by=MANAGER, said=said, approver="Dr A")
    with pytest.raises(ConflictError, match="the draft has exclude of this read already"):
        send_out_read(
            db, read_id(db, "A1"), minutes(2), by=MANAGER, said=said, provider="Farsight", due_back_at=minutes(900)
        )


def test_a_draft_never_makes_later_what_was_asked_for_sooner_meanwhile(db: Database) -> None:
    """An expedite weakens none that is in force: the draft is refused, and says which of its decisions."""
    morning(db)
    number, said = begun(db)
    key = StudyKey("RVV", "A1")
    staged = expedite_study(db, key, minutes(120), minutes(2), by=MANAGER, said=said)
    expedite_study(db, key, minutes(60), minutes(3), by=MANAGER, said=Said(reason=WHY))
    with pytest.raises(
        ConflictError, match=f"instruction {staged.id}, expedite: somebody has asked for the study sooner"
    ):
        published(db, number)
    again = expedite_study(db, key, minutes(50), minutes(4), by=MANAGER, said=said)
    published(db, number)
    with db.session() as reading:
        assert [item.id for item in instructions.in_force(reading, minutes(6))] == [again.id]


@pytest.mark.parametrize("staged", ["park", "send_out", "expedite", "pin"])
def test_what_has_become_too_late_is_not_put_in_force(staged: str, db: Database) -> None:
    """A date that lay ahead when it was staged, and is past when the draft is published."""
    morning(db)
    number, said = begun(db)
    read = read_id(db, "A1")
    if staged == "park":
        park_read(db, read, minutes(2), by=MANAGER, reason=WHY, until=minutes(4), draft_id=number)
    elif staged == "send_out":
        send_out_read(db, read, minutes(2), by=MANAGER, said=said, provider="Farsight", due_back_at=minutes(4))
    elif staged == "expedite":
        expedite_study(db, StudyKey("RVV", "A1"), minutes(4), minutes(2), by=MANAGER, said=said)
    else:
        ends = Said(reason=WHY, draft_id=number, expires_at=minutes(4))
        pin_read(db, read, "R2", minutes(2), by=MANAGER, said=ends)
    with pytest.raises(ConflictError, match=r"its date has passed|it would have ended by now"):
        published(db, number, at=5)
    assert all_as_before(db)


def test_nobody_publishes_what_they_may_not_see(db: Database) -> None:
    """Whoever reaches one trust only decides about drafts that decide about nothing else."""
    morning(db)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    elsewhere = db.within(Reach(trusts=frozenset({"RWF"})))
    with pytest.raises(NotFoundError):
        published(elsewhere, number)
    with db.transaction() as writing:  # its name is theirs to see, what is in it is not
        drafts.draft(writing, number).trust = "RWF"
    with pytest.raises(NotAllowedError, match="other trusts too"):
        published(elsewhere, number)
    with pytest.raises(NotAllowedError, match="other trusts too"):
        discard_draft(elsewhere, number, minutes(4), by=MANAGER, why="no")
    assert states(db, number) == [InstructionState.STAGED]


def test_somebodys_illness_can_be_part_of_a_draft(db: Database) -> None:
    """It is no absence before the draft is published; a later decision about the same scope replaces the earlier."""
    morning(db)
    number, _ = begun(db)
    said = Decision(trust="RVV", reason=WHY, draft_id=number)
    mark_absent(db, "R1", minutes(10), minutes(200), minutes(2), by=MANAGER, said=said)
    for level in (2, 1):
        decide_skill(db, "R1", "neuro", None, level, minutes(2), by=MANAGER, said=said)
    assert all_as_before(db)
    before = build_problem(db, minutes(3)).sessions
    assert [item.reporter_id for item in before] == ["R1", "R2"]
    published(db, number)
    assert states(db, number) == [InstructionState.IN_FORCE, InstructionState.DISCARDED, InstructionState.IN_FORCE]
    away = [item for item in build_problem(db, minutes(6)).sessions if item.reporter_id == "R1"]
    assert all(item.start >= minutes(200) or item.end <= minutes(10) for item in away)
    with db.session() as reading:
        assert runs.requested(reading) is not None


def test_of_two_words_about_one_rota_that_which_came_into_force_later_counts(db: Database) -> None:
    """Who is away by a draft is away, though somebody gave them a session meanwhile: the draft was published after."""
    morning(db)
    number, _ = begun(db)
    said = Decision(trust="RVV", reason=WHY, draft_id=number)
    mark_absent(db, "R1", minutes(300), minutes(400), minutes(2), by=MANAGER, said=said)
    extra = Extra(start=minutes(300), end=minutes(360))
    add_session(db, "R1", extra, minutes(3), by=MANAGER, said=Decision(trust="RVV", reason=WHY))
    assert minutes(300) in [item.start for item in build_problem(db, minutes(4)).sessions]
    published(db, number)
    assert minutes(300) not in [item.start for item in build_problem(db, minutes(6)).sessions]


def test_whoever_may_not_change_rosters_does_not_by_a_draft(db: Database) -> None:
    """A system that steers reads publishes no absence that a manager has staged."""
    morning(db)
    number, _ = begun(db)
    said = Decision(trust="RVV", reason=WHY, draft_id=number)
    mark_absent(db, "R1", minutes(10), minutes(200), minutes(2), by=MANAGER, said=said)
    steering = system("steers", "Steers", [Permission.READS_STEER], ["RVV"])
    with pytest.raises(NotAllowedError, match="rosters or scopes"):
        publish_draft(db, number, minutes(5), by=steering, why="agreed")
    assert states(db, number) == [InstructionState.STAGED]


def test_what_is_published_is_what_was_shown(db: Database) -> None:
    """What somebody staged meanwhile is not put in force by whoever has not seen it; nothing holds then."""
    morning(db)
    number, _ = begun(db)
    said = Decision(trust="RVV", reason=WHY, draft_id=number)
    for place, reporter_id in enumerate(("R1", "R2")):
        mark_absent(db, reporter_id, minutes(10), minutes(200), minutes(2 + place), by=MANAGER, said=said)
    with db.session() as reading:
        first, second = [item.id or 0 for item in drafts.of_draft(reading, number, InstructionState.STAGED)]
    for shown in ([first], [], [first, second, second + 1]):
        with pytest.raises(ConflictError, match="changed since it was shown"):
            publish_draft(db, number, minutes(5), by=MANAGER, why="agreed", shown=shown)
    assert states(db, number) == [InstructionState.STAGED] * 2
    publish_draft(db, number, minutes(5), by=MANAGER, why="agreed", shown=[second, first])
    assert state_of(db, number) is DraftState.PUBLISHED


def test_a_draft_has_room_for_so_many(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publishing holds all their reads still until it is done."""
    monkeypatch.setattr(drafts, "MOST_INSTRUCTIONS", 2)
    assert rules.MOST_INSTRUCTIONS == 500
    morning(db)
    _, said = begun(db)
    for number in ("A1", "A2"):
        pin_read(db, read_id(db, number), "R2", minutes(2), by=MANAGER, said=said)
    with pytest.raises(ConflictError, match="at most 2 decisions"):
        pin_read(db, read_id(db, "A3"), "R2", minutes(2), by=MANAGER, said=said)


def test_of_two_who_publish_at_once_one_does(db: Database) -> None:
    """And the other is told; so is whoever stages something at that moment, or it is in the draft that is published."""
    morning(db)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    ready = threading.Barrier(3)

    def attempt(work: object) -> bool:
        ready.wait()
        try:
            work()  # type: ignore[operator]
        except BalancerError:
            return False
        return True

    jobs = [
        lambda: published(db, number),
        lambda: published(db, number),
        lambda: bar_reporter(db, read_id(db, "A2"), "R1", minutes(2), by=MANAGER, said=said),
    ]
    with ThreadPoolExecutor(3) as pool:
        first, second, staged = pool.map(attempt, jobs)
    found = states(db, number)
    if not (first or second):  # both saw the draft change under them
        assert staged
        published(db, number)
        found = states(db, number)
    assert not (first and second)
    assert found == [InstructionState.IN_FORCE] * len(found)
    assert len(found) == 1 + staged

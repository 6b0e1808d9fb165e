"""Rosters and people as managers have decided, beside what the feeds say."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import Shift, changes, reporter_agrees, reporter_held, roster_agrees, shifts_held
from balancer.domain.reporter import Session
from tests.worlds import NOW, at, reporter, session

_K = InstructionKind
HOME = {"R1": "RVV", "R2": "RVV"}
TODAY = NOW.date()


def decided(
    kind: InstructionKind, value: dict[str, Any], number: int = 7, trust: str = "RVV", session_id: str | None = None
) -> Instruction:
    """Return what a manager of ``trust`` has decided about R1."""
    return Instruction(
        kind=kind,
        id=number,
        trust=trust,
        reason="asked",
        author="m",
        made_at=NOW,
        reporter_id="R1",
        session_id=session_id,
        value=value,
    )


def away(start: float, end: float, number: int = 7, trust: str = "RVV") -> Instruction:
    """Return an absence of R1, in hours after ``NOW``."""
    return decided(_K.ABSENCE, {"start": at(start).isoformat(), "end": at(end).isoformat()}, number, trust)


def extra(start: float, end: float, number: int = 8, trust: str = "RVV", **more: Any) -> Instruction:
    """Return a session more for R1."""
    times = {"start": at(start).isoformat(), "end": at(end).isoformat()}
    return decided(_K.SESSION, {"added": True, **times, **more}, number, trust)


def gone(trust: str = "RVV") -> Instruction:
    """Return that S1, from 0 to 4 hours after ``NOW``, does not take place."""
    times = {"start": NOW.isoformat(), "end": at(4).isoformat()}
    return decided(_K.SESSION, {"added": False, **times}, trust=trust, session_id="S1")


def shift(said: Session, trust: str = "RVV") -> Shift:
    """Return a session as the roster says it."""
    return Shift(trust=trust, session=said, said_id=said.session_id)


def held(said: list[Shift], *given: Instruction) -> list[tuple[str, float, float]]:
    """Return what holds: name, start and end in hours after ``NOW``."""

    def hours(item: Shift) -> tuple[str, float, float]:
        start, end = item.session.start - NOW, item.session.end - NOW
        return item.session.session_id, start.total_seconds() / 3600, end.total_seconds() / 3600

    return sorted(map(hours, shifts_held(said, given, HOME)))


MORNING = shift(session("S1", "R1", start=0, hours=4))


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        (-1, 5, []),
        (0, 4, []),
        (-1, 1, [("S1", 1, 4)]),
        (3, 5, [("S1", 0, 3)]),
        (1, 2, [("S1", 0, 1), ("S1+7", 2, 4)]),
        (4, 5, [("S1", 0, 4)]),
        (-2, 0, [("S1", 0, 4)]),
    ],
)
def test_an_absence_takes_its_time_out_of_sessions(
    start: float, end: float, left: list[tuple[str, float, float]]
) -> None:
    """What is outside of it stays; of a session that is cut in two each part has a name of its own."""
    assert held([MORNING], away(start, end)) == left


def test_an_absence_is_one_persons() -> None:
    """A colleague stays where they are."""
    colleague = shift(session("S2", "R2", start=0, hours=4))
    assert held([MORNING, colleague], away(-1, 5)) == [("S2", 0, 4)]


def test_the_home_trusts_word_counts_everywhere_and_anothers_on_its_own_roster() -> None:
    """R1, of RVV, also reports at RWF: RVV's manager knows that they are ill, RWF's gives them a morning off."""
    there = shift(session("S2", "R1", start=4, hours=4), "RWF")
    assert held([MORNING, there], away(-1, 9, trust="RVV")) == []
    assert held([MORNING, there], away(-1, 9, trust="RWF")) == [("S1", 0, 4)]


def test_a_session_that_is_taken_away_does_not_take_place() -> None:
    """By its trust, and no other."""
    assert held([MORNING], gone()) == []
    assert held([MORNING], gone("RWF")) == [("S1", 0, 4)]


def test_a_session_is_taken_away_by_its_time_whatever_it_is_called() -> None:
    """A roster that brings it again a quarter of an hour later calls it by another name."""
    later = shift(session("S1-0815", "R1", start=0.25, hours=4))
    afternoon = shift(session("S2", "R1", start=5, hours=4))
    assert held([later, afternoon], gone()) == [("S1-0815", 4, 4.25), ("S2", 5, 9)]
    assert held([MORNING], extra(1, 2), gone()) == [("extra-8", 1, 2)]


def test_a_decision_of_old_that_only_names_a_session_takes_it_away_and_is_never_agreed_with() -> None:
    """It ends with the session."""
    named = decided(_K.SESSION, {"added": False}, session_id="S1")
    assert held([MORNING], named) == []
    assert held([shift(session("S2", "R1"))], named) == [("S2", 0, 4)]
    assert not agrees([], named)


def test_a_decision_that_changes_a_session_is_known() -> None:
    """The roster says beside each session which decision made the difference."""
    afternoon = shift(session("S2", "R1", start=5, hours=4))
    assert changes(gone(), MORNING, HOME)
    assert not changes(gone(), afternoon, HOME)
    assert not changes(gone("RWF"), MORNING, HOME)
    assert not changes(decided(_K.ENTITLEMENT, {"trust": "RVV", "granted": False}), MORNING, HOME)


def test_a_session_that_is_added_stands_in_place_of_what_its_roster_says() -> None:
    """Of the same time; another trust's roster stays as it is."""
    there = shift(session("S2", "R1", start=4, hours=4), "RWF")
    assert held([MORNING, there], extra(2, 6)) == [("S1", 0, 2), ("S2", 4, 8), ("extra-8", 2, 6)]


def test_the_later_word_counts() -> None:
    """Away, and then working after all; or a session more, and then ill."""
    assert held([MORNING], away(0, 4, 7), extra(1, 2, 8)) == [("extra-8", 1, 2)]
    assert held([], extra(1, 4, 8), away(2, 3, 9)) == [("extra-8", 1, 2), ("extra-8+9", 3, 4)]


def test_a_part_of_a_session_has_its_part_of_the_reads() -> None:
    """Never more than the whole had."""
    limited = shift(session("S1", "R1", start=0, hours=4, max_reads=10))
    left = shifts_held([limited], [away(1, 2)], HOME)
    assert [item.session.max_reads for item in left] == [2, 5]


def test_a_session_more_is_restricted_as_it_was_said() -> None:
    """And reports, at the share of time that was said, unless otherwise."""
    (made,) = shifts_held([], [extra(1, 2, modalities=["CT"], max_reads=3, productivity=0.5)], HOME)
    wanted = session("extra-8", "R1", start=1, hours=1, modalities=["CT"], max_reads=3, productivity=0.5)
    assert (made.session, made.trust, made.instruction_id) == (wanted, "RVV", 8)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 8)), max_size=4), st.integers(0, 20), st.integers(1, 8))
def test_nobody_works_while_they_are_away(stated: list[tuple[int, int]], start: int, hours: int) -> None:
    """And nothing else is lost: what is left and what was taken make up what was said."""
    said = [shift(session(f"S{n}", "R1", start=begin, hours=long)) for n, (begin, long) in enumerate(stated)]
    left = shifts_held(said, [away(start, start + hours)], HOME)
    for item in left:
        assert item.session.end <= at(start) or item.session.start >= at(start + hours)
    whole = sum((item.session.end - item.session.start).total_seconds() for item in said) / 3600
    taken = sum(max(0, min(begin + long, start + hours) - max(begin, start)) for begin, long in stated)
    kept = sum((item.session.end - item.session.start).total_seconds() for item in left) / 3600
    assert kept == pytest.approx(whole - taken)


def test_a_time_that_ends_before_it_begins_is_none() -> None:
    """It is refused, not taken for nothing."""
    with pytest.raises(InvalidValueError):
        held([MORNING], away(3, 1))


# --- people ----------------------------------------------------------------------------------------------------------

R1 = reporter("R1", trusts={"RVV": None}, skills={"neuro": 3, "msk/DX": 2})
MODALITIES = {"CT", "MR", "DX"}


def entitled(granted: bool, until: str | None = None, trust: str = "RWF") -> Instruction:  # noqa: FBT001
    """Return an entitlement that is granted or withdrawn."""
    ends = {} if until is None else {"until": until}
    return decided(_K.ENTITLEMENT, {"trust": trust, "granted": granted, **ends}, trust=trust)


def skilled(level: int, subspecialty: str = "neuro", **modality: str) -> Instruction:
    """Return a level that was decided."""
    return decided(_K.SKILL, {"subspecialty": subspecialty, "level": level, **modality})


def test_an_entitlement_is_granted_until_a_day_or_withdrawn() -> None:
    """The list's own others stay; whoever else it is about is not R1."""
    assert reporter_held(R1, [entitled(True)], MODALITIES).trusts == {"RVV": None, "RWF": None}
    until = reporter_held(R1, [entitled(True, "2026-06-30")], MODALITIES).trusts
    assert until == {"RVV": None, "RWF": date(2026, 6, 30)}
    assert reporter_held(R1, [entitled(True, "2026-06-30", trust="RVV")], MODALITIES).trusts == {"RVV": None}
    assert reporter_held(R1, [entitled(True), entitled(False)], MODALITIES).trusts == {"RVV": None}
    assert reporter_held(R1, [entitled(False, trust="RVV")], MODALITIES).trusts == {}
    other = reporter("R2", trusts={"RVV": None})
    assert reporter_held(other, [entitled(True)], MODALITIES) == other


@pytest.mark.parametrize(
    ("given", "levels"),
    [
        (skilled(1), {"CT": 1, "MR": 1, "DX": 1}),
        (skilled(0), {"CT": 0, "MR": 0, "DX": 0}),
        (skilled(1, modality="CT"), {"CT": 1, "MR": 3, "DX": 3}),
        (skilled(0, modality="CT"), {"CT": 0, "MR": 3, "DX": 3}),
        (skilled(2, "breast"), {"CT": 3, "MR": 3, "DX": 3}),
    ],
)
def test_a_level_is_decided_for_all_modalities_or_for_one(given: Instruction, levels: dict[str, int]) -> None:
    """Whoever loses one modality of a level for every one keeps the others."""
    person = reporter_held(R1, [given], MODALITIES)
    assert {name: person.level("neuro", name) for name in levels} == levels
    assert person.level("msk", "DX") == 2


@pytest.mark.parametrize(
    ("given", "agrees"),
    [
        (entitled(True, trust="RVV"), True),
        (entitled(True, "2026-06-30", trust="RVV"), True),
        (entitled(True), False),
        (entitled(False), True),
        (entitled(False, trust="RVV"), False),
        (skilled(3), True),
        (skilled(3, modality="CT"), True),
        (skilled(2, modality="CT"), False),
        (skilled(0, "msk", modality="DX"), False),
        (skilled(0, "msk", modality="CT"), True),
        (skilled(2, "msk", modality="DX"), True),
        (skilled(2, "msk"), False),
    ],
)
def test_the_list_agrees_if_nothing_would_differ_without_the_decision(given: Instruction, agrees: bool) -> None:  # noqa: FBT001
    """An entitlement until a day is agreed by one for good."""
    assert reporter_agrees(R1, given, MODALITIES, TODAY) is agrees


def test_an_entitlement_that_ends_too_early_does_not_agree() -> None:
    """And one that is over agrees with its withdrawal."""
    short = reporter("R1", trusts={"RWF": date(2026, 6, 29)})
    assert not reporter_agrees(short, entitled(True, "2026-06-30"), MODALITIES, TODAY)
    assert not reporter_agrees(short, entitled(True), MODALITIES, TODAY)
    assert reporter_agrees(short, entitled(False), MODALITIES, date(2026, 6, 30))
    assert not reporter_agrees(short, entitled(False), MODALITIES, date(2026, 6, 29))


def agrees(said: list[Shift], given: Instruction, *, told: bool = True, now: float = 0) -> bool:
    """Tell whether the rosters agree."""
    return roster_agrees(said, given, "RVV", told_since=told, now=at(now))


def test_a_roster_agrees_with_an_absence_once_it_has_come_without_the_sessions() -> None:
    """That nothing is rostered yet is not agreement; what is over does not matter any more."""
    assert agrees([], away(0, 4))
    assert not agrees([], away(0, 4), told=False)
    assert not agrees([MORNING], away(2, 6))
    assert agrees([MORNING], away(2, 6), now=4)
    assert agrees([shift(session("S1", "R2"))], away(0, 4))
    meeting = shift(session("S1", "R1", activity="meeting"))
    assert agrees([meeting], away(0, 4))


def test_a_roster_agrees_with_an_absence_on_the_rosters_it_is_about() -> None:
    """RWF's word is about RWF's roster; the home trust's is about both."""
    assert agrees([MORNING], away(0, 4, trust="RWF"))
    there = shift(session("S2", "R1"), "RWF")
    assert not agrees([there], away(0, 4, trust="RVV"))


def test_a_roster_agrees_with_a_session_more_or_less() -> None:
    """Once it has it, or has come without anything at the time."""
    assert agrees([], gone())
    assert not agrees([], gone(), told=False)
    assert not agrees([MORNING], gone())
    assert not agrees([shift(session("S1-0815", "R1", start=0.25))], gone())
    assert agrees([shift(session("S1-0815", "R1"), "RWF")], gone())
    assert agrees([MORNING], extra(1, 3))
    assert not agrees([MORNING], extra(1, 5))
    assert not agrees([MORNING], extra(1, 3, modalities=["CT"]))
    assert not agrees([MORNING], extra(1, 3, trust="RWF"))

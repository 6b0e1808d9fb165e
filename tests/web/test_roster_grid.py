"""The week's grid as a value: what a half-day is called, how it looks, where it leads, and what the page says first."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

from balancer.domain.half_days import HalfDay, week_of_half_days
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import Shift
from balancer.domain.reporter import Session
from balancer.store.planned_time import Planned
from balancer.web.roster_grid import Asked, Kind, Person, away_in, days_of, people_of
from balancer.web.roster_hours import Hours, WeekOfHours
from balancer.web.roster_spare import Level, field_rows
from balancer.web.roster_words import week_sentence
from tests.worlds import NOW, at, reporter, session

MONDAY = date(2026, 3, 2)
WEEK = week_of_half_days(MONDAY)
ASKED = Asked(monday=MONDAY, trust="RVV")


def row(*sessions: Session, planned: tuple[Planned, ...] = (), now: float = 0, **said: object) -> Person:
    """Return R1's row of the grid."""
    shifts = [Shift(trust="RVV", session=item, said_id=item.session_id) for item in sessions]
    week = WeekOfHours(WEEK, shifts, planned, at(now))
    given = {"away": set(), "changed": set(), "asked": ASKED, **said}
    return people_of([reporter("R1", skills={"neuro": 3, "msk": 2})], WEEK, week, **given)[0]  # type: ignore[arg-type]


def test_a_half_day_says_its_hours_and_how_far_it_is_filled() -> None:
    """In words, in a bar, and in full for whoever does not see it."""
    cell = row(session("S1", "R1"), planned=(Planned("R1", at(0), at(3)),)).cells[0]
    assert (cell.kind, cell.words, cell.filled) == (Kind.REPORTING, "4.0 h", 75)
    assert cell.name == "Dr R1, Mon 2 March morning: 4.0 h reporting, 75% filled"


def test_what_is_no_reporting_is_called_what_it_is() -> None:
    """Emergencies only, another activity, away, nothing."""
    cells = row(
        session("S1", "R1", priorities=("emergency",)),
        session("S2", "R1", start=24, activity="mdt"),
        away={("R1", WEEK[4])},
    ).cells
    assert [(cells[place].kind, cells[place].words) for place in (0, 2, 4, 6)] == [
        (Kind.EMERGENCIES, "4.0 h"),
        (Kind.OTHER, "Mdt"),
        (Kind.AWAY, "Away"),
        (Kind.FREE, ""),
    ]


def test_a_row_adds_up_what_holds() -> None:
    """And says what somebody reports best."""
    found = row(session("S1", "R1"), session("S2", "R1", start=24, hours=2.5))
    assert (found.hours, found.fields, found.link) == ("6.5", "Neuro 3, MSK 2", "/reporters/R1")


def test_a_cell_opens_itself_and_keeps_what_was_asked() -> None:
    """The address names the reporter and the half-day; the open one is marked."""
    cell = row(asked=Asked(monday=MONDAY, trust="RVV", reporter_id="R1", half=WEEK[1])).cells[1]
    assert cell.here
    assert parse_qs(urlsplit(cell.link).query) == {
        "week": ["2026-03-02"],
        "trust": ["RVV"],
        "reporter": ["R1"],
        "at": ["2026-03-02pm"],
    }


def test_a_difference_from_the_rota_is_said() -> None:
    """Until the rota agrees."""
    cell = row(session("S1", "R1"), changed={("R1", WEEK[0])}).cells[0]
    assert cell.differs
    assert cell.name.endswith("not as the rota says")


def test_whoever_is_away_for_a_part_of_a_half_day_is_away_in_it() -> None:
    """08:00 to 13:00 are two."""
    given = Instruction(
        kind=InstructionKind.ABSENCE,
        trust="RVV",
        reason="away",
        author="m",
        made_at=NOW,
        reporter_id="R1",
        value={"start": at(0).isoformat(), "end": at(5).isoformat()},
    )
    assert away_in([given], WEEK) == {("R1", WEEK[0]), ("R1", WEEK[1])}


def test_a_phone_shows_the_day_of_the_open_cell_else_today_else_the_first() -> None:
    """One day at a time."""

    def shown(asked: Asked) -> date:
        return next(day.day for day in days_of(week_of_half_days(asked.monday), asked, NOW) if day.shown)

    assert shown(ASKED) == MONDAY
    assert shown(Asked(monday=MONDAY, half=WEEK[4])) == date(2026, 3, 4)
    assert shown(Asked(monday=MONDAY, day=date(2026, 3, 6))) == date(2026, 3, 6)
    assert shown(Asked(monday=date(2026, 3, 9))) == date(2026, 3, 9)


def test_hours_have_a_sign_a_shape_and_a_tone() -> None:
    """Spare, tight, none, short, very short; what is over says nothing."""
    found = [Hours(free=2.5), Hours(free=0.5), Hours(), Hours(free=3, late=1.5), Hours(late=6.5)]
    hours = {"neuro": dict(zip(WEEK[1:], found, strict=False))}
    cells = field_rows(hours, WEEK, ASKED, at(5), may_open=True)[0].cells
    assert [(cell.level, cell.words) for cell in cells[:6]] == [
        (Level.OVER, ""),
        (Level.SPARE, "+2.5"),
        (Level.TIGHT, "+0.5"),
        (Level.NONE, "0"),
        (Level.SHORT, "▼ 1.5"),
        (Level.VERY_SHORT, "▼ 6.5"),
    ]
    assert cells[5].name == "Neuro, Wed 4 March afternoon: 6.5 hours short"


def test_the_shortest_subspecialty_comes_first() -> None:
    """Then by name."""
    hours = {name: {WEEK[3]: Hours(late=late)} for name, late in (("a", 0.0), ("b", 3.0), ("c", 0.0))}
    assert [found.field for found in field_rows(hours, WEEK, ASKED, NOW, may_open=True)] == ["b", "a", "c"]


def test_the_sentence_names_the_shortest_half_days() -> None:
    """Three of them, the shortest first, and how many more there are."""

    def said(late: dict[str, dict[HalfDay, float]], *, is_rostered: bool = True, is_planned: bool = True) -> str:
        return week_sentence(late, MONDAY, is_rostered=is_rostered, is_planned=is_planned)

    found = {"neuro": {WEEK[2]: 6.5, WEEK[4]: 2.0}, "breast": {WEEK[3]: 2.5}, "msk": {WEEK[4]: 4.0, WEEK[5]: 2.1}}
    assert said(found) == (
        "Week of 2 March. Four half-days are more than 2 hours short: neuro Tuesday morning, MSK Wednesday morning, "
        "breast Tuesday afternoon, and 1 more."
    )
    assert said({"neuro": {WEEK[2]: 6.5}}) == (
        "Week of 2 March. One half-day is more than 2 hours short: neuro Tuesday morning."
    )
    assert said({}) == "Week of 2 March. No half-day is more than 2 hours short."
    assert "No rota" in said({}, is_rostered=False)
    assert "No plan" in said({}, is_planned=False)

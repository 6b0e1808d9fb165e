from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from balancer.domain.errors import InvalidValueError, NotFoundError
from balancer.domain.reporter import Session
from balancer.domain.roster import ParsedRoster
from balancer.domain.states import BatchState
from balancer.services.outcomes import RosterOutcome
from balancer.services.update_roster import update_roster
from balancer.store import people, sources
from balancer.store.database import Database
from tests.networks import Network, Roster, bad_row, loaded, minutes
from tests.worlds import NOW, session

MONDAY, TUESDAY, SUNDAY = date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 8)


def roster(
    *sessions: Session, covers: tuple[date, date] = (MONDAY, SUNDAY), digest: str = "1", **stated: object
) -> ParsedRoster:
    """Return a file that states these sessions for a week."""
    parsed = ParsedRoster(
        feed=Roster().name,
        digest=digest,
        covers_from=covers[0],
        covers_to=covers[1],
        sessions=sessions,
        rows_read=len(sessions),
    )
    return replace(parsed, **stated)  # type: ignore[arg-type]  # checked by dataclass use


def take(db: Database, parsed: ParsedRoster, at: float = 0) -> RosterOutcome:
    """Take a roster file in."""
    return update_roster(db, Roster(), parsed, minutes(at))


def rostered(db: Database) -> list[Session]:
    """Return every session in the store."""
    with db.session() as reading:
        return people.sessions_of(reading)


def test_a_roster_fills_its_days(db: Database) -> None:
    """Every session with all its restrictions, and where it is worked."""
    loaded(db)
    stated = session(
        "S1",
        trusts=["RVV"],
        subspecialties=["neuro"],
        modalities=["CT"],
        priorities=["emergency"],
        max_reads=5,
        productivity=0.4,
    )
    outcome = take(db, roster(stated, locations={"S1": "home"}))
    assert (outcome.state, outcome.sessions, outcome.quarantined) == (BatchState.APPLIED, 1, 0)
    assert rostered(db) == [stated]
    with db.session() as reading:
        assert people.session_rows(reading)[0].location == "home"


def test_a_new_file_replaces_the_days_it_covers_and_no_others(db: Database) -> None:
    """Monday is stated anew; Sunday's and Tuesday's sessions stay."""
    loaded(db)
    sunday, monday, tuesday = session("S0", start=-24), session("S1"), session("S2", start=24)
    take(db, roster(sunday, monday, tuesday))
    anew = session("S3", "R2")
    take(db, roster(anew, covers=(MONDAY, MONDAY), digest="2"))
    assert rostered(db) == [sunday, anew, tuesday]


def test_the_days_are_londons(db: Database) -> None:
    """In summer Monday ends at 23:00 UTC: what begins then is Tuesday's."""
    loaded(db)
    hours = (date(2026, 7, 6) - MONDAY).days * 24
    late = session("S1", start=hours + 14.5, hours=1)  # 22:30 UTC, 23:30 in London
    night = session("S2", "R2", start=hours + 15, hours=1)  # 23:00 UTC, midnight in London
    take(db, roster(late, night, covers=(date(2026, 7, 6), date(2026, 7, 7))))
    take(db, roster(session("S3", start=hours), covers=(date(2026, 7, 6), date(2026, 7, 6)), digest="2"))
    assert [item.session_id for item in rostered(db)] == ["S3", "S2"]


def test_a_session_stated_again_is_the_same_session(db: Database) -> None:
    """A file that names a session of other days replaces it instead of failing on its number."""
    loaded(db)
    take(db, roster(session("S1")))
    moved = session("S1", start=24)
    take(db, roster(moved, covers=(TUESDAY, TUESDAY), digest="2"))
    assert rostered(db) == [moved]


def test_other_trusts_sessions_stay(db: Database) -> None:
    """Each trust's roster speaks for its own sessions."""
    west = Roster(name="RWF rota", trust="RWF")
    loaded(db, Network(rosters=(Roster(), west)))
    update_roster(db, west, roster(session("W1", "R2"), feed=west.name), NOW)
    take(db, roster(session("S1"), digest="2"))
    assert {item.session_id for item in rostered(db)} == {"S1", "W1"}


def test_the_same_file_again_changes_nothing_and_says_so(db: Database) -> None:
    """It is entered once, however often it comes."""
    loaded(db)
    first = take(db, roster(session("S1")))
    again = take(db, roster(session("S1")), at=15)
    assert again == replace(first, state=BatchState.UNCHANGED)
    with db.session() as reading:
        (status,) = sources.rosters(reading)
    assert status.last_batch is not None
    assert (status.last_batch.times_received, status.last_batch.last_received_at) == (2, minutes(15))


@pytest.mark.parametrize(
    ("parsed", "reason"),
    [
        (roster(digest="2", problem="is not a workbook"), "is not a workbook"),
        (roster(digest="2"), "no row of 0 was accepted"),
        (roster(digest="2", rows_read=1, quarantined=(bad_row(),)), "no row of 1 was accepted"),
    ],
    ids=["garbage", "empty", "only bad rows"],
)
def test_garbage_replaces_nothing_and_says_so(db: Database, parsed: ParsedRoster, reason: str) -> None:
    """The sessions there were stand, and the file is entered with the reason."""
    loaded(db)
    take(db, roster(session("S1")))
    outcome = take(db, parsed)
    assert (outcome.state, outcome.reason, outcome.sessions) == (BatchState.REFUSED, reason, 0)
    assert rostered(db) == [session("S1")]


def test_a_week_of_leave_is_a_roster(db: Database) -> None:
    """Rows that were read and leave no session clear the days: nobody works."""
    loaded(db)
    take(db, roster(session("S1")))
    assert take(db, roster(digest="2", rows_read=5)).state is BatchState.APPLIED
    assert rostered(db) == []


def test_a_file_whose_description_was_mended_is_read_again(db: Database) -> None:
    """The same bytes, unreadable yesterday."""
    loaded(db)
    take(db, roster(problem="the column Name is missing"))
    assert take(db, roster(session("S1"))).state is BatchState.APPLIED


def test_rows_that_could_not_be_taken_are_kept_with_the_file(db: Database) -> None:
    """Raw, with line, column and reason; the good ones are in."""
    loaded(db)
    outcome = take(db, roster(session("S1"), rows_read=2, quarantined=(bad_row(None, Name="Dr ?", line=4),)))
    assert (outcome.state, outcome.sessions, outcome.quarantined) == (BatchState.APPLIED, 1, 1)
    with db.session() as reading:
        (status,) = sources.rosters(reading)
    assert status.last_batch is not None
    (fault,) = status.last_batch.faults
    assert (fault["line"], fault["column"], fault["reason"]) == (4, "Priority", "unknown priority")
    assert fault["raw"] == {"Accession": "", "Name": "Dr ?"}


def test_a_shift_moves_sessions_and_days_alike(db: Database) -> None:
    """A sample shifted by a day and a quarter replaces what it filled before, shifted."""
    loaded(db)
    shift = timedelta(hours=30)
    update_roster(db, Roster(), roster(session("S1")), NOW, shift=shift)
    update_roster(db, Roster(), roster(session("S2", "R2"), digest="2"), NOW, shift=shift)
    assert [(item.session_id, item.start) for item in rostered(db)] == [("S2", NOW + shift)]


def test_a_roster_must_be_known_and_meant(db: Database) -> None:
    """Neither an unknown roster nor another's file is taken."""
    loaded(db)
    with pytest.raises(NotFoundError):
        update_roster(db, Roster(name="x"), roster(feed="x"), NOW)
    with pytest.raises(InvalidValueError):
        take(db, roster(feed="x"))

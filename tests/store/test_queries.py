from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from balancer.domain.errors import InvalidValueError, NotFoundError
from balancer.domain.life import ReadState
from balancer.domain.states import QuarantineState, StudyState
from balancer.domain.study import StudyKey
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.store import balance, batches, people, quarantine, runs, sources, studies, worklists
from balancer.store.database import Database, Session
from balancer.store.pages import Cut, Page
from balancer.store.quarantine import QuarantineFilter, ReasonCount
from balancer.store.studies import SORTS, StudyFilter
from balancer.store.tables import SessionRow
from tests.networks import FEED, WEST, Feed, bad_row, claimed, extract, incoming, minutes, queued, rostered, solving
from tests.worlds import NOW, at, session


def numbers(page: Page[studies.StudyStatus]) -> list[str]:
    """Return the accession numbers of a page."""
    return [item.study.accession_number for item in page.items]


def found(db: Database, which: StudyFilter, **options: Any) -> list[str]:
    """Return the accession numbers of the studies found, the soonest due first."""
    with db.session() as reading:
        return numbers(studies.studies(reading, which, Cut(), now=options.pop("now", NOW), **options))


def everything(turn: Callable[[str | None], Page[Any]]) -> list[Any]:
    """Return the items of all pages, one after the other."""
    items: list[Any] = []
    cursor = None
    while True:
        page = turn(cursor)
        items.extend(page.items)
        if page.next_cursor is None:
            assert len(items) == page.total
            return items
        cursor = page.next_cursor


def varied(db: Database) -> None:
    """Put five studies of two trusts in the store, of which R1 has one that is late and one has no place."""
    queued(
        db,
        incoming("A1", acquired_at=minutes(-50), minutes=90, due_at=at(1)),
        incoming("A2", acquired_at=minutes(-40), modality="MR", subspecialty="msk", priority="emergency"),
        incoming("A3", acquired_at=minutes(-30), due_at=at(-0.1), exam_code="X%CH"),
        incoming("a4", acquired_at=minutes(-20), reads=2, local_patient_id="H-77"),
    )
    ingest_extract(db, WEST, extract(incoming("A1", trust="RWF", acquired_at=minutes(-10)), feed=WEST.name), NOW)
    rostered(db, session("S1", "R1", hours=2), session("S2", "R2", hours=2))
    plan = solving({"S1": ["A1", "A3"], "S2": ["a4", "RWF/A1"]}, {"A2": "no_skilled_reporter", "a4#2": "deferred"})
    assert run_allocation(db, NOW, solver=plan).error == ""


# --- studies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (StudyFilter(), ["A3", "A2", "A1", "a4", "A1"]),
        (StudyFilter(trust="RWF"), ["A1"]),
        (StudyFilter(priority="emergency"), ["A2"]),
        (StudyFilter(modality="MR"), ["A2"]),
        (StudyFilter(subspecialty="msk"), ["A2"]),
        (StudyFilter(state=StudyState.WITHDRAWN), []),
        (StudyFilter(late=True), ["A3", "A1"]),
        (StudyFilter(late=False), ["A2", "a4", "A1"]),
        (StudyFilter(reporter_id="R1"), ["A3", "A1"]),
        (StudyFilter(text="A4"), ["a4"]),
        (StudyFilter(text="h-77"), ["a4"]),
        (StudyFilter(text="X%"), ["A3"]),
        (StudyFilter(text="_"), []),
        (StudyFilter(trust="RVV", late=True, text="a1"), ["A1"]),
    ],
    ids=repr,
)
def test_studies_can_be_found_by(sqlite_db: Database, which: StudyFilter, expected: list[str]) -> None:
    """Each filter alone, and together; what people type is text, not a pattern."""
    varied(sqlite_db)
    assert found(sqlite_db, which) == expected


def test_filters_mean_the_same_everywhere(db: Database) -> None:
    """Upper and lower case, and lateness, on each database."""
    varied(db)
    assert found(db, StudyFilter(text="A4")) == ["a4"]
    assert found(db, StudyFilter(late=True)) == ["A3", "A1"]
    assert found(db, StudyFilter(late=True), now=at(100)) == ["A3", "A2", "A1", "a4", "A1"]
    assert found(db, StudyFilter(state=None)) == found(db, StudyFilter())


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_pages_hold_every_study_once_in_order(sqlite_db: Database, sort: str, limit: int) -> None:
    """Whatever the order, forwards and backwards, and with equal values too."""
    varied(sqlite_db)
    with sqlite_db.session() as reading:

        def turn(cursor: str | None) -> Page[studies.StudyStatus]:
            return studies.studies(reading, StudyFilter(), Cut(cursor=cursor, limit=limit), now=NOW, sort=sort)

        rows = [item.study for item in everything(turn)]
    name = sort.removeprefix("-")
    column = {"acquired_at": "clock_started_at"}.get(name, name)
    values = [(getattr(row, column), row.id) for row in rows]
    assert values == sorted(values, reverse=sort.startswith("-"))
    assert len(values) == 5


def test_studies_are_found_as_what_they_are_held_to_be(db: Database) -> None:
    """By a person's word in place of the feed's, in filters, in the order, and on whichever page."""
    varied(db)
    with db.session() as reading:
        said = studies.studies(reading, StudyFilter(), Cut(), now=NOW).items
    ids = {status.study.accession_number: status.study.id or 0 for status in said}
    asked = ids["a4"]
    held: studies.Held = {"priority": {asked: "emergency"}, "due_at": {asked: at(-1)}, "modality": {asked: "MR"}}
    assert found(db, StudyFilter(priority="emergency"), held=held) == ["a4", "A2"]
    assert found(db, StudyFilter(modality="MR"), held=held) == ["a4", "A2"]
    assert found(db, StudyFilter(late=True), held=held) == ["a4", "A3", "A1"]
    assert found(db, StudyFilter(late=False), held=held) == ["A2", "A1"]
    for sort, first in (("due_at", 0), ("-due_at", 4)):
        with db.session() as reading:

            def turn(cursor: str | None, sort: str = sort, reading: Session = reading) -> Page[studies.StudyStatus]:
                cut = Cut(cursor=cursor, limit=1)
                return studies.studies(reading, StudyFilter(), cut, now=NOW, sort=sort, held=held)

            assert [item.study.id for item in everything(turn)].index(asked) == first


def test_pages_work_on_each_database(db: Database) -> None:
    """Cursors of instants and of text are compared as the database compares."""
    varied(db)
    for sort in ("due_at", "-accession_number"):
        with db.session() as reading:

            def turn(cursor: str | None, sort: str = sort, reading: Session = reading) -> Page[studies.StudyStatus]:
                return studies.studies(reading, StudyFilter(), Cut(cursor=cursor, limit=2), now=NOW, sort=sort)

            assert len({item.study.id for item in everything(turn)}) == 5


def test_a_page_begins_where_the_last_one_ended_whatever_has_gone(db: Database) -> None:
    """Between two pages the study the cursor names is withdrawn; nothing is skipped or shown twice."""
    queued(db, *(incoming(f"A{number}", acquired_at=minutes(-60 + number)) for number in range(30)))
    with db.session() as reading:
        page = studies.studies(reading, StudyFilter(), Cut(limit=3), now=NOW)
    rest = [incoming(f"A{number}", acquired_at=minutes(-60 + number)) for number in range(30) if number != 2]
    ingest_extract(db, Feed(), extract(*rest, at=15), minutes(15))
    with db.session() as reading:
        after = studies.studies(reading, StudyFilter(), Cut(cursor=page.next_cursor, limit=3), now=NOW)
    assert numbers(page) + numbers(after) == ["A0", "A1", "A2", "A3", "A4", "A5"]


@pytest.mark.parametrize("cursor", ["", "x", "%%%", "bnVsbA==", "WyJkdWVfYXQiXQ==", "WyJkdWVfYXQiLDEsMl0=", "é"])
def test_what_is_no_cursor_is_refused(sqlite_db: Database, cursor: str) -> None:
    """Somebody's slip is their error, not ours."""
    with sqlite_db.session() as reading, pytest.raises(InvalidValueError):
        studies.studies(reading, StudyFilter(), Cut(cursor=cursor), now=NOW)


def test_a_cursor_belongs_to_its_order(sqlite_db: Database) -> None:
    """Taken to another order it would skip and repeat; it is refused."""
    varied(sqlite_db)
    with sqlite_db.session() as reading:
        page = studies.studies(reading, StudyFilter(), Cut(limit=1), now=NOW)
        with pytest.raises(InvalidValueError):
            studies.studies(reading, StudyFilter(), Cut(cursor=page.next_cursor), now=NOW, sort="-due_at")
        with pytest.raises(InvalidValueError):
            studies.studies(reading, StudyFilter(), Cut(), now=NOW, sort="minutes")


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_pages_have_a_size(limit: int) -> None:
    """Neither nothing nor everything."""
    with pytest.raises(InvalidValueError):
        Cut(limit=limit)


def test_a_study_says_where_each_of_its_reads_stands(db: Database) -> None:
    """On whose list and when, without a place and why, claimed by whom, or not planned yet."""
    varied(db)
    claimed(db, "a4", "R2")
    with db.session() as reading:
        first, second = studies.study(reading, StudyKey("RVV", "a4")).reads
        (late, _) = (studies.study(reading, StudyKey("RVV", number)).reads[0] for number in ("A1", "A3"))
        with pytest.raises(NotFoundError):
            studies.study(reading, StudyKey("RWF", "a4"))
    assert (first.row.reporter_id, first.planned_start, first.row.state) == ("R2", NOW, ReadState.CLAIMED)
    assert (second.row.reporter_id, second.unallocated_reason, second.row.reason) == (None, "deferred", "deferred")
    assert (late.late, late.planned_end) == (True, at(1.5))


# --- quarantine, batches, runs, people -------------------------------------------------------------------------------


def test_quarantine_is_found_by_feed_reason_state_and_batch(db: Database) -> None:
    """And counted by reason, the most frequent first."""
    rows = [bad_row(f"B{number}", reason="unknown exam" if number else "bad date") for number in range(3)]
    queued(db, "A1")
    outcome = ingest_extract(db, Feed(), extract("A1", quarantined=rows, at=15), minutes(15))
    ingest_extract(db, WEST, extract(incoming("A1", trust="RWF"), quarantined=[rows[0]], feed=WEST.name), NOW)
    with db.session() as reading:

        def shown(**which: Any) -> list[str | None]:
            page = quarantine.quarantined(reading, QuarantineFilter(**which), Cut())
            return [row.accession_number for row in page.items]

        assert shown() == ["B0", "B2", "B1", "B0"]
        assert shown(feed=FEED, reason="unknown exam") == ["B2", "B1"]
        assert shown(batch=outcome.batch_id) == ["B2", "B1", "B0"]
        assert shown(state=QuarantineState.REPLAYED) == []
        paged = everything(
            lambda cursor: quarantine.quarantined(reading, QuarantineFilter(), Cut(cursor=cursor, limit=2))
        )
        assert [row.accession_number for row in paged] == shown()
        assert quarantine.quarantined_row(reading, paged[0].id).raw == paged[0].raw
        assert quarantine.reasons(reading) == [
            ReasonCount(feed=FEED, reason="unknown exam", rows=2),
            ReasonCount(feed=FEED, reason="bad date", rows=1),
            ReasonCount(feed=WEST.name, reason="bad date", rows=1),
        ]
        assert quarantine.reasons(reading, WEST.name) == [ReasonCount(feed=WEST.name, reason="bad date", rows=1)]
        with pytest.raises(NotFoundError):
            quarantine.quarantined_row(reading, 99)


def test_batches_and_runs_are_paged_newest_first(db: Database) -> None:
    """Each a page of two, then the rest."""
    queued(db, "A1")
    for step in range(1, 5):
        ingest_extract(db, Feed(), extract("A1", at=15 * step), minutes(15 * step))
        run_allocation(db, NOW, solver=solving({}, {"A1": "no_session"}))
    with db.session() as reading:
        rows = everything(lambda cursor: batches.batches_of(reading, FEED, Cut(cursor=cursor, limit=2)))
        assert [row.extracted_at for row in rows] == [minutes(15 * step) for step in (4, 3, 2, 1, 0)]
        found_runs = everything(lambda cursor: runs.runs(reading, Cut(cursor=cursor, limit=3)))
        assert [row.id for row in found_runs] == sorted((row.id for row in found_runs), reverse=True)
        assert len(found_runs) == 4
        with pytest.raises(NotFoundError):
            batches.batch(reading, 99)
        with pytest.raises(NotFoundError):
            runs.run(reading, 99)
        with pytest.raises(NotFoundError):
            sources.feed(reading, "x", NOW)


def test_reads_without_a_place_are_paged_soonest_due_first(db: Database) -> None:
    """By reason and trust, and page by page."""
    queued(db, *(incoming(f"A{number}", due_at=at(9 - number), reads=2) for number in range(4)))
    left = {f"A{number}#{read}": "no_session" for number in range(4) for read in (1, 2)}
    assert run_allocation(db, NOW, solver=solving({}, left)).error == ""
    with db.session() as reading:
        rows = everything(lambda cursor: runs.unallocated(reading, Cut(cursor=cursor, limit=3)))
        assert runs.unallocated(reading, Cut(), reason="deferred").total == 0
        assert runs.unallocated(reading, Cut(), trust="RWF").total == 0
        assert runs.unallocated(reading, Cut(), trust="RVV", reason="no_session").total == 8
    assert [(row.study.accession_number, row.read) for row in rows] == [
        (f"A{number}", read) for number in (3, 2, 1, 0) for read in (1, 2)
    ]


def test_reporters_are_found_by_the_trusts_they_may_report_for(db: Database) -> None:
    """Home or entitled; a stranger is not found."""
    queued(db, "A1")
    with db.session() as reading:
        assert [item.reporter.reporter_id for item in people.reporters(reading, trust="RWF")] == ["R1", "R2"]
        assert people.reporters(reading, trust="RN7") == []
        assert people.reporter(reading, "R1").listed
        with pytest.raises(NotFoundError):
            people.reporter(reading, "R9")


def test_sessions_are_found_by_person_and_time(db: Database) -> None:
    """Those that reach into the time asked for, in order."""
    queued(db, "A1")
    rostered(db, session("S1"), session("S2", start=24), session("S3", "R2", start=2))
    with db.session() as reading:
        assert [item.session_id for item in people.sessions_of(reading)] == ["S1", "S3", "S2"]
        assert [item.session_id for item in people.sessions_of(reading, "R1", start=at(3), end=at(24))] == ["S1"]
        assert [item.session_id for item in people.sessions_of(reading, start=at(4))] == ["S3", "S2"]


def test_a_list_shows_what_the_roster_has_since_lost(db: Database) -> None:
    """The read stays on the list until the next run; its session is no longer there to show."""
    varied(db)
    rostered(db, session("S1", "R1", hours=2))
    with db.transaction() as writing:
        writing.delete(writing.get_one(SessionRow, "S2"))
    with db.session() as reading:
        listed = {
            entry.item.session_id: entry.session_start
            for reporter_id in ("R1", "R2")
            for entry in worklists.worklist(reading, reporter_id).items
        }
    assert listed == {"S1": NOW, "S2": None}


# --- no more statements for more rows --------------------------------------------------------------------------------


@contextmanager
def counting(db: Database) -> Iterator[list[str]]:
    """Yield the list of statements that the block executes."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def _studies(reading: Session) -> object:
    return studies.studies(reading, StudyFilter(), Cut(), now=NOW)


QUERIES: dict[str, Callable[[Session], object]] = {
    "studies": _studies,
    "feeds": lambda reading: sources.feeds(reading, NOW),
    "reporters": people.reporters,
    "worklists": worklists.worklists,
    "worklist": lambda reading: worklists.worklist(reading, "R1"),
    "balance": balance.balance,
    "unallocated": lambda reading: runs.unallocated(reading, Cut()),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_more_rows_need_no_more_statements(sqlite_db: Database, query: Callable[[Session], object]) -> None:
    """A list of a hundred costs as many statements as a list of two."""
    queued(sqlite_db, "A1", "A2")
    rostered(sqlite_db, session("S1", hours=8))
    run_allocation(sqlite_db, NOW, solver=solving({"S1": ["A1"]}, {"A2": "deferred"}))
    with counting(sqlite_db) as few, sqlite_db.session() as reading:
        query(reading)
    more = [f"A{number}" for number in range(1, 41)]
    ingest_extract(sqlite_db, Feed(), extract(*more, at=15), minutes(15))
    run_allocation(sqlite_db, NOW, solver=solving({"S1": more[:20]}, dict.fromkeys(more[20:], "deferred")))
    with counting(sqlite_db) as many, sqlite_db.session() as reading:
        query(reading)
    assert len(many) == len(few)
    assert 0 < len(few) <= 12

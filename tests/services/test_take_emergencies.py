"""Emergencies of a long extract are taken before the rest of it, and nothing else comes of that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlmodel import select

from balancer.domain.feed import IncomingStudy, ParsedExtract
from balancer.domain.states import BatchKind, BatchState, StudyState
from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.services import refresh_feeds
from balancer.services import take_emergencies as module
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.outcomes import BatchOutcome
from balancer.services.refresh_feeds import refresh_feed
from balancer.services.take_emergencies import take_emergencies
from balancer.store import batches, conservation, feed_books
from balancer.store.database import Database
from balancer.store.tables import StudyRow
from balancer.store.tables_assignments import AssignmentRow
from balancer.store.tables_life import ReadRow
from tests.kent import KEY, content, east_kent, kent, row
from tests.networks import Feed, extract, incoming, loaded, minutes
from tests.worlds import NOW

_ROWS = tuple(f"A{number}" for number in range(10))


@pytest.fixture(autouse=True)
def _short_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ten rows be many."""
    monkeypatch.setattr(module, "_LONG", 10)


def emergency(accession_number: str, *, reads: int = 1) -> IncomingStudy:
    """Return a row that states an emergency."""
    return incoming(accession_number, priority="emergency", reads=reads)


def first(db: Database, parsed: ParsedExtract, *, at: float = 15) -> BatchOutcome | None:
    """Take the emergencies of an extract."""
    return take_emergencies(db, Feed(), parsed, minutes(at), file_name="unreported.csv")


def whole(db: Database, parsed: ParsedExtract, *, at: float = 15) -> BatchOutcome:
    """Take an extract."""
    return ingest_extract(db, Feed(), parsed, minutes(at))


def states(db: Database) -> dict[str, StudyState]:
    """Return every study's state."""
    with db.session() as session:
        return {row.accession_number: row.state for row in session.exec(select(StudyRow))}


@pytest.fixture
def begun(db: Database) -> Database:
    """Return a store that has taken a first extract."""
    loaded(db)
    whole(db, extract(*_ROWS), at=0)
    return db


def test_an_emergency_is_known_before_the_rest_of_its_file_is_taken(begun: Database) -> None:
    """In a batch of its own, whose books balance, as do those of the file after it."""
    parsed = extract(*_ROWS, "B1", emergency("B2"), at=15)
    outcome = first(begun, parsed)
    assert outcome is not None
    assert (outcome.books.rows_read, outcome.books.new, outcome.books.open_after) == (1, 1, 11)
    assert states(begun) == dict.fromkeys([*_ROWS, "B2"], StudyState.OPEN)
    with begun.session() as session:
        batch = batches.batch(session, outcome.batch_id)
        reads = session.exec(select(ReadRow).join(StudyRow).where(StudyRow.accession_number == "B2")).all()
    assert (batch.kind, batch.file_name, batch.extracted_at) == (
        BatchKind.EMERGENCIES,
        "unreported.csv",
        minutes(15),
    )
    assert len(reads) == 1
    after = whole(begun, parsed)
    assert (after.state, after.books.new, after.books.unchanged) == (BatchState.APPLIED, 1, 11)
    with begun.session() as session:
        assert conservation.faults(session) == []


def test_that_it_is_silent_on_the_others_says_nothing(begun: Database) -> None:
    """They are named by the rest of the file; what that does not name goes with it, and not before."""
    parsed = extract(*_ROWS[1:], emergency("B2"), at=15)
    assert first(begun, parsed) is not None
    assert set(states(begun).values()) == {StudyState.OPEN}
    assert whole(begun, parsed).books.withdrawn == 1
    assert states(begun)["A0"] is StudyState.WITHDRAWN


def what_is_known(db: Database) -> tuple[object, ...]:
    """Return every study, read and entry of the change feed, but for which batch brought them and in which order."""
    columns = ("feed", "state", "priority", "due_at", "clock_started_at", "reads", "last_seen_at", "reopened_at")
    with db.session() as session:
        studies = {row.id: row for row in session.exec(select(StudyRow))}
        names = {number: row.accession_number for number, row in studies.items()}
        reads = session.exec(select(ReadRow.study_id, ReadRow.number, ReadRow.state, ReadRow.reason)).all()
        feed = session.exec(select(AssignmentRow.study_id, AssignmentRow.read, AssignmentRow.gone)).all()
    return (
        {row.accession_number: [getattr(row, name) for name in columns] for row in studies.values()},
        sorted((names[study_id], *rest) for study_id, *rest in reads),
        sorted((names[study_id], *rest) for study_id, *rest in feed),
    )


def test_what_comes_of_it_is_what_the_whole_file_alone_makes(db: Database, tmp_path: Path) -> None:
    """Of studies, reads and the change feed: new ones, one that has become urgent, one of two reads, one that goes."""
    alone = Database(f"sqlite:///{tmp_path}/alone.sqlite")
    alone.migrate()
    parsed = extract(*_ROWS[2:], emergency("A1"), emergency("B1", reads=2), emergency("B2", reads=2), "B3", at=15)
    for one in (db, alone):
        loaded(one)
        whole(one, extract(*_ROWS, incoming("B1", reads=2)), at=0)
    outcome = first(db, parsed)
    assert outcome is not None
    assert (outcome.books.new, outcome.books.changed) == (1, 2)
    for one in (db, alone):
        whole(one, parsed)
    assert what_is_known(db) == what_is_known(alone)
    alone.close()


def test_one_that_is_known_is_no_news(begun: Database) -> None:
    """Most of a snapshot's have waited since the one before."""
    assert first(begun, extract(*_ROWS, emergency("B2"), at=15)) is not None
    assert first(begun, extract(*_ROWS, emergency("B2"), "B3", at=16)) is None


def test_one_that_has_become_one_is_news(begun: Database) -> None:
    """The patient has got worse: a study that is needed sooner cannot wait either."""
    outcome = first(begun, extract(*_ROWS[1:], emergency("A0"), at=15))
    assert outcome is not None
    assert (outcome.books.new, outcome.books.changed) == (0, 1)


def test_one_that_comes_back_is_news(begun: Database) -> None:
    """It had gone, and is asked for again."""
    whole(begun, extract(*_ROWS, emergency("B2"), at=5), at=5)
    whole(begun, extract(*_ROWS, at=10), at=10)
    outcome = first(begun, extract(*_ROWS, emergency("B2"), at=15))
    assert outcome is not None
    assert outcome.books.reopened == 1


@pytest.mark.parametrize(
    "parsed",
    [
        extract(*_ROWS, emergency("B2"), at=-15),
        extract(*_ROWS[:4], emergency("B2"), at=15),
        extract(*_ROWS, "B2", at=15),
        extract(*_ROWS, emergency("B2"), at=15, problem="it was cut short"),
        extract(*_ROWS, emergency("B" * 65), at=15),
    ],
    ids=["older", "short", "none", "not readable", "not storable"],
)
def test_what_the_whole_would_not_take_is_left_to_it(begun: Database, parsed: ParsedExtract) -> None:
    """An extract that is older, short or unreadable; one that has none; a row that cannot be kept."""
    assert first(begun, parsed) is None
    assert set(states(begun)) == set(_ROWS)


def test_the_first_file_of_a_feed_is_taken_as_a_whole(db: Database) -> None:
    """Nothing has been published yet that an emergency could be on."""
    loaded(db)
    assert first(db, extract(*_ROWS, emergency("B2"), at=15)) is None


def test_a_file_that_came_before_is_left_alone(begun: Database) -> None:
    """What it brought was taken then, and may have been reported since."""
    parsed = extract(*_ROWS, emergency("B2"), at=5)
    whole(begun, parsed, at=5)
    whole(begun, extract(*_ROWS, at=10), at=10)
    assert first(begun, replace(parsed), at=15) is None


def unexplained(db: Database) -> tuple[int, int]:
    """Return how many studies the feed has said there are, and how many of them are not accounted for."""
    with db.session() as session:
        said = feed_books.said_by_feeds(session)[Feed().name]
    return said.said, said.unexplained


def test_what_a_feed_has_said_is_accounted_for_before_the_rest_is_taken_too(begun: Database) -> None:
    """New, back, or become urgent: no manager is told that studies are here that nobody said are unreported."""
    whole(begun, extract(*_ROWS, emergency("B2"), at=5), at=5)
    whole(begun, extract(*_ROWS, at=10), at=10)
    assert unexplained(begun) == (10, 0)
    parsed = extract(*_ROWS[1:], emergency("A0"), emergency("B2"), emergency("B3"), at=15)
    assert first(begun, parsed) is not None
    assert unexplained(begun) == (12, 0)
    whole(begun, parsed)
    assert unexplained(begun) == (12, 0)


def test_what_fails_of_the_short_cut_comes_with_the_whole(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No fault of it keeps a file out."""
    network = read_network(kent(tmp_path))
    load_network(db, network, NOW)

    def fails(*_: object, **__: object) -> None:
        raise ArithmeticError

    rows = [row(f"G{number}") for number in range(30)]
    assert [outcome.books.new for outcome in delivered(db, network, rows, 0)] == [30]
    monkeypatch.setattr(refresh_feeds, "take_emergencies", fails)
    assert [outcome.books.new for outcome in delivered(db, network, [*rows, row("B1", priority="1")], 15)] == [1]


def delivered(db: Database, network: NetworkFolder, rows: list[str], at: int) -> list[BatchOutcome]:
    """Deliver a file and take it in."""
    path = network.folder / "extracts" / "RVV" / f"unreported-20260302T08{at:02}.csv"
    path.write_bytes(content(rows))
    return refresh_feed(db, network, east_kent(network), minutes(at + 1), KEY)


def test_a_file_is_refreshed_in_two_steps_if_it_has_one(db: Database, tmp_path: Path) -> None:
    """The outcome of each is told, the emergencies' first."""
    network = read_network(kent(tmp_path))
    load_network(db, network, NOW)
    rows = [row(f"G{number}") for number in range(30)]
    for made, more in ((0, []), (15, [row("B1", priority="1")]), (30, [row("B1", priority="1"), row("B2")])):
        outcomes = delivered(db, network, [*rows, *more], made)
        assert [outcome.books.new for outcome in outcomes] == {0: [30], 15: [1, 0], 30: [1]}[made]

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from balancer.domain.errors import NotFoundError
from balancer.domain.feed_word import FeedWord, WordKind
from balancer.domain.states import BatchState, FeedState
from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.services import refresh_feeds as module
from balancer.services.load_network import load_network
from balancer.services.outcomes import BatchOutcome
from balancer.services.refresh_feeds import read_ahead, refresh_all, refresh_feed, refresh_roster
from balancer.services.shift import shift_to_present
from balancer.store import feed_words, people, sources
from balancer.store.database import Database
from tests.kent import KEY, SAMPLE, content, east_kent, kent, mend, row
from tests.networks import minutes
from tests.worlds import NOW

_GOOD = [row(f"G{number}") for number in range(30)]
_ROTA = "Staff No,Name,Date,Start,End,Activity,Location,Data\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a network folder to which a test may deliver."""
    return kent(tmp_path)


@pytest.fixture
def network(db: Database, folder: Path) -> NetworkFolder:
    """Return the network, loaded."""
    loaded = read_network(folder)
    load_network(db, loaded, NOW)
    return loaded


def drop(folder: Path, *rows: str, at: int) -> Path:
    """Drop an extract of East Kent made ``at`` minutes past eight where they drop them."""
    path = folder / "extracts" / "RVV" / f"unreported-20260302T08{at:02}.csv"
    path.write_bytes(content(rows))
    return path


def refresh(db: Database, network: NetworkFolder, at: float) -> list[BatchOutcome]:
    """Look whether East Kent has delivered."""
    return refresh_feed(db, network, east_kent(network), minutes(at), KEY)


def test_what_lies_there_is_taken_in(db: Database, folder: Path, network: NetworkFolder) -> None:
    """The newest file of a snapshot feed, under its name, with when it was made."""
    drop(folder, *_GOOD, at=0)
    drop(folder, *_GOOD, row("A1"), at=15)
    (outcome,) = refresh(db, network, 16)
    assert (outcome.state, outcome.books.new) == (BatchState.APPLIED, 31)
    with db.session() as session:
        status = sources.feed(session, outcome.feed, minutes(16))
    assert (status.state, status.last_extracted_at) == (FeedState.FRESH, minutes(15))
    assert status.last_batch is not None
    assert status.last_batch.file_name == "unreported-20260302T0815.csv"


def test_what_lies_there_still_is_not_read_again(db: Database, folder: Path, network: NetworkFolder) -> None:
    """It is recognised, however often it is looked at."""
    drop(folder, *_GOOD, at=0)
    first = refresh(db, network, 1)
    for at in (15, 30):
        (again,) = refresh(db, network, at)
        assert (again.state, again.batch_id) == (BatchState.UNCHANGED, first[0].batch_id)


def test_the_same_content_under_a_newer_name_is_news(db: Database, folder: Path, network: NetworkFolder) -> None:
    """Nothing changed, and that is so as of a quarter past."""
    drop(folder, *_GOOD, at=0)
    refresh(db, network, 1)
    drop(folder, *_GOOD, at=15)
    assert [outcome.state for outcome in refresh(db, network, 16)] == [BatchState.UNCHANGED]
    with db.session() as session:
        assert sources.feed(session, east_kent(network).name, minutes(16)).last_extracted_at == minutes(15)


def test_a_file_that_could_not_be_read_is_looked_at_again(db: Database, folder: Path, network: NetworkFolder) -> None:
    """Its description may have been mended meanwhile."""
    path = drop(folder, *_GOOD, at=0)
    path.write_bytes(path.read_bytes().replace(b"Accession,", b"Number,"))
    assert [outcome.state for outcome in refresh(db, network, 1)] == [BatchState.HELD]
    mended = mend(folder, 'accession_number = "Accession"', 'accession_number = "Number"')
    load_network(db, mended, minutes(2))
    (outcome,) = refresh(db, mended, 3)
    assert (outcome.state, outcome.books.new) == (BatchState.APPLIED, 30)


def test_of_a_feed_of_changes_every_file_is_taken_in_once(db: Database, folder: Path) -> None:
    """All in order, and each once, though all lie there for ever."""
    network = mend(folder, 'kind = "snapshot"', 'kind = "delta"')
    load_network(db, network, NOW)
    drop(folder, row("A1"), at=0)
    drop(folder, row("A1", priority="1"), row("A2"), at=15)
    assert [outcome.state for outcome in refresh(db, network, 16)] == [BatchState.APPLIED, BatchState.APPLIED]
    drop(folder, row("A3"), at=20)
    states = [outcome.state for outcome in refresh(db, network, 21)]
    assert states == [BatchState.UNCHANGED, BatchState.UNCHANGED, BatchState.APPLIED]


def test_where_nothing_has_been_delivered_there_is_nothing(db: Database, network: NetworkFolder) -> None:
    """A trust that has not begun to deliver is silent, not at fault."""
    refreshed = refresh_all(db, network, NOW, KEY)
    assert (refreshed.batches, refreshed.rosters) == ((), ())


def test_a_rota_that_lies_there_fills_the_sessions(db: Database, folder: Path, network: NetworkFolder) -> None:
    """And lies there still the next time."""
    line = "9900001,Dr Amara Okafor,02/03/2026,09:00,13:00,REP,HOME,synthetic\n"
    (folder / "rotas" / "RVV" / "rota-2026-03-02.csv").write_text(_ROTA + line, encoding="utf-8")
    roster = next(item for item in network.rosters if item.trust == "RVV")
    (outcome,) = refresh_roster(db, network, roster, NOW)
    assert (outcome.state, outcome.sessions) == (BatchState.APPLIED, 1)
    assert [item.state for item in refresh_roster(db, network, roster, NOW)] == [BatchState.UNCHANGED]
    with db.session() as session:
        (stated,) = people.sessions_of(session)
    assert (stated.reporter_id, stated.start) == ("9900001", minutes(60))


def _rota(folder: Path, name: str, *lines: str) -> None:
    (folder / "rotas" / "RVV" / name).write_text(_ROTA + "".join(f"{line}\n" for line in lines), encoding="utf-8")


def _sessions(db: Database) -> list[tuple[int, int]]:
    """Return on which days of March somebody reports, and from what hour, UTC."""
    with db.session() as session:
        return sorted((item.start.day, item.start.hour) for item in people.sessions_of(session))


def test_several_rotas_hold_at_once_each_for_the_days_that_no_newer_one_covers(
    db: Database, folder: Path, network: NetworkFolder
) -> None:
    """Two weeks lie there before anybody has looked, and a correction of the first comes later."""
    person = "9900001,Dr Amara Okafor"
    roster = next(item for item in network.rosters if item.trust == "RVV")
    _rota(folder, "rota-2026-02-16.csv", f"{person},17/02/2026,08:00,12:00,REP,HOME,synthetic")
    _rota(folder, "rota-2026-03-02.csv", f"{person},03/03/2026,08:00,12:00,REP,HOME,synthetic")
    _rota(folder, "rota-2026-03-09.csv", f"{person},10/03/2026,08:00,12:00,REP,HOME,synthetic")
    for age, name in enumerate(("rota-2026-03-09.csv", "rota-2026-03-02.csv", "rota-2026-02-16.csv")):
        os.utime(folder / "rotas" / "RVV" / name, (1_700_000_000 - age, 1_700_000_000 - age))
    assert [item.state for item in refresh_roster(db, network, roster, NOW)] == [BatchState.APPLIED] * 2
    assert _sessions(db) == [(3, 8), (10, 8)]
    assert [item.state for item in refresh_roster(db, network, roster, minutes(15))] == [BatchState.UNCHANGED]
    _rota(folder, "rota-2026-03-02-b.csv", f"{person},04/03/2026,09:00,12:00,REP,HOME,synthetic")
    outcomes = refresh_roster(db, network, roster, minutes(30))
    assert [item.state for item in outcomes] == [BatchState.UNCHANGED, BatchState.APPLIED]
    assert _sessions(db) == [(4, 9), (10, 8)]
    _rota(folder, "rota-2026-03-16.csv", "nonsense")
    assert [item.state for item in refresh_roster(db, network, roster, minutes(45))] == [BatchState.REFUSED]
    assert _sessions(db) == [(4, 9), (10, 8)]


def test_a_feeds_own_share_is_how_much_one_file_may_withdraw(
    db: Database, folder: Path, network: NetworkFolder
) -> None:
    """Where nothing tells that a file is whole, less than a tenth may be too much to believe: a person looks first."""
    drop(folder, *_GOOD, at=0)
    refresh(db, network, 1)
    drop(folder, *_GOOD[:-2], at=15)
    careful = replace(east_kent(network), most_withdrawn=0.05)
    (outcome,) = refresh_feed(db, network, careful, minutes(16), KEY)
    assert (outcome.state, outcome.waiting) == (BatchState.HELD, 2)
    assert "more than 5%" in outcome.reason


def test_one_feed_that_fails_keeps_no_other_out(db: Database, folder: Path, network: NetworkFolder) -> None:
    """East Kent's feed was renamed and not loaded; Medway's file is taken in all the same, and the failure is said."""
    drop(folder, *_GOOD, at=0)
    (folder / "extracts" / "RPA" / "RPA_worklist-20260302T0800.csv").write_bytes(b"")
    renamed = mend(folder, 'name = "RVV unreported studies"', 'name = "RVV worklist"')
    with pytest.raises(ExceptionGroup) as failures:
        refresh_all(db, renamed, minutes(1), KEY)
    assert [type(error) for error in failures.value.exceptions] == [NotFoundError]
    medway = next(feed for feed in network.feeds if feed.trust == "RPA")
    with db.session() as session:
        assert sources.feed(session, medway.name, minutes(1)).state is FeedState.HELD


def test_a_file_is_read_while_others_write_and_taken_in_as_it_was_read(
    db: Database, folder: Path, network: NetworkFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emergency's file does not wait for a plan that is being published: only taking it in does."""
    drop(folder, *_GOOD, row("A1"), at=15)
    with db.transaction() as publishing:
        sources.locked_feed(publishing, east_kent(network).name)
        ahead = read_ahead(db, network, east_kent(network), KEY)
    assert [name for name, _ in ahead] == ["unreported-20260302T0815.csv"]
    with monkeypatch.context() as never:
        never.delattr(module, "parse_extract")
        (outcome,) = refresh_feed(db, network, east_kent(network), minutes(16), KEY, ahead=ahead)
    assert (outcome.state, outcome.books.new) == (BatchState.APPLIED, 31)
    assert read_ahead(db, network, east_kent(network), KEY) == {}


def test_a_file_that_is_another_by_its_turn_is_read_again(db: Database, folder: Path, network: NetworkFolder) -> None:
    """What was read ahead is of that very content."""
    drop(folder, *_GOOD, at=15)
    ahead = read_ahead(db, network, east_kent(network), KEY)
    drop(folder, *_GOOD, row("A1"), at=15)
    (outcome,) = refresh_feed(db, network, east_kent(network), minutes(16), KEY, ahead=ahead)
    assert outcome.books.new == 31


def test_what_was_read_before_a_word_was_taught_is_read_again(
    db: Database, folder: Path, network: NetworkFolder
) -> None:
    """The study is what its class means by the time it is taken in: nobody would look at its row a second time."""
    drop(folder, *_GOOD, row("A1", priority="9"), at=15)
    ahead = read_ahead(db, network, east_kent(network), KEY)
    with db.transaction() as session:
        word = FeedWord(feed=east_kent(network).name, kind=WordKind.PRIORITY, word="9", meaning="emergency")
        feed_words.add_word(session, word, "9", by="m-1", now=minutes(16), reason="the trust says so")
    (outcome,) = refresh_feed(db, network, east_kent(network), minutes(16), KEY, ahead=ahead)
    assert (outcome.books.new, outcome.books.quarantined) == (31, 0)


def test_what_was_read_by_the_network_as_it_was_is_read_again(
    db: Database, folder: Path, network: NetworkFolder
) -> None:
    """The trust's own description of its feed was mended meanwhile: what it says holds for this file too."""
    drop(folder, *_GOOD, row("A1", priority="9"), at=15)
    ahead = read_ahead(db, network, east_kent(network), KEY)
    ours = east_kent(network)
    described = replace(ours, priorities={**ours.priorities, "9": "emergency"})
    mended = replace(network, feeds=tuple(described if feed is ours else feed for feed in network.feeds))
    (outcome,) = refresh_feed(db, mended, east_kent(mended), minutes(16), KEY, ahead=ahead)
    assert (outcome.books.new, outcome.books.quarantined) == (31, 0)


@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
def test_the_sample_is_taken_in_twice_as_once(sqlite_db: Database, trust: str) -> None:
    """Each trust's extract of the sample: the second time nothing changes; the books balance; nothing is withdrawn."""
    network = read_network(SAMPLE)
    load_network(sqlite_db, network, NOW)
    assert network.as_of is not None
    shift = shift_to_present(sqlite_db, network.as_of, NOW + timedelta(days=9, minutes=3))
    now = network.as_of + shift + timedelta(minutes=3)
    feed = next(item for item in network.feeds if item.trust == trust)
    (first,) = refresh_feed(sqlite_db, network, feed, now, KEY, shift)
    assert first.state is BatchState.APPLIED
    assert first.books.balance
    assert first.books.new > 500
    assert first.books.quarantined > 0
    (second,) = refresh_feed(sqlite_db, network, feed, now + timedelta(minutes=15), KEY, shift)
    assert (second.state, second.books) == (BatchState.UNCHANGED, first.books)
    with sqlite_db.session() as session:
        assert sources.feed(session, feed.name, now).open_studies == first.books.new

"""A word of a feed's is given a meaning: tried first, all or nothing, for later files too, until it is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.domain.actor import Grant, Reach, person
from balancer.domain.errors import ConflictError, InvalidValueError, NotFoundError
from balancer.domain.feed_word import FeedWord, WordKind
from balancer.domain.permission import Role
from balancer.domain.states import QuarantineState
from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.ingest.taught_words import taught
from balancer.services.mend_rows import Mending, mend_rows
from balancer.services.refresh_feeds import refresh_feed
from balancer.services.withdraw_word import withdraw_word
from balancer.store import audit, feed_words, runs
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.kent import KEY, content, east_kent, kent, row
from tests.networks import minutes
from tests.services.test_replay_quarantine import deliver, rows_in, study_of

GOOD = [row(f"G{number}") for number in range(5)]
MANAGER = person("m-1", "A. Manager", Grant(Role.MANAGER, "RVV"))
NINE = FeedWord(feed="RVV unreported studies", kind=WordKind.PRIORITY, word="9", meaning="emergency")


@pytest.fixture
def network(tmp_path: Path) -> NetworkFolder:
    """Return the Kent network."""
    return read_network(kent(tmp_path))


def mended(db: Database, network: NetworkFolder, word: FeedWord = NINE, *, only_try: bool = False) -> Mending:
    """Say what a word means."""
    return mend_rows(db, network, word, KEY, minutes(5), by=MANAGER, reason="the trust says so", only_try=only_try)


def words(db: Database) -> list[str]:
    """Return the words that hold."""
    with db.session() as session:
        return [item.word for item in feed_words.current_rows(session)]


def test_rows_are_taken_with_the_word_and_a_run_is_asked_for(db: Database, network: NetworkFolder) -> None:
    """Two rows with it, one with another fault: the answer says which become what, and the books balance."""
    deliver(db, network, *GOOD, row("A1", priority="9"), row("A2", priority=" 9 "), row("A3", exam="NOBODY"))
    found = mended(db, network)
    assert [(item.accession_number, item.priority) for item in found.taken] == [
        ("A1", "emergency"),
        ("A2", "emergency"),
    ]
    assert (found.quarantined_before, found.quarantined_after, found.open_after) == (3, 1, 7)
    assert found.books.balance
    assert study_of(db, "A1").priority == "emergency"
    with db.session() as session:
        assert runs.requested(session) is not None
        entry = audit.entries(session, Cut(), subject_kind="feed_word").items[0]
    assert (entry.actor, entry.became, entry.why) == ("m-1", "emergency", "the trust says so")


def test_what_is_only_tried_changes_nothing(sqlite_db: Database, network: NetworkFolder) -> None:
    """The answer is the same; the row waits, no word holds, no run is asked for, nothing is in the trail."""
    deliver(sqlite_db, network, *GOOD, row("A1", priority="9"))
    assert mended(sqlite_db, network, only_try=True).open_after == 6
    assert words(sqlite_db) == []
    assert rows_in(sqlite_db)[7].state is QuarantineState.OPEN
    with sqlite_db.session() as session:
        assert runs.requested(session) is None
        assert audit.entries(session, Cut(), subject_kind="feed_word").items == ()


def test_later_files_are_read_with_the_word_until_it_is_taken_back(sqlite_db: Database, network: NetworkFolder) -> None:
    """Then their rows wait again; what was taken stays in the queue."""
    deliver(sqlite_db, network, *GOOD, row("A1", priority="9"))
    mended(sqlite_db, network)
    folder = network.folder / "extracts" / "RVV"
    for at, rows in ((10, ("A1", "A2")), (20, ("A1", "A2", "A3"))):
        lines = content([*GOOD, *(row(name, priority="9") for name in rows)])
        (folder / f"unreported-20260302T08{at}.csv").write_bytes(lines)
        (outcome,) = refresh_feed(sqlite_db, network, east_kent(network), minutes(at + 1), KEY)
        if at == 10:
            assert outcome.books.quarantined == 0
            withdraw_word(sqlite_db, 1, minutes(15), by=MANAGER, reason="it was a mistake")
    assert outcome.books.quarantined == 3
    assert study_of(sqlite_db, "A2").priority == "emergency"
    with pytest.raises(ConflictError, match="already"):
        withdraw_word(sqlite_db, 1, minutes(16), by=MANAGER, reason="again")


def test_an_examination_is_mapped_by_code_or_by_name(sqlite_db: Database, network: NetworkFolder) -> None:
    """By its code if the row has one, as capitals and blanks do not count."""
    deliver(sqlite_db, network, *GOOD, row("A1", exam="cthx 9"))
    word = FeedWord(feed=NINE.feed, kind=WordKind.EXAM_CODE, word="CTHX  9", meaning="CSKUH")
    assert [item.exam_code for item in mended(sqlite_db, network, word).taken] == ["CSKUH"]


@pytest.mark.parametrize(
    ("word", "error"),
    [
        (FeedWord(feed=NINE.feed, kind=WordKind.PRIORITY, word="9", meaning="at once"), InvalidValueError),
        (FeedWord(feed=NINE.feed, kind=WordKind.EXAM_CODE, word="X", meaning="NOTHING"), InvalidValueError),
        (FeedWord(feed="nobody's", kind=WordKind.PRIORITY, word="9", meaning="emergency"), NotFoundError),
    ],
)
def test_a_word_means_what_there_is(
    sqlite_db: Database, network: NetworkFolder, word: FeedWord, error: type[Exception]
) -> None:
    """A class of the policy, an examination of the catalogue, of a feed that is described."""
    deliver(sqlite_db, network, *GOOD, row("A1", priority="9"))
    with pytest.raises(error):
        mended(sqlite_db, network, word)
    assert words(sqlite_db) == []


def test_nobody_says_what_another_trusts_words_mean(sqlite_db: Database, network: NetworkFolder) -> None:
    """The feed is not there for them."""
    deliver(sqlite_db, network, *GOOD, row("A1", priority="9"))
    with pytest.raises(NotFoundError):
        mended(sqlite_db.within(Reach(trusts=frozenset({"RWF"}))), network)


def test_a_meaning_that_the_network_has_lost_means_nothing(network: NetworkFolder) -> None:
    """Its rows are quarantined again: nothing is taken for what it is not."""
    lost = FeedWord(feed=NINE.feed, kind=WordKind.PRIORITY, word="9", meaning="a class of old")
    assert taught(east_kent(network), [lost], network).priorities == east_kent(network).priorities
    assert taught(east_kent(network), [NINE], network).priorities["9"] == "emergency"


def test_a_word_that_is_said_anew_means_the_new(sqlite_db: Database, network: NetworkFolder) -> None:
    """One meaning holds at a time; the one before is kept with who said it."""
    deliver(sqlite_db, network, *GOOD, row("A1", priority="9"))
    mended(sqlite_db, network)
    mended(sqlite_db, network, FeedWord(feed=NINE.feed, kind=WordKind.PRIORITY, word="9", meaning="routine"))
    with sqlite_db.session() as session:
        assert [item.meaning for item in feed_words.current_words(session, NINE.feed)] == ["routine"]

"""Refusing rows of quarantine: for good, with a reason, on record, and never out of the books."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from balancer.domain.actor import Reach
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.states import QuarantineState
from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.services.refuse_rows import refuse_rows, reopen_row
from balancer.services.replay_quarantine import replay_quarantine
from balancer.store import audit, balance, feed_books, quarantine
from balancer.store.database import Database
from balancer.store.feed_books import FeedSaid
from balancer.store.pages import Cut
from balancer.store.tables import QuarantineRow
from tests.instructed import MANAGER
from tests.kent import KEY, kent, row
from tests.networks import minutes
from tests.services.test_replay_quarantine import deliver, rows_in

GOOD = [row(f"G{number}") for number in range(30)]
TOTALS = row("A1", priority="9")
WHY = "a test patient: asked the department"


@pytest.fixture
def network(db: Database, tmp_path_factory: pytest.TempPathFactory) -> NetworkFolder:
    """Return a network of which East Kent has delivered thirty studies and a row that is not understood."""
    found = read_network(kent(tmp_path_factory.mktemp("network")))
    deliver(db, found, *GOOD, TOTALS)
    return found


def the_row(db: Database) -> QuarantineRow:
    """Return the row that was not understood."""
    return rows_in(db)[32]


def refuse(db: Database) -> int:
    """Refuse it, and return its number."""
    number = the_row(db).id or 0
    refuse_rows(db, [number], minutes(1), by=MANAGER, reason=WHY)
    return number


def said(db: Database) -> FeedSaid:
    """Return what East Kent said last, against what is here."""
    with db.session() as session:
        (found,) = (one for one in feed_books.said_by_feeds(session).values() if one.batch.rows_read)
    return found


def actions(db: Database) -> Sequence[tuple[str, str, str, str]]:
    """Return what was done to rows of quarantine: what, from which state to which, and why."""
    with db.session() as session:
        entries = audit.entries(session, Cut()).items
    return [
        (entry.action, entry.was, entry.became, entry.why)
        for entry in entries
        if entry.subject_kind == "quarantined_row"
    ]


@pytest.mark.usefixtures("network")
def test_a_refused_row_says_who_refused_it_when_and_why(db: Database) -> None:
    """It waits no more, is counted among no causes, and is there whole."""
    before = the_row(db)
    refuse(db)
    after = the_row(db)
    assert (after.state, after.refused_by, after.refused_at, after.refused_why) == (
        QuarantineState.REFUSED,
        MANAGER.subject,
        minutes(1),
        WHY,
    )
    assert (after.raw, after.resolved_at) == (before.raw, None)
    with db.session() as session:
        assert (quarantine.open_count(session), quarantine.reasons(session)) == (0, [])
        assert quarantine.refused_count(session) == 1


@pytest.mark.usefixtures("network")
def test_a_refused_row_stays_in_the_books(db: Database) -> None:
    """31 rows are 30 studies and one that is refused, and nothing is unexplained: of the feed, and of the trust."""
    assert (said(db).quarantined, said(db).refused, said(db).unexplained) == (1, 0, 0)
    refuse(db)
    assert (said(db).said, said(db).listed, said(db).quarantined, said(db).refused) == (31, 30, 0, 1)
    assert said(db).unexplained == 0
    with db.session() as session:
        (trust,) = (one for one in balance.balance(session) if one.trust == "RVV")
    assert (trust.quarantined, trust.refused, trust.balances) == (0, 1, True)


def test_a_refused_row_that_comes_again_is_asked_about_no_more(db: Database, network: NetworkFolder) -> None:
    """The same cells are the same row: it stays refused, is counted in the new batch, and the books hold."""
    number = refuse(db)
    outcome = deliver(db, network, *GOOD, TOTALS, row("G99"), at=15)
    assert outcome.books.quarantined == 1
    assert outcome.books.balance
    after = the_row(db)
    assert (after.id, after.state, after.last_seen_at) == (number, QuarantineState.REFUSED, minutes(15))
    assert (said(db).quarantined, said(db).refused, said(db).unexplained) == (0, 1, 0)


def test_a_refused_row_that_is_no_longer_listed_is_gone(db: Database, network: NetworkFolder) -> None:
    """Who refused it, and why, stays with it."""
    refuse(db)
    deliver(db, network, *GOOD, at=15)
    assert (the_row(db).state, the_row(db).refused_why) == (QuarantineState.GONE, WHY)
    assert (said(db).refused, said(db).unexplained) == (0, 0)


def test_a_study_whose_row_was_refused_is_taken_once_it_can_be_read(db: Database, network: NetworkFolder) -> None:
    """That nobody is to mend a row does not hide its study."""
    refuse(db)
    assert deliver(db, network, *GOOD, row("A1", priority="7"), at=15).books.new == 1
    assert the_row(db).state is QuarantineState.SUPERSEDED


def test_a_refused_row_is_not_read_again_unless_it_is_taken_up_again(db: Database, network: NetworkFolder) -> None:
    """And is then as it was, but for what the trail says."""
    number = refuse(db)
    assert replay_quarantine(db, network, KEY, minutes(5)) == []
    reopen_row(db, number, minutes(6), by=MANAGER, reason="no test patient after all")
    after = the_row(db)
    assert (after.state, after.refused_by, after.refused_at, after.refused_why) == (
        QuarantineState.OPEN,
        None,
        None,
        None,
    )
    assert len(replay_quarantine(db, network, KEY, minutes(7))) == 1


@pytest.mark.usefixtures("network")
def test_both_are_on_record(db: Database) -> None:
    """With the reason."""
    number = refuse(db)
    reopen_row(db, number, minutes(6), by=MANAGER, reason="no test patient after all")
    assert actions(db) == [
        ("quarantine.reopen", "refused", "open", "no test patient after all"),
        ("quarantine.refuse", "open", "refused", WHY),
    ]


def test_only_a_row_that_waits_is_refused_and_only_a_refused_one_taken_up(db: Database, network: NetworkFolder) -> None:
    """Whoever was slower hears so, and of several rows none is refused if one cannot be."""
    number = the_row(db).id or 0
    with pytest.raises(ConflictError, match="not refused"):
        reopen_row(db, number, minutes(1), by=MANAGER, reason=WHY)
    refuse(db)
    with pytest.raises(ConflictError, match="waits no longer"):
        refuse_rows(db, [number], minutes(2), by=MANAGER, reason=WHY)
    deliver(db, network, *GOOD, TOTALS, row("A2", priority="9"), at=15)
    other = rows_in(db)[33].id or 0
    with pytest.raises(ConflictError, match="waits no longer"):
        refuse_rows(db, [other, number], minutes(16), by=MANAGER, reason=WHY)
    assert rows_in(db)[33].state is QuarantineState.OPEN


@pytest.mark.usefixtures("network")
def test_nobody_refuses_a_row_of_another_trust(db: Database) -> None:
    """It is not there for them."""
    elsewhere = db.within(Reach(trusts=frozenset({"RWF"})))
    with pytest.raises(NotFoundError):
        refuse_rows(elsewhere, [the_row(db).id or 0], minutes(1), by=MANAGER, reason=WHY)
    assert the_row(db).state is QuarantineState.OPEN

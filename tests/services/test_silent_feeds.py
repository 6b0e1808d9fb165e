"""A feed that falls silent has an owner until it delivers again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.permission import Role
from balancer.services.ingest_studies import ingest_extract
from balancer.services.take_silence import take_silence
from balancer.services.watch_feeds import watch_feeds
from balancer.store import audit, silences, sources
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables_silences import SilenceRow
from tests.networks import FEED, Feed, extract, loaded
from tests.worlds import NOW

LATER = NOW + timedelta(hours=3)
ANNE = person("entra:7", "Anne Manager", Grant(Role.MANAGER, EVERY_TRUST))


@pytest.fixture
def fed(db: Database) -> Database:
    """Return a database whose only feed delivered at NOW."""
    loaded(db)
    ingest_extract(db, Feed(), extract("A1"), NOW)
    watch_feeds(db, NOW)
    return db


def still_open(db: Database) -> list[SilenceRow]:
    """Return the silences that have not ended."""
    with db.session() as session:
        return silences.not_ended(session)


def said(db: Database) -> list[tuple[str, str]]:
    """Return what the trail has of silences: who did what, the first first."""
    with db.session() as session:
        found = audit.entries(session, Cut(), subject_kind="silence").items
    return [(row.actor, row.action) for row in reversed(found)]


def test_a_feed_that_delivers_has_no_silence(fed: Database) -> None:
    """Nobody is bothered."""
    assert still_open(fed) == []


def test_a_feed_that_falls_silent_is_its_trusts_offices(fed: Database) -> None:
    """Once, however often it is looked at."""
    watch_feeds(fed, LATER)
    watch_feeds(fed, LATER + timedelta(minutes=1))
    (row,) = still_open(fed)
    assert (row.feed, row.trust, row.owner, row.since, row.taken_at) == (FEED, "RVV", "RVV reporting office", NOW, None)
    assert said(fed) == [("job:feeds", "silence.opened")]


def test_whoever_is_on_it_is_named(fed: Database) -> None:
    """For the others to see, and in the trail."""
    watch_feeds(fed, LATER)
    take_silence(fed, FEED, LATER, by=ANNE)
    with fed.session() as session:
        status = sources.feed(session, FEED, LATER)
    assert (status.owner, status.is_taken) == ("Anne Manager", True)
    assert said(fed)[-1] == ("entra:7", "silence.taken")


def test_somebody_can_be_on_it_before_the_clock_has_seen_it(fed: Database) -> None:
    """What a page shows as silent can be taken at once."""
    take_silence(fed, FEED, LATER, by=ANNE)
    watch_feeds(fed, LATER)
    assert [row.owner for row in still_open(fed)] == ["Anne Manager"]


def test_it_closes_by_itself_once_the_feed_delivers_again(fed: Database) -> None:
    """And the next silence is the office's again, not theirs who saw to the last."""
    take_silence(fed, FEED, LATER, by=ANNE)
    ingest_extract(fed, Feed(), extract("A1", at=180), LATER)
    watch_feeds(fed, LATER)
    assert still_open(fed) == []
    assert said(fed)[-1] == ("job:feeds", "silence.resolved")
    with fed.session() as session:
        assert sources.feed(session, FEED, LATER).owner == ""
    watch_feeds(fed, LATER + timedelta(hours=3))
    assert [row.owner for row in still_open(fed)] == ["RVV reporting office"]


def test_what_is_not_silent_cannot_be_taken(fed: Database) -> None:
    """Somebody has left a page open; it delivers by now."""
    with pytest.raises(ConflictError, match="not silent any more"):
        take_silence(fed, FEED, NOW, by=ANNE)
    with pytest.raises(NotFoundError):
        take_silence(fed, "no such feed", NOW, by=ANNE)

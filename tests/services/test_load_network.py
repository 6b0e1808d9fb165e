from __future__ import annotations

from balancer.domain.feed import FeedKind
from balancer.domain.network import Examination, Trust
from balancer.services.ingest_studies import ingest_extract
from balancer.store import people, sources, standing
from balancer.store.database import Database
from balancer.store.policies import versions
from tests.networks import FEED, Feed, Network, Roster, extract, loaded, minutes
from tests.worlds import NOW, reporter


def test_loading_twice_is_loading_once(db: Database) -> None:
    """A service that starts again finds its network; the policy is one version, not two."""
    loaded(loaded(db))
    with db.session() as reading:
        assert len(versions(reading)) == 1
        assert len(people.reporters(reading, unlisted=True)) == 2
        assert [status.name for status in sources.feeds(reading, NOW)] == [FEED]


def test_whoever_leaves_is_kept_and_no_longer_listed(db: Database) -> None:
    """Their past reads still name somebody; and they may come back."""
    loaded(db)
    network = Network(reporters=(reporter("R2"),))
    loaded(db, network)
    with db.session() as reading:
        assert [item.reporter.reporter_id for item in people.reporters(reading)] == ["R2"]
        gone = people.reporter(reading, "R1")
        assert not gone.listed
        assert gone.reporter.level("neuro", "CT") == 3
    loaded(db)
    with db.session() as reading:
        assert people.reporter(reading, "R1").listed


def test_what_is_stated_anew_replaces_what_was(db: Database) -> None:
    """A skill that is gone from the list is gone; a feed that is slower is slower."""
    loaded(db)
    network = Network(
        trusts=(Trust(code="RVV", name="Eastern"), Trust(code="RWF", name="West")),
        examinations=(
            Examination(code="CTH", name="Head", modality="CT", body_region="h", subspecialty="n", minutes=9),
        ),
        reporters=(reporter("R1", trusts=("RWF",), skills={"msk": 1}, speed=2),),
        feeds=(Feed(kind=FeedKind.DELTA, refresh_minutes=5, stale_after_minutes=10),),
    )
    loaded(db, network)
    with db.session() as reading:
        assert [item.reporter for item in people.reporters(reading)] == list(network.reporters)
        assert [row.name for row in standing.trusts(reading)] == ["Eastern", "West"]
        assert [(row.code, row.minutes) for row in standing.examinations(reading)] == [("CTH", 9)]
        assert len(standing.examinations(reading, listed_only=False)) == 2
        status = sources.feed(reading, FEED, NOW)
    assert (status.kind, status.refresh_minutes, status.stale_after_minutes) == (FeedKind.DELTA, 5, 10)


def test_a_feed_or_roster_that_ended_is_no_longer_listed(db: Database) -> None:
    """It is not stale: nobody expects anything of it."""
    loaded(db)
    loaded(db, Network(feeds=(), rosters=()))
    with db.session() as reading:
        assert sources.feeds(reading, NOW) == []
        assert sources.rosters(reading) == []
        assert sources.feed(reading, FEED, NOW).name == FEED


def test_loading_keeps_what_a_feed_has_delivered(db: Database) -> None:
    """How fresh it is does not depend on when the service last started."""
    loaded(db)
    ingest_extract(db, Feed(), extract("A1", at=5), minutes(6))
    loaded(db)
    with db.session() as reading:
        status = sources.feed(reading, FEED, minutes(6))
    assert (status.last_extracted_at, status.last_received_at) == (minutes(5), minutes(6))


def test_rosters_are_listed_with_their_trust(db: Database) -> None:
    """Before any file has come there is none to show."""
    loaded(db, Network(rosters=(Roster(), Roster(name="RWF rota", trust="RWF"))))
    with db.session() as reading:
        assert [(item.name, item.trust, item.last_batch) for item in sources.rosters(reading)] == [
            ("RVV rota", "RVV", None),
            ("RWF rota", "RWF", None),
        ]

"""Load the network's standing data: trusts, examinations, reporters, policy, and which feeds and rosters there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from balancer.domain.feed import FeedKind
from balancer.domain.network import Examination, Trust
from balancer.domain.policy import Policy
from balancer.domain.reporter import Reporter
from balancer.services.due_times import reckon_due_times
from balancer.services.take_policy_file import take_policy_file
from balancer.store import sources, standing
from balancer.store.assignments import begin_feeds, note_all, touch_worklists
from balancer.store.database import Database, Session


class DescribedRoster(Protocol):
    """A roster: its name and whose it is."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def trust(self) -> str: ...  # noqa: D102


class DescribedFeed(DescribedRoster, Protocol):
    """A feed: its name, whose it is, its kind, and its intervals in minutes."""

    @property
    def kind(self) -> FeedKind: ...  # noqa: D102
    @property
    def refresh_minutes(self) -> float: ...  # noqa: D102
    @property
    def stale_after_minutes(self) -> float: ...  # noqa: D102


class StandingData(Protocol):
    """What is asked of a network here; ``ingest.network_folder`` reads one."""

    @property
    def trusts(self) -> Sequence[Trust]: ...  # noqa: D102
    @property
    def examinations(self) -> Sequence[Examination]: ...  # noqa: D102
    @property
    def reporters(self) -> Sequence[Reporter]: ...  # noqa: D102
    @property
    def policy(self) -> Policy: ...  # noqa: D102
    @property
    def feeds(self) -> Sequence[DescribedFeed]: ...  # noqa: D102
    @property
    def rosters(self) -> Sequence[DescribedRoster]: ...  # noqa: D102


def load_network(db: Database, network: StandingData, now: datetime) -> None:
    """Bring the standing data up to ``network``, in one transaction; loading the same twice changes nothing.

    What has gone from it (a reporter who left, a feed that ended) is kept and no longer listed. The first policy is in
    force at once; one that differs later is proposed, and waits for somebody to approve it.
    """
    with db.transaction() as session:
        sources.lock_trusts(session)  # in one order: below they are changed in the order in which they lie
        before = standing.shown_on_lists(session)
        standing.put_trusts(session, network.trusts)
        standing.put_examinations(session, network.examinations)
        standing.put_reporters(session, network.reporters)
        standing.put_feeds(session, _feeds(session, network))
        standing.put_rosters(session, [{"name": roster.name, "trust": roster.trust} for roster in network.rosters])
        if take_policy_file(session, network.policy, now):
            reckon_due_times(session, network.policy, now)
        begin_feeds(session, [trust.code for trust in network.trusts])
        note_all(session, now)
        if standing.shown_on_lists(session) != before:
            touch_worklists(session)


def _feeds(session: Session, network: StandingData) -> list[dict[str, Any]]:
    """Return the feeds that are listed: the network's, and those by which systems have made studies known."""
    described = {feed.name: _feed(feed) for feed in network.feeds}
    trusts = {trust.code for trust in network.trusts}
    own = {row.name: _feed(row) for row in sources.sources_by_workitems(session) if row.trust in trusts}
    return list((own | described).values())


def _feed(feed: DescribedFeed) -> dict[str, Any]:
    return {
        "name": feed.name,
        "trust": feed.trust,
        "kind": feed.kind,
        "refresh_minutes": feed.refresh_minutes,
        "stale_after_minutes": feed.stale_after_minutes,
    }

"""The description of a feed that a caller may know of."""

from __future__ import annotations

from balancer.domain.errors import NotFoundError
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.store import sources
from balancer.store.database import Database


def described_feed(db: Database, network: NetworkFolder, key: str) -> FeedDescription:
    """Return the feed of that name, or of the trust with that code.

    Raises
    ------
    NotFoundError
        If the network describes none, or it is out of reach.
    """
    for feed in network.feeds:
        if key in {feed.name, feed.trust}:
            with db.session() as session:
                sources.feed_row(session, feed.name)
            return feed
    raise NotFoundError("there is no such feed")

"""A feed as it is to be read: its description with what people have said its words mean."""

from __future__ import annotations

from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.taught_words import taught
from balancer.store import feed_words
from balancer.store.database import Session


def taught_feed(session: Session, feed: FeedDescription, network: NetworkFolder) -> FeedDescription:
    """Return a feed's description with the words laid over it that hold now."""
    return taught(feed, feed_words.current_words(session, feed.name), network)

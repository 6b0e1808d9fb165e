"""Extracts that are read while it is still to be seen whether they are whole: only taking them in is left then."""

from __future__ import annotations

from collections.abc import Callable, Collection

import structlog

from balancer.ingest.feed_file import FeedDescription
from balancer.services.refresh_feeds import NOTHING_AHEAD, Ahead
from balancer.store.database import StoreBusyError

_log = structlog.get_logger("balancer.scheduler")
# Reads a feed's current files but those that have been read already, and returns both.
Read = Callable[[FeedDescription, Ahead], Ahead]


class ReadingAhead:
    """What has been read of files that have begun to come, by feed, until they are taken in."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._found: dict[str, Ahead] = {}

    def keep_only(self, names: Collection[str]) -> None:
        """Forget what was read of feeds that there are no more."""
        for name in self._found.keys() - names:
            self._found.pop(name, None)

    def begin(self, feed: FeedDescription) -> None:
        """Read what lies there, whole or not; what cannot be read yet is read when it is whole."""
        self._found.pop(feed.name, None)
        try:
            self._found[feed.name] = self._read(feed, NOTHING_AHEAD)
        except (OSError, StoreBusyError) as error:  # it is written to, has gone, or nobody can say whether it is new
            _log.info("delivery.not_read_ahead", feed=feed.name, reason=type(error).__name__)

    def end(self, feed: FeedDescription) -> Ahead:
        """Return what lies there as it has been read; what is other than it was, or described otherwise, is read now.

        Raises
        ------
        OSError
            If a file cannot be fetched.
        """
        return self._read(feed, self._found.pop(feed.name, NOTHING_AHEAD))

"""Extracts that are read while it is still to be seen whether they are whole: only taking them in is left then."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from balancer.ingest.feed_file import FeedDescription
from balancer.services.refresh_feeds import NOTHING_AHEAD, Ahead
from balancer.store.database import StoreBusyError

_log = structlog.get_logger("balancer.scheduler")
# What a code or a column means may have been taught since.
OLDEST_SECONDS = 2.0
# Reads a feed's current files but those that have been read already, and returns both.
Read = Callable[[FeedDescription, Ahead], Ahead]


class ReadingAhead:
    """What has been read of files that have begun to come, by feed, until they are taken in."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._found: dict[str, tuple[float, Ahead]] = {}

    def begin(self, feed: FeedDescription) -> None:
        """Read what lies there, whole or not; what cannot be read yet is read when it is whole."""
        began = time.monotonic()
        try:
            self._found[feed.name] = began, self._read(feed, NOTHING_AHEAD)
        except (OSError, StoreBusyError) as error:  # it is written to, has gone, or nobody can say whether it is new
            _log.info("delivery.not_read_ahead", feed=feed.name, reason=type(error).__name__)

    def end(self, feed: FeedDescription) -> Ahead:
        """Return what lies there as it has been read; only what is other than it was is read now.

        Raises
        ------
        OSError
            If a file cannot be fetched.
        """
        began, found = self._found.pop(feed.name, (0.0, NOTHING_AHEAD))
        is_recent = time.monotonic() - began < OLDEST_SECONDS
        return self._read(feed, found if is_recent else NOTHING_AHEAD)

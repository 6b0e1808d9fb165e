"""Watch feeds: one that falls silent is brought to its trust's reporting office, and closed once it delivers again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from balancer.domain.actor import job
from balancer.store import silences, sources
from balancer.store.database import Database

_WATCHING: Final = job("feeds")


def watch_feeds(db: Database, now: datetime) -> None:
    """Ensure that each silent feed has an owner, and that no other has a silence open."""
    with db.session() as session:
        silent = {row.name for row in silences.listed_feeds(session) if sources.is_stale(row, now)}
        known = {row.feed for row in silences.not_ended(session)}
    for name in sorted(silent ^ known):
        _look_at(db, name, now)


def _look_at(db: Database, name: str, now: datetime) -> None:
    with db.transaction() as session:
        # what is taken in meanwhile has the same lock, so that a silence is not entered of a feed that has just spoken
        feed = sources.locked_feed(session, name)
        is_silent = feed.listed and sources.is_stale(feed, now)
        found = silences.open_of(session, name)
        if is_silent and found is None:
            silences.begin(session, feed, by=_WATCHING, now=now)
        elif found is not None and not is_silent:
            silences.end(session, found, by=_WATCHING, now=now)

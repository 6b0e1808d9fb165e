"""What became of what was taken in: a log line in figures, and whether a plan could look different now."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from balancer.domain.states import BatchState
from balancer.services.outcomes import BatchOutcome, RosterOutcome

_log = structlog.get_logger("balancer.scheduler")
CHANGED, UNCHANGED, NOTHING = "changed", "unchanged", "nothing there"
_ATTENTION = frozenset({BatchState.HELD, BatchState.REFUSED})


def tell_batches(feed: str, outcomes: Sequence[BatchOutcome]) -> str:
    """Log what became of a feed's files and return it in a word."""
    if not outcomes:
        _log.warning("feed.nothing_there", feed=feed)
        return NOTHING
    for outcome in outcomes:
        books = outcome.books
        log = _log.warning if outcome.state in _ATTENTION else _log.info
        figures = (
            {}
            if outcome.state is BatchState.UNCHANGED
            else {
                "rows": books.rows_read,
                "new": books.new,
                "changed": books.changed,
                "withdrawn": books.withdrawn,
                "excluded": books.excluded,
                "quarantined": books.quarantined,
            }
        )
        log(f"feed.{outcome.state}", feed=feed, batch=outcome.batch_id, open=books.open_after, **figures)
    return CHANGED if any(_moved(outcome) for outcome in outcomes) else UNCHANGED


def tell_rosters(roster: str, outcomes: Sequence[RosterOutcome]) -> str:
    """Log what became of a roster's file and return it in a word."""
    if not outcomes:
        _log.warning("roster.nothing_there", roster=roster)
        return NOTHING
    for outcome in outcomes:
        log = _log.warning if outcome.state in _ATTENTION else _log.info
        figures = {"sessions": outcome.sessions, "quarantined": outcome.quarantined}
        log(f"roster.{outcome.state}", roster=roster, batch=outcome.batch_id, **figures)
    return CHANGED if any(outcome.state is BatchState.APPLIED for outcome in outcomes) else UNCHANGED


def _moved(outcome: BatchOutcome) -> bool:
    """Tell whether a batch changed the queue; the books of an unchanged file are those of its first time."""
    books = outcome.books
    if outcome.state in {BatchState.UNCHANGED, BatchState.REFUSED}:
        return False
    return bool(books.new or books.changed or books.withdrawn or books.excluded_since)

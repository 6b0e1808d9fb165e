"""Close what a feed of changes has left out while somebody had it open: it says so once, and will not again."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from balancer.services.batch_books import closing_batch, settle
from balancer.services.keep_reads import BatchAbout, keep_reads
from balancer.store import intake, sources
from balancer.store.database import Database
from balancer.store.studies import open_count

_WHY: Final = "left out while it was open"


def close_left_out(db: Database, now: datetime) -> int:
    """Close the studies that nobody has open any more, by the rule by which they were left out; return how many.

    In a batch of the feed that said so, whose books balance. What was reported here meanwhile is confirmed by it.
    """
    with db.session() as session:
        found = intake.left_out_but_open(session)
    return sum(_close(db, feed, now) for feed in found)


def _close(db: Database, feed: str, now: datetime) -> int:
    with db.transaction() as session:
        row = sources.locked_feed(session, feed)
        free = intake.unclaimed(session, intake.left_out_but_open(session).get(feed, {}))
        # again, now that their reads are locked: somebody may have opened one, or its source have asked for it
        left_out = intake.left_out_but_open(session).get(feed, {})
        closing = {study_id: rule for study_id, rule in left_out.items() if study_id in free}
        if not closing:
            return 0
        batch = closing_batch(session, feed, now, _WHY)
        open_before = open_count(session, row.trust)
        intake.close_studies(session, closing, now=now)
        about = BatchAbout(feed=row, batch_id=batch.id or 0, extracted_at=now, now=now)
        keep_reads(session, about, closing)
        counts = {"excluded_since": len(closing)}
        settle(session, row, batch, counts, open_before=open_before, touched=closing)
        return len(closing)

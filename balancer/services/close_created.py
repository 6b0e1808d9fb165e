"""Close the studies that were made known by workitems once they have been reported here: no source will ever say so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from balancer.services.batch_books import closing_batch, settle
from balancer.services.keep_reads import BatchAbout, keep_reads
from balancer.store import intake, sources, unconfirmed
from balancer.store.database import Database
from balancer.store.policies import current_policy
from balancer.store.studies import open_count

_WHY: Final = "reported here, and in no feed"


def close_created(db: Database, now: datetime) -> int:
    """Close what nothing has been left to do of for as long as completions are waited for; return how many there were.

    In a batch of their source whose books balance, with their reads confirmed. Until then a feed may come to list them.
    """
    with db.session() as session:
        before = now - timedelta(hours=current_policy(session).reading.confirm_hours)
        found = unconfirmed.finished(session, before)
    return sum(_close(db, source, before, now) for source in found)


def _close(db: Database, source: str, before: datetime, now: datetime) -> int:
    with db.transaction() as session:
        row = sources.locked_feed(session, source)
        free = intake.unclaimed(session, unconfirmed.finished(session, before).get(source, ()))
        # again, now that their reads are locked: somebody may have reopened one
        closing = free.intersection(unconfirmed.finished(session, before).get(source, ()))
        if not closing:
            return 0
        batch = closing_batch(session, source, now, _WHY)
        open_before = open_count(session, row.trust)
        intake.close_studies(session, dict.fromkeys(closing, ""), now=now)
        about = BatchAbout(feed=row, batch_id=batch.id or 0, extracted_at=now, now=now)
        keep_reads(session, about, closing)
        settle(session, row, batch, {"withdrawn": len(closing)}, open_before=open_before, touched=closing)
        return len(closing)

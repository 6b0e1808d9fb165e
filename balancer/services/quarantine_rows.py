"""The rows in quarantine after a batch: those that came again, those that are new, those that have been overtaken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from balancer.domain.feed import QuarantinedRow
from balancer.domain.states import QuarantineState
from balancer.store import quarantine
from balancer.store.database import Session
from balancer.store.tables import FeedRow, QuarantineRow


def requarantine(  # noqa: PLR0913 - a batch's own facts
    session: Session,
    feed: FeedRow,
    rows: Sequence[QuarantinedRow],
    *,
    settled: Collection[str],
    complete: bool,
    batch_id: int,
    now: datetime,
) -> None:
    """Bring the feed's quarantine up to a batch that left ``rows`` unread.

    A row with the same cells as one in quarantine is that row, seen again: one that a person has refused stays so, and
    is asked about no more. One in quarantine, refused or not, is ``superseded`` when its study is ``settled``
    (accepted, or excluded by a rule) or came again with other cells, and ``gone`` when a ``complete`` snapshot holds it
    no longer.
    """
    kept: dict[str, list[QuarantineRow]] = defaultdict(list)
    for old in quarantine.kept_rows(session, feed.name):
        kept[old.fingerprint].append(old)
    fresh, again = [], []
    for row in rows:
        same = kept.get(quarantine.fingerprint(row.row.sheet, row.row.raw))
        if same:
            again.append({**quarantine.quarantine_columns(row), **_seen(same.pop(0), batch_id, now)})
        else:
            fresh.append(row)
    overtaken = {*settled, *(row.key.accession_number for row in rows if row.key)}
    ended = []
    for old in (old for same in kept.values() for old in same):
        if old.accession_number in overtaken:
            ended.append(_ended(old, QuarantineState.SUPERSEDED, batch_id, now))
        elif complete:
            ended.append(_ended(old, QuarantineState.GONE, batch_id, now))
    quarantine.change_quarantined(session, again)
    quarantine.change_quarantined(session, ended)
    quarantine.add_quarantined(session, feed, fresh, batch_id=batch_id, now=now)


def _seen(row: QuarantineRow, batch_id: int, now: datetime) -> dict[str, Any]:
    return {"id": row.id, "last_batch_id": batch_id, "last_seen_at": now}


def _ended(row: QuarantineRow, state: QuarantineState, batch_id: int, now: datetime) -> dict[str, Any]:
    return {"id": row.id, "state": state, "resolved_at": now, "resolved_batch_id": batch_id}

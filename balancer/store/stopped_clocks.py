"""Studies whose clock has stopped with a provisional report: they are due when what follows it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

from sqlmodel import Session, col, select

from balancer.store.chunks import chunks
from balancer.store.how_studies_stand import WAITING
from balancer.store.scope import seeing_readings
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow


def stopped_clocks(session: Session) -> dict[int, datetime]:
    """Return when studies are due of which nothing waits but what follows a provisional report that stopped the clock.

    Then that alone has a time; what the study's class asks for has been done. When a study is due, and so what is
    counted as late, does not change with whose readings are hidden from whoever asks.
    """
    with seeing_readings(session) as seeing:
        return _stopped(seeing)


def _stopped(session: Session) -> dict[int, datetime]:
    waits = col(ReadRow.state).in_(sorted(WAITING))
    stopped = (
        select(ReadRow.study_id, col(FollowUpRow.target_at))
        .join(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .where(waits, col(FollowUpRow.clock_stopped), col(FollowUpRow.target_at).is_not(None))
    )
    found: dict[int, list[datetime]] = defaultdict(list)
    for number, target_at in session.exec(stopped):
        found[number].append(target_at)  # type: ignore[arg-type]  # those without are left out
    reads: Counter[int] = Counter()
    for chunk in chunks(sorted(found)):
        reads.update(session.exec(select(ReadRow.study_id).where(waits, col(ReadRow.study_id).in_(chunk))))
    return {number: min(targets) for number, targets in found.items() if len(targets) == reads[number]}

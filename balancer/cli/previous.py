"""What ``--previous`` supplies: who has which read by an earlier plan."""

from __future__ import annotations

from balancer.domain.plan import Plan
from balancer.domain.study import StudyKey


def published_by(previous: Plan) -> dict[StudyKey, tuple[str | None, ...]]:
    """Return, for every study an earlier plan lists, who has its reads there: in read order, ``None`` for nobody."""
    readers: dict[StudyKey, dict[int, str | None]] = {}
    for left in previous.unallocated:
        readers.setdefault(StudyKey(left.trust, left.accession_number), {})[left.read] = None
    for row in previous.allocations:
        readers.setdefault(StudyKey(row.trust, row.accession_number), {})[row.read] = row.reporter_id
    return {key: tuple(of_study[read] for read in sorted(of_study)) for key, of_study in readers.items()}

"""Duties become sessions: everything else is cut out of reporting, and nobody reports in two sessions at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from balancer.domain.instant import LONDON
from balancer.domain.reporter import REPORTING, Session
from balancer.ingest.reasons import Reason
from balancer.ingest.rota_duties import Duty, Rota

Span = tuple[datetime, datetime]

# Longer than this nobody reports in one go, and nobody is away in one row.
_LONGEST_SESSION = timedelta(hours=24)
_LONGEST_ABSENCE = timedelta(days=400)
_ONE_DAY = timedelta(days=1)


def resolve(rota: Rota, trust: str, productivity: float) -> tuple[tuple[Session, ...], dict[str, str]]:
    """Return the sessions in order of person and start, and where each takes place.

    A duty that cannot be is a fault of its row, and so is one that would overlap with a session of an earlier row.
    ``productivity`` is the policy's, for duties that have none of their own.
    """
    possible = [duty for duty in rota.duties if _is_possible(duty, rota)]
    engaged: dict[str, list[Duty]] = defaultdict(list)
    for duty in possible:
        if not duty.rule.reports:
            engaged[duty.reporter_id].append(duty)
    taken: dict[str, list[Span]] = defaultdict(list)
    sessions: list[Session] = []
    locations: dict[str, str] = {}
    for duty in possible:
        if not duty.rule.reports:
            continue
        pieces = _without((duty.start, duty.end), engaged[duty.reporter_id])
        if _clash(duty, pieces, taken[duty.reporter_id], rota):
            continue
        taken[duty.reporter_id].extend(pieces)
        for piece in pieces:
            session = _session(duty, piece, trust, productivity)
            sessions.append(session)
            locations[session.session_id] = duty.location
    return tuple(sorted(sessions, key=lambda item: (item.reporter_id, item.start))), locations


def _is_possible(duty: Duty, rota: Rota) -> bool:
    """Tell whether a duty can be as it is stated; note a fault of its row if not."""
    length, longest = duty.end - duty.start, _LONGEST_SESSION if duty.rule.reports else _LONGEST_ABSENCE
    day = duty.start.astimezone(LONDON).date()
    covered = rota.covers_from - _ONE_DAY <= day <= rota.covers_to
    if length <= timedelta():
        rota.faults.add_one(duty.position, duty.column, Reason.ENDS_BEFORE_START, "the end is not after the start")
    elif length > longest:
        detail = f"{length / timedelta(hours=1):g} hours are too long for {duty.rule.activity}"
        rota.faults.add_one(duty.position, duty.column, Reason.IMPLAUSIBLE_LENGTH, detail)
    elif duty.rule.reports and not covered:
        detail = f"begins on {day}, and the file speaks for {rota.covers_from} to {rota.covers_to}"
        rota.faults.add_one(duty.position, duty.column, Reason.IMPLAUSIBLE_DATE, detail)
    else:
        return True
    return False


def _without(span: Span, others: Sequence[Duty]) -> list[Span]:
    """Return what is left of ``span`` outside everything else the same person is down for."""
    pieces = [span]
    for other in others:
        pieces = [left for piece in pieces for left in _outside(piece, other)]
    return pieces


def _outside(span: Span, other: Duty) -> Iterator[Span]:
    for start, end in ((span[0], min(span[1], other.start)), (max(span[0], other.end), span[1])):
        if start < end:
            yield start, end


def _clash(duty: Duty, pieces: Sequence[Span], taken: Sequence[Span], rota: Rota) -> bool:
    """Tell whether a session would overlap with an earlier one; note a fault of its row if so."""
    for start, end in pieces:
        for other_start, other_end in taken:
            if start < other_end and other_start < end:
                other = f"{other_start.astimezone(LONDON):%d/%m/%Y %H:%M} to {other_end.astimezone(LONDON):%H:%M}"
                detail = f"overlaps with the same person's session of {other}"
                rota.faults.add_one(duty.position, duty.column, Reason.OVERLAPPING_SESSION, detail)
                return True
    return False


def _session(duty: Duty, piece: Span, trust: str, productivity: float) -> Session:
    start, end = piece
    limits = duty.restrictions
    return Session(
        session_id=f"{trust}-{duty.reporter_id}-{start:%Y%m%dT%H%MZ}",
        reporter_id=duty.reporter_id,
        start=start,
        end=end,
        activity=REPORTING,
        productivity=duty.productivity or productivity,
        trusts=limits.trusts,
        subspecialties=limits.subspecialties,
        modalities=limits.modalities,
        priorities=limits.priorities,
        max_reads=limits.max_reads,
    )

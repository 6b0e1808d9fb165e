"""Shifting a sample to the present: one fixed span, decided at first use and kept, added to every instant it states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from balancer.domain.feed import IncomingStudy, ParsedExtract
from balancer.store.database import Database
from balancer.store.settings import keep

_KEY = "shift_seconds"
_QUARTER = timedelta(minutes=15)


def shift_to_present(db: Database, as_of: datetime, now: datetime) -> timedelta:
    """Return the span that makes ``as_of`` the present: decided the first time it is asked for, the same ever after.

    ``now`` counts rounded down to the quarter of an hour, so that what was extracted at ``as_of`` is not in the future.
    """
    epoch = now.replace(hour=0, minute=0, second=0, microsecond=0)
    shift = now - (now - epoch) % _QUARTER - as_of
    with db.transaction() as session:
        return timedelta(seconds=float(keep(session, _KEY, str(shift.total_seconds()))))


def shift_extract(parsed: ParsedExtract, shift: timedelta) -> ParsedExtract:
    """Return the extract with ``shift`` added to every instant; digests and raw cells stay what they are."""
    if not shift:
        return parsed
    return replace(
        parsed,
        extracted_at=_later(parsed.extracted_at, shift),
        studies=_shifted(parsed.studies, shift),
        duplicates=_shifted(parsed.duplicates, shift),
    )


def _shifted(studies: Iterable[IncomingStudy], shift: timedelta) -> tuple[IncomingStudy, ...]:
    return tuple(
        replace(
            study,
            acquired_at=study.acquired_at + shift,
            ready_at=_later(study.ready_at, shift),
            due_at=_later(study.due_at, shift),
        )
        for study in studies
    )


def _later(instant: datetime | None, shift: timedelta) -> datetime | None:
    return None if instant is None else instant + shift

"""A downtime list as CSV: every read of it, whole, in times as clocks on the wall show them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from balancer.domain.downtime import DowntimeList, DowntimeRead
from balancer.domain.instant import LONDON

HEADER: Final = (
    *("place", "planned_start", "class", "due_at", "trust", "site", "accession_number", "local_patient_id"),
    *("exam_code", "exam_name", "modality", "patient_setting", "acquired_at", "minutes", "task", "open", "list_as_of"),
)
INDEX_HEADER: Final = (
    *("file", "reporter_id", "name", "home_trust", "version", "published_at", "list_as_of", "reads"),
    "withheld",
)


def rows(listed: DowntimeList) -> Iterable[tuple[object, ...]]:
    """Yield the rows below ``HEADER``; every one says as of when it is, for they are copied about."""
    made = wall_clock(listed.made_at)
    return (_row(read, made) for read in listed.reads)


def index_row(file: str, listed: DowntimeList) -> tuple[object, ...]:
    """Return a list's row below ``INDEX_HEADER``; ``file`` is the name of its files without what they end with."""
    return (
        file,
        cell(listed.reporter_id),
        cell(listed.name),
        cell(listed.home_trust),
        listed.version,
        wall_clock(listed.published_at),
        wall_clock(listed.made_at),
        len(listed.reads),
        listed.withheld,
    )


def _row(read: DowntimeRead, made: str) -> tuple[object, ...]:
    return (
        read.place,
        wall_clock(read.planned_start),
        cell(read.priority),
        wall_clock(read.due_at),
        cell(read.trust),
        cell(read.site),
        cell(read.accession_number),
        cell(read.local_patient_id),
        cell(read.exam_code),
        cell(read.exam_name),
        cell(read.modality),
        cell(read.patient_setting),
        wall_clock(read.acquired_at),
        f"{read.minutes:g}",
        read.task,
        "yes" if read.open else "",
        made,
    )


def wall_clock(instant: datetime) -> str:
    """Return an instant as a clock in London shows it, with its offset: `2026-03-02 08:04+00:00`."""
    return instant.astimezone(LONDON).isoformat(" ", "minutes")


def cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text

"""A downtime list as PDF: what a reporter needs at a workstation that has a PACS and no worklist, and can tick off.

Typst sets it: one self-contained library that needs no network, embeds its fonts, and makes tagged files that a screen
reader can read.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any, Final

import typst

from balancer.domain.downtime import DowntimeList, DowntimeRead
from balancer.domain.instant import LONDON
from balancer.domain.study import setting_words

# What is planned later than this from now is in the CSV: nobody prints a week to get through an outage.
PAPER_REACHES: Final = timedelta(hours=48)
_HEAD: Final = ("", "Planned", "Class", "Due", "Trust", "Accession", "Patient no.", "Examination", "Setting", "Read")


def sheet(listed: DowntimeList) -> bytes:
    """Return a list as a PDF, the same bytes for the same list."""
    made = _compiler().compile(
        _template(),
        sys_inputs={"list": json.dumps(on_paper(listed))},
        format="pdf",
        timestamp=listed.made_at.replace(microsecond=0),  # typst takes whole seconds only
        pdf_standards=["a-2a"],
    )
    assert isinstance(made, bytes)  # noqa: S101 - one format, no output file: typst returns the bytes
    return made


@cache
def _compiler() -> typst.Compiler:
    """Return the one compiler: it reads its fonts once."""
    return typst.Compiler(ignore_system_fonts=True)


@cache
def _template() -> bytes:
    return resources.files(__package__).joinpath("sheet.typ").read_bytes()


def on_paper(listed: DowntimeList) -> dict[str, Any]:
    """Return what stands on paper, every word of it made here."""
    until = listed.made_at + PAPER_REACHES
    near = [read for read in listed.reads if read.planned_start < until or read.open]
    later = len(listed.reads) - len(near)
    return {
        "name": f"{listed.name} ({listed.reporter_id})",
        "title": f"Downtime worklist of {listed.name}",
        "as_of": f"As it stood {instant_words(listed.made_at)}",
        "about": _about(listed),
        "warnings": _warnings(listed),
        "head": _HEAD,
        "rows": [_cells(read, listed.made_at) for read in near],
        "nothing": f"Nothing is planned for {listed.name} before {instant_words(until)}.",
        "more": f"{later} more {_reads(later)} planned later: see the CSV file." if later else "",
        "foot": "For use while Balancer does not answer. Shred it when it does.",
    }


def _about(listed: DowntimeList) -> str:
    number = len(listed.reads)
    return (
        f"{number} {_reads(number)} on this list, version {listed.version}, published "
        f"{instant_words(listed.published_at)}. Read from the top; open each by its accession number in its trust's "
        "PACS."
    )


def _warnings(listed: DowntimeList) -> list[str]:
    said = [
        "Look in the RIS before you report: somebody may have read it, or the request may have been withdrawn, since.",
        "Tick what you report, and enter it in Balancer when it answers again.",
    ]
    if listed.withheld:
        said.append(f"{listed.withheld} more on the list are at trusts where your entitlement has ended: not shown.")
    return said


def _cells(read: DowntimeRead, made_at: datetime) -> tuple[str, ...]:
    late = " LATE" if read.due_at < made_at else ""
    task = f"{read.task}: " if read.task else ""
    opened = " (you had it open)" if read.open else ""
    return (
        str(read.place),
        _short(read.planned_start),
        read.priority.replace("_", " ").capitalize(),
        f"{_short(read.due_at)}{late}",
        read.trust,
        read.accession_number,
        read.local_patient_id,
        f"{task}{read.exam_name}{opened}",
        " ".join(filter(None, (setting_words(read.patient_setting), read.site and f"({read.site})"))),
    )


def _reads(number: int) -> str:
    return "read is" if number == 1 else "reads are"


def instant_words(instant: datetime) -> str:
    """Return an instant in full, in London: `Mon 2 March 2026, 08:04`."""
    local = instant.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%B %Y}, {local:%H:%M}"


def _short(instant: datetime) -> str:
    local = instant.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%b} {local:%H:%M}"

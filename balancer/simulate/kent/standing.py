"""The sample's standing data as files: ``network.toml``, ``trusts.csv``, ``exams.csv`` and ``reporters.csv``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from balancer.domain.reporter import Reporter
from balancer.simulate.kent.catalogue import ENTRIES, Entry
from balancer.simulate.kent.places import TRUSTS

LABEL = "synthetic"


def network_toml(as_of: datetime) -> str:
    """Return ``network.toml``: what this folder is, and when its extracts were taken."""
    return f"""\
# Synthetic: no patient, person, figure or roster here is real. Made by: balancer sample
title = "Kent and Medway (synthetic sample)"
synthetic = true
as_of = {as_of.isoformat()}
"""


def trusts_csv() -> str:
    """Return ``trusts.csv``."""
    return table(("trust", "name", "kind", "label"), ((t.code, t.name, "acute", LABEL) for t in TRUSTS))


def exams_csv() -> str:
    """Return ``exams.csv``, with the basis of each figure and whether the code is a verified NICIP code."""
    header = (
        "exam_code",
        "name",
        "modality",
        "body_region",
        "subspecialty",
        "minutes",
        "reads",
        "basis",
        "aliases",
        "nicip",
        "label",
    )
    return table(header, map(_exam_row, ENTRIES))


def _exam_row(entry: Entry) -> tuple[object, ...]:
    exam = entry.examination
    return (
        exam.code,
        exam.name,
        exam.modality,
        exam.body_region,
        exam.subspecialty,
        f"{exam.minutes:g}",
        exam.reads,
        entry.basis,
        ";".join(entry.aliases),
        "yes" if entry.nicip else "no",
        LABEL,
    )


def reporters_csv(reporters: Iterable[Reporter]) -> str:
    """Return ``reporters.csv``; the numbers are of ranges that neither register has issued."""
    header = ("reporter_id", "name", "grade", "home_trust", "trusts", "skills", "modalities", "speed", "label")
    return table(header, map(_reporter_row, reporters))


def _reporter_row(reporter: Reporter) -> tuple[object, ...]:
    return (
        reporter.reporter_id,
        reporter.name,
        reporter.grade,
        reporter.home_trust,
        ";".join(f"{trust}@{day.isoformat()}" if day else trust for trust, day in reporter.trusts.items()),
        ";".join(
            f"{subspecialty}/{modality}:{level:d}" if modality else f"{subspecialty}:{level:d}"
            for (subspecialty, modality), level in reporter.skills.items()
        ),
        ";".join(sorted(reporter.modalities)),
        f"{reporter.speed:g}",
        LABEL,
    )


def table(header: Sequence[str], rows: Iterable[Sequence[object]], *, delimiter: str = ",", ending: str = "\n") -> str:
    """Return a CSV file as text."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=ending)
    writer.writerow(header)
    writer.writerows(rows)
    return buffer.getvalue()

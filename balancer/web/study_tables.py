"""A study's reads, and what has happened to it, as tables to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from balancer.web.study import StudyPage
from balancer.web.study_facts import StudyFacts
from balancer.web.study_history import Happened
from balancer.web.tables import Cell, Column, Row, Table, View

_READS: Final = (
    Column(key="accession", head="Accession"),
    Column(key="trust", head="Trust"),
    Column(key="read", head="Read", number=True),
    Column(key="what", head="What"),
    Column(key="state", head="State"),
    Column(key="who", head="Who"),
    Column(key="planned_start", head="Planned start"),
    Column(key="planned_end", head="Planned end"),
    Column(key="until", head="Until"),
    Column(key="since", head="Since"),
    Column(key="why", head="Why"),
)
_HISTORY: Final = (
    Column(key="accession", head="Accession"),
    Column(key="trust", head="Trust"),
    Column(key="at", head="When"),
    Column(key="what", head="What"),
    Column(key="why", head="Why"),
    Column(key="who", head="Who"),
)


def reads_table(facts: StudyFacts, page: StudyPage, view: View) -> Table:
    """Return the study's reads as its page has them, with each of their times by itself."""
    rows = [
        Row(
            cells=(
                *_study(page),
                Cell(value=line.number),
                Cell(text=line.what),
                Cell(text=line.state),
                Cell(text=line.who),
                Cell(value=read.planned_start if line.is_open else None),
                Cell(value=read.planned_end if line.is_open else None),
                Cell(value=read.until),
                Cell(value=read.since),
                Cell(text=line.note),
            )
        )
        for read, line in zip(facts.study.reads, page.reads, strict=True)
    ]
    return Table(name=f"Reads of study {page.study_id}", columns=_READS, rows=rows, total=len(rows), view=view)


def history_table(lines: Sequence[Happened], page: StudyPage, view: View) -> Table:
    """Return all that has happened to the study, as far as it is told to whoever asks, the last first."""
    rows = [
        Row(
            cells=(
                *_study(page),
                Cell(value=line.at),
                Cell(text=line.what),
                Cell(text=line.why),
                Cell(text=line.who),
            )
        )
        for line in lines
    ]
    return Table(name=f"History of study {page.study_id}", columns=_HISTORY, rows=rows, total=len(rows), view=view)


def _study(page: StudyPage) -> tuple[Cell, Cell]:
    return Cell(text=page.accession), Cell(text=page.trust)

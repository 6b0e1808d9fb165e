"""The sample's three extracts: a CSV, a workbook with a sheet a hospital, a semicolon CSV with a byte-order mark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from balancer.simulate.kent.places import SITES
from balancer.simulate.kent.planted import Heap, Planter, Row
from balancer.simulate.kent.queue import Order
from balancer.simulate.kent.shapes import RWF, SHAPES, Shape, local_text
from balancer.simulate.kent.standing import table
from balancer.simulate.kent.workbook import Cell, Sheet, workbook_bytes

_TITLE_ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """One row that is not an ordinary one: where it stands, what it is and what ingest must make of it."""

    file: str
    sheet: str
    line: int
    trust: str
    accession_number: str
    kind: str
    expected: Heap


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """One file as a trust delivers it; ``rows_read`` counts its data rows, footers and blank lines left out."""

    trust: str
    path: str
    content: bytes
    rows_read: int
    planted: tuple[Planted, ...]


def write_extract(rng: np.random.Generator, trust: str, orders: Sequence[Order], taken_at: datetime) -> Extract:
    """Return the extract of ``trust``, taken at ``taken_at``, with everything planted that is wrong with it."""
    rows = [row_of(order, rng) for order in orders if order.trust == trust]
    return extract_of(trust, Planter(rng, trust, rows).plant(), taken_at)


def extract_of(trust: str, rows: Sequence[Row], taken_at: datetime) -> Extract:
    """Return these rows as ``trust`` delivers them."""
    write = _workbook if trust == RWF.trust else _csv
    return write(SHAPES[trust], rows, taken_at)


def row_of(order: Order, rng: np.random.Generator) -> Row:
    """Return a study as its trust's system writes it down."""
    shape = SHAPES[order.trust]
    return Row(
        sheet=shape.sites.get(order.site, ""),
        cells=shape.cells(order, rng),
        accession_number=order.accession_number,
        kind=order.excluded_by,
        heap=Heap.EXCLUDED if order.excluded_by else Heap.ACCEPTED,
    )


def _csv(shape: Shape, rows: Sequence[Row], taken_at: datetime) -> Extract:
    trust = shape.trust
    name = f"{'unreported' if trust == 'RVV' else 'RPA_worklist'}-{local_text(taken_at, '%Y%m%dT%H%M')}.csv"
    path = f"extracts/{trust}/{name}"
    text = table(
        shape.headings,
        (_cells(shape, row) for row in rows),
        delimiter="," if trust == "RVV" else ";",
        ending="\r\n",
    )
    return Extract(
        trust=trust,
        path=path,
        content=text.encode("utf-8" if trust == "RVV" else "utf-8-sig"),
        rows_read=len(rows),
        planted=tuple(_planted(trust, path, (("", line, row) for line, row in enumerate(rows, start=2)))),
    )


def _cells(shape: Shape, row: Row) -> list[Cell]:
    cells: list[Cell] = [row.cells[role] for role in shape.columns]
    if row.extra < 0:
        return cells[: row.extra]
    after_name = list(shape.columns).index("name") + 1
    return [*cells[:after_name], *[""] * row.extra, *cells[after_name:]]


def _workbook(shape: Shape, rows: Sequence[Row], taken_at: datetime) -> Extract:
    """Return a sheet a hospital: a title row, a blank row, headings, studies, and a row that counts them."""
    path = f"extracts/{shape.trust}/Unreported {local_text(taken_at, '%d-%m-%Y %H%M')}.xlsx"
    sheets: list[Sheet] = []
    placed: list[tuple[str, int, Row]] = []
    for site in SITES:
        if site.trust != shape.trust:
            continue
        name = shape.sites[site.name]
        here = [row for row in rows if row.sheet == name]
        placed.extend((name, line, row) for line, row in enumerate(here, start=_TITLE_ROWS + 1))
        title = f"SYNTHETIC - {site.name} - unreported examinations at {local_text(taken_at)}"
        sheets.append(
            Sheet(
                name=name,
                rows=[[title], [], list(shape.headings), *(_cells(shape, row) for row in here), ["Total", len(here)]],
                bold=frozenset({0, _TITLE_ROWS - 1}),
                widths=(16, 14, 12, 9, 34, 11, 17, 16, 17, 11, 16),
            )
        )
    return Extract(
        trust=shape.trust,
        path=path,
        content=workbook_bytes(sheets, title="SYNTHETIC unreported examinations"),
        rows_read=len(rows),
        planted=tuple(_planted(shape.trust, path, placed)),
    )


def _planted(trust: str, path: str, placed: Iterable[tuple[str, int, Row]]) -> Iterable[Planted]:
    for sheet, line, row in placed:
        if row.kind:
            yield Planted(
                file=path,
                sheet=sheet,
                line=line,
                trust=trust,
                accession_number=row.accession_number,
                kind=row.kind,
                expected=row.heap,
            )

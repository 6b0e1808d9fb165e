"""The door for rotas: bytes a trust delivered become resolved sessions, whatever the bytes are."""

from __future__ import annotations

import hashlib
from datetime import date

from balancer.domain.feed import QuarantinedRow
from balancer.domain.roster import ParsedRoster
from balancer.ingest.csv_text import read_csv_text
from balancer.ingest.file_format import CSV
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.roster_file import RosterDescription
from balancer.ingest.rota_duties import Rota
from balancer.ingest.rota_grid import read_grid
from balancer.ingest.rota_list import read_list
from balancer.ingest.rota_sessions import resolve
from balancer.ingest.whole_file import NotReadableError
from balancer.ingest.workbook_text import read_workbook_text

_NO_DAY = date(1970, 1, 1)


def parse_rota(content: bytes, roster: RosterDescription, network: NetworkFolder, *, file_name: str) -> ParsedRoster:
    """Return what one rota file says; a row that is at fault in any way is quarantined, once, with all its faults.

    Of a list such a row gives no session; of a grid its other cells still do. Never raises for what the bytes are: a
    file of which nothing can be relied on has a ``problem`` and no sessions.
    """
    digest = hashlib.sha256(content).hexdigest()
    try:
        rota = _read(content, roster, network, file_name)
    except NotReadableError as error:
        return ParsedRoster(feed=roster.name, digest=digest, covers_from=_NO_DAY, covers_to=_NO_DAY, problem=str(error))
    sessions, locations = resolve(rota, roster.trust, network.policy.default_productivity)
    return ParsedRoster(
        feed=roster.name,
        digest=digest,
        covers_from=rota.covers_from,
        covers_to=rota.covers_to,
        sessions=sessions,
        quarantined=_quarantined(rota),
        rows_read=len(rota.rows) + len(rota.broken),
        locations=locations,
    )


def _read(content: bytes, roster: RosterDescription, network: NetworkFolder, file_name: str) -> Rota:
    if roster.format.type == CSV:
        sheets = read_csv_text(content, roster.format)
    else:
        sheets = read_workbook_text(content, roster.date_formats[0])
    if roster.grid is not None:
        return read_grid(sheets, roster, network)
    return read_list(sheets, roster, network, file_name)


def _quarantined(rota: Rota) -> tuple[QuarantinedRow, ...]:
    at_fault = [at for at in range(len(rota.rows)) if at in rota.faults]
    rows = [rota.faults.quarantined(at, rota.rows[at], None) for at in at_fault]
    return tuple(sorted([*rows, *rota.broken], key=lambda row: (row.row.sheet, row.row.line)))

"""Rows that say what they said in the extract before are taken for what they were taken for then.

A snapshot repeats thousands of rows every quarter of an hour, and an emergency that has come since waits until all of
them have been read. What a row that is its study's only one is taken for depends on its cells, on what describes the
feed, and on its not being of a time after the extract was made: none of it changes from one extract to a later one.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b

from balancer.domain.feed import FeedKind, IncomingStudy, ParsedExtract, SourceRow
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.file_format import CSV
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.whole_file import TextRow, TextSheet

# A row and its study take 1.5 KB; of more feeds than that those are read whole that were read longest ago.
_MOST_ROWS = 100_000
_DIGEST_BYTES = 16
_NOTHING: Mapping[bytes, IncomingStudy] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What says how a feed's rows are to be read: equal descriptions make the same of the same row."""

    feed: FeedDescription
    network: NetworkFolder
    pseudonym_key: bytes

    def same_as(self, other: Described) -> bool:
        """Tell whether another says the same; of two networks that were loaded apart nobody has compared."""
        mine, others = (self.feed, self.pseudonym_key), (other.feed, other.pseudonym_key)
        return self.network is other.network and mine == others


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """An extract whose known rows have been taken out: the ``sheet`` that is left to be read, and their ``studies``.

    These, and the ``digests`` of all rows that stood in the sheet, are by the line that a row begins on.
    """

    sheet: TextSheet
    studies: Mapping[int, IncomingStudy]
    digests: Mapping[int, bytes]

    def added_to(self, parsed: ParsedExtract) -> ParsedExtract:
        """Return what was read of the rest and what is known, each in the order of the file."""
        if not self.studies:
            return parsed
        together = [*parsed.studies, *self.studies.values()]
        together.sort(key=lambda study: study.row.line)
        return replace(parsed, rows_read=parsed.rows_read + len(self.studies), studies=tuple(together))


class ReadBefore:
    """What the rows of each feed's last extract were taken for, by a keyed digest of their cells.

    Cells that may not be kept go into the digest and no further. Not for two threads at once.
    """

    def __init__(self, most_rows: int = _MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._key = secrets.token_bytes(_DIGEST_BYTES)
        self._kept: OrderedDict[str, _Extract] = OrderedDict()

    def take_over(self, sheets: Sequence[TextSheet], described: Described, extracted_at: datetime | None) -> TakenOver:
        """Take out the rows that are known; all are left where nothing is, or where rows cannot be told one by one.

        A row is left if its study is named anywhere else in the file, by whatever column: rows that are of one study
        are judged together.
        """
        (sheet,) = sheets
        digests = {row.line: self._digest(row) for row in sheet.rows}
        known = self._known(sheet, described, extracted_at)
        times = Counter(digests.values())
        found = {
            row.line: known[digest]
            for row in sheet.rows
            if (digest := digests[row.line]) in known and times[digest] == 1
        }
        named = _words(row for row in sheet.rows if row.line not in found)
        found = {line: study for line, study in found.items() if study.accession_number not in named}
        left = [row for row in sheet.rows if row.line not in found]
        return TakenOver(
            sheet=TextSheet(name=sheet.name, rows=left),
            studies={line: _on(line, study) for line, study in found.items()},
            digests=digests,
        )

    def keep(
        self, sheets: Sequence[TextSheet], described: Described, parsed: ParsedExtract, digests: Mapping[int, bytes]
    ) -> None:
        """Keep what the accepted rows of an extract were taken for, in place of those of the feed's extract before."""
        name = described.feed.name
        self._kept.pop(name, None)
        self._kept[name] = _Extract(
            described=described,
            extracted_at=parsed.extracted_at,
            header=_header(sheets[0], described.feed),
            studies={digests[study.row.line]: study for study in parsed.studies},
        )
        while sum(len(extract.studies) for extract in self._kept.values()) > self._most_rows:
            self._kept.popitem(last=False)

    def _known(
        self, sheet: TextSheet, described: Described, extracted_at: datetime | None
    ) -> Mapping[bytes, IncomingStudy]:
        """Return the rows of the feed's last extract if this one's are to be read as they were."""
        before = self._kept.get(described.feed.name)
        if before is None or not before.described.same_as(described):
            return _NOTHING
        if before.header != _header(sheet, described.feed) or not _is_no_older(extracted_at, before.extracted_at):
            return _NOTHING
        return before.studies

    def _digest(self, row: TextRow) -> bytes:
        cells = repr(row.cells).encode("utf-8", "surrogatepass")
        return blake2b(cells, digest_size=_DIGEST_BYTES, key=self._key).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Extract:
    """The accepted rows of an extract, and by what they were read."""

    described: Described
    extracted_at: datetime | None
    header: list[str] | None
    studies: Mapping[bytes, IncomingStudy]


def can_be_told_apart(feed: FeedDescription) -> bool:
    """Tell whether a feed's rows can be judged one by one: snapshots in CSV whose accession number is one cell.

    A file of changes repeats nothing; a footer counts the rows above it; taking a workbook apart is what takes long.
    """
    layout = feed.format
    is_plain = layout.type == CSV and layout.footer is None and len(feed.columns.get("accession_number", ())) == 1
    return is_plain and feed.kind is FeedKind.SNAPSHOT


def _is_no_older(extracted_at: datetime | None, before: datetime | None) -> bool:
    """Tell whether what was not after an extract's time is not after this one's either."""
    return extracted_at is None or (before is not None and extracted_at >= before)


def _header(sheet: TextSheet, feed: FeedDescription) -> list[str] | None:
    row = sheet.row(feed.format.header_row)
    return None if row is None else row.cells


def _words(rows: Iterable[TextRow]) -> set[str]:
    """Return every cell of these rows without needless blanks, as an accession number is compared."""
    return {" ".join(cell.split()) for row in rows for cell in row.cells}


def _on(line: int, study: IncomingStudy) -> IncomingStudy:
    """Return a study whose row now stands on that line."""
    if study.row.line == line:
        return study
    return replace(study, row=SourceRow(line=line, sheet=study.row.sheet, raw=study.row.raw))

"""The door for extracts of studies: bytes a trust delivered become heaps of rows, whatever the bytes are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from balancer.domain.feed import FeedKind, ParsedExtract, SourceRow
from balancer.domain.instant import local_instant
from balancer.ingest.collector import no_collections
from balancer.ingest.csv_text import read_csv_text
from balancer.ingest.exam_match import ExamMatcher
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.file_format import CSV, FILENAME, LONDON
from balancer.ingest.fold import folded
from balancer.ingest.heading_table import Headings, Tabulated, retabulate, tabulate
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.pseudonym import pseudonym
from balancer.ingest.read_before import Described, ReadBefore, can_be_told_apart
from balancer.ingest.study_columns import StudyColumns
from balancer.ingest.study_heaps import Heaps
from balancer.ingest.whole_file import NotReadableError, TextSheet
from balancer.ingest.workbook_text import read_workbook_text


def parse_extract(  # noqa: PLR0913 - what is read, and by what
    content: bytes,
    feed: FeedDescription,
    network: NetworkFolder,
    *,
    file_name: str,
    pseudonym_key: bytes,
    before: ReadBefore | None = None,
) -> ParsedExtract:
    """Return what one file of a feed says, every data row of it in exactly one heap.

    Never raises for what the bytes are: a file of which nothing can be relied on has a ``problem`` and no rows. Rows
    that were read ``before`` are not read again, and what comes of the others is kept there: it says the same, sooner.
    """
    described = Described(feed=feed, network=network, pseudonym_key=pseudonym_key)
    with no_collections():
        return _parse(content, described, file_name, before if can_be_told_apart(feed) else None)


def _parse(content: bytes, described: Described, file_name: str, before: ReadBefore | None) -> ParsedExtract:
    digest, extracted_at, feed = hashlib.sha256(content).hexdigest(), None, described.feed
    known = None
    try:
        sheets = left = _sheets(content, feed)
        extracted_at = _extracted_at(sheets, feed, file_name)
        if before is not None:
            known = before.take_over(sheets, described, extracted_at)
            left = [known.sheet]
        table = tabulate(left, feed.format, _headings(feed))
        if known is None or not known.studies:
            _refuse_nothing(table, feed)
    except NotReadableError as error:
        return ParsedExtract(feed=feed.name, digest=digest, extracted_at=extracted_at, rows_read=0, problem=str(error))
    parsed = _parsed(table, feed, described.network, digest, extracted_at, described.pseudonym_key)
    if before is None or known is None:
        return parsed
    parsed = known.added_to(parsed)
    before.keep(sheets, described, parsed, known.digests)
    return parsed


def parse_rows(
    rows: Iterable[SourceRow],
    feed: FeedDescription,
    network: NetworkFolder,
    *,
    extracted_at: datetime | None,
    pseudonym_key: bytes,
) -> ParsedExtract:
    """Return what rows that were kept (in quarantine) say today, now that a map may have been mended.

    ``extracted_at`` is of the extract they came in. The rows have no bytes, so ``digest`` is empty.
    """
    return _parsed(retabulate(rows, feed.format, _headings(feed)), feed, network, "", extracted_at, pseudonym_key)


def _sheets(content: bytes, feed: FeedDescription) -> list[TextSheet]:
    if feed.format.type == CSV:
        return read_csv_text(content, feed.format)
    return read_workbook_text(content, feed.date_formats[0])


def _refuse_nothing(table: Tabulated, feed: FeedDescription) -> None:
    """Refuse a snapshot of nothing; it is likelier that an export failed than that nobody waits."""
    if feed.kind is FeedKind.SNAPSHOT and not table.rows and not table.broken:
        raise NotReadableError("the file has a header and no row below it")


def _headings(feed: FeedDescription) -> Headings:
    columns, secret = dict(feed.columns), set(map(folded, feed.never_keep))
    if feed.paediatric is not None:
        columns["date_of_birth"] = (feed.paediatric.column,)
        secret.add(folded(feed.paediatric.column))
    return Headings(columns=columns, never_keep=frozenset(secret))


def _extracted_at(sheets: Iterable[TextSheet], feed: FeedDescription, file_name: str) -> datetime | None:
    """Return when the file says it was made; the earliest of its sheets counts."""
    stamp = feed.extracted_at
    if stamp is None:
        return None
    rows = (sheet.row(stamp.row) for sheet in sheets)
    texts = [file_name] if stamp.source == FILENAME else [row.text for row in rows if row is not None]
    found = [at for at in map(stamp.find, texts) if at is not None]
    if not found:
        return None
    return local_instant(min(found)) if feed.zone == LONDON else min(found).replace(tzinfo=UTC)


def _parsed(  # noqa: PLR0913, PLR0917 - the parts of one answer
    table: Tabulated,
    feed: FeedDescription,
    network: NetworkFolder,
    digest: str,
    extracted_at: datetime | None,
    key: bytes,
) -> ParsedExtract:
    matcher = ExamMatcher(network.examinations, network.aliases, feed.exam)
    columns = StudyColumns(table, feed, matcher, extracted_at)
    _keep_childhood_only(table, columns)
    heaps = Heaps(table, columns, lambda nhs_number, local_id: pseudonym(key, nhs_number, feed.trust, local_id))
    return ParsedExtract(
        feed=feed.name,
        digest=digest,
        extracted_at=extracted_at,
        rows_read=len(table.rows) + len(table.broken),
        studies=heaps.studies,
        duplicates=heaps.duplicates,
        excluded=heaps.excluded,
        quarantined=heaps.quarantined,
    )


def _keep_childhood_only(table: Tabulated, columns: StudyColumns) -> None:
    """Put in place of dates of birth what may be kept of them: whether the patient was a child."""
    if columns.childhood is None or columns.feed.paediatric is None:
        return
    heading = columns.feed.paediatric.column
    table.rows = [
        replace(row, raw={**row.raw, heading: word})
        for row, word in zip(table.rows, columns.childhood.words, strict=True)
    ]

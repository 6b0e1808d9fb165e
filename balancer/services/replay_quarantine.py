"""Read quarantined rows again, once the description that could not make sense of them has been mended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from balancer.domain.feed import ExcludedRow, IncomingStudy, ParsedExtract, QuarantinedRow, SourceRow
from balancer.domain.states import BatchKind, BatchState, QuarantineState, StudyState
from balancer.ingest.extract import parse_rows
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.services.outcomes import BatchOutcome
from balancer.services.shift import shift_extract
from balancer.services.storable import storable
from balancer.services.take_extract import Taking
from balancer.services.taught_feed import taught_feed
from balancer.store import batches, quarantine, runs, sources
from balancer.store.database import Database, Session
from balancer.store.tables import BatchRow, FeedRow, QuarantineRow

_NO_SHIFT = timedelta()


def replay_quarantine(
    db: Database, network: NetworkFolder, key: bytes, now: datetime, *, shift: timedelta = _NO_SHIFT
) -> list[BatchOutcome]:
    """Read every open quarantined row of every described feed again, as it is described and taught today.

    Described in ``network``; taught by people, who have said what words of it mean.
    Of the feeds that are known and within the database's reach: those of other trusts are left as they are.

    Each feed is one transaction and one batch of its own, whose books balance. A row that can be read now is taken
    like any row of an extract, and is ``replayed``; one about whose study something later is known already is
    ``superseded``; one that still cannot be read keeps its place, with the reason there is now. A replay only brings:
    it withdraws nothing, and a study that is open stays so even if its row turns out to be excluded by a rule. If
    anything was taken, a run is asked for in the same transaction.

    ``key`` is the key of the pseudonyms; ``shift`` is added to every instant.
    """
    with db.session() as session:
        within = {status.name for status in sources.feeds(session, now)}
    outcomes = [_replay(db, network, feed, key, now, shift) for feed in network.feeds if feed.name in within]
    return [outcome for outcome in outcomes if outcome is not None]


def _replay(  # noqa: PLR0913, PLR0917 - what is read, how, and when
    db: Database, network: NetworkFolder, feed: FeedDescription, key: bytes, now: datetime, shift: timedelta
) -> BatchOutcome | None:
    with db.transaction() as session:
        return replay_feed(session, network, taught_feed(session, feed, network), key, now, shift)


def replay_feed(  # noqa: PLR0913, PLR0917 - what is read, how, and when
    session: Session, network: NetworkFolder, feed: FeedDescription, key: bytes, now: datetime, shift: timedelta
) -> BatchOutcome | None:
    """Read one feed's rows again in a transaction that is under way, as ``replay_quarantine`` says."""
    row = sources.locked_feed(session, feed.name)
    reading = Reading()
    for batch_id, kept in groupby(quarantine.open_rows(session, feed.name), key=attrgetter("last_batch_id")):
        rows = list(kept)
        extracted_at = batches.batch(session, batch_id).extracted_at
        parsed = parse_rows(
            [SourceRow(line=item.line, sheet=item.sheet, raw=item.raw) for item in rows],
            feed,
            network,
            extracted_at=None if extracted_at is None else extracted_at - shift,
            pseudonym_key=key,
        )
        reading.add(rows, storable(shift_extract(parsed, shift)))
    if not reading.rows_read:
        return None
    batch = batches.add_batch(session, _batch(feed.name, now))
    outcome = _Replay(session, row, batch, reading, now).take()
    if outcome.books.new or outcome.books.changed:
        runs.ask_for_run(session, now=now, reason="quarantined rows were read again")
    return outcome


def _batch(feed: str, now: datetime) -> BatchRow:
    return BatchRow(
        feed=feed,
        kind=BatchKind.REPLAY,
        file_name="",
        digest="",
        received_at=now,
        last_received_at=now,
        state=BatchState.APPLIED,
        reason="quarantined rows were read again",
    )


class Reading:
    """What quarantined rows say today, in the order of the extracts they last stood in."""

    def __init__(self) -> None:
        self.rows_read = 0
        self.studies: list[tuple[QuarantineRow, IncomingStudy]] = []
        self.duplicates: list[tuple[QuarantineRow, IncomingStudy]] = []
        self.excluded: list[tuple[QuarantineRow, ExcludedRow]] = []
        self.quarantined: list[tuple[QuarantineRow, QuarantinedRow]] = []

    def add(self, rows: Sequence[QuarantineRow], parsed: ParsedExtract) -> None:
        """Add the rows of one extract: where a row stood says which quarantined row it is."""
        at = {(row.sheet, row.line): row for row in rows}
        self.rows_read += parsed.rows_read
        self.studies += [(at[item.row.sheet, item.row.line], item) for item in parsed.studies]
        self.duplicates += [(at[item.row.sheet, item.row.line], item) for item in parsed.duplicates]
        self.excluded += [(at[item.row.sheet, item.row.line], item) for item in parsed.excluded]
        self.quarantined += [(at[item.row.sheet, item.row.line], item) for item in parsed.quarantined]


class _Replay:
    """One feed's rows, read again, against what the store knows."""

    def __init__(self, session: Session, feed: FeedRow, batch: BatchRow, reading: Reading, now: datetime) -> None:
        self.session = session
        self.reading = reading
        self.now = now
        self.batch_id = batch.id or 0
        # of two extracts' rows about one study, the later one's holds
        self.latest = {item.accession_number: item for _, item in reading.studies}
        parsed = ParsedExtract(
            feed=feed.name,
            digest="",
            extracted_at=None,
            rows_read=reading.rows_read,
            studies=tuple(self.latest.values()),
            excluded=tuple(item for _, item in reading.excluded),
            quarantined=tuple(item for _, item in reading.quarantined),
        )
        self.taking = Taking(session, feed, batch, parsed, now)

    def take(self) -> BatchOutcome:
        """Take what can be read now, bring the quarantine up to it, and settle the batch's books."""
        taking, reading = self.taking, self.reading
        overtaken = [(row, item) for row, item in reading.studies if self._is_overtaken(row, item)]
        late = {row.id for row, _ in overtaken}
        taken = [(row, item) for row, item in reading.studies if row.id not in late]
        taking.narrow_to(
            [item for _, item in taken], duplicates=[item for _, item in (*reading.duplicates, *overtaken)]
        )
        counts = taking.take_studies()
        taking.keep_reads()
        taking.keep_excluded()
        replayed = [row for row, _ in (*taken, *reading.duplicates, *reading.excluded)]
        self._end(replayed, QuarantineState.REPLAYED)
        self._end([row for row, _ in overtaken], QuarantineState.SUPERSEDED)
        still = [{"id": row.id, **quarantine.quarantine_columns(item)} for row, item in reading.quarantined]
        quarantine.change_quarantined(self.session, still)
        return taking.settle(counts)

    def _is_overtaken(self, row: QuarantineRow, item: IncomingStudy) -> bool:
        """Tell whether something at least as recent as the row is known of its study."""
        known = self.taking.known.get(item.accession_number)
        if self.latest[item.accession_number] is not item:
            return True
        if known is None:
            return False
        if known.state is StudyState.OPEN or known.closed_at is None:
            return known.last_batch_id >= row.last_batch_id
        return known.closed_at > row.last_seen_at

    def _end(self, rows: Sequence[QuarantineRow], state: QuarantineState) -> None:
        ended = {"state": state, "resolved_at": self.now, "resolved_batch_id": self.batch_id}
        quarantine.change_quarantined(self.session, [{"id": row.id, **ended} for row in rows])

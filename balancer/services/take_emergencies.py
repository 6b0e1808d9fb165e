"""Emergencies of a long extract are taken in before the rest of it: they wait for no row that says nothing new."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from balancer.domain.feed import IncomingStudy, ParsedExtract
from balancer.domain.states import BatchKind, BatchState, StudyState
from balancer.services.ingest_studies import Described, is_older
from balancer.services.outcomes import BatchOutcome
from balancer.services.storable import storable
from balancer.services.take_extract import Taking
from balancer.store import batches, intake, sources
from balancer.store.database import Database, Session
from balancer.store.intake import KnownStudy
from balancer.store.policies import current_policy
from balancer.store.tables import BatchRow, FeedRow

# A shorter extract is taken in as a whole about as quickly as its emergencies alone.
_LONG = 500
_REASON = "emergencies, taken before the rest of the file"


def take_emergencies(
    db: Database, feed: Described, parsed: ParsedExtract, now: datetime, *, file_name: str
) -> BatchOutcome | None:
    """Take in the emergencies of an extract that are news, as a batch of their own; ``None`` if there are none.

    They are taken as the whole extract takes them, which must follow: what it would refuse is left, and so is whatever
    would be the first of its feed. Nothing is concluded from what is not among them.

    Raises
    ------
    BooksError, NotFoundError
        As ``ingest_extract``; nothing is kept.
    """
    if parsed.problem or len(parsed.studies) < _LONG:
        return None
    with db.transaction() as session:
        row = sources.locked_feed(session, feed.name)
        news = _news(session, row, parsed) if _follows_the_last(session, row, parsed) else ()
        part = replace(parsed, rows_read=len(news), studies=news, duplicates=(), excluded=(), quarantined=())
        return _take(session, row, part, now, file_name) if news else None


def _take(session: Session, row: FeedRow, part: ParsedExtract, now: datetime, file_name: str) -> BatchOutcome:
    batch = BatchRow(
        feed=row.name,
        kind=BatchKind.EMERGENCIES,
        file_name=file_name,
        digest="",
        extracted_at=part.extracted_at,
        received_at=now,
        last_received_at=now,
        state=BatchState.APPLIED,
        reason=_REASON,
    )
    taking = Taking(session, row, batches.add_batch(session, batch), part, now, complete=False)
    counts = taking.take_studies()
    taking.keep_reads()
    return taking.settle(counts)


def _follows_the_last(session: Session, row: FeedRow, parsed: ParsedExtract) -> bool:
    """Tell whether an extract is another and no older one than the last that was taken of its feed, if any was."""
    if row.last_extracted_at is None or is_older(row, parsed):
        return False
    return batches.same_file(session, row.name, parsed.digest) is None


def _news(session: Session, row: FeedRow, parsed: ParsedExtract) -> tuple[IncomingStudy, ...]:
    """Return the emergencies of an extract that nobody knows of as such and that can be stored."""
    emergencies = {item.code for item in current_policy(session).priorities if item.is_emergency}
    urgent = tuple(study for study in parsed.studies if study.priority in emergencies)
    known = intake.known_studies(session, row.trust, [study.accession_number for study in urgent], all_open=False)
    news = tuple(study for study in urgent if _is_news(study, known.get(study.accession_number)))
    return storable(replace(parsed, studies=news, excluded=(), quarantined=())).studies


def _is_news(study: IncomingStudy, known: KnownStudy | None) -> bool:
    return known is None or known.state is not StudyState.OPEN or known.priority != study.priority

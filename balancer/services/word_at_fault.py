"""Which word would mend a quarantined row if somebody said what it means: the row itself says, nobody else."""

from __future__ import annotations

from typing import Final

from balancer.domain.errors import ConflictError
from balancer.domain.feed_word import FeedWord, WordKind
from balancer.domain.states import QuarantineState
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.reasons import Reason
from balancer.ingest.taught_words import word_of
from balancer.store import quarantine
from balancer.store.database import Database
from balancer.store.tables import QuarantineRow

# What somebody here can mend by saying what a word means; all else is mended at its source.
BY_WORD: Final = frozenset({Reason.UNKNOWN_EXAM, Reason.AMBIGUOUS_EXAM, Reason.UNKNOWN_PRIORITY, Reason.UNKNOWN_SITE})
SETTLED: Final = "the row waits no longer: somebody was quicker, or a later file brought it right"
NO_WORD: Final = "no word would mend this row: it is mended at its source"


def word_at_fault(row: QuarantineRow, feed: FeedDescription | None) -> tuple[WordKind, str] | None:
    """Return the word that would mend a row if its meaning were said; ``None`` if no word would."""
    if feed is None or row.reason not in BY_WORD:
        return None
    return word_of(feed, row.column, row.raw)


def meant_by(db: Database, network: NetworkFolder, row_id: int, meaning: str) -> FeedWord:
    """Return the word at fault in a row that waits, with what somebody says it means.

    Raises
    ------
    NotFoundError
        If there is no such row within reach.
    ConflictError
        If it waits no longer, or no word would mend it.
    """
    with db.session() as session:
        row = quarantine.quarantined_row(session, row_id)
    if row.state is not QuarantineState.OPEN:
        raise ConflictError(SETTLED)
    found = word_at_fault(row, next((feed for feed in network.feeds if feed.name == row.feed), None))
    if found is None:
        raise ConflictError(NO_WORD)
    kind, word = found
    return FeedWord(feed=row.feed, kind=kind, word=word, meaning=meaning)

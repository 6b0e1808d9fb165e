"""Rows in quarantine by cause: what is wrong with them, the most urgent first, and which word would mend them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.domain.feed_word import WordKind
from balancer.domain.policy import Policy
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.fold import folded
from balancer.ingest.taught_words import key_of
from balancer.services.word_at_fault import word_at_fault
from balancer.store.quarantine import ReasonCount
from balancer.store.tables import QuarantineRow
from balancer.web.class_marks import ClassMark, class_marks, mark_of
from balancer.web.reasons import advice, reason_words

# An export that is wrong throughout is one cause; so many rows tell it.
MOST_ROWS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Rows with one and the same fault. ``word`` is what somebody may say the meaning of, if that would mend them."""

    feed: str
    reason: str
    name: str
    advice: str
    column: str
    word: tuple[WordKind, str] | None
    rows: Sequence[QuarantineRow]
    urgent: ClassMark | None
    classes: str
    since: datetime

    @property
    def address(self) -> str:
        """Where it is opened: at its first row."""
        return f"/quarantine/{self.rows[0].id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseEntry:
    """A cause in the list of them; ``here``: it is opened. ``key`` opens it: of the one after and the one before."""

    cause: Cause
    here: bool
    key: str


def entries(causes: Sequence[Cause], opened: Cause | None, most: int) -> list[CauseEntry]:
    """Return the first causes as a list shows them."""
    at = next((place for place, cause in enumerate(causes) if cause is opened), None)
    keys = {} if at is None else {at + 1: "j", at - 1: "k"}
    return [
        CauseEntry(cause=cause, here=place == at, key=keys.get(place, "")) for place, cause in enumerate(causes[:most])
    ]


def causes_of(rows: Iterable[QuarantineRow], feeds: Mapping[str, FeedDescription], policy: Policy) -> list[Cause]:
    """Return the causes, the one with the most urgent class first, then the one with the most rows."""
    kept: dict[tuple[str, str, str, str], list[QuarantineRow]] = {}
    for row in rows:
        kept.setdefault(_key(row, feeds.get(row.feed)), []).append(row)
    order = {priority.code: place for place, priority in enumerate(policy.priorities)}
    last = len(order)

    def rank(cause: Cause) -> tuple[int, int, str]:
        place = last if cause.urgent is None else order.get(cause.urgent.code, last)
        return (place, -len(cause.rows), cause.name)

    return sorted((_cause(found, feeds, policy) for found in kept.values()), key=rank)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingRows:
    """Rows of a feed that wait for one reason; ``urgent`` is the most urgent class that any of them says it is of."""

    feed: str
    reason: str
    rows: int
    urgent: ClassMark | None


def worst_first(counted: Iterable[ReasonCount], causes: Sequence[Cause]) -> list[WaitingRows]:
    """Return what waits by feed and reason, in the order of their ``causes``: the most urgent first."""
    first: dict[tuple[str, str], tuple[int, Cause]] = {}
    for place, cause in enumerate(causes):
        first.setdefault((cause.feed, cause.reason), (place, cause))

    def rank(item: ReasonCount) -> tuple[int, int, str]:
        place = first[item.feed, item.reason][0] if (item.feed, item.reason) in first else len(causes)
        return (place, -item.rows, item.reason)

    return [
        WaitingRows(
            feed=item.feed,
            reason=item.reason,
            rows=item.rows,
            urgent=first[item.feed, item.reason][1].urgent if (item.feed, item.reason) in first else None,
        )
        for item in sorted(counted, key=rank)
    ]


def class_of(row: QuarantineRow, feed: FeedDescription | None) -> str | None:
    """Return the class that a row says it is of, if that can be read."""
    headings = () if feed is None else feed.columns.get("priority", ())
    cell = " ".join(row.raw.get(heading, "") for heading in headings)
    return None if feed is None else feed.priorities.get(folded(cell))


def _key(row: QuarantineRow, feed: FeedDescription | None) -> tuple[str, str, str, str]:
    word = word_at_fault(row, feed)
    if word is None or feed is None:
        return (row.feed, row.reason, row.column, "")
    return (row.feed, row.reason, row.column, f"{word[0]}:{key_of(*word, feed)}")


def _cause(rows: Sequence[QuarantineRow], feeds: Mapping[str, FeedDescription], policy: Policy) -> Cause:
    first, feed = rows[0], feeds.get(rows[0].feed)
    marks = class_marks(policy)
    counted = Counter(code for row in rows if (code := class_of(row, feed)) is not None)
    known = [priority.code for priority in policy.priorities if priority.code in counted]
    words = [f"{counted[code]} {mark_of(marks, code).name.lower()}" for code in known]
    unread = len(rows) - sum(counted.values())
    return Cause(
        feed=first.feed,
        reason=first.reason,
        name=reason_words(first.reason),
        advice=advice(first.reason),
        column=first.column,
        word=word_at_fault(first, feed),
        rows=rows,
        urgent=mark_of(marks, known[0]) if known else None,
        classes=", ".join([*words, *([f"{unread} of no class we know"] if unread else [])]),
        since=min(row.first_seen_at for row in rows),
    )

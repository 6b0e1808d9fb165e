"""Whatever trusts send, in whatever order, the books balance and no study is lost."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from balancer.domain.errors import ConflictError
from balancer.domain.feed import FeedKind, ParsedExtract
from balancer.domain.states import BatchState, StudyState
from balancer.services.ingest_studies import discard_held_batch, ingest_extract, release_held_batch
from balancer.store import batches
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import StudyRow
from tests.networks import FEED, Feed, Network, bad_row, extract, incoming, loaded, minutes

NUMBERS = [f"A{number}" for number in range(12)]
PRIORITIES = ("emergency", "urgent", "routine", "a class nobody knows")


@dataclass(frozen=True)
class Sent:
    """One file: which studies it states, leaves out, or states unreadably; how old it is; or why it cannot be read."""

    stated: Sequence[str]
    left_out: Sequence[str]
    unreadable: Sequence[str]
    nameless: int
    priority: str
    age: int
    problem: str


@st.composite
def files(draw: st.DrawFn) -> Sent:
    """Return a file in which each study stands at most once; mostly it is nearly everything, as snapshots are."""
    heaps: dict[str, list[str]] = {"stated": [], "left_out": [], "unreadable": [], "absent": []}
    likely = ["stated"] * draw(st.sampled_from([1, 20])) + ["left_out", "unreadable", "absent"]
    for number in NUMBERS:
        heaps[draw(st.sampled_from(likely))].append(number)
    return Sent(
        stated=heaps["stated"],
        left_out=heaps["left_out"],
        unreadable=heaps["unreadable"],
        nameless=draw(st.integers(0, 2)),
        priority=draw(st.sampled_from(PRIORITIES)),
        age=draw(st.sampled_from([0, 0, 0, 0, 40])),
        problem=draw(st.sampled_from(["", "", "", "", "is not a CSV file"])),
    )


def parsed(sent: Sent, at: int) -> ParsedExtract:
    """Return the extract, made ``age`` minutes before it came."""
    bad = [bad_row(number) for number in sent.unreadable] + [bad_row(None, line=n) for n in range(sent.nameless)]
    return extract(
        *(incoming(number, priority=sent.priority) for number in sent.stated),
        excluded=sent.left_out,
        quarantined=bad,
        at=at - sent.age,
        problem=sent.problem,
    )


def open_studies(db: Database) -> set[str]:
    """Return the accession numbers of the studies that wait for a report."""
    with db.session() as session:
        return set(session.exec(select(StudyRow.accession_number).where(StudyRow.state == StudyState.OPEN)))


def decide(db: Database, batch_id: int, decision: str, at: int) -> set[str]:
    """Let a person decide on a held batch; return what that closed."""
    before = open_studies(db)
    try:
        if decision == "release":
            assert release_held_batch(db, batch_id, minutes(at), by="a manager").books.balance
        elif decision == "discard":
            discard_held_batch(db, batch_id, minutes(at), by="a manager")
    except ConflictError:
        assert open_studies(db) == before
    return before - open_studies(db)


@pytest.mark.parametrize("feed", [Feed(), Feed(kind=FeedKind.DELTA)], ids=["snapshots", "changes"])
@given(
    sent=st.lists(st.tuples(files(), st.sampled_from(["leave", "release", "discard"])), min_size=1, max_size=8),
    each_twice=st.booleans(),
)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_books_balance_and_no_study_is_lost(
    migrated_sqlite: Path,
    tmp_path: Path,
    feed: Feed,
    sent: list[tuple[Sent, str]],
    each_twice: bool,  # noqa: FBT001
) -> None:
    """After every file: both equations hold, and each study is where the last word about it puts it.

    A study that has come in stays open until a complete snapshot that is believed no longer names it in any way, a
    rule excludes it, or a person releases a held batch that did not name it.
    """
    shutil.copy(migrated_sqlite, tmp_path / "books.sqlite")
    db = loaded(Database(f"sqlite:///{tmp_path / 'books.sqlite'}"), Network(feeds=(feed,)))
    expected: set[str] = set()
    left = 0
    for step, (file, decision) in enumerate(sent):
        at = 15 * (step + 1)
        content = parsed(file, at)
        outcome = ingest_extract(db, feed, content, minutes(at))
        if each_twice:
            again = ingest_extract(db, feed, content, minutes(at))
            assert again.state is BatchState.UNCHANGED
            assert again.books == outcome.books
        if outcome.state is BatchState.UNCHANGED:
            continue
        assert outcome.books.balance
        assert outcome.books.open_before == left
        if outcome.state in {BatchState.APPLIED, BatchState.HELD} and not file.problem:
            expected |= set(file.stated)
        if outcome.state is BatchState.APPLIED:
            expected -= set(file.left_out)
            if feed.kind is FeedKind.SNAPSHOT:
                expected &= {*file.stated, *file.unreadable}
        if outcome.state is BatchState.REFUSED:
            assert file.age
        assert open_studies(db) == expected
        closed = decide(db, outcome.batch_id, decision, at)
        assert closed.isdisjoint({*file.stated, *file.unreadable})
        expected -= closed
        left = len(expected)
    with db.session() as session:
        kept = [batches.books_of(row) for row in reversed(batches.batches_of(session, FEED, Cut()).items)]
    assert all(books.balance for books in kept)
    assert [books.open_before for books in kept[1:]] == [books.open_after for books in kept[:-1]]
    db.close()

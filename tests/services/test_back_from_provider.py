"""A study that was with a provider is asked for again: their report had come, or it was a gap in what was sent."""

from __future__ import annotations

import pytest
from sqlmodel import select

from balancer.domain.exceptional import ExceptionKind
from balancer.domain.feed import FeedKind
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.domain.life import ASKED_AGAIN, LATE_IMAGES, ReadState
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.park_read import park_read
from balancer.services.steer_read import Said, send_out_read
from balancer.store import conservation, instructions, reads
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables_life import ExceptionRow
from tests.instructed import MANAGER
from tests.networks import Feed, Network, extract, incoming, minutes, queued, read_id

OTHERS = [f"B{number}" for number in range(20)]
A_WEEK = 7 * 24 * 60.0


def sent_out(db: Database, *, reads: int = 1, read: int = 1) -> None:
    """Take in A1 beside others, and send a read of it out for a week."""
    queued(db, incoming("A1", reads=reads), *OTHERS)
    number, due = read_id(db, "A1", read=read), minutes(A_WEEK)
    said = Said(reason="no neuroradiologist this week")
    send_out_read(db, number, minutes(1), by=MANAGER, said=said, provider="Farsight", due_back_at=due)


def listed(db: Database, at: float, acquired: float = -60, *, reads: int = 1) -> None:
    """Take in an extract that lists A1, its last images made then."""
    study = incoming("A1", acquired_at=minutes(acquired), reads=reads)
    ingest_extract(db, Feed(), extract(study, *OTHERS, at=at), minutes(at))


def left_out(db: Database, at: float) -> None:
    """Take in an extract that does not list A1."""
    ingest_extract(db, Feed(), extract(*OTHERS, at=at), minutes(at))


def stands(db: Database, read: int = 1) -> tuple[ReadState, str, str]:
    """Return where a read of A1 stands, why, and why it is read again."""
    with db.session() as session:
        row = reads.read(session, read_id(db, "A1", read=read))
        assert conservation.faults(session) == []
    return row.state, row.reason, row.again


def told(db: Database) -> list[str]:
    """Return what the office has been told of reads that are asked for again."""
    with db.session() as session:
        asked = select(ExceptionRow.detail).where(ExceptionRow.kind == ExceptionKind.ASKED_AGAIN)
        return list(session.exec(asked))


def test_what_two_extracts_have_left_out_is_read_here_when_it_is_asked_for_again(db: Database) -> None:
    """The provider's report had come: nobody outside does anything about the addendum, and nobody waits a week."""
    sent_out(db)
    left_out(db, 60)
    left_out(db, 75)
    listed(db, 90)
    assert stands(db) == (ReadState.UNALLOCATED, ASKED_AGAIN, ASKED_AGAIN)
    assert told(db) == [f"was sent out to Farsight, and is to be read here: {ASKED_AGAIN}"]
    with db.session() as session:
        wanted = instructions.InstructionFilter(kind=InstructionKind.SEND_OUT, state=None)
        found = instructions.instructions(session, wanted, Cut()).items
        assert [item.state for item in found] == [InstructionState.EXPIRED]


def test_what_one_extract_has_left_out_is_with_its_provider_still_and_the_office_is_told(db: Database) -> None:
    """It may be a gap: two would read it. It may be their report: the office finds out, and not in a week."""
    sent_out(db)
    left_out(db, 60)
    listed(db, 75)
    assert stands(db)[0] is ReadState.SENT_OUT
    assert told(db) == ["was sent out to Farsight, and was left out by one extract, and is taken to be there still"]


@pytest.mark.parametrize(("acquired", "state"), [(50, ReadState.UNALLOCATED), (10, ReadState.SENT_OUT)])
def test_images_that_its_provider_never_had_are_read_here(db: Database, acquired: float, state: ReadState) -> None:
    """However short the gap; a clock that runs a few minutes ahead made none."""
    sent_out(db)
    left_out(db, 60)
    listed(db, 75, acquired)
    assert stands(db)[0] is state
    assert (LATE_IMAGES in stands(db)[1:]) == (state is ReadState.UNALLOCATED)


def test_a_feed_of_changes_that_had_let_it_go_has_said_so(db: Database) -> None:
    """It leaves nothing out by mistake."""
    changes = Feed(kind=FeedKind.DELTA)
    load_network(db, Network(feeds=(changes,)), minutes(0))
    ingest_extract(db, changes, extract("A1", *OTHERS), minutes(0))
    said, due = Said(reason="no neuroradiologist this week"), minutes(A_WEEK)
    found = read_id(db, "A1")
    send_out_read(db, found, minutes(1), by=MANAGER, said=said, provider="Farsight", due_back_at=due)
    ingest_extract(db, changes, extract(excluded=["A1"], at=60), minutes(60))
    ingest_extract(db, changes, extract("A1", at=75), minutes(75))
    assert stands(db) == (ReadState.UNALLOCATED, ASKED_AGAIN, ASKED_AGAIN)


def test_what_is_parked_is_parked_still_however_long_it_was_away(db: Database) -> None:
    """Nobody outside has reported it: what it waits for may not have come."""
    queued(db, "A1", *OTHERS)
    until = minutes(A_WEEK)
    park_read(db, read_id(db, "A1"), minutes(1), by=MANAGER, reason="old films", until=until)
    left_out(db, 60)
    left_out(db, 75)
    listed(db, 90)
    assert stands(db)[0] is ReadState.PARKED
    assert told(db) == []


def test_of_two_reads_the_providers_is_done_if_the_source_names_nobody(db: Database) -> None:
    """It cannot name a provider. The read that is left is for somebody here, and is not waited for outside."""
    sent_out(db, reads=2, read=2)
    listed(db, 60, reads=1)
    assert stands(db, 1)[0] is ReadState.UNALLOCATED
    assert stands(db, 2)[0] is ReadState.WITHDRAWN

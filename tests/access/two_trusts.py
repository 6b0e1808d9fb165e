"""Two trusts that have been allocated together: each of two reporters has a study of each trust on their list."""

from __future__ import annotations

from dataclasses import replace

from balancer.domain.actor import job
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.feed_word import FeedWord, WordKind
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.letter import Letter
from balancer.domain.states import BatchState
from balancer.domain.study import StudyKey
from balancer.services.begin_draft import begin_draft
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.store import feed_words, instructions, journal, outbox, studies
from balancer.store.database import Database
from balancer.store.database import Session as WritingSession
from balancer.store.exceptions import open_exception
from balancer.store.rosters import add_roster_batch, replace_sessions
from balancer.store.tables import RosterBatchRow, StudyRow
from tests.networks import TWO_FEEDS, Feed, Roster, bad_row, extract, incoming, loaded, minutes, solving
from tests.networks import WEST as WEST_FEED
from tests.worlds import NOW, policy, priority, session

EAST, WEST = "RVV", "RWF"
RIS = "hl7 RIS"
# Spelt so that whatever shows one of them can be searched for it.
OF_EAST, OF_WEST = ("EAST-1", "EAST-2", "EAST-3"), ("WEST-1", "WEST-2")
ROSTERS = (Roster(), Roster(name="RWF rota", trust=WEST))


def allocate_both(db: Database) -> None:
    """Take both in and publish: R1 has EAST-1 and WEST-1, R2 has WEST-2 and EAST-2, EAST-3 has no place.

    Each trust has a row in quarantine, an exception, an instruction, a draft, a word that was said, and a letter that
    was given up.
    """
    classes = policy(priority("urgent"), priority("emergency", target_hours=1))
    loaded(db, replace(TWO_FEEDS, policy=classes, rosters=ROSTERS))
    for feed, numbers in ((Feed(), OF_EAST), (WEST_FEED, OF_WEST)):
        studies = [incoming(number, trust=feed.trust) for number in numbers]
        bad = bad_row(f"{numbers[0][:4]}-9", NHS=f"{numbers[0][:4]}-8")
        ingest_extract(db, feed, extract(*studies, feed=feed.name, quarantined=[bad]), NOW)
    for roster, session_id, reporter_id in zip(ROSTERS, ("S1", "S2"), ("R1", "R2"), strict=True):
        _rostered(db, roster, session_id, reporter_id)
    run_allocation(
        db,
        NOW,
        solver=solving({"S1": ["EAST-1", "RWF/WEST-1"], "S2": ["RWF/WEST-2", "EAST-2"]}, {"EAST-3": "deferred"}),
    )

    for trust, number in ((EAST, "EAST-1"), (WEST, "WEST-1")):
        _brought_to_notice(db, trust, number)


def _brought_to_notice(db: Database, trust: str, number: str) -> None:
    with db.transaction() as writing:
        found = studies.study(writing, StudyKey(trust, number))
        kind, read_id = ExceptionKind.SKIPPED_OFTEN, found.reads[0].row.id or 0
        open_exception(writing, kind, read_id, found.study, by=job("test"), now=NOW)
        barred = Instruction(
            kind=InstructionKind.BAR,
            trust=trust,
            reason="they know the patient",
            author="oidc:m1",
            made_at=NOW,
            study_id=found.study.id,
            reporter_id="R2",
        )
        instructions.add(writing, barred, by=job("test"), now=NOW)
        given_up(writing, found.study)
        word_said(writing, found.study.feed, f"{number}-WORD")
    draft_id = begin_draft(db, f"{number[:4]}-DRAFT", trust, NOW, by=job("test"))
    with db.transaction() as writing:
        instructions.add(writing, replace(barred, reporter_id="R1", draft_id=draft_id), by=job("test"), now=NOW)


def word_said(writing: WritingSession, feed: str, said: str) -> None:
    """Let somebody have said what a word of a feed means."""
    word = FeedWord(feed=feed, kind=WordKind.PRIORITY, word=said, meaning="urgent")
    feed_words.add_word(writing, word, said, by="test", now=NOW, reason="asked")


def given_up(writing: WritingSession, study: StudyRow) -> None:
    """Let a RIS have been told of a study in vain."""
    if outbox.cursor_of(writing, RIS) is None:
        outbox.move_cursor(writing, RIS, journal.mark(writing), NOW)
    about = {"key": str(study.id), "subject": str(study.id), "trust": study.trust, "study_id": study.id}
    letter = Letter(what="assigned", body={"name": f"{study.accession_number}-LETTER"}, **about)  # type: ignore[arg-type]
    outbox.write(writing, RIS, [letter], NOW)
    (row,) = outbox.due(writing, RIS, NOW, limit=9)
    outbox.give_up(writing, row.id or 0, "rejected (AR)", NOW)


def _rostered(db: Database, roster: Roster, session_id: str, reporter_id: str) -> None:
    with db.transaction() as writing:
        batch = RosterBatchRow(
            roster=roster.name,
            file_name="rota.csv",
            digest="",
            received_at=NOW,
            last_received_at=NOW,
            state=BatchState.APPLIED,
            faults=[],
        )
        batch_id = add_roster_batch(writing, batch)
        shift = session(session_id, reporter_id)
        replace_sessions(writing, roster.trust, [shift], start=minutes(0), end=minutes(0), batch_id=batch_id)

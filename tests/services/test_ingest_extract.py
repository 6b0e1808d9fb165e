from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from balancer.domain.errors import BooksError, ConflictError, InvalidValueError, NotFoundError
from balancer.domain.feed import FeedKind, IncomingStudy, ParsedExtract
from balancer.domain.states import BatchKind, BatchState, FeedState, QuarantineState, StudyState
from balancer.domain.study import StudyKey
from balancer.services.batch_books import open_batch, settle
from balancer.services.ingest_studies import discard_held_batch, ingest_extract, release_held_batch
from balancer.services.outcomes import BatchOutcome
from balancer.store import batches, sources
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.quarantine import QuarantineFilter, quarantined
from balancer.store.studies import study
from balancer.store.tables import BatchRow, ExclusionRow, HeldClosureRow, QuarantineRow, StudyRow
from tests.networks import FEED, Feed, Network, bad_row, claimed, excluded_row, extract, incoming, loaded, minutes
from tests.worlds import NOW

TEN = [f"A{number}" for number in range(10)]
THIRTY = [f"A{number}" for number in range(30)]


def take(db: Database, parsed: ParsedExtract, *, at: float | None = None, feed: Feed | None = None) -> BatchOutcome:
    """Take in an extract as soon as it has been made, or ``at`` minutes after ``NOW``."""
    received = parsed.extracted_at or NOW
    return ingest_extract(db, feed or Feed(), parsed, received if at is None else minutes(at))


def state_of(db: Database, accession_number: str) -> StudyState:
    """Return the state of a study of RVV."""
    return row_of(db, accession_number).state


def row_of(db: Database, accession_number: str) -> StudyRow:
    """Return the row of a study of RVV."""
    with db.session() as session:
        return study(session, StudyKey("RVV", accession_number)).study


def states(db: Database) -> dict[str, StudyState]:
    """Return every study's state."""
    with db.session() as session:
        return {row.accession_number: row.state for row in session.exec(select(StudyRow))}


def claim(db: Database, accession_number: str) -> None:
    """Let R1 claim the first read of a study of RVV."""
    claimed(db, accession_number)


def quarantine(db: Database) -> list[QuarantineRow]:
    """Return every row ever quarantined, whatever its state, oldest first."""
    with db.session() as session:
        return list(reversed(quarantined(session, QuarantineFilter(state=None), Cut()).items))


def feed_state(db: Database, at: float) -> FeedState:
    """Return the state of RVV's feed ``at`` minutes after ``NOW``."""
    with db.session() as session:
        return sources.feed(session, FEED, minutes(at)).state


# --- what comes in ---------------------------------------------------------------------------------------------------


def test_an_extract_fills_an_empty_store(db: Database) -> None:
    """Every row is a new study, with everything its source states."""
    loaded(db)
    stated = incoming(
        "A1",
        site="K&C",
        patient_setting="inpatient",
        ready_at=minutes(5),
        excluded=frozenset({"R9", "R1"}),
        prior_reporter="R2",
        study_instance_uid="1.2.3",
    )
    outcome = take(db, extract(stated, "A2"))
    assert outcome.state is BatchState.APPLIED
    assert (outcome.books.new, outcome.books.open_before, outcome.books.open_after) == (2, 0, 2)
    row = row_of(db, "A1")
    assert (row.patient_id, row.local_patient_id, row.site, row.patient_setting) == ("p-A1", "H-A1", "K&C", "inpatient")
    assert (row.ready_at, row.excluded, row.prior_reporter) == (minutes(5), ["R1", "R9"], "R2")
    assert (row.acquired_at, row.clock_started_at, row.first_seen_at) == (minutes(-60), minutes(-60), NOW)
    assert (row.minutes, row.reads, row.study_instance_uid) == (7, 1, "1.2.3")


def test_due_is_the_sources_own_time_else_the_policys(db: Database) -> None:
    """Urgent is 24 h in the example policy; a due time of the source's own wins."""
    loaded(db)
    take(db, extract("A1", incoming("A2", due_at=minutes(7))))
    assert row_of(db, "A1").due_at == minutes(-60 + 24 * 60)
    assert row_of(db, "A2").due_at == minutes(7)


def test_a_class_the_policy_does_not_know_is_due_at_once(db: Database) -> None:
    """Better seen too early than too late; it is not refused, because the study exists."""
    loaded(db)
    take(db, extract(incoming("A1", priority="2ww")))
    assert row_of(db, "A1").due_at == minutes(-60)


def test_the_same_file_again_changes_nothing_and_says_so(db: Database) -> None:
    """Ingest twice = once: no new batch, no study touched; only that it came again is kept."""
    loaded(db)
    parsed = extract("A1", "A2", quarantined=[bad_row("A3")], excluded=["A4"])
    first = take(db, parsed)
    before = row_of(db, "A1")
    second = take(db, parsed, at=5)
    assert second == replace(first, state=BatchState.UNCHANGED)
    assert row_of(db, "A1") == before
    with db.session() as session:
        row = batches.batch(session, first.batch_id)
        assert batches.batches_of(session, FEED, Cut()).total == 1
        assert (row.state, row.times_received, row.last_received_at) == (BatchState.APPLIED, 2, minutes(5))


def test_the_same_content_extracted_later_keeps_the_feed_fresh(db: Database) -> None:
    """A quiet night: each extract is like the last one, and the feed is not stale for that."""
    loaded(db)
    parsed = extract("A1")
    take(db, parsed)
    later = replace(parsed, extracted_at=minutes(90))
    assert take(db, later).state is BatchState.UNCHANGED
    assert feed_state(db, 100) is FeedState.FRESH


def test_the_same_rows_in_a_new_file_are_unchanged(db: Database) -> None:
    """A new file that says the same: all rows unchanged, and seen again."""
    loaded(db)
    take(db, extract(*TEN))
    outcome = take(db, extract(*TEN, at=15))
    assert outcome.state is BatchState.APPLIED
    assert (outcome.books.unchanged, outcome.books.new, outcome.books.changed) == (10, 0, 0)
    assert row_of(db, "A1").last_seen_at == minutes(15)
    assert row_of(db, "A1").last_batch_id == outcome.batch_id


@pytest.mark.parametrize(
    "change",
    [
        {"priority": "emergency"},
        {"minutes": 8},
        {"reads": 2},
        {"acquired_at": minutes(-50)},
        {"patient_id": "another"},
        {"local_patient_id": "another"},
        {"exam_code": "XCH"},
        {"modality": "DX"},
        {"subspecialty": "thoracic"},
        {"site": "QEQM"},
        {"patient_setting": "A&E"},
        {"ready_at": minutes(1)},
        {"due_at": minutes(1)},
        {"excluded": frozenset({"R1"})},
        {"prior_reporter": "R1"},
        {"study_instance_uid": "1.2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_is_a_change(sqlite_db: Database, change: dict[str, Any]) -> None:
    """No field of a study is taken only once."""
    loaded(sqlite_db)
    take(sqlite_db, extract("A1", "A2"))
    outcome = take(sqlite_db, extract(replace(incoming("A1"), **change), "A2", at=15))
    assert (outcome.books.changed, outcome.books.unchanged) == (1, 1)
    row = row_of(sqlite_db, "A1")
    name, value = next(iter(change.items()))
    assert getattr(row, {"due_at": "source_due_at"}.get(name, name)) == (
        ["R1"] if isinstance(value, frozenset) else value
    )


def test_a_new_priority_is_due_anew(db: Database) -> None:
    """An escalated study is due by its new class."""
    loaded(db)
    take(db, extract("A1"))
    take(db, extract(incoming("A1", priority="emergency"), at=15))
    assert row_of(db, "A1").due_at == minutes(-60 + 4 * 60)


def test_duplicates_are_counted_and_nothing_else(db: Database) -> None:
    """The same study twice in one file is one study."""
    loaded(db)
    outcome = take(db, extract("A1", *THIRTY[2:], duplicates=[incoming("A1", line=3)]))
    assert (outcome.books.new, outcome.books.duplicate, outcome.books.rows_read) == (29, 1, 30)
    again = take(db, extract(*THIRTY[2:], duplicates=[incoming("A1", line=3)], at=15))
    assert (again.books.withdrawn, state_of(db, "A1")) == (0, StudyState.OPEN)


def test_numbers_repeat_between_trusts(db: Database) -> None:
    """A1 of one trust is not A1 of another, and neither trust's silence is about the other's."""
    west = Feed(name="RWF unreported", trust="RWF")
    loaded(db, Network(feeds=(Feed(), west)))
    take(db, extract("A1"))
    other = extract(incoming("A1", trust="RWF"), feed=west.name)
    assert take(db, other, feed=west).books.new == 1
    take(db, extract(incoming("A2", trust="RWF"), *THIRTY_WEST, feed=west.name, at=15), feed=west)
    assert state_of(db, "A1") is StudyState.OPEN


THIRTY_WEST = [incoming(f"B{number}", trust="RWF") for number in range(30)]


def test_rows_of_another_trust_are_an_error(db: Database) -> None:
    """A feed that is described as one trust's and delivers another's is described wrongly: nothing is taken."""
    loaded(db)
    with pytest.raises(InvalidValueError):
        take(db, extract(incoming("A1", trust="RWF")))
    assert states(db) == {}


def test_a_feed_must_be_known_and_meant(db: Database) -> None:
    """Neither an unknown feed nor another feed's extract is taken."""
    loaded(db)
    with pytest.raises(NotFoundError):
        take(db, extract("A1", feed="x"), feed=Feed(name="x"))
    with pytest.raises(InvalidValueError):
        take(db, extract("A1", feed="x"))


# --- what goes out ---------------------------------------------------------------------------------------------------


def test_a_snapshot_withdraws_what_it_no_longer_holds(db: Database) -> None:
    """Reported at its source: three of thirty are gone, exactly a tenth, which is not more than a tenth."""
    loaded(db)
    take(db, extract(*THIRTY))
    outcome = take(db, extract(*THIRTY[3:], at=15))
    assert outcome.state is BatchState.APPLIED
    assert (outcome.books.open_before, outcome.books.withdrawn, outcome.books.open_after) == (30, 3, 27)
    row = row_of(db, "A0")
    assert (row.state, row.closed_at) == (StudyState.WITHDRAWN, minutes(15))


def test_a_change_feed_withdraws_nothing_by_silence(db: Database) -> None:
    """An extract of changes holds what changed; what it does not hold has not changed."""
    feed = Feed(kind=FeedKind.DELTA)
    loaded(db, Network(feeds=(feed,)))
    take(db, extract(*THIRTY), feed=feed)
    outcome = take(db, extract("A0", at=15), feed=feed)
    assert (outcome.state, outcome.books.withdrawn, outcome.books.open_after) == (BatchState.APPLIED, 0, 30)


def test_a_change_feed_with_nothing_to_say_is_not_held(db: Database) -> None:
    """No row is what a quiet quarter of an hour looks like; bad rows only are not."""
    feed = Feed(kind=FeedKind.DELTA)
    loaded(db, Network(feeds=(feed,)))
    assert take(db, extract(), feed=feed).state is BatchState.APPLIED
    assert take(db, extract(quarantined=[bad_row("A1")], at=15), feed=feed).state is BatchState.HELD


def test_a_claimed_study_is_not_withdrawn(db: Database) -> None:
    """Somebody has it open; it goes when the claim has ended."""
    loaded(db)
    take(db, extract(*THIRTY))
    claim(db, "A0")
    outcome = take(db, extract(*THIRTY[2:], at=15))
    assert outcome.books.withdrawn == 1
    assert (state_of(db, "A0"), state_of(db, "A1")) == (StudyState.OPEN, StudyState.WITHDRAWN)


@pytest.mark.parametrize(
    "row",
    [
        bad_row("A0"),
        bad_row(None, Number="A0"),
        bad_row(None, Order="CT head a0, urgent"),
        bad_row(None, Hospital=" h-a0 "),
    ],
    ids=["names it", "has its number in a cell", "has its number as a word", "has its patient's number"],
)
def test_a_study_that_a_quarantined_row_could_be_is_not_withdrawn(sqlite_db: Database, row: object) -> None:
    """The row stands for some study that still waits; until somebody has mended it, it may be this one."""
    loaded(sqlite_db)
    take(sqlite_db, extract(*THIRTY))
    outcome = take(sqlite_db, extract(*THIRTY[2:], quarantined=[row], at=15))  # type: ignore[list-item]
    assert outcome.books.withdrawn == 1
    assert state_of(sqlite_db, "A0") is StudyState.OPEN
    assert state_of(sqlite_db, "A1") is StudyState.WITHDRAWN


def test_a_quarantined_row_protects_no_other_study(sqlite_db: Database) -> None:
    """A row that names A5 is not A0, even if it is of the same patient; a line of totals is nobody."""
    loaded(sqlite_db)
    take(sqlite_db, extract(*THIRTY))
    rows = [bad_row("A5", Hospital="H-A0"), bad_row(None, Total="28", line=40)]
    assert take(sqlite_db, extract(*THIRTY[6:], *THIRTY[1:5], quarantined=rows, at=15)).books.withdrawn == 1
    assert state_of(sqlite_db, "A0") is StudyState.WITHDRAWN
    assert state_of(sqlite_db, "A5") is StudyState.OPEN


def test_a_withdrawn_study_that_comes_back_has_its_original_clock(db: Database) -> None:
    """The patient has been waiting since the first time, whatever the trust stamps on it now, and goes on to."""
    loaded(db)
    take(db, extract(*THIRTY))
    take(db, extract(*THIRTY[1:], at=15))
    again = incoming("A0", acquired_at=minutes(20))
    outcome = take(db, extract(again, *THIRTY[1:], at=30))
    assert (outcome.books.changed, outcome.books.reopened, outcome.books.open_after) == (1, 1, 30)
    row = row_of(db, "A0")
    assert (row.state, row.closed_at, row.reopened_at) == (StudyState.OPEN, None, minutes(30))
    assert (row.clock_started_at, row.acquired_at) == (minutes(-60), minutes(20))
    assert row.due_at == minutes(-60 + 24 * 60)
    take(db, extract(replace(again, site="QEQM"), *THIRTY[1:], at=45))
    assert row_of(db, "A0").clock_started_at == minutes(-60)


def test_an_open_study_whose_time_is_corrected_gets_the_right_clock(db: Database) -> None:
    """The source may correct a time it had wrong, as long as the study never left."""
    loaded(db)
    take(db, extract("A0"))
    take(db, extract(incoming("A0", acquired_at=minutes(-30)), at=15))
    assert row_of(db, "A0").clock_started_at == minutes(-30)


# --- what is held ----------------------------------------------------------------------------------------------------


def test_a_batch_that_would_withdraw_more_than_a_tenth_is_held(db: Database) -> None:
    """Four of thirty: nothing is withdrawn, what is new is in, and the feed says that a person is needed."""
    loaded(db)
    take(db, extract(*THIRTY))
    outcome = take(db, extract(*THIRTY[4:], "B1", at=15))
    assert (outcome.state, outcome.waiting) == (BatchState.HELD, 4)
    assert outcome.reason == "would close 4 of the feed's 30 open studies, more than 10%"
    assert (outcome.books.new, outcome.books.withdrawn, outcome.books.open_after) == (1, 0, 31)
    assert set(states(db).values()) == {StudyState.OPEN}
    assert feed_state(db, 15) is FeedState.HELD


def test_what_leaves_by_a_rule_counts_towards_the_tenth(db: Database) -> None:
    """A slip in an exclusion rule empties a list as thoroughly as half a file does."""
    loaded(db)
    take(db, extract(*THIRTY))
    outcome = take(db, extract(*THIRTY[4:], excluded=THIRTY[:4], at=15))
    assert (outcome.state, outcome.waiting, outcome.books.excluded_since) == (BatchState.HELD, 4, 0)
    assert state_of(db, "A0") is StudyState.OPEN
    release_held_batch(db, outcome.batch_id, minutes(20), by="a manager")
    assert (row_of(db, "A0").state, row_of(db, "A0").exclusion_rule) == (StudyState.EXCLUDED, "medical photography")


@pytest.mark.parametrize(
    ("parsed", "reason"),
    [
        (extract(at=15, problem="is not a CSV file"), "is not a CSV file"),
        (extract(at=15, extracted_at=None, problem="is empty"), "is empty"),
        (extract(at=15), "no row of 0 was accepted"),
        (extract(at=15, quarantined=[bad_row("A99")]), "no row of 1 was accepted"),
        (extract(at=15, excluded=["A99"]), "no row of 1 was accepted"),
        (extract(*TEN[1:], *THIRTY[10:], at=15, extracted_at=None), "does not say when it was extracted"),
        (
            extract(*THIRTY[1:], at=60 * 24),
            "says that it was extracted in the future, at 2026-03-03 08:00:00+00:00",
        ),
        (extract(*THIRTY[:15], at=15), "would close 15 of the feed's 30 open studies, more than 10%"),
    ],
    ids=["garbage", "empty", "no rows", "bad rows", "excluded rows", "no time", "future", "cut in half"],
)
def test_a_doubtful_file_withdraws_nothing_and_says_why(
    sqlite_db: Database, parsed: ParsedExtract, reason: str
) -> None:
    """Garbage, nothing at all, half a file: every study stays, and the batch is held with the reason in words."""
    loaded(sqlite_db)
    take(sqlite_db, extract(*THIRTY))
    outcome = take(sqlite_db, parsed, at=16)
    assert (outcome.state, outcome.reason) == (BatchState.HELD, reason)
    assert outcome.books.withdrawn == 0
    assert set(states(sqlite_db).values()) == {StudyState.OPEN}
    with sqlite_db.session() as session:
        status = sources.feed(session, FEED, minutes(16))
    assert status.state is FeedState.HELD
    assert status.held_batch is not None
    assert status.held_batch.reason == reason


def test_what_an_unreadable_file_may_hold_is_not_taken(db: Database) -> None:
    """A parser that gave up half-way has read nothing."""
    loaded(db)
    outcome = take(db, extract("A1", problem="breaks off in line 2"))
    assert (outcome.state, outcome.books.rows_read) == (BatchState.HELD, 0)
    assert states(db) == {}


def test_yesterdays_file_is_refused(db: Database) -> None:
    """It says what was so; nothing of it is taken, and it is entered with the reason."""
    loaded(db)
    take(db, extract(*TEN, at=15))
    outcome = take(db, extract("B1", *TEN[1:], at=0), at=30)
    assert outcome.state is BatchState.REFUSED
    assert outcome.reason == (
        "was extracted at 2026-03-02 08:00:00+00:00, before the last one taken (2026-03-02 08:15:00+00:00)"
    )
    assert set(states(db)) == set(TEN)
    assert (outcome.books.open_before, outcome.books.open_after, outcome.books.rows_read) == (10, 10, 0)
    assert feed_state(db, 30) is FeedState.FRESH


def test_yesterdays_file_taken_yesterday_is_refused_too(db: Database) -> None:
    """That its content is known does not make it today's."""
    loaded(db)
    old = extract(*TEN)
    take(db, old)
    take(db, extract(*TEN, "B1", at=15))
    outcome = take(db, old, at=30)
    assert (outcome.state, outcome.reason) == (BatchState.REFUSED, "a newer file has been taken since this one was")
    assert state_of(db, "B1") is StudyState.OPEN
    assert take(db, old, at=45).state is BatchState.UNCHANGED  # entered once, not every quarter of an hour


def test_garbage_is_held_however_old_it_is_and_however_often_it_comes(db: Database) -> None:
    """A time in a file's name is no reason not to look at what is wrong with it."""
    loaded(db)
    garbage = extract(at=0, problem="is not a CSV file")
    take(db, garbage)
    take(db, extract("A1", at=15))
    assert take(db, garbage, at=30).state is BatchState.HELD
    assert take(db, extract(at=5, problem="is empty"), at=30).state is BatchState.HELD
    assert state_of(db, "A1") is StudyState.OPEN


def test_a_state_that_comes_back_is_not_yesterdays_file(db: Database) -> None:
    """The queue may be exactly what it was two files ago; what counts is when the extract was made."""
    loaded(db)
    first = extract(*THIRTY)
    take(db, first)
    take(db, extract(*THIRTY, "B1", at=15))
    outcome = take(db, replace(first, extracted_at=minutes(30)))
    assert (outcome.state, outcome.books.withdrawn) == (BatchState.APPLIED, 1)


def test_a_change_feed_takes_each_file_once(db: Database) -> None:
    """All its files lie in the folder, and are offered again every time."""
    feed = Feed(kind=FeedKind.DELTA)
    loaded(db, Network(feeds=(feed,)))
    first, second = extract("A1"), extract(incoming("A1", site="QEQM"), at=15)
    take(db, first, feed=feed)
    take(db, second, feed=feed)
    assert take(db, first, at=20, feed=feed).state is BatchState.UNCHANGED
    assert row_of(db, "A1").site == "QEQM"


def test_a_file_whose_description_was_mended_is_read_again(db: Database) -> None:
    """The same bytes, unreadable yesterday: today they can be read, and are."""
    loaded(db)
    good = extract("A1", at=15)
    unreadable = replace(good, problem="the column Accession is missing", studies=(), rows_read=0)
    assert take(db, unreadable).state is BatchState.HELD
    assert take(db, unreadable, at=20).state is BatchState.UNCHANGED
    outcome = take(db, good, at=30)
    assert (outcome.state, outcome.books.new) == (BatchState.APPLIED, 1)
    assert feed_state(db, 30) is FeedState.FRESH


def test_a_file_from_the_future_does_not_lock_out_those_that_follow(db: Database) -> None:
    """One slip in a file name, and every true extract until then would be yesterday's file."""
    loaded(db)
    take(db, extract("A1", at=60 * 24), at=0)
    assert take(db, extract("A1", "A2", at=15)).state is BatchState.APPLIED


def test_a_good_file_settles_what_an_earlier_one_left_open(db: Database) -> None:
    """Half a file, then a whole one: what the first would have done is moot, and nobody need decide."""
    loaded(db)
    take(db, extract(*THIRTY))
    held = take(db, extract(*THIRTY[:15], at=15))
    assert take(db, extract(*THIRTY, at=30)).state is BatchState.APPLIED
    with db.session() as session:
        assert batches.batch(session, held.batch_id).state is BatchState.SUPERSEDED
    assert feed_state(db, 30) is FeedState.FRESH
    with pytest.raises(ConflictError):
        release_held_batch(db, held.batch_id, minutes(31), by="a manager")


def test_garbage_does_not_settle_what_waits(db: Database) -> None:
    """A file that says nothing decides nothing."""
    loaded(db)
    take(db, extract(*THIRTY))
    held = take(db, extract(*THIRTY[:15], at=15))
    take(db, extract(at=30, problem="is not a CSV file"))
    with db.session() as session:
        assert batches.batch(session, held.batch_id).state is BatchState.HELD


# --- what a person decides -------------------------------------------------------------------------------------------


def test_releasing_a_held_batch_withdraws_what_it_would_have(db: Database) -> None:
    """A person has looked: the studies go, in a batch of its own whose books balance, and who said so is kept."""
    loaded(db)
    take(db, extract(*THIRTY))
    held = take(db, extract(*THIRTY[10:], at=15))
    outcome = release_held_batch(db, held.batch_id, minutes(20), by="a manager")
    assert (outcome.state, outcome.books.withdrawn, outcome.books.open_after) == (BatchState.APPLIED, 10, 20)
    assert outcome.books.balance
    assert state_of(db, "A0") is StudyState.WITHDRAWN
    assert feed_state(db, 20) is FeedState.FRESH
    with db.session() as session:
        row, own = batches.batch(session, held.batch_id), batches.batch(session, outcome.batch_id)
    assert (row.state, row.resolved_by, row.resolved_at) == (BatchState.RELEASED, "a manager", minutes(20))
    assert (own.kind, own.of_batch) == (BatchKind.RELEASE, held.batch_id)
    with pytest.raises(ConflictError):
        release_held_batch(db, held.batch_id, minutes(21), by="another manager")


def test_releasing_spares_what_has_been_claimed_meanwhile(db: Database) -> None:
    """Between the question and the answer somebody has opened a study."""
    loaded(db)
    take(db, extract(*THIRTY))
    held = take(db, extract(*THIRTY[10:], at=15))
    claim(db, "A0")
    assert release_held_batch(db, held.batch_id, minutes(20), by="a manager").books.withdrawn == 9
    assert state_of(db, "A0") is StudyState.OPEN


def test_releasing_spares_what_has_been_stated_meanwhile(db: Database) -> None:
    """A later file of changes says that a study waits after all; what an earlier one said of it is overtaken."""
    feed = Feed(kind=FeedKind.DELTA)
    loaded(db, Network(feeds=(feed,)))
    take(db, extract(*THIRTY), feed=feed)
    held = take(db, extract(excluded=THIRTY[:10], at=15), feed=feed)
    assert (held.state, held.waiting) == (BatchState.HELD, 10)
    take(db, extract("A0", at=30), feed=feed)
    assert release_held_batch(db, held.batch_id, minutes(31), by="a manager").books.excluded_since == 9
    assert state_of(db, "A0") is StudyState.OPEN


def test_discarding_a_held_batch_withdraws_nothing(db: Database) -> None:
    """The person saw that the file was cut: what came with it stays, and so does everything else."""
    loaded(db)
    take(db, extract(*THIRTY))
    held = take(db, extract(*THIRTY[10:], "B1", at=15))
    discard_held_batch(db, held.batch_id, minutes(20), by="a manager")
    assert set(states(db).values()) == {StudyState.OPEN}
    assert state_of(db, "B1") is StudyState.OPEN
    assert feed_state(db, 20) is FeedState.FRESH
    with db.session() as session:
        assert session.exec(select(HeldClosureRow)).all() == []
    with pytest.raises(ConflictError):
        discard_held_batch(db, held.batch_id, minutes(21), by="a manager")


def test_nothing_can_be_released_of_garbage(db: Database) -> None:
    """It says nothing about any study: a person can only put it away."""
    loaded(db)
    take(db, extract("A1"))
    held = take(db, extract(at=15, problem="is not a CSV file"))
    with pytest.raises(ConflictError):
        release_held_batch(db, held.batch_id, minutes(20), by="a manager")
    discard_held_batch(db, held.batch_id, minutes(20), by="a manager")
    assert feed_state(db, 20) is FeedState.FRESH


def test_a_queue_that_is_really_empty_can_be_released(db: Database) -> None:
    """Sunday night, everything is reported: a person confirms what no rule may believe."""
    loaded(db)
    take(db, extract(*TEN))
    held = take(db, extract(at=15))
    assert release_held_batch(db, held.batch_id, minutes(20), by="a manager").books.open_after == 0
    with db.session() as session:
        assert sources.feed(session, FEED, minutes(20)).last_extracted_at == minutes(15)
        assert session.exec(select(HeldClosureRow)).all() == []


# --- rules and quarantine --------------------------------------------------------------------------------------------


def test_excluded_rows_are_counted_and_kept_with_their_rule(db: Database) -> None:
    """What a rule leaves out is not lost: it can be shown, with the rule and the row."""
    loaded(db)
    outcome = take(db, extract("A1", excluded=[excluded_row("P1", "medical photography")]))
    assert (outcome.books.excluded, outcome.books.excluded_since) == (1, 0)
    with db.session() as session:
        row = session.exec(select(ExclusionRow)).one()
    assert (row.trust, row.accession_number, row.rule, row.active) == ("RVV", "P1", "medical photography", True)
    assert row.raw == {"Accession": "P1"}


def test_what_is_no_longer_left_out_is_no_longer_shown_so(db: Database) -> None:
    """A complete snapshot that does not hold it, or a row that is accepted, ends an exclusion; half a file does not."""
    feed = Feed(kind=FeedKind.DELTA)
    loaded(db, Network(feeds=(feed,)))

    def active() -> list[str]:
        with db.session() as session:
            rows = session.exec(select(ExclusionRow).where(ExclusionRow.active)).all()
        return sorted(row.accession_number for row in rows)

    take(db, extract(*THIRTY, excluded=["P1", "P2", "P3"]), feed=feed)
    take(db, extract("P1", at=15), feed=feed)
    assert active() == ["P2", "P3"]
    loaded(db)
    take(db, extract(*THIRTY[:15], at=30))
    assert active() == ["P2", "P3"]
    take(db, extract(*THIRTY, "P1", excluded=["P3"], at=45))
    assert active() == ["P3"]


def test_an_open_study_that_a_rule_now_excludes_leaves_the_queue(db: Database) -> None:
    """It counts as excluded since, keeps its rule, and comes back with its clock when the rule no longer holds."""
    loaded(db)
    take(db, extract(*THIRTY))
    outcome = take(db, extract(*THIRTY[1:], excluded=["A0"], at=15))
    assert (outcome.books.excluded, outcome.books.excluded_since, outcome.books.open_after) == (1, 1, 29)
    assert row_of(db, "A0").exclusion_rule == "medical photography"
    back = take(db, extract(incoming("A0", acquired_at=minutes(1)), *THIRTY[1:], at=30))
    assert (back.books.reopened, back.books.open_after) == (1, 30)
    row = row_of(db, "A0")
    assert (row.state, row.exclusion_rule, row.clock_started_at) == (StudyState.OPEN, "", minutes(-60))
    with db.session() as session:
        assert not session.exec(select(ExclusionRow)).one().active


def test_what_one_file_both_states_and_leaves_out_is_stated(db: Database) -> None:
    """In doubt the study waits for its report; both rows are counted."""
    loaded(db)
    take(db, extract("A0"))
    outcome = take(db, extract("A0", excluded=["A0"], at=15))
    assert (outcome.books.unchanged, outcome.books.excluded, outcome.books.excluded_since) == (1, 1, 0)
    assert state_of(db, "A0") is StudyState.OPEN
    with db.session() as session:
        assert session.exec(select(ExclusionRow)).all() == []


def test_a_claimed_study_is_not_excluded(db: Database) -> None:
    """Somebody has it open; the rule takes it when the claim has ended."""
    loaded(db)
    take(db, extract(*THIRTY))
    claim(db, "A0")
    outcome = take(db, extract(*THIRTY[1:], excluded=["A0"], at=15))
    assert (outcome.books.excluded, outcome.books.excluded_since) == (1, 0)
    assert state_of(db, "A0") is StudyState.OPEN


def test_quarantined_rows_are_kept_whole(db: Database) -> None:
    """Raw content, line, column, reason, and the study it may be."""
    loaded(db)
    take(db, extract("A1", quarantined=[bad_row("A2", Priority="??")]))
    (row,) = quarantine(db)
    assert row.raw == {"Accession": "A2", "Priority": "??"}
    assert (row.line, row.column, row.reason, row.detail) == (3, "Priority", "unknown priority", "'??'")
    assert (row.trust, row.accession_number, row.state) == ("RVV", "A2", QuarantineState.OPEN)


def test_a_bad_row_that_comes_again_is_the_same_row(db: Database) -> None:
    """Ninety-six extracts a day do not make ninety-six rows, and how long it has been bad is known."""
    loaded(db)
    take(db, extract("A1", quarantined=[bad_row("A2")]))
    outcome = take(db, extract("A1", quarantined=[bad_row("A2", line=7, reason="another reason")], at=15))
    assert outcome.books.quarantined == 1
    (row,) = quarantine(db)
    assert (row.first_seen_at, row.last_seen_at, row.line) == (NOW, minutes(15), 7)
    assert row.reason == "another reason"


def test_a_later_good_row_supersedes_the_bad_one(db: Database) -> None:
    """The trust has mended it at the source."""
    loaded(db)
    take(db, extract("A1", quarantined=[bad_row("A2")]))
    take(db, extract("A1", "A2", at=15))
    (row,) = quarantine(db)
    assert (row.state, row.resolved_at) == (QuarantineState.SUPERSEDED, minutes(15))


def test_a_bad_row_that_changes_is_superseded_by_itself(db: Database) -> None:
    """Another attempt, still bad: the new row waits, the old one does not."""
    loaded(db)
    take(db, extract("A1", quarantined=[bad_row("A2", Priority="?")]))
    take(db, extract("A1", quarantined=[bad_row("A2", Priority="!")], at=15))
    assert [row.state for row in quarantine(db)] == [QuarantineState.SUPERSEDED, QuarantineState.OPEN]


def test_a_bad_row_that_a_snapshot_no_longer_holds_is_gone(db: Database) -> None:
    """Reported meanwhile; but half a file's silence is not believed."""
    loaded(db)
    take(db, extract(*THIRTY, quarantined=[bad_row("B1")]))
    take(db, extract(*THIRTY[:15], at=15))
    assert [row.state for row in quarantine(db)] == [QuarantineState.OPEN]
    take(db, extract(*THIRTY, at=30))
    assert [row.state for row in quarantine(db)] == [QuarantineState.GONE]


def test_two_bad_rows_alike_are_two_rows(db: Database) -> None:
    """Nothing is counted that is not kept."""
    loaded(db)
    rows = [bad_row(None, line=3), bad_row(None, line=4)]
    for at in (0, 15):
        take(db, extract("A1", quarantined=rows, at=at))
        assert len(quarantine(db)) == 2


@pytest.mark.parametrize(
    "stated",
    [
        incoming("A" * 65),
        incoming("A\0"),
        incoming("A1", site="\0"),
        incoming("A1", prior_reporter="\ud800"),
        incoming("A1", excluded=frozenset({"\0"})),
        incoming("A1", study_instance_uid="1" * 1001),
    ],
    ids=["long number", "number", "site", "half a pair", "excluded", "long text"],
)
def test_text_that_cannot_be_stored_is_quarantined(db: Database, stated: IncomingStudy) -> None:
    """One such row must not keep a whole trust's extract out; its raw content is kept as it was."""
    loaded(db)
    stated = replace(stated, row=replace(stated.row, raw={"Accession": "A\0\ud800"}))
    outcome = take(db, extract("B1", stated))
    assert (outcome.state, outcome.books.new, outcome.books.quarantined) == (BatchState.APPLIED, 1, 1)
    assert quarantine(db)[0].raw == {"Accession": "A\0\ud800"}


# --- books -----------------------------------------------------------------------------------------------------------


def test_rows_that_get_lost_are_an_error_and_nothing_is_taken(db: Database) -> None:
    """A parser that read eleven rows and accounts for ten has lost a patient."""
    loaded(db)
    with pytest.raises(BooksError):
        take(db, replace(extract(*TEN), rows_read=11))
    assert states(db) == {}
    with db.session() as session:
        assert session.exec(select(BatchRow)).all() == []


def test_studies_that_get_lost_are_an_error(db: Database) -> None:
    """Open studies are counted, not reckoned: one more or less than the books say."""
    loaded(db)
    with db.transaction() as session:
        row = sources.feed_row(session, FEED)
        batch = open_batch(session, row, extract("A1"), "", NOW)
        with pytest.raises(BooksError):
            settle(session, row, batch, {"rows_read": 1, "new": 1}, open_before=0, touched=())


def test_two_accepted_rows_of_one_study_are_an_error(db: Database) -> None:
    """The second is a duplicate and must be counted as one."""
    loaded(db)
    with pytest.raises(BooksError):
        take(db, extract("A1", incoming("A1", line=3)))


def test_the_books_are_kept_with_every_batch(db: Database) -> None:
    """Shown as they were reckoned, and each batch opens with what the one before left."""
    loaded(db)
    outcomes = [
        take(db, extract(*THIRTY)),
        take(db, extract(*THIRTY[1:], excluded=["A0"], quarantined=[bad_row("B1")], at=15)),
        take(db, extract(*THIRTY[:10], at=30)),
    ]
    outcomes.append(release_held_batch(db, outcomes[-1].batch_id, minutes(31), by="a manager"))
    with db.session() as session:
        kept = [batches.books_of(row) for row in reversed(batches.batches_of(session, FEED, Cut()).items)]
    assert kept == [outcome.books for outcome in outcomes]
    assert all(books.balance for books in kept)
    assert [books.open_before for books in kept] == [0, *(books.open_after for books in kept[:-1])]


# --- freshness -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "state", "stale"),
    [(0, FeedState.FRESH, False), (60, FeedState.FRESH, False), (60.1, FeedState.STALE, True)],
)
def test_a_feed_is_stale_when_its_newest_extract_is_older_than_allowed(
    sqlite_db: Database, at: float, state: FeedState, stale: object
) -> None:
    """Sixty minutes are allowed; what counts is when the extract was made, not when it came."""
    loaded(sqlite_db)
    take(sqlite_db, extract("A1"), at=5)
    with sqlite_db.session() as session:
        status = sources.feed(session, FEED, minutes(at))
    assert (status.state, status.stale) == (state, stale)


def test_a_feed_that_never_delivered_is_silent(db: Database) -> None:
    """Which is not the same as having nothing to report."""
    loaded(db)
    assert feed_state(db, 0) is FeedState.SILENT


def test_garbage_does_not_make_a_feed_fresh(db: Database) -> None:
    """A feed that delivers nothing readable is as stale as one that delivers nothing."""
    loaded(db)
    take(db, extract("A1"))
    garbage = extract(at=60, problem="is not a CSV file")
    take(db, garbage)
    take(db, replace(garbage, extracted_at=minutes(61)))
    with db.session() as session:
        assert sources.feed(session, FEED, minutes(61)).stale


def test_a_feed_that_was_renamed_takes_over_its_studies(db: Database) -> None:
    """Otherwise nobody's silence would ever withdraw them again."""
    loaded(db)
    take(db, extract(*THIRTY))
    renamed = Feed(name="RVV worklist")
    loaded(db, Network(feeds=(renamed,)))
    outcome = take(db, extract(*THIRTY[1:], feed=renamed.name, at=15), feed=renamed)
    assert (outcome.books.unchanged, outcome.books.withdrawn) == (29, 1)
    assert row_of(db, "A1").feed == renamed.name


def test_one_feed_does_not_withdraw_what_another_of_its_trust_owns(db: Database) -> None:
    """Two feeds of one trust, a site each: each is silent about the other's."""
    second = Feed(name="RVV second site")
    loaded(db, Network(feeds=(Feed(), second)))
    take(db, extract(*THIRTY))
    outcome = take(db, extract("B1", feed=second.name, at=5), feed=second)
    assert (outcome.state, outcome.books.open_before, outcome.books.open_after) == (BatchState.APPLIED, 30, 31)
    assert take(db, extract(*THIRTY, at=15)).books.withdrawn == 0


def test_whichever_feed_brings_a_study_back_owns_it(db: Database) -> None:
    """The site that withdrew it says nothing about it any more; the one that states it now does."""
    second = Feed(name="RVV second site")
    loaded(db, Network(feeds=(Feed(), second)))
    take(db, extract(*THIRTY))
    take(db, extract(*THIRTY[1:], at=15))
    numbers = [f"B{number}" for number in range(30)]
    take(db, extract("A0", *numbers, feed=second.name, at=20), feed=second)
    assert (row_of(db, "A0").state, row_of(db, "A0").feed) == (StudyState.OPEN, second.name)
    assert take(db, extract(*THIRTY[1:], at=30)).books.withdrawn == 0
    assert take(db, extract(*numbers, feed=second.name, at=35), feed=second).books.withdrawn == 1

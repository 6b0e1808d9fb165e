from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from balancer.domain.states import BatchKind, BatchState, QuarantineState, StudyState
from balancer.domain.study import StudyKey
from balancer.ingest.extract import parse_extract
from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.outcomes import BatchOutcome
from balancer.services.replay_quarantine import replay_quarantine
from balancer.services.shift import shift_extract
from balancer.store import batches
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.quarantine import QuarantineFilter, quarantined
from balancer.store.studies import study
from balancer.store.tables import QuarantineRow, StudyRow
from tests.kent import KEY, content, east_kent, kent, mend, row
from tests.networks import minutes
from tests.worlds import NOW

_GOOD = [row(f"G{number}") for number in range(30)]
_SNAPSHOT = 'kind = "snapshot"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a network folder that a test may mend."""
    return kent(tmp_path)


def deliver(
    db: Database, network: NetworkFolder, *rows: str, at: int = 0, shift: timedelta = timedelta()
) -> BatchOutcome:
    """Let East Kent deliver an extract ``at`` minutes past eight."""
    load_network(db, network, NOW)
    feed, name = east_kent(network), f"unreported-20260302T08{at:02}.csv"
    parsed = parse_extract(content(rows), feed, network, file_name=name, pseudonym_key=KEY)
    return ingest_extract(db, feed, shift_extract(parsed, shift), minutes(at) + shift)


def rows_in(db: Database) -> dict[int, QuarantineRow]:
    """Return every row ever quarantined, by its line."""
    with db.session() as session:
        return {item.line: item for item in quarantined(session, QuarantineFilter(state=None), Cut()).items}


def study_of(db: Database, number: str) -> StudyRow:
    """Return a study of East Kent."""
    with db.session() as session:
        return study(session, StudyKey("RVV", number)).study


def test_rows_are_taken_once_their_map_is_mended(db: Database, folder: Path) -> None:
    """A priority nobody had mapped: the row waits, the map is mended, and the row is a study like any other."""
    network = read_network(folder)
    assert deliver(db, network, *_GOOD, row("A1", priority="9")).books.quarantined == 1
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n9 = "emergency"')
    (outcome,) = replay_quarantine(db, mended, KEY, minutes(5))
    assert outcome.state is BatchState.APPLIED
    assert (outcome.books.rows_read, outcome.books.new, outcome.books.open_after) == (1, 1, 31)
    found = study_of(db, "A1")
    assert (found.priority, found.state) == ("emergency", StudyState.OPEN)
    kept = rows_in(db)[32]
    assert (kept.state, kept.resolved_at, kept.resolved_batch_id) == (
        QuarantineState.REPLAYED,
        minutes(5),
        outcome.batch_id,
    )
    with db.session() as session:
        assert batches.batch(session, outcome.batch_id).kind is BatchKind.REPLAY
    assert replay_quarantine(db, mended, KEY, minutes(6)) == []


def test_rows_that_are_still_bad_stay_with_the_reason_there_is_now(db: Database, folder: Path) -> None:
    """The priority is mapped and the examination is not: one reason less, and the row still waits."""
    deliver(db, read_network(folder), *_GOOD, row("A1", priority="9", exam="NOBODY KNOWS"))
    before = rows_in(db)[32]
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n9 = "emergency"')
    (outcome,) = replay_quarantine(db, mended, KEY, minutes(5))
    assert (outcome.books.quarantined, outcome.books.new) == (1, 0)
    after = rows_in(db)[32]
    assert after.state is QuarantineState.OPEN
    assert (after.reason, after.detail) != (before.reason, before.detail)
    assert (after.last_batch_id, after.first_seen_at) == (before.last_batch_id, before.first_seen_at)


def test_a_rule_may_leave_a_replayed_row_out(db: Database, folder: Path) -> None:
    """It is counted under its rule, and no longer waits."""
    deliver(db, read_network(folder), *_GOOD, row("A1", exam="DEXA"))
    mended = mend(folder, 'exam_prefix = "MP"', 'exam_prefix = ["MP", "DEXA"]')
    (outcome,) = replay_quarantine(db, mended, KEY, minutes(5))
    assert (outcome.books.excluded, outcome.books.quarantined) == (1, 0)
    assert rows_in(db)[32].state is QuarantineState.REPLAYED


def test_a_row_about_which_more_is_known_by_now_is_superseded(db: Database, folder: Path) -> None:
    """A row that did not say which study it was does, once mended; that study came by itself meanwhile."""
    network = mend(folder, _SNAPSHOT, 'kind = "delta"')
    deliver(db, network, row("A1", priority="9"))
    with db.transaction() as session:  # as a row of which the description could not even find the number
        kept = session.get_one(QuarantineRow, 1)
        kept.accession_number = None
    deliver(db, network, row("A1", priority="1"), at=15)
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n9 = "routine"')
    (outcome,) = replay_quarantine(db, mended, KEY, minutes(20))
    assert (outcome.books.duplicate, outcome.books.changed) == (1, 0)
    assert study_of(db, "A1").priority == "emergency"
    assert rows_in(db)[2].state is QuarantineState.SUPERSEDED


def test_of_two_extracts_rows_about_one_study_the_later_one_holds(db: Database, folder: Path) -> None:
    """Both can be read only now, and each says something else."""
    network = mend(folder, _SNAPSHOT, 'kind = "delta"')
    deliver(db, network, row("A1", priority="9"))
    with db.transaction() as session:
        session.get_one(QuarantineRow, 1).accession_number = None
    deliver(db, network, row("B1"), row("A1", priority="8"), at=15)
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n8 = "emergency"\n9 = "routine"')
    (outcome,) = replay_quarantine(db, mended, KEY, minutes(20))
    assert (outcome.books.new, outcome.books.duplicate) == (1, 1)
    assert study_of(db, "A1").priority == "emergency"


def test_a_row_that_was_reported_meanwhile_does_not_come_back(db: Database, folder: Path) -> None:
    """A later snapshot no longer holds it: it is gone, and a replay leaves it so."""
    network = read_network(folder)
    deliver(db, network, *_GOOD, row("A1", priority="9"))
    deliver(db, network, *_GOOD, at=15)
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n9 = "emergency"')
    assert replay_quarantine(db, mended, KEY, minutes(20)) == []
    assert rows_in(db)[32].state is QuarantineState.GONE


def test_a_replay_withdraws_nothing(db: Database, folder: Path) -> None:
    """It is not an extract: what it does not hold is everything else."""
    deliver(db, read_network(folder), *_GOOD, row("A1", priority="9"))
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n9 = "emergency"')
    (outcome,) = replay_quarantine(db, mended, KEY, minutes(5))
    assert (outcome.books.withdrawn, outcome.books.open_before, outcome.books.open_after) == (0, 30, 31)


def test_a_replayed_study_is_withdrawn_by_the_next_snapshot_like_any_other(db: Database, folder: Path) -> None:
    """It belongs to its feed; and one that states it again finds it unchanged."""
    deliver(db, read_network(folder), *_GOOD, row("A1", priority="9"))
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n9 = "emergency"')
    replay_quarantine(db, mended, KEY, minutes(5))
    again = deliver(db, mended, *_GOOD, row("A1", priority="9"), row("G30"), at=15)
    assert (again.books.unchanged, again.books.new) == (31, 1)
    assert deliver(db, mended, *_GOOD, row("G30"), at=30).books.withdrawn == 1


def test_a_shifted_sample_is_replayed_shifted(db: Database, folder: Path) -> None:
    """The kept cells say the old times; the study they make stands among its shifted neighbours."""
    shift = timedelta(days=50)
    deliver(db, read_network(folder), *_GOOD, row("A1", priority="9"), shift=shift)
    mended = mend(folder, '7 = "routine"', '7 = "routine"\n9 = "emergency"')
    replay_quarantine(db, mended, KEY, minutes(5) + shift, shift=shift)
    assert study_of(db, "A1").acquired_at == study_of(db, "G1").acquired_at == minutes(-90) + shift

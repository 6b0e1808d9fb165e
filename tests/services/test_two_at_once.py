from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from balancer.domain.life import ReadState
from balancer.domain.states import BatchState, StudyState
from balancer.services.ingest_studies import ingest_extract, release_held_batch
from balancer.services.outcomes import BatchOutcome
from balancer.services.run_allocation import run_allocation
from balancer.store import assignments, conservation, reads, sources, studies
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.databases import wait_until_somebody_waits
from tests.networks import FEED, Feed, extract, incoming, loaded, minutes, queued, read_id, rostered, solving, standing
from tests.worlds import NOW, session

THIRTY = [f"A{number}" for number in range(30)]


def at_once(*works: Callable[[], object]) -> list[object]:
    """Do all this at the same time, each in a thread of its own; return what each returned or raised, in order."""
    barrier = threading.Barrier(len(works))
    results: list[object] = [None] * len(works)

    def do(place: int, work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            results[place] = work()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            results[place] = error

    threads = [threading.Thread(target=do, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def states(results: list[object]) -> list[BatchState]:
    """Return the states of outcomes, in the order of their names."""
    found = []
    for result in results:
        assert isinstance(result, BatchOutcome), result
        found.append(result.state)
    return sorted(found)


def test_the_same_extract_taken_in_twice_at_once_is_taken_in_once(db: Database) -> None:
    """Two schedulers, one file: the second waits for the first, and finds it unchanged."""
    loaded(db)
    parsed = extract(*THIRTY)
    results = at_once(*[lambda: ingest_extract(db, Feed(), parsed, NOW)] * 3)
    assert states(results) == [BatchState.APPLIED, BatchState.UNCHANGED, BatchState.UNCHANGED]
    with db.session() as reading:
        assert studies.open_count(reading, "RVV") == 30


def test_whoever_waited_sees_what_was_taken_meanwhile(db: Database) -> None:
    """An extract of a quarter past, held up by the one of half past: it is yesterday's by the time it may begin."""
    loaded(db)
    waiting: list[BatchOutcome] = []
    thread = threading.Thread(
        target=lambda: waiting.append(ingest_extract(db, Feed(), extract("A1", at=15), minutes(31)))
    )
    with db.transaction() as writing:
        row = sources.locked_feed(writing, FEED)
        writing.flush()
        thread.start()
        wait_until_somebody_waits(db)
        row.last_extracted_at = minutes(30)
    thread.join()
    assert waiting[0].state is BatchState.REFUSED


def test_of_two_who_release_a_held_batch_one_does(db: Database) -> None:
    """Two managers press at the same moment."""
    loaded(db)
    ingest_extract(db, Feed(), extract(*THIRTY), NOW)
    held = ingest_extract(db, Feed(), extract(*THIRTY[:10], at=15), minutes(15))
    assert held.state is BatchState.HELD
    one, other = at_once(*[lambda: release_held_batch(db, held.batch_id, minutes(20), by="a manager")] * 2)
    assert {type(one).__name__, type(other).__name__} == {"BatchOutcome", "ConflictError"}
    with db.session() as reading:
        withdrawn = studies.StudyFilter(state=StudyState.WITHDRAWN)
        assert studies.studies(reading, withdrawn, Cut(), now=NOW).total == 20


def test_of_many_runs_started_at_once_one_goes(db: Database) -> None:
    """The others do nothing and say so; each list is published once."""
    queued(db, "A1")
    rostered(db, session("S1"))
    barrier = threading.Barrier(3)

    def solve(*arguments: object, **named: object) -> object:
        barrier.wait()  # until the other two have given up
        return solving({"S1": ["A1"]})(*arguments, **named)

    def run() -> object:
        outcome = run_allocation(db, NOW, solver=solve)  # type: ignore[arg-type]  # a solver that waits
        if outcome.busy:
            barrier.wait()
        return outcome.state

    results = at_once(run, run, run)
    assert [str(state) for state in results].count("published") == 1
    assert results.count(None) == 2


def test_an_extract_takes_its_reads_in_one_order_and_never_waits_in_a_circle(db: Database) -> None:
    """It changes an early study and closes a late one; a publish, which has the early one, comes to the late one."""
    queued(db, *THIRTY)
    late, early = THIRTY[-1], THIRTY[0]
    changed = extract(incoming(early, priority="emergency"), *THIRTY[1:-1], at=15)
    taken: list[object] = []
    thread = threading.Thread(target=lambda: taken.append(ingest_extract(db, Feed(), changed, minutes(16))))
    with db.transaction() as publishing:
        reads.locked_read(publishing, read_id(db, early))
        thread.start()
        wait_until_somebody_waits(db)
        reads.locked_read(publishing, read_id(db, late))
    thread.join()
    assert states(taken) == [BatchState.APPLIED]
    assert standing(db, late) == (ReadState.WITHDRAWN, None)


@pytest.mark.parametrize("kind", ["postgresql-debian", "postgresql-packaged"])  # SQLite has one writer at a time
def test_what_is_reopened_while_a_publish_waits_is_on_the_books(db: Database) -> None:
    """It stands on the list that the publish replaces: it must not be left there, on nobody's list by then."""
    queued(db, *THIRTY)
    rostered(db, session("S1"))
    placed = {"S1": THIRTY[:2]}
    left = dict.fromkeys(THIRTY[2:], "deferred")
    assert run_allocation(db, NOW, solver=solving(placed, left)).error == ""
    ingest_extract(db, Feed(), extract(*THIRTY[1:], at=15), minutes(16))
    waiting: list[object] = []

    def run() -> None:
        solver = solving({"S1": THIRTY[1:2]}, left)
        waiting.append(run_allocation(db, minutes(20), solver=solver).state)

    thread = threading.Thread(target=run)
    with db.transaction() as working:
        reads.locked_read(working, read_id(db, THIRTY[1]))
        thread.start()
        wait_until_somebody_waits(db)
        ingest_extract(db, Feed(), extract(*THIRTY, at=25), minutes(26))
    thread.join()
    assert [str(state) for state in waiting] == ["published"]
    with db.session() as reading:
        assert conservation.faults(reading) == []
    with db.transaction() as writing:
        assert assignments.note_all(writing, minutes(30)) == 0

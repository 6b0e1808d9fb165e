from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event
from sqlmodel import select

from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import RunState
from balancer.services import keep_lease
from balancer.services.build_problem import gather
from balancer.services.ingest_studies import ingest_extract
from balancer.services.publish_worklists import publish
from balancer.services.run_allocation import LEASE, run_allocation
from balancer.services.this_process import this_process
from balancer.store import leases, right_of_way, runs, worklists
from balancer.store.balance import balance
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import LeaseRow, ReporterRow, RunRow, UnallocatedRow, WorklistItemRow, WorklistRow
from tests.networks import Feed, extract, incoming, minutes, queued, rostered, solving
from tests.patience import until
from tests.worlds import NOW, at, lay_out, restate, session, with_true_figures

HOUR = 60.0


def morning(db: Database) -> None:
    """Three hours of reads for RVV; R1 and R2 have two and a half each."""
    queued(db, *(incoming(number, minutes=HOUR) for number in ("A1", "A2", "A3")))
    rostered(db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2.5))


ALL_PLACED = solving({"S1": ["A2", "A1"], "S2": ["A3"]})


def lists(db: Database) -> dict[str, tuple[int, list[str]]]:
    """Return everybody's current list: its version, and its accession numbers in order."""
    with db.session() as reading:
        found = {}
        for summary in worklists.worklists(reading):
            current = worklists.worklist(reading, summary.reporter_id)
            numbers = [entry.study.accession_number for entry in current.items]
            found[summary.reporter_id] = (current.version.version, numbers)
        return found


def run_of(db: Database, run_id: int | None) -> RunRow:
    """Return a run."""
    assert run_id is not None
    with db.session() as reading:
        return runs.run(reading, run_id)


def test_a_run_publishes_everybodys_list_in_order(db: Database) -> None:
    """Planned start and end, due, late flag, position and session, in the order in which to read."""
    morning(db)
    outcome = run_allocation(db, NOW, solver=ALL_PLACED, seed=7)
    assert (outcome.state, outcome.error, outcome.busy) == (RunState.PUBLISHED, "", False)
    assert lists(db) == {"R1": (1, ["A2", "A1"]), "R2": (1, ["A3"])}
    with db.session() as reading:
        first, second = worklists.worklist(reading, "R1").items
    assert (first.item.planned_start, first.item.planned_end) == (NOW, at(1))
    assert (second.item.planned_start, second.item.planned_end) == (at(1), at(2))
    assert (first.item.place, second.item.place) == (1, 2)
    assert (second.item.position, second.item.session_id, second.item.read) == (2, "S1", 1)
    assert (first.item.due_at, first.item.late) == (minutes(-60 + 24 * 60), False)


def test_a_read_that_ends_after_it_is_due_is_late(db: Database) -> None:
    """Ninety minutes of reading, due at nine: the first is in time, the second is not."""
    queued(db, *(incoming(number, minutes=45, due_at=at(1)) for number in ("A1", "A2")))
    rostered(db, session("S1", "R1"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}))
    with db.session() as reading:
        assert [entry.item.late for entry in worklists.worklist(reading, "R1").items] == [False, True]
        (summary, _) = worklists.worklists(reading)
    assert (summary.items, summary.late, summary.first_start, summary.last_end) == (2, 1, NOW, at(1.5))


def test_somebody_with_nothing_has_an_empty_list(db: Database) -> None:
    """Empty and honest: it has been looked, and there is nothing for them."""
    morning(db)
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}, {"A3": "deferred"}))
    assert lists(db)["R2"] == (1, [])


def test_before_the_first_run_there_is_no_list(db: Database) -> None:
    """Which is not the same as an empty one; and a stranger is a stranger."""
    morning(db)
    with db.session() as reading:
        with pytest.raises(NotFoundError, match="no worklist has been published"):
            worklists.worklist(reading, "R1")
        with pytest.raises(NotFoundError, match="no such reporter"):
            worklists.worklist(reading, "R99")


def test_the_run_keeps_what_went_in_and_what_came_out(db: Database) -> None:
    """Figures, seed, policy, and when; nothing of it is reckoned again later."""
    morning(db)
    outcome = run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}, {"A3": "deferred"}), seed=7)
    row = run_of(db, outcome.run_id)
    assert outcome.plan is not None
    summary = outcome.plan.summary
    assert (row.state, row.stage, row.seed, row.now) == (RunState.PUBLISHED, "", 7, NOW)
    assert (row.total, row.sunk, row.bound, row.gap) == (summary.total, summary.sunk, summary.bound, summary.gap)
    assert (row.terms, row.status, row.stopped_by) == (summary.terms.as_dict(), "feasible", "work")
    assert (row.studies, row.reads, row.allocated) == (3, 3, 2)
    assert (row.late, row.longest_wait_hours) == (dict(summary.late), dict(summary.longest_wait_hours))
    assert row.policy_id == gather(db, NOW).policy_id
    assert row.finished_at is not None
    assert row.finished_at >= row.started_at


def test_reads_without_a_place_are_kept_with_their_reason(db: Database) -> None:
    """They can be shown, the soonest due first, and the balance has them."""
    morning(db)
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}, {"A3": "deferred"}))
    with db.session() as reading:
        (entry,) = runs.unallocated(reading, Cut()).items
        (counted,) = runs.unallocated_by_reason(reading)
    assert (entry.study.accession_number, entry.read, entry.reason) == ("A3", 1, "deferred")
    assert (counted.trust, counted.reason, counted.reads) == ("RVV", "deferred", 1)


def test_the_next_run_replaces_every_list(db: Database) -> None:
    """A new version of each; the old ones are kept, no longer current."""
    morning(db)
    run_allocation(db, NOW, solver=ALL_PLACED)
    run_allocation(db, at(1), solver=solving({"S2": ["A1"]}, {"A2": "deferred", "A3": "deferred"}))
    assert lists(db) == {"R1": (2, []), "R2": (2, ["A1"])}
    with db.session() as reading:
        rows = reading.exec(select(WorklistRow).where(WorklistRow.version == 1)).all()
    assert len(rows) == 2
    assert all(row.superseded_at is not None for row in rows)


def test_equal_lists_have_equal_digests(db: Database) -> None:
    """Whoever polls can tell that a new version says what the last one said."""
    morning(db)
    for _ in range(2):
        run_allocation(db, NOW, solver=ALL_PLACED)
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"], "S2": ["A3"]}))
    with db.session() as reading:
        rows = reading.exec(select(WorklistRow).where(WorklistRow.reporter_id == "R1")).all()
    digests = {row.version: row.digest for row in rows}
    assert digests[1] == digests[2] != digests[3]


def test_whoever_leaves_the_network_loses_their_list(db: Database) -> None:
    """A list that nobody will read must not go on holding reads."""
    morning(db)
    run_allocation(db, NOW, solver=ALL_PLACED)
    with db.transaction() as writing:
        person = writing.get_one(ReporterRow, "R2")
        person.listed = False
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}, {"A3": "no_capacity"}))
    assert lists(db)["R2"] == (2, [])


def test_what_stood_on_lists_of_last_week_is_forgotten(db: Database) -> None:
    """Half a million rows a day would be; headers and runs are kept, and so is what is current however old it is."""
    morning(db)
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}, {"A3": "deferred"}))
    run_allocation(db, minutes(1), solver=solving({"S1": ["A1", "A2"]}, {"A3": "deferred"}))
    rostered(db, session("S3", "R1", start=24 * 9, hours=2.5))
    outcome = run_allocation(db, at(24 * 9), solver=solving({"S3": ["A1", "A2"]}, {"A3": "no_capacity"}))
    assert outcome.error == ""
    with db.session() as reading:
        items = reading.exec(select(WorklistRow.version).join(WorklistItemRow).order_by(WorklistRow.version)).all()  # type: ignore[arg-type]
        left = reading.exec(select(UnallocatedRow.run_id)).all()
        assert len(reading.exec(select(WorklistRow)).all()) == 6
        assert runs.runs(reading, Cut()).total == 3
    assert list(items) == [2, 2, 3, 3]
    assert len(left) == 2


def test_a_reader_sees_all_the_old_lists_or_all_the_new_ones(db: Database) -> None:
    """Publishing between two questions of one session changes neither answer."""
    morning(db)
    run_allocation(db, NOW, solver=ALL_PLACED)
    with db.session() as reading:
        before = worklists.worklist(reading, "R1").version.version
        run_allocation(db, NOW, solver=ALL_PLACED)
        assert worklists.worklist(reading, "R2").version.version == before == 1


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_plan_the_referee_rejects_is_never_published(db: Database) -> None:
    """The run says what was found, and the last lists stand."""
    morning(db)
    run_allocation(db, NOW, solver=ALL_PLACED)
    outcome = run_allocation(db, NOW, solver=solving({"S1": ["A1"], "S2": ["A1", "A2", "A3"]}))
    assert outcome.state is RunState.REJECTED
    assert "H5" in outcome.error or "H10" in outcome.error
    row = run_of(db, outcome.run_id)
    assert (row.state, row.error) == (RunState.REJECTED, outcome.error)
    assert lists(db) == {"R1": (1, ["A2", "A1"]), "R2": (1, ["A3"])}
    with db.session() as reading:
        current = runs.current_run(reading)
    assert current is not None
    assert current.id != outcome.run_id


def test_wrong_figures_are_rejected_too(db: Database) -> None:
    """A plan that is allowed and lies about its cost is not published."""
    morning(db)

    def lying(problem: AllocationProblem, **_: object) -> Plan:
        plan = with_true_figures(problem, lay_out(problem, {"S1": ["A1", "A2"], "S2": ["A3"]}))
        return restate(plan, bound=plan.summary.total + 1)

    assert run_allocation(db, NOW, solver=lying).state is RunState.REJECTED
    assert lists(db) == {}


class BrokenError(Exception):
    """What goes wrong in these tests."""


def test_a_run_that_fails_says_so_and_the_last_lists_stand(db: Database) -> None:
    """The error is on record, whoever called hears it, and the next run can go."""
    morning(db)
    run_allocation(db, NOW, solver=ALL_PLACED)

    def broken(*_: object, **__: object) -> Plan:
        raise BrokenError("out of memory")

    with pytest.raises(BrokenError):
        run_allocation(db, NOW, solver=broken)
    with db.session() as reading:
        row = runs.runs(reading, Cut()).items[0]
    assert (row.state, row.error, row.stage) == (RunState.FAILED, "BrokenError: out of memory", "")
    assert row.finished_at is not None
    assert lists(db)["R1"] == (1, ["A2", "A1"])
    assert run_allocation(db, NOW, solver=ALL_PLACED).state is RunState.PUBLISHED


def test_without_a_policy_a_run_fails_and_says_why(db: Database) -> None:
    """Nothing can be priced; the run is on record all the same."""
    with pytest.raises(NotFoundError):
        run_allocation(db, NOW, solver=ALL_PLACED)
    with db.session() as reading:
        assert "no clinical policy" in runs.runs(reading, Cut()).items[0].error


@dataclass(eq=False)
class _Fault:
    """Raises at the statement number ``at`` (from 1) of whoever listens."""

    at: int
    seen: int = 0

    def __call__(self, *_: object) -> None:
        self.seen += 1
        if self.seen == self.at:
            raise BrokenError


def _publishing(db: Database) -> Callable[[], bool]:
    """Return a second publication, ready to go."""
    gathered = gather(db, NOW)
    plan = solving({"S2": ["A1", "A2"]}, {"A3": "deferred"})(gathered.problem)
    with db.transaction() as writing:
        lease = leases.acquire(writing, LEASE, "test", now=minutes(1), lasting=timedelta(hours=1))
        assert lease is not None
        run_id = runs.begin_run(writing, token=lease.token, now=NOW, started_at=NOW, seed=0)
    return lambda: publish(db, run_id, plan, gathered.problem, minutes(1), lease=lease)


def test_a_fault_anywhere_in_publishing_leaves_the_old_lists_whole(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statement by statement, and at the commit: old or new, never a mixture."""
    # on PostgreSQL a look whether to give way is a statement too: it is made before each, however fast the others are
    monkeypatch.setattr(right_of_way, "_LOOK_EVERY_SECONDS", 0.0)
    morning(db)
    run_allocation(db, NOW, solver=ALL_PLACED)
    publishing = _publishing(db)
    old, everything = lists(db), _everything(db)
    counting = _Fault(at=0)
    faults = 0
    while True:
        fault = _Fault(at=faults + 1)
        event.listen(Engine, "before_cursor_execute", fault)
        try:
            publishing()
            break
        except BrokenError:
            faults += 1
        finally:
            event.remove(Engine, "before_cursor_execute", fault)
            counting = fault
        assert lists(db) == old
        assert _everything(db) == everything
    assert faults >= 8
    assert counting.seen == faults
    assert lists(db) == {"R1": (2, []), "R2": (2, ["A1", "A2"])}


def test_a_fault_at_the_commit_of_publishing_leaves_the_old_lists_whole(db: Database) -> None:
    """The last moment at which it can go wrong."""
    morning(db)
    run_allocation(db, NOW, solver=ALL_PLACED)
    publishing, old, everything = _publishing(db), lists(db), _everything(db)
    fault = _Fault(at=1)
    event.listen(Engine, "commit", fault)
    try:
        with pytest.raises(BrokenError):
            publishing()
    finally:
        event.remove(Engine, "commit", fault)
    assert lists(db) == old
    assert _everything(db) == everything


def _everything(db: Database) -> list[object]:
    """Return every row that publishing touches."""
    with db.session() as reading:
        found: list[object] = [*reading.exec(select(WorklistRow).order_by(WorklistRow.id)).all()]  # type: ignore[arg-type]
        found += reading.exec(select(WorklistItemRow)).all()
        found += reading.exec(select(UnallocatedRow)).all()
        found += reading.exec(select(RunRow).order_by(RunRow.id)).all()  # type: ignore[arg-type]
        return [repr(row) for row in found]


# --- one at a time ---------------------------------------------------------------------------------------------------


def test_one_run_at_a_time(db: Database) -> None:
    """A second one, started while the first solves, does nothing and says which run is under way."""
    morning(db)
    inner = []

    def solve(problem: AllocationProblem, **arguments: object) -> Plan:
        inner.append(run_allocation(db, NOW, solver=ALL_PLACED))
        return ALL_PLACED(problem, **arguments)

    outcome = run_allocation(db, NOW, solver=solve)
    assert outcome.state is RunState.PUBLISHED
    assert (inner[0].busy, inner[0].run_id) == (True, outcome.run_id)
    with db.session() as reading:
        assert runs.runs(reading, Cut()).total == 1


def crashed(db: Database, holder: str = "killed") -> int:
    """Leave a run behind as a process that was killed leaves it: under way, its lease not given back."""
    with db.transaction() as writing:
        lease = leases.acquire(writing, LEASE, holder, now=NOW, lasting=keep_lease.LASTING)
        assert lease is not None
        return runs.begin_run(writing, token=lease.token, now=NOW, started_at=NOW, seed=0)


def test_a_run_whose_process_died_is_declared_dead_by_the_next(db: Database) -> None:
    """While its lease lasts nobody can know; then the next run says so and goes on."""
    morning(db)
    dead = crashed(db)
    assert run_allocation(db, NOW + keep_lease.LASTING - timedelta(seconds=1), solver=ALL_PLACED).busy
    assert run_of(db, dead).state is RunState.RUNNING
    outcome = run_allocation(db, NOW + keep_lease.LASTING, solver=ALL_PLACED)
    assert outcome.state is RunState.PUBLISHED
    row = run_of(db, dead)
    assert (row.state, row.error) == (RunState.FAILED, "the process that ran it stopped")


def test_a_run_that_was_killed_on_this_machine_is_followed_at_once(sqlite_db: Database) -> None:
    """That its process is no more is known here: nobody waits a minute for a lease that nobody renews."""
    morning(sqlite_db)
    ours, _, began = this_process().rpartition(":")
    dead = crashed(sqlite_db, f"{ours}:{int(began) + 1}")
    assert run_allocation(sqlite_db, NOW, solver=ALL_PLACED).state is RunState.PUBLISHED
    assert run_of(sqlite_db, dead).state is RunState.FAILED


def test_a_run_that_slept_through_its_lease_publishes_nothing(db: Database) -> None:
    """Another took over meanwhile: the sleeper's plan is of yesterday, and its token says so."""
    morning(db)

    def sleeping(problem: AllocationProblem, **arguments: object) -> Plan:
        later = NOW + timedelta(hours=1)
        with db.transaction() as writing:
            writing.get_one(LeaseRow, LEASE).expires_at = NOW
        other = run_allocation(db, later, solver=solving({"S2": ["A1"]}, {"A2": "deferred", "A3": "deferred"}))
        assert other.state is RunState.PUBLISHED
        return ALL_PLACED(problem, **arguments)

    with pytest.raises(ConflictError):
        run_allocation(db, NOW, solver=sleeping)
    assert lists(db) == {"R1": (1, []), "R2": (1, ["A1"])}
    with db.session() as reading:
        other, sleeper = runs.runs(reading, Cut()).items
    assert (other.state, sleeper.state) == (RunState.PUBLISHED, RunState.FAILED)
    assert sleeper.error == "the process that ran it stopped"


def test_whoever_lost_the_lease_publishes_nothing(db: Database) -> None:
    """Even before the new holder has begun a run."""
    morning(db)
    publishing = _publishing(db)
    with db.transaction() as writing:
        writing.get_one(LeaseRow, LEASE).token += 1
    with pytest.raises(ConflictError):
        publishing()
    assert lists(db) == {}


def test_a_run_that_has_ended_publishes_nothing(db: Database) -> None:
    """Somebody declared it dead; that it still holds the lease does not bring it back."""
    morning(db)
    publishing = _publishing(db)
    with db.transaction() as writing:
        for row in writing.exec(select(RunRow)):
            row.state = RunState.FAILED
    with pytest.raises(ConflictError):
        publishing()
    assert lists(db) == {}


def test_a_long_run_keeps_its_lease(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is renewed while the solver works, so that nobody takes a long run for a dead one."""
    monkeypatch.setattr(keep_lease, "BEAT_SECONDS", 0.01)
    morning(db)

    def expiry() -> object:
        with db.session() as reading:
            return reading.get_one(LeaseRow, LEASE).expires_at

    def slow(problem: AllocationProblem, **arguments: object) -> Plan:
        first = expiry()
        until(lambda: expiry() != first)
        return ALL_PLACED(problem, **arguments)

    assert run_allocation(db, NOW, solver=slow).state is RunState.PUBLISHED


@dataclass(frozen=True)
class Progress:
    """What a solver may say of itself."""

    stage: str
    bound: float
    gap: float


def test_how_far_a_run_is_can_be_watched(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stage and the solver's last figures, by anybody, while it runs; a figure not known yet is left out."""
    monkeypatch.setattr(keep_lease, "BEAT_SECONDS", 0.01)
    morning(db)
    heard: list[object] = []

    def telling(
        problem: AllocationProblem, *, on_progress: Callable[[object], None] | None, **arguments: object
    ) -> Plan:
        assert on_progress is not None
        on_progress(Progress("improve", 12.5, float("inf")))

        def seen() -> bool:
            with db.session() as reading:
                row = runs.running(reading)
            assert row is not None
            return (row.stage, row.progress) == ("solve", {"stage": "improve", "bound": 12.5})

        until(seen)
        return ALL_PLACED(problem, **arguments)

    assert run_allocation(db, NOW, solver=telling, on_progress=heard.append).state is RunState.PUBLISHED
    assert heard == [Progress("improve", 12.5, float("inf"))]
    with db.session() as reading:
        assert runs.running(reading) is None


# --- the balance -----------------------------------------------------------------------------------------------------


def test_every_open_read_is_somewhere(db: Database) -> None:
    """On a list, without a place, or not planned yet; what has been withdrawn since counts nowhere."""
    morning(db)
    run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]}, {"A3": "deferred"}))
    ingest_extract(
        db,
        Feed(),
        extract(*(incoming(f"A{number}", minutes=HOUR) for number in (2, 3, 4)), at=15),
        minutes(15),
        most_closed=1,
    )
    with db.session() as reading:
        east, west = balance(reading)
        entries = worklists.worklist(reading, "R1").items
    assert (east.open_studies, east.open_reads) == (3, 3)
    assert (east.allocated, east.unallocated, east.unplanned) == (1, 1, 1)
    assert (west.trust, west.open_reads, west.unplanned) == ("RWF", 0, 0)
    assert [entry.still_open for entry in entries] == [False, True]


def test_a_read_that_is_done_counts_nowhere(db: Database) -> None:
    """Two reads were planned; the first has been done since, and the list still names both."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    run_allocation(db, NOW, solver=solving({"S1": ["A1"], "S2": ["A1#2"]}))
    ingest_extract(db, Feed(), extract(incoming("A1", reads=1, excluded=frozenset({"R1"})), at=15), minutes(15))
    with db.session() as reading:
        east = next(item for item in balance(reading) if item.trust == "RVV")
    assert (east.open_reads, east.allocated, east.unplanned) == (1, 1, 0)


def test_the_real_solver_is_judged_and_published(sqlite_db: Database) -> None:
    """Without a stand-in: what it claims about its plan stands up to the referee, and every read is somewhere."""
    queued(
        sqlite_db,
        *(incoming(f"A{number}", minutes=20 + number, priority="urgent") for number in range(12)),
        incoming("E1", priority="emergency", minutes=30),
    )
    rostered(sqlite_db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2, start=1))
    outcome = run_allocation(sqlite_db, NOW, seed=1, work=1_000)
    assert (outcome.state, outcome.error) == (RunState.PUBLISHED, "")
    row = run_of(sqlite_db, outcome.run_id)
    assert row.bound is not None
    assert row.total is not None
    assert row.bound <= row.total
    with sqlite_db.session() as reading:
        east = next(item for item in balance(reading) if item.trust == "RVV")
    assert (east.open_reads, east.unplanned) == (13, 0)
    assert east.allocated > 0

"""What is counted is what is listed: the queue in figures and behind them, as it holds."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from balancer.domain.actor import Grant, Reach, person
from balancer.domain.age import Age
from balancer.domain.becoming_late import Cause, causes, within
from balancer.domain.half_days import HalfDay
from balancer.domain.life import ReadKind, ReadState
from balancer.domain.permission import Role
from balancer.domain.study import StudyKey
from balancer.services.complete_read import complete_read
from balancer.services.expedite_study import expedite_study
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.services.see_proposal import becoming_late, see_proposal
from balancer.services.see_unreported import see_unreported
from balancer.services.steer_read import Said, exclude_read
from balancer.store import feed_books, reads, runs
from balancer.store.database import Database
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow
from balancer.store.unreported import SORTS
from balancer.store.which_unreported import Lateness, Standing, UnreportedFilter
from tests.instructed import MANAGER
from tests.networks import PACS, WEST, Feed, claimed, extract, incoming, minutes, queued, read_id, rostered, solving
from tests.worlds import NOW, at, session

IN_TIME = incoming("A1", minutes=60, due_at=at(3))
PLANNED_LATE = incoming("A2", minutes=30, due_at=at(1))
NOBODY = incoming("A3", due_at=at(10), subspecialty="msk", modality="MR")
LATE = incoming("A4", due_at=at(-1), priority="emergency", exam_code="XCH")
FAR = incoming("A5", due_at=at(100), acquired_at=minutes(-30))
PLAN = solving(
    {"S1": ["A1", "A2"], "S2": ["RWF/B1"]},
    {"A3": "no_skilled_reporter", "A4": "deferred", "A5": "deferred"},
)


@pytest.fixture
def planned(db: Database) -> Database:
    """Return six studies of two trusts, planned: A2 too late, A3 and A5 without a place, A4 late already."""
    return plan(db)


def plan(db: Database) -> Database:
    """Take the six in and publish their plan."""
    queued(db, IN_TIME, PLANNED_LATE, NOBODY, LATE, FAR)
    ingest_extract(db, WEST, extract(incoming("B1", trust="RWF", due_at=at(30)), feed=WEST.name), NOW)
    rostered(db, session("S1", "R1", hours=3), session("S2", "R2", hours=3))
    assert run_allocation(db, NOW, solver=PLAN).error == ""
    return db


def listed(db: Database, which: UnreportedFilter, **options: str) -> list[str]:
    """Return the accession numbers of the studies that are meant, having seen that they are as many as counted."""
    with db.session() as reading:
        queue = see_unreported(reading, NOW)
        found, total = queue.page(reading, which, limit=50, **options)  # type: ignore[arg-type]
        assert queue.count(reading, which) == total == len(found)
        return [status.study.accession_number for status in found]


def test_every_filter_means_what_it_says(planned: Database) -> None:
    """The soonest due first."""
    monday_morning = HalfDay.at(at(1))
    meant: Iterable[tuple[UnreportedFilter, list[str]]] = [
        (UnreportedFilter(), ["A4", "A2", "A1", "A3", "B1", "A5"]),
        (UnreportedFilter(trust="RWF"), ["B1"]),
        (UnreportedFilter(priority="emergency"), ["A4"]),
        (UnreportedFilter(subspecialty="msk"), ["A3"]),
        (UnreportedFilter(modality="MR"), ["A3"]),
        (UnreportedFilter(exam="XCH"), ["A4"]),
        (UnreportedFilter(late=Lateness.NOW), ["A4"]),
        (UnreportedFilter(age=Age.LATE), ["A4"]),
        (UnreportedFilter(within=4), ["A2"]),
        (UnreportedFilter(within=24), ["A2", "A3"]),
        (UnreportedFilter(late=Lateness.PLANNED), ["A2", "A3", "A5"]),
        (UnreportedFilter(late=Lateness.PLANNED, due=monday_morning), ["A2"]),
        (UnreportedFilter(reason="deferred"), ["A4", "A5"]),
        (UnreportedFilter(within=72, reason="no_skilled_reporter", subspecialty="msk"), ["A3"]),
        (UnreportedFilter(within=72, reason="planned_late"), ["A2"]),
        (UnreportedFilter(reporter_id="R1"), ["A2", "A1"]),
        (UnreportedFilter(standing=Standing.UNALLOCATED), ["A4", "A3", "A5"]),
        (UnreportedFilter(standing=Standing.REPORTED), []),
        (UnreportedFilter(only=()), []),
    ]
    for which, expected in meant:
        assert listed(planned, which) == expected, which


def test_figures_are_the_counts_of_their_lists(planned: Database) -> None:
    """By class and trust, by age, by when they become late, and by why."""
    with planned.session() as reading:
        queue = see_unreported(reading, NOW)
        counted = queue.counted(reading)
        late = queue.becoming_late(reading, 72)
    for item in counted:
        for age, number in item.ages.items():
            which = UnreportedFilter(trust=item.trust, priority=item.priority, age=age)
            assert len(listed(planned, which)) == number
    assert sum(item.total for item in counted) == 6
    assert [within(late, NOW, hours) for hours in (4, 24, 72)] == [1, 2, 2]
    assert causes(late) == [(Cause("no_skilled_reporter", "msk"), 1), (Cause("planned_late", "neuro"), 1)]
    for cause, number in causes(late):
        which = UnreportedFilter(within=72, reason=cause.reason, subspecialty=cause.subspecialty)
        assert len(listed(planned, which)) == number


def test_what_is_open_is_being_read_and_what_is_done_waits_for_nobody(planned: Database) -> None:
    """A2 opened becomes late no more; A1 reported is unreported for its trust only."""
    claimed(planned, "A2")
    complete_read(planned, read_id(planned, "A1"), "R1", NOW, by=PACS)
    assert listed(planned, UnreportedFilter(within=4)) == []
    assert "A1" not in listed(planned, UnreportedFilter())
    assert listed(planned, UnreportedFilter(standing=Standing.REPORTED)) == ["A1"]
    assert listed(planned, UnreportedFilter(standing=Standing.CLAIMED)) == ["A2"]


def test_what_is_not_to_be_read_here_is_reported_by_nobody(planned: Database) -> None:
    """It waits no more, and nobody has read it: it is on a list of its own."""
    exclude_read(planned, read_id(planned, "A3"), NOW, by=MANAGER, said=Said(reason="a duplicate"), approver="Dr A")
    assert "A3" not in listed(planned, UnreportedFilter())
    assert listed(planned, UnreportedFilter(standing=Standing.REPORTED)) == []
    assert listed(planned, UnreportedFilter(standing=Standing.NOT_HERE)) == ["A3"]


def test_what_its_trust_no_longer_lists_is_kept_and_counted_as_such(planned: Database) -> None:
    """A4 is on the newest list no more and open with R1, so it is kept; what a trust still lists is not."""
    claimed(planned, "A4", "R1")
    newest = extract(IN_TIME, PLANNED_LATE, NOBODY, FAR, at=15)
    ingest_extract(planned, Feed(), newest, minutes(15))
    assert listed(planned, UnreportedFilter(standing=Standing.KEPT)) == ["A4"]
    assert len(listed(planned, UnreportedFilter(standing=Standing.OPEN))) == 6
    with planned.session() as reading:
        said = feed_books.said_by_feeds(reading)
    assert sum(one.kept for one in said.values()) == 1


def test_what_is_reported_here_is_open_too(planned: Database) -> None:
    """Whatever waits, is done or is not to be read here: it is open until its trust says otherwise."""
    claimed(planned, "A1")
    complete_read(planned, read_id(planned, "A1"), "R1", NOW, by=PACS)
    assert "A1" not in listed(planned, UnreportedFilter())
    assert "A1" in listed(planned, UnreportedFilter(standing=Standing.OPEN))
    assert listed(planned, UnreportedFilter(standing=Standing.KEPT)) == []


def to_be_verified(db: Database, accession_number: str, number: int) -> None:
    """Let the clock of a study stop with a provisional report, which is to be verified within sixty hours."""
    with db.transaction() as writing:
        study_id = reads.read(writing, read_id(db, accession_number)).study_id
        verifies = ReadRow(
            study_id=study_id, number=number, kind=ReadKind.VERIFICATION, state=ReadState.UNALLOCATED, since=NOW
        )
        writing.add(verifies)
        writing.flush()
        target = {"target_at": at(60), "clock_stopped": True}
        writing.add(FollowUpRow(read_id=verifies.id or 0, share=0.4, began_at=NOW, **target))  # type: ignore[arg-type]


def test_when_a_study_is_due_does_not_change_with_who_reads_blind(sqlite_db: Database) -> None:
    """Two others have its readings open; what follows a third's provisional report is not all that waits."""
    queued(sqlite_db, incoming("A1", reads=2, due_at=at(3)))
    for number, who in enumerate(("R1", "R2"), start=1):
        claimed(sqlite_db, "A1", who, read=number)
    to_be_verified(sqlite_db, "A1", 3)
    blind = sqlite_db.within(Reach(trusts=frozenset({"RVV"}), reader="R3"))
    assert listed(sqlite_db, UnreportedFilter(within=4)) == ["A1"]
    assert listed(blind, UnreportedFilter(within=4)) == ["A1"]


def test_every_order_has_every_study_once(planned: Database) -> None:
    """Both ways; who waits longest comes first where most is asked for first."""
    for key in SORTS:
        up, down = listed(planned, UnreportedFilter(), sort=key), listed(planned, UnreportedFilter(), sort=f"-{key}")
        assert sorted(up) == sorted(down) == ["A1", "A2", "A3", "A4", "A5", "B1"]
    assert listed(planned, UnreportedFilter(), sort="waiting")[0] == "A5"


def test_a_plan_that_waits_is_counted_by_the_same_rules(planned: Database) -> None:
    """What was kept of the published run says of the same reads what the lists say."""
    with planned.session() as reading:
        queue = see_unreported(reading, NOW)
        run = runs.current_run(reading)
        assert run is not None
        proposal = see_proposal(reading, run.id or 0)
        assert becoming_late(proposal, queue.waiting_reads(reading, 72)) == queue.becoming_late(reading, 72)


def test_a_plan_that_waits_is_counted_where_somebody_asks_for_a_study_sooner(planned: Database) -> None:
    """When it is due is an instant with its zone, of that study and of all others."""
    boss, said = person("p", "A. Manager", Grant(Role.MANAGER, "*")), Said(reason="the clinic is today")
    with planned.session() as reading:
        run = runs.current_run(reading)
        assert run is not None
        proposal = see_proposal(reading, run.id or 0)
    expedite_study(planned, StudyKey("RVV", "A1"), at(0.5), NOW, by=boss, said=said)
    with planned.session() as reading:
        queue = see_unreported(reading, NOW)
        due = {read.accession_number: read.due_at for read in queue.waiting_reads(reading, 72)}
        late = becoming_late(proposal, queue.waiting_reads(reading, 72))
    assert due == {"A1": at(0.5), "A2": at(1), "A3": at(10), "B1": at(30)}
    assert within(late, NOW, 1) == 1


def test_what_people_have_decided_holds_in_figures_and_lists(planned: Database) -> None:
    """A person asks for A5 in two hours, and for A4 in the more urgent class: that counts, whatever the feed says."""
    boss, said = person("p", "A. Manager", Grant(Role.MANAGER, "*")), Said(reason="the clinic is today")
    expedite_study(planned, StudyKey("RVV", "A5"), at(2), NOW, by=boss, said=said)
    expedite_study(planned, StudyKey("RVV", "A4"), at(1), NOW, by=boss, said=said, priority="urgent")
    assert listed(planned, UnreportedFilter(priority="urgent")) == ["A4", "A2", "A5", "A1", "A3", "B1"]
    assert listed(planned, UnreportedFilter(within=4)) == ["A2", "A5"]
    with planned.session() as reading:
        counted = see_unreported(reading, NOW).counted(reading)
    assert {(item.trust, item.priority): item.total for item in counted} == {("RVV", "urgent"): 5, ("RWF", "urgent"): 1}

"""The plan in force and the plan that waits, side by side: what publishing would change, counted as it is listed."""

from __future__ import annotations

from datetime import timedelta

from balancer.domain.actor import Reach
from balancer.services.publish_held import publish_held
from balancer.store import plan_figures, planned_days, plans
from balancer.store.database import Database
from balancer.store.planned_days import DayPart
from balancer.store.plans import IN_FORCE, Plan, PlannedRead
from tests.networks import claimed, minutes, solving
from tests.services.test_held_runs import MANAGER, held_run, holding
from tests.web.planned import days_of
from tests.worlds import NOW, at

WEEK = timedelta(hours=168)
# A1 and A2 were R1's and A3 R2's: A3 goes to R1, A1 stays, A2 finds no place.
SECOND = solving({"S1": ["A1", "A3"]}, {"A2": "deferred"})


def by_number(found: list[PlannedRead]) -> dict[str, tuple[str | None, str | None]]:
    """Return whose each read was and becomes."""
    return {
        item.accession_number: (
            item.was.reporter_id if item.was else None,
            item.becomes.reporter_id if item.becomes else None,
        )
        for item in found
    }


def test_a_plan_that_waits_stands_beside_the_one_in_force(db: Database) -> None:
    """Whom it moves, whom it leaves without a place, and how long everybody would read."""
    holding(db)
    run_id = held_run(db, SECOND)
    with db.session() as session:
        assert by_number(plans.moving(session, run_id)) == {"A2": ("R1", None), "A3": ("R2", "R1")}
        assert by_number(plans.reads_of(session, run_id, ["R2"], NOW, NOW + WEEK)) == {"A3": ("R2", "R1")}
        assert [item.why_then for item in plans.not_placed(session, run_id, Plan(run_id=run_id))] == ["deferred"]
        assert plan_figures.planned_seconds(session, run_id, minutes(1)) == {
            "R1": (119 * 60.0, 120 * 60.0),
            "R2": (59 * 60.0, 0.0),
        }


def test_a_day_is_added_up_as_its_reads_are_listed(db: Database) -> None:
    """Of both plans, at its beginning, in the middle of a read, and cut short: as adding up each read does."""
    holding(db)
    run_id = held_run(db, SECOND)
    claimed(db, "A3", "R2")
    with db.session() as session:
        for waits in (None, run_id):
            for now, until in ((0.0, 12.0), (0.5, 12.0), (1.25, 12.0), (0.0, 1.5)):
                part = DayPart(start=at(now), end=at(16), drawn_from=at(0), drawn_until=at(until), now=at(now))
                reads = plans.reads_of(session, waits, ["R1", "R2"], part.start, part.end)
                found = planned_days.days_of_everybody(session, waits, part)
                assert found == days_of(reads, part), (waits, now, until)
                assert found
                exams = planned_days.examinations_of_everybody(session, waits, part)
                assert {name: bool(day.by_class) for name, day in found.items()} == {
                    name: name in exams for name in found
                }


def test_what_comes_next_is_of_the_plan_in_force(db: Database) -> None:
    """The first of each reporter's that is still to come, and of those only who are asked about."""
    holding(db)
    run_id = held_run(db, SECOND)
    part = DayPart(start=NOW, end=at(16), drawn_from=NOW, drawn_until=at(12), now=NOW)
    with db.session() as session:
        numbers = {
            item.accession_number: item.read_id for item in plans.reads_of(session, None, ["R1", "R2"], NOW, at(16))
        }
        assert planned_days.next_reads(session, run_id, ["R1", "R2"], part, 1) == {numbers["A1"], numbers["A3"]}
        assert planned_days.next_reads(session, run_id, ["R1"], part, 2) == {numbers["A1"], numbers["A2"]}


def test_what_becomes_late_is_counted_as_it_is_listed(db: Database) -> None:
    """They are due a day after they were acquired, an hour ago: what the plan has nowhere becomes late by then."""
    holding(db)
    run_id = held_run(db, SECOND)
    claimed(db, "A3", "R2")
    with db.session() as session:
        found = plan_figures.outlook(session, run_id, minutes(1), [4, 24])
        (left,) = plan_figures.left_out(session, run_id, Plan(run_id=run_id))
        (nowhere,) = plans.not_placed(session, run_id, Plan(run_id=run_id))
        listed = plans.becoming_late(session, run_id, Plan(run_id=run_id), minutes(1), 24)
        before = plans.becoming_late(session, run_id, IN_FORCE, minutes(1), 24)
    assert [(late.hours, late.was, late.becomes) for late in found.late] == [(4, 0, 0), (24, 0, 1)]
    assert (found.not_placed, found.open, found.allocated) == ((0, 1), 1, 2)
    assert (left.reason, left.count, left.minutes) == (nowhere.why_then, 1, nowhere.minutes)
    assert (left.trust, left.subspecialty, left.last_due_at) == ("RVV", nowhere.subspecialty, nowhere.due_at)
    assert [item.accession_number for item in listed] == ["A2"]
    assert before == []


def test_what_somebody_has_open_stays_with_them_whatever_waits(db: Database) -> None:
    """Publishing does not move it, so no plan that waits says that it moves."""
    holding(db)
    run_id = held_run(db, SECOND)
    claimed(db, "A3", "R2")
    with db.session() as session:
        assert by_number(plans.moving(session, run_id)) == {"A2": ("R1", None)}


def test_what_has_been_opened_since_is_counted(db: Database) -> None:
    """Putting lists back would leave it where it is."""
    holding(db)
    claimed(db, "A3", "R2")
    with db.session() as session:
        assert (plan_figures.worked_since(session, NOW), plan_figures.worked_since(session, NOW + WEEK)) == (1, 0)


def test_without_a_plan_that_waits_both_are_the_one_in_force(db: Database) -> None:
    """Nothing moves and nothing is counted twice."""
    holding(db)
    with db.session() as session:
        assert by_number(plans.reads_of(session, None, ["R1", "R2"], NOW, NOW + WEEK)) == {
            "A1": ("R1", "R1"),
            "A2": ("R1", "R1"),
            "A3": ("R2", "R2"),
        }
        found = plan_figures.outlook(session, None, minutes(1), [24])
        assert plan_figures.left_out(session, None, IN_FORCE) == []
    assert [(late.was, late.becomes) for late in found.late] == [(0, 0)]
    assert (found.not_placed, found.open, found.allocated) == ((0, 0), 0, 3)


def test_publishing_makes_it_the_plan_in_force(db: Database) -> None:
    """What stood on the right stands on the left."""
    holding(db)
    run_id = held_run(db, SECOND)
    publish_held(db, run_id, minutes(2), by=MANAGER, reason="looked through")
    with db.session() as session:
        assert by_number(plans.moving(session, run_id)) == {}
        assert by_number(plans.not_placed(session, None, IN_FORCE)) == {"A2": (None, None)}


def test_what_is_beyond_reach_is_where_it_is_and_nothing_else(sqlite_db: Database) -> None:
    """A manager of West sees that R1 is busy with East's studies, and not with which."""
    holding(sqlite_db)
    run_id = held_run(sqlite_db, SECOND)
    with sqlite_db.within(Reach(trusts=frozenset({"RWF"}))).session() as session:
        assert plans.reads_of(session, run_id, ["R1", "R2"], NOW, NOW + WEEK) == []
        found = planned_days.beyond_reach(session, run_id, ["R1", "R2"], NOW, NOW + WEEK)
    assert sorted(
        (was.reporter_id if was else "", becomes.reporter_id if becomes else "") for was, becomes in found
    ) == [
        ("R1", ""),
        ("R1", "R1"),
        ("R2", "R1"),
    ]

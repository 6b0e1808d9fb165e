"""What a leading scheduler does: takes in, asks for runs, and lets nothing that fails touch what stands."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

from balancer.domain.actor import person
from balancer.domain.policy import PublishingRules
from balancer.domain.states import RunState
from balancer.ingest.network_folder import read_network
from balancer.ingest.sources import StillWrittenError
from balancer.scheduler import jobs as module
from balancer.scheduler.deliveries import HELD_UP_FOR_SECONDS
from balancer.scheduler.jobs import READS_EVERY, Sources, Work
from balancer.scheduler.solving import BUSY, DONE
from balancer.scheduler.timetable import Timetable
from balancer.services import refresh_feeds, take_emergencies
from balancer.services.decide_policy import approve_policy
from balancer.services.propose_policy import propose_policy
from balancer.services.request_run import request_run
from balancer.store import jobs, leases, policies, runs, silences
from balancer.store.database import Database, StoreBusyError
from balancer.store.pages import Cut
from balancer.store.sources import feeds
from tests.api.service import StandingClock
from tests.kent import KEY, content, kent, row
from tests.networks import minutes
from tests.urgent import is_taken
from tests.worlds import NOW

ROWS = [row(f"A{number:03}") for number in range(40)]
QUARTER = timedelta(minutes=15)


class HandTurned(Timetable):
    """A timetable that never begins: the test turns its wheels; ``soon`` is what is to be done at once, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.soon: dict[str, Callable[[], object]] = {}

    def once(self, name: str, job: Callable[[], object]) -> None:
        """Note what is to be done."""
        super().once(name, job)
        self.soon[name] = job

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class CountedSolving:
    """In place of solving: counts runs and ends each as it is told to; a run that is done is one less asked for."""

    def __init__(self, database: Database, clock: StandingClock) -> None:
        self.database = database
        self.clock = clock
        self.ends_with = DONE
        self.count = 0

    def run(self) -> int:
        """Run."""
        self.count += 1
        if self.ends_with == DONE:
            with self.database.transaction() as session:
                now = self.clock.now()
                runs.begin_run(session, token=self.count, now=now, started_at=now, seed=0)
        return self.ends_with

    def stop(self) -> None:
        """Stop."""

    def resume(self) -> None:
        """Resume."""


class Scheduler:
    """A scheduler that leads, on a copy of the Kent network to which the test delivers."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = kent(folder)
        self.clock = StandingClock()
        self.solving = CountedSolving(database, self.clock)
        self.timetable = HandTurned()
        self.work = self.begun()

    def begun(self) -> Work:
        """Return what a scheduler does that has just begun to lead, and knows only what database and folder say."""
        work = Work(
            database=self.database,
            clock=self.clock,
            sources=Sources(read_network=partial(read_network, self.folder), pseudonym_key=KEY),
            solving=self.solving,  # type: ignore[arg-type]  # in its place
            new_timetable=lambda: self.timetable,
        )
        with self.database.transaction() as session:
            lasting = timedelta(days=1)
            # whoever led until now is gone
            lease = leases.acquire(session, "scheduler", "test", now=NOW, lasting=lasting, is_gone=lambda _: True)
        assert lease is not None
        work.begin(lease)
        return work

    def deliver(self, rows: bytes, at: int) -> None:
        """Drop an extract of East Kent made ``at`` minutes past eight."""
        (self.folder / "extracts" / "RVV" / f"unreported-20260302T08{at:02}.csv").write_bytes(rows)

    def refresh(self, at: float) -> list[Any]:
        """Take in East Kent's feed as its turn comes; return what is logged of it."""
        self.clock.at = minutes(at)
        feed = next(feed for feed in read_network(self.folder).feeds if feed.trust == "RVV")
        with capture_logs() as lines:
            self.work.refresh_feed(feed, QUARTER)
        return lines

    @property
    def open_studies(self) -> int:
        """How many of East Kent's studies are open."""
        with self.database.session() as session:
            return next(feed.open_studies for feed in feeds(session, self.clock.now()) if feed.trust == "RVV")

    @property
    def asked_for(self) -> int:
        """How many runs wait."""
        with self.database.session() as session:
            return sum(run.state is RunState.REQUESTED for run in runs.runs(session, Cut()).items)

    def outcomes(self, job: str) -> list[str]:
        """Return what became of a job, newest first."""
        with self.database.session() as session:
            return [entry.outcome for entry in jobs.last_jobs(session, job)]

    def answered(self) -> None:
        """Let the run that waits be run."""
        self.clock.at += timedelta(seconds=10)
        self.work.run_what_is_asked()


@pytest.fixture
def scheduler(sqlite_db: Database, tmp_path: Path) -> Scheduler:
    """Return a scheduler that has started up on forty open studies, and whose first run is done."""
    found = Scheduler(sqlite_db, tmp_path)
    found.deliver(content(ROWS), 0)
    found.clock.at = minutes(1)
    found.work.start_up()
    found.answered()
    return found


def test_starting_up_takes_in_everything_and_asks_for_one_run(scheduler: Scheduler) -> None:
    """Whatever was taken in before; a feed that has delivered nothing says so."""
    assert scheduler.open_studies == 40
    assert scheduler.solving.count == 1
    assert scheduler.outcomes("feed RVV unreported studies") == ["changed"]
    assert scheduler.outcomes("feed RWF unreported studies") == ["nothing there"]


def test_every_feed_and_roster_of_the_network_has_its_time(scheduler: Scheduler) -> None:
    """And so have the network itself, the run by the clock, and the look for what is asked."""
    of = {f"{kind} {trust} {name}" for kind, name in _KINDS for trust in ("RVV", "RWF", "RPA")}
    assert scheduler.timetable.names == {"start-up", "network", "allocate", "reads", "run", "deliveries", *of}


_KINDS = (("feed", "unreported studies"), ("roster", "rota"))


def test_a_feed_that_changed_asks_for_a_run_and_one_that_did_not_does_not(scheduler: Scheduler) -> None:
    """The very same file, then one with a study more."""
    scheduler.refresh(16)
    assert scheduler.asked_for == 0
    scheduler.deliver(content([*ROWS, row("B1")]), 30)
    scheduler.refresh(31)
    assert scheduler.asked_for == 1


def test_a_due_time_is_taken_once(scheduler: Scheduler) -> None:
    """Whatever is delivered between: it is taken a quarter of an hour later."""
    scheduler.refresh(16)
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    assert scheduler.refresh(18) == []
    assert scheduler.open_studies == 40


def test_what_is_delivered_is_taken_in_at_once_when_nobody_writes_to_it_any_more(scheduler: Scheduler) -> None:
    """Not when its turn comes: an emergency in it waits for nobody. What lay there at the start is not taken again."""
    looks = scheduler.work.notice_deliveries
    for _ in range(3):
        looks()
    assert set(scheduler.timetable.soon) == {"start-up"}
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    looks()
    scheduler.deliver(content([*ROWS, row("B1"), row("B2")]), 17)  # it was not whole yet
    looks()
    assert set(scheduler.timetable.soon) == {"start-up", "feed RVV unreported studies coming"}
    scheduler.timetable.soon.pop("feed RVV unreported studies coming")()
    scheduler.clock.at = minutes(17)
    looks()
    looks()
    scheduler.timetable.soon.pop("feed RVV unreported studies delivered")()
    assert (scheduler.open_studies, scheduler.asked_for) == (42, 1)
    looks()
    assert set(scheduler.timetable.soon) == {"start-up"}


def begin_to_deliver(scheduler: Scheduler) -> tuple[Callable[[], None], dict[str, Callable[[], object]]]:
    """Let East Kent drop one study more, and see it for the first time; return how to look again and what is to do."""
    looks = scheduler.work.notice_deliveries
    looks()
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    looks()
    return looks, scheduler.timetable.soon


def test_a_delivery_is_read_while_it_is_seen_whether_it_is_whole(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a whole extract takes as long as that: once it is whole, only taking it in is left."""
    looks, soon = begin_to_deliver(scheduler)
    soon.pop("feed RVV unreported studies coming")()
    looks()
    scheduler.clock.at = minutes(17)
    with monkeypatch.context() as never:
        never.delattr(refresh_feeds, "parse_extract")
        soon.pop("feed RVV unreported studies delivered")()
    assert scheduler.open_studies == 41


def test_what_was_read_of_a_delivery_before_it_was_whole_counts_for_nothing(scheduler: Scheduler) -> None:
    """It is of another content."""
    looks, soon = begin_to_deliver(scheduler)
    soon.pop("feed RVV unreported studies coming")()
    scheduler.deliver(content([*ROWS, row("B1"), row("B2")]), 17)
    looks()
    looks()
    scheduler.clock.at = minutes(17)
    soon.pop("feed RVV unreported studies delivered")()
    assert scheduler.open_studies == 42


def test_a_second_file_that_comes_as_the_first_is_taken_in_keeps_its_right_of_way(scheduler: Scheduler) -> None:
    """That the first has been taken in says nothing of the second, which may hold the emergency."""
    looks, soon = begin_to_deliver(scheduler)
    looks()
    first = soon.pop("feed RVV unreported studies delivered")
    scheduler.deliver(content([*ROWS, row("B1"), row("B2")]), 18)
    looks()
    looks()
    scheduler.clock.at = minutes(18)
    first()
    looks()
    assert is_taken(scheduler.database)
    soon.pop("feed RVV unreported studies delivered")()
    looks()
    assert not is_taken(scheduler.database)
    assert scheduler.open_studies == 42


@pytest.mark.parametrize("error", [StillWrittenError(), StoreBusyError("", None, Exception())])
def test_a_delivery_that_cannot_be_read_before_it_is_whole_is_read_then(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Somebody writes to it, or to the database: that is no failure."""
    looks, soon = begin_to_deliver(scheduler)

    def refuse(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as forbidden, capture_logs() as lines:
        forbidden.setattr(module, "read_ahead", refuse)
        soon.pop("feed RVV unreported studies coming")()
    assert [(line["event"], line["log_level"]) for line in lines] == [("delivery.not_read_ahead", "info")]
    looks()
    scheduler.clock.at = minutes(17)
    soon.pop("feed RVV unreported studies delivered")()
    assert scheduler.open_studies == 41


def busy_database(*_: object, **__: object) -> None:
    """Take nothing in: somebody writes for longer than anybody waits."""
    raise StoreBusyError("a lock", None, Exception())


def test_a_delivery_goes_before_a_plan_from_when_it_is_seen_until_it_is_taken_in(scheduler: Scheduler) -> None:
    """Whole or not, it may hold an emergency: a plan that is published meanwhile would hold it up."""
    looks = scheduler.work.notice_deliveries
    looks()
    assert not is_taken(scheduler.database)
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    looks()
    assert is_taken(scheduler.database)
    looks()
    scheduler.clock.at = minutes(17)
    looks()
    assert is_taken(scheduler.database)
    scheduler.timetable.soon.pop("feed RVV unreported studies delivered")()
    looks()
    assert not is_taken(scheduler.database)


def test_a_delivery_that_vanishes_or_cannot_be_taken_in_holds_up_no_plan(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is let go first again once it is tried again."""
    looks, soon = scheduler.work.notice_deliveries, scheduler.timetable.soon
    looks()
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    looks()
    (scheduler.folder / "extracts" / "RVV" / "unreported-20260302T0817.csv").unlink()
    looks()
    assert not is_taken(scheduler.database)
    scheduler.deliver(content([*ROWS, row("B1")]), 18)
    looks()
    looks()
    scheduler.clock.at = minutes(18)
    monkeypatch.setattr(module, "refresh_feed", busy_database)
    soon.pop("feed RVV unreported studies delivered")()
    looks()
    assert not is_taken(scheduler.database)
    later = time.monotonic() + 5
    monkeypatch.setattr(time, "monotonic", lambda: later)
    looks()
    assert is_taken(scheduler.database)


def test_an_upload_that_hangs_or_whose_feed_is_gone_holds_up_no_plan(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For so long everything lets it go first, and no longer; of a feed that is described no more, not at all."""
    looks = scheduler.work.notice_deliveries
    looks()
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    looks()
    looks()
    assert is_taken(scheduler.database)
    with monkeypatch.context() as later:
        now = time.monotonic() + HELD_UP_FOR_SECONDS
        later.setattr(time, "monotonic", lambda: now)
        looks()
        assert not is_taken(scheduler.database)
    looks()
    assert is_taken(scheduler.database)
    monkeypatch.setattr(scheduler.work, "_network", replace(read_network(scheduler.folder), feeds=()))
    looks()
    assert not is_taken(scheduler.database)


def test_a_scheduler_that_leads_no_longer_holds_up_no_plan(scheduler: Scheduler) -> None:
    """Whatever it was about to take in: whoever leads next sees it."""
    scheduler.work.notice_deliveries()
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    scheduler.work.notice_deliveries()
    scheduler.work.end()
    assert not is_taken(scheduler.database)


def test_a_delivery_that_could_not_be_taken_in_is_tried_again_a_little_later(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that is busy for a while costs an emergency no quarter of an hour; and nothing spins."""
    looks, soon = scheduler.work.notice_deliveries, scheduler.timetable.soon
    looks()
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    looks()
    looks()
    scheduler.clock.at = minutes(17)
    with monkeypatch.context() as busy:
        busy.setattr(module, "refresh_feed", busy_database)
        soon.pop("feed RVV unreported studies delivered")()
    del soon["feed RVV unreported studies coming"]
    looks()
    looks()
    assert set(soon) == {"start-up"}
    later = time.monotonic() + 5
    monkeypatch.setattr(time, "monotonic", lambda: later)
    scheduler.clock.at = minutes(18)
    looks()
    soon.pop("feed RVV unreported studies delivered")()
    assert scheduler.open_studies == 41


def test_a_run_sees_the_emergencies_of_a_delivery_whose_rest_could_not_be_taken_in(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no news when it is tried again, and nothing else of it may be."""
    looks, soon = scheduler.work.notice_deliveries, scheduler.timetable.soon
    looks()
    scheduler.deliver(content([*ROWS, row("B1", priority="1")]), 17)
    looks()
    looks()
    scheduler.clock.at = minutes(17)
    monkeypatch.setattr(take_emergencies, "_LONG", 40)
    with monkeypatch.context() as busy:
        busy.setattr(refresh_feeds, "ingest_extract", busy_database)
        soon.pop("feed RVV unreported studies delivered")()
    assert (scheduler.open_studies, scheduler.asked_for) == (41, 0)
    scheduler.work.run_what_is_asked()
    assert scheduler.asked_for == 1


def test_the_rest_of_a_delivery_is_taken_in_when_its_emergency_is_on_a_list(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If lists are mended at all; any other file that lies there is waited for no less."""
    looks, soon, seen = scheduler.work.notice_deliveries, scheduler.timetable.soon, []

    def wait(_: Database, is_another_coming: Callable[[], bool]) -> None:
        seen.append((scheduler.open_studies, is_another_coming()))
        scheduler.deliver(content([*ROWS, row("B1", priority="1"), row("B2"), row("B3")]), 18)
        looks()
        seen.append((scheduler.open_studies, is_another_coming()))
        looks()
        seen.append((scheduler.open_studies, is_another_coming()))

    looks()
    scheduler.deliver(content([*ROWS, row("B1", priority="1"), row("B2")]), 17)
    looks()
    looks()
    scheduler.clock.at = minutes(17)
    monkeypatch.setattr(take_emergencies, "_LONG", 40)
    monkeypatch.setattr(scheduler.work, "_mending", object())
    monkeypatch.setattr(module, "wait_until_listed", wait)
    soon.pop("feed RVV unreported studies delivered")()
    assert seen == [(41, False), (41, True), (41, True)]
    assert scheduler.open_studies == 42


def test_a_delivery_that_cannot_be_read_is_a_failed_job_and_tried_again(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read before it is its turn to write; what goes wrong then is on record all the same."""
    looks, soon = scheduler.work.notice_deliveries, scheduler.timetable.soon
    looks()
    scheduler.deliver(content([*ROWS, row("B1")]), 17)
    looks()
    looks()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    scheduler.clock.at = minutes(17)
    with monkeypatch.context() as forbidden, capture_logs() as lines:
        forbidden.setattr(module, "read_ahead", refuse)
        soon.pop("feed RVV unreported studies delivered")()
    assert [line["event"] for line in lines] == ["job.failed"]
    assert scheduler.outcomes("feed RVV unreported studies")[0] == "failed"
    later = time.monotonic() + 5
    monkeypatch.setattr(time, "monotonic", lambda: later)
    scheduler.clock.at = minutes(18)
    looks()
    looks()
    soon.pop("feed RVV unreported studies delivered")()
    assert scheduler.open_studies == 41


def test_many_changes_make_one_run_once_they_have_settled(scheduler: Scheduler) -> None:
    """Not one each, and not before the last of them is in."""
    before = scheduler.solving.count
    for _ in range(3):
        request_run(scheduler.database, scheduler.clock.now(), reason="a change")
    scheduler.work.run_what_is_asked()
    assert scheduler.solving.count == before
    scheduler.answered()
    scheduler.answered()
    assert scheduler.solving.count == before + 1


def deliver_and_take(scheduler: Scheduler, name: str, at: float) -> None:
    """Let East Kent deliver one study more, and take it in as a delivery."""
    scheduler.clock.at = minutes(at)
    scheduler.work.notice_deliveries()
    scheduler.deliver(content([*ROWS, row(name)]), int(at))
    scheduler.work.notice_deliveries()
    scheduler.work.notice_deliveries()
    scheduler.timetable.soon.pop("feed RVV unreported studies delivered")()


def test_what_changes_soon_after_a_run_waits_as_long_as_the_policy_says(scheduler: Scheduler) -> None:
    """Five minutes after the run before, whatever has come till then makes one run; each whole plan moves reads."""
    deliver_and_take(scheduler, "B1", 2)
    deliver_and_take(scheduler, "B2", 4)
    scheduler.answered()
    assert (scheduler.asked_for, scheduler.solving.count) == (0, 1)
    scheduler.clock.at = minutes(6.2)
    scheduler.work.run_what_is_asked()
    assert scheduler.asked_for == 1
    scheduler.answered()
    scheduler.clock.at = minutes(14)
    scheduler.work.run_what_is_asked()
    assert (scheduler.asked_for, scheduler.solving.count) == (0, 2)


def test_a_run_that_somebody_asks_for_waits_for_nobody_and_takes_the_changes_along(scheduler: Scheduler) -> None:
    """So nothing asks for another when it would have been time."""
    deliver_and_take(scheduler, "B1", 2)
    request_run(scheduler.database, scheduler.clock.now(), reason="a manager")
    scheduler.answered()
    assert scheduler.solving.count == 2
    scheduler.clock.at = minutes(14)
    scheduler.work.run_what_is_asked()
    assert (scheduler.asked_for, scheduler.solving.count) == (0, 2)


def test_how_long_changes_wait_is_the_policys_to_say(scheduler: Scheduler) -> None:
    """Not at all, if it says so, from the minute after it is approved."""
    with scheduler.database.session() as session:
        at_once = replace(policies.current_policy(session), publishing=PublishingRules(changes_wait_minutes=0))
    by = person("entra:7", "A. Manager")
    number = propose_policy(scheduler.database, at_once, NOW, by=by, author=by.name, reason="x")
    approve_policy(scheduler.database, number, NOW, by=by, approver="Dr B.", reason="x")
    scheduler.answered()  # the approval asks for a run itself
    scheduler.work.look_at_network()
    deliver_and_take(scheduler, "B1", 2)
    assert scheduler.asked_for == 1


def test_a_run_is_asked_for_now_and_then_whatever_happens(scheduler: Scheduler) -> None:
    """Time passes: what was early is late now. Once a quarter of an hour, whoever asks how often."""
    scheduler.clock.at = minutes(20)
    scheduler.work.ask_by_the_clock()
    scheduler.answered()
    scheduler.work.ask_by_the_clock()
    assert scheduler.asked_for == 0
    scheduler.clock.at = minutes(31)
    scheduler.work.ask_by_the_clock()
    assert scheduler.asked_for == 1


def test_a_folder_that_vanishes_withdraws_nothing_and_says_so(scheduler: Scheduler) -> None:
    """A disk that is not mounted is not a trust without patients."""
    shutil.rmtree(scheduler.folder / "extracts" / "RVV")
    lines = scheduler.refresh(16)
    assert [(line["event"], line["log_level"]) for line in lines] == [("feed.nothing_there", "warning")]
    assert (scheduler.open_studies, scheduler.asked_for) == (40, 0)


@pytest.mark.parametrize("rubbish", [b"\x00\xff\x13rubbish", b"", content(ROWS)[:900], b"<html>Proxy error</html>"])
def test_garbage_withdraws_nothing_and_says_so(scheduler: Scheduler, rubbish: bytes) -> None:
    """Rubbish, nothing, half a file, somebody else's page."""
    scheduler.deliver(rubbish, 15)
    lines = scheduler.refresh(16)
    assert [line["log_level"] for line in lines] == ["warning"]
    assert (scheduler.open_studies, scheduler.asked_for) == (40, 0)


def test_a_file_that_cannot_be_read_fails_alone(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on record; the next quarter of an hour has another try."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/secret/999 123 4567.csv")

    with monkeypatch.context() as patched:
        patched.setattr(module, "refresh_feed", busy_database)
        lines = scheduler.refresh(16)
    assert [line["event"] for line in lines] == ["job.failed"]
    assert scheduler.outcomes("feed RVV unreported studies")[0] == "failed"
    scheduler.refresh(31)
    assert scheduler.outcomes("feed RVV unreported studies")[0] == "unchanged"


def test_a_network_folder_with_faults_leaves_the_last_one_in_force(scheduler: Scheduler) -> None:
    """Feeds are still taken in by it."""
    (scheduler.folder / "exams.csv").write_text("nonsense", encoding="utf-8")
    with capture_logs() as lines:
        scheduler.work.look_at_network()
    assert [line["event"] for line in lines] == ["network.refused"]
    assert lines[0]["faults"] > 0
    assert len(scheduler.timetable.names) == 12


def test_a_scheduler_that_begins_with_a_faulty_network_folder_looks_after_reads_all_the_same(
    scheduler: Scheduler,
) -> None:
    """Feeds that fall silent then too have an owner, and the books are checked: the database knows enough."""
    (scheduler.folder / "exams.csv").write_text("nonsense", encoding="utf-8")
    scheduler.clock.at += timedelta(days=1)
    begun = scheduler.begun()
    with capture_logs() as lines:
        begun.start_up()
    assert [line["event"] for line in lines] == ["network.refused"]
    with scheduler.database.connection() as connection:
        _lose_a_read(connection)
    with capture_logs() as lines:
        begun.look_after_reads()
    assert [line["event"] for line in lines] == ["conservation.broken"]
    assert scheduler.outcomes("reads") == ["not conserved"]
    with scheduler.database.session() as session:
        assert "RVV unreported studies" in {row.feed for row in silences.not_ended(session)}


def test_before_there_is_any_network_there_are_no_reads_to_look_after(sqlite_db: Database, tmp_path: Path) -> None:
    """Not a line in the log, nor an entry in the ledger, every minute until somebody mends the first folder."""
    scheduler = Scheduler(sqlite_db, tmp_path)
    with capture_logs() as lines:
        scheduler.work.look_after_reads()
    assert lines == []
    assert scheduler.outcomes("reads") == []


def _lose_a_read(connection: Connection) -> None:
    """Take the last read away, and what the journal has of it, as no code of ours does."""
    last = connection.execute(text("SELECT max(id) FROM reads")).scalar_one()
    for statement in ("DELETE FROM journal WHERE read_id = :last", "DELETE FROM reads WHERE id = :last"):
        connection.execute(text(statement), {"last": last})


def test_reads_are_looked_after_and_what_does_not_add_up_is_an_error_in_the_log(scheduler: Scheduler) -> None:
    """Every minute; while the books balance it is quiet."""
    with capture_logs() as lines:
        scheduler.work.look_after_reads()
    assert lines == []
    with scheduler.database.connection() as connection:
        _lose_a_read(connection)
    scheduler.clock.at += READS_EVERY
    with capture_logs() as lines:
        scheduler.work.look_after_reads()
    assert [(line["event"], line["log_level"], line["trust"], line["fault"], line["number"]) for line in lines] == [
        ("conservation.broken", "error", "RVV", "missing", 1)
    ]
    with scheduler.database.session() as reading:
        assert [row.outcome for row in jobs.last_jobs(reading, "reads")] == ["not conserved", "conserved"]


def test_a_study_with_both_its_reads_at_one_reporter_s_is_named_in_the_log_and_the_reporter_is_not(
    scheduler: Scheduler,
) -> None:
    """By its number, that of its page."""
    with scheduler.database.connection() as connection:
        study, last = connection.execute(text("SELECT min(study_id), max(id) FROM reads")).one()
        values = {"study": study, "last": last}
        # as no code of ours does: another study's read is this one's second
        connection.execute(text("UPDATE reads SET study_id = :study, number = 2 WHERE id = :last"), values)
        theirs = "UPDATE reads SET state = 'allocated', reporter_id = (SELECT min(reporter_id) FROM reporters)"
        connection.execute(text(f"{theirs} WHERE study_id = :study"), values)
    with capture_logs() as lines:
        scheduler.work.look_after_reads()
    assert {"event": "conservation.same_reader", "log_level": "error", "trust": "RVV", "study": study} in lines
    broken = [(line["fault"], line["number"]) for line in lines if line["event"] == "conservation.broken"]
    assert ("same_reader", 1) in broken


@pytest.mark.parametrize("part", ["lapse_claims", "check_completions", "check_parked"])
def test_a_part_that_fails_keeps_neither_the_others_nor_the_check_from_being_done(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """Above all that a read is missing is said."""
    done: list[str] = []
    for name in ("lapse_claims", "check_completions", "check_parked"):
        monkeypatch.setattr(module, name, partial(_look, getattr(module, name), name, done, fails=name == part))
    with scheduler.database.connection() as connection:
        _lose_a_read(connection)
    with capture_logs() as lines:
        scheduler.work.look_after_reads()
    assert done == ["lapse_claims", "check_completions", "check_parked"]
    assert [line["event"] for line in lines] == ["reads.part_failed", "conservation.broken"]
    assert scheduler.outcomes("reads") == ["failed in part"]


def _look(look: Any, name: str, done: list[str], *arguments: Any, fails: bool) -> Any:
    done.append(name)
    if fails:
        raise OSError(name)
    return look(*arguments)


def test_a_feed_that_is_described_no_more_is_looked_for_no_more(scheduler: Scheduler) -> None:
    """A changed network folder is noticed without a restart."""
    (scheduler.folder / "feeds" / "RPA.toml").unlink()
    scheduler.work.look_at_network()
    assert "feed RPA unreported studies" not in scheduler.timetable.names
    assert len(scheduler.timetable.names) == 11


def test_a_run_that_cannot_even_begin_is_not_tried_in_a_loop(
    scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits, ever longer; what is asked for stays asked for."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    request_run(scheduler.database, scheduler.clock.now(), reason="a change")
    before, scheduler.solving.ends_with = scheduler.solving.count, -11
    tried: list[float] = []
    for second in range(120):
        now[0] = 1000.0 + second
        tries = scheduler.solving.count
        scheduler.answered()
        if scheduler.solving.count > tries:
            tried.append(second)
    assert tried == [0, 5, 10, 15, 23, 39, 71]
    scheduler.solving.ends_with = BUSY
    now[0] += 100
    scheduler.answered()
    assert scheduler.solving.count == before + len(tried) + 1
    assert scheduler.asked_for == 1


def test_a_scheduler_that_no_longer_leads_does_nothing(scheduler: Scheduler) -> None:
    """Somebody else does it."""
    scheduler.work.end()
    scheduler.deliver(content([*ROWS, row("B1")]), 30)
    assert scheduler.refresh(31) == []
    assert scheduler.open_studies == 40


def test_how_often_to_allocate_is_the_policys_to_say(scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the minute after it is approved; not while it is only proposed."""
    intervals: list[tuple[str, timedelta]] = []

    def every(name: str, interval: timedelta, _job: object) -> None:
        intervals.append((name, interval))

    monkeypatch.setattr(scheduler.timetable, "every", every)
    with scheduler.database.session() as session:
        rare = replace(policies.current_policy(session), publishing=PublishingRules(allocate_every_minutes=40))
    by = person("entra:7", "A. Manager")
    number = propose_policy(scheduler.database, rare, NOW, by=by, author=by.name, reason="x")
    scheduler.work.look_at_network()
    approve_policy(scheduler.database, number, NOW, by=by, approver="Dr B.", reason="x")
    scheduler.work.look_at_network()
    scheduler.work.look_at_network()
    assert intervals == [("allocate", timedelta(minutes=40))]


def test_what_was_asked_of_a_run_that_died_is_asked_again(scheduler: Scheduler) -> None:
    """It was answered by a run that came to nothing: nobody else would ask before it is time."""
    scheduler.deliver(content(ROWS[:-1]), 5)
    scheduler.refresh(6)
    with scheduler.database.transaction() as session:
        runs.begin_run(session, token=9, now=NOW, started_at=NOW, seed=0)
    assert scheduler.asked_for == 0
    scheduler.solving.ends_with = -9
    request_run(scheduler.database, NOW, reason="x")
    scheduler.solving.run = lambda: _begun_and_killed(scheduler)  # type: ignore[method-assign]
    scheduler.answered()
    assert scheduler.asked_for == 1


def _begun_and_killed(scheduler: Scheduler) -> int:
    """Begin the run that waits, and be killed."""
    with scheduler.database.transaction() as session:
        runs.begin_run(session, token=10, now=NOW, started_at=NOW, seed=0)
    return -9

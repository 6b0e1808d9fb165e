"""The jobs: what is done when its time has come. Each calls a service and says in a word what became of it.

Whatever fails is logged and kept in the ledger, and what was last published stands.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog

from balancer.domain.errors import InputRefusedError
from balancer.domain.instant import Clock
from balancer.domain.policy import PublishingRules
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.file_format import Source
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.read_before import ReadBefore
from balancer.ingest.roster_file import RosterDescription
from balancer.scheduler.deliveries import LOOK_EVERY as LOOK_FOR_DELIVERIES_EVERY
from balancer.scheduler.deliveries import Deliveries
from balancer.scheduler.downtime import LOOK_EVERY, DowntimeLists
from balancer.scheduler.hurry import Hurry
from balancer.scheduler.ledger import Ledger, due_time
from balancer.scheduler.listed_first import wait_until_listed
from balancer.scheduler.outcomes import CHANGED, tell_batches, tell_rosters
from balancer.scheduler.reading_ahead import ReadingAhead
from balancer.scheduler.solving import BUSY, DONE, NOT_PUBLISHED, Solving
from balancer.scheduler.supervisor import Supervisor, delay_after
from balancer.scheduler.timetable import Timetable
from balancer.services.agree_instructions import agree_instructions
from balancer.services.check_completions import check_completions
from balancer.services.close_created import close_created
from balancer.services.close_left_out import close_left_out
from balancer.services.end_instructions import end_instructions
from balancer.services.forget_letters import forget_letters
from balancer.services.lapse_claims import lapse_claims
from balancer.services.load_network import load_network
from balancer.services.outcomes import BatchOutcome
from balancer.services.park_read import check_parked
from balancer.services.refresh_feeds import NOTHING_AHEAD, Ahead, read_ahead, refresh_feed, refresh_roster
from balancer.services.release_emergencies import plan_that_waits, release_emergencies
from balancer.services.request_run import request_run
from balancer.services.shift import shift_to_present
from balancer.services.watch_feeds import watch_feeds
from balancer.store import conservation, explanations, keys, previews, runs, scarcities
from balancer.store.conservation import Fault
from balancer.store.database import Database
from balancer.store.leases import Lease
from balancer.store.policies import current_policy, number_in_force

_log = structlog.get_logger("balancer.scheduler")
NETWORK_EVERY = timedelta(minutes=1)
READS_EVERY = timedelta(minutes=1)
# Changes that come within this time of each other make one run.
_SETTLING = timedelta(seconds=2)
_BUSY_SECONDS = 5.0
# Just after a run everybody fetches their list, and the plan is opened for mending: prices can wait for that.
_PRICED_AFTER = timedelta(seconds=10)
# Of studies that have lost a rule that held; more tell nobody more.
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where things come from: the network folder as it is now, the key of pseudonyms, whether times are shifted."""

    read_network: Callable[[], NetworkFolder]
    pseudonym_key: bytes
    shift_to_present: bool = False


class Work:
    """Everything a leading scheduler does, by its timetable."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        *,
        database: Database,
        clock: Clock,
        sources: Sources,
        solving: Solving,
        allocate_every: timedelta | None = None,
        new_timetable: Callable[[], Timetable] = Timetable,
        new_mending: Callable[[], Supervisor] | None = None,
        new_outlets: Callable[[Lease], Supervisor] | None = None,
        previewing: Solving | None = None,
        downtime: DowntimeLists | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._sources = sources
        self._solving = solving
        # the policy says how often, unless whoever tries Balancer out has said otherwise
        self._given_interval = allocate_every
        self._allocate_every = allocate_every or timedelta(minutes=PublishingRules().allocate_every_minutes)
        self._changes_wait = timedelta(minutes=PublishingRules().changes_wait_minutes)
        self._changed: list[str] = []
        self._ran_at: datetime | None = None
        self._new_timetable = new_timetable
        self._new_mending = new_mending
        self._new_outlets = new_outlets
        self._previewing = previewing
        self._downtime = downtime
        self._mending: Supervisor | None = None
        self._outlets: Supervisor | None = None
        self._network: NetworkFolder | None = None
        self._shift = timedelta()
        self._not_before = 0.0
        self._failures = 0
        self._timetable: Timetable | None = None
        self._ledger: Ledger | None = None
        self._deliveries = Deliveries()
        self._hurry = Hurry(database)
        self._reading_ahead = ReadingAhead(self._read_ahead)
        self._read_before = ReadBefore()

    def begin(self, lease: Lease) -> None:
        """Begin to work by the timetable: everything once, then each thing on its interval."""
        self._ledger = Ledger(self._database, self._clock, lease)
        self._network, self._changed, self._ran_at = None, [], None
        self._solving.resume()
        self._timetable = self._new_timetable()
        self._timetable.once("start-up", self.start_up)
        self._timetable.every("network", NETWORK_EVERY, self.look_at_network)
        self._timetable.every("allocate", self._allocate_every, self.ask_by_the_clock)
        self._timetable.every("reads", READS_EVERY, self.look_after_reads)
        self._timetable.tick("run", self.run_what_is_asked)
        self._deliveries, self._hurry = Deliveries(), Hurry(self._database)
        self._reading_ahead, self._read_before = ReadingAhead(self._read_ahead), ReadBefore()
        self._timetable.watch("deliveries", LOOK_FOR_DELIVERIES_EVERY, self.notice_deliveries)
        if self._previewing is not None:
            self._previewing.resume()
            self._timetable.tick("preview", self.preview_what_is_asked, beside_runs=True)
        if self._downtime is not None:
            self._timetable.every("downtime", LOOK_EVERY, self.write_downtime_lists, beside_intake=True)
        self._timetable.start()
        if self._new_mending is not None:
            self._mending = self._new_mending()
            self._mending.start()
        if self._new_outlets is not None:
            self._outlets = self._new_outlets(lease)
            self._outlets.start()

    def end(self) -> None:
        """Stop; what is being taken in is taken in to its end, a run under way is given up."""
        if self._timetable is not None:
            self._timetable.stop()
        self._solving.stop()
        if self._previewing is not None:
            self._previewing.stop()
        for supervised in (self._outlets, self._mending):
            if supervised is not None:
                supervised.stop()
        self._mending, self._outlets = None, None
        self._timetable, self._ledger = None, None
        self._hurry.end()  # last: it asks a database that may not answer

    # --- the jobs ----------------------------------------------------------------------------------------------------

    def start_up(self) -> None:
        """Take in everything there is, whenever it was last taken in, and ask for a run."""
        self.look_at_network()
        if self._network is None:
            return
        for roster in self._network.rosters:
            self._do(_of(roster), None, partial(self._take_roster, roster))
        for feed in self._network.feeds:
            self._do(_of(feed), None, partial(self._take_feed, feed))
        self._do("allocate", None, partial(self._ask, "start-up"))

    def look_at_network(self) -> None:
        """Load the network folder if it has changed, and plan its feeds; while it has faults, the last one holds.

        How often to allocate is looked up too: a version of the policy may have been approved.
        """
        self._load_network()
        self._keep_interval()

    def _load_network(self) -> None:
        try:
            network = self._sources.read_network()
        except (InputRefusedError, OSError) as error:
            _log.error("network.refused", faults=len(getattr(error, "faults", ())), exc_info=error)
            return
        if network == self._network:
            return
        now = self._clock.now()
        load_network(self._database, network, now)
        if self._sources.shift_to_present and network.as_of is not None:
            self._shift = shift_to_present(self._database, network.as_of, now)
        self._plan(network)
        self._network = network
        _log.info("network.loaded", feeds=len(network.feeds), rosters=len(network.rosters))

    def _keep_interval(self) -> None:
        """Allocate as often as the policy in force says, and let new work wait as long."""
        if self._timetable is None or not self._is_policy_in_force():
            return
        with self._database.session() as session:
            rules = current_policy(session).publishing
        self._changes_wait, minutes = timedelta(minutes=rules.changes_wait_minutes), rules.allocate_every_minutes
        if self._given_interval is None and timedelta(minutes=minutes) != self._allocate_every:
            self._allocate_every = timedelta(minutes=minutes)
            self._timetable.every("allocate", self._allocate_every, self.ask_by_the_clock)
            _log.info("allocate.interval", minutes=minutes)

    def ask_by_the_clock(self) -> None:
        """Ask for a run because it is time."""
        self._do("allocate", self._allocate_every, partial(self._ask, "it was time"))

    def look_after_reads(self) -> None:
        """End claims that nobody keeps alive, doubt completions that no source confirms, see that none is lost.

        And that whatever has fallen silent is somebody's to look after. None of it needs the network folder: a
        scheduler that begins with one that has faults looks after what the database knows all the same.
        """
        if self._is_policy_in_force():
            self._do("reads", READS_EVERY, self._look_after_reads)

    def refresh_feed(self, feed: FeedDescription, interval: timedelta) -> None:
        """Take in a feed; ask for a run if that changed anything."""
        self._do(_of(feed), interval, lambda: self._ask_if(self._take_feed(feed), feed.name))

    def refresh_roster(self, roster: RosterDescription, interval: timedelta) -> None:
        """Take in a roster; ask for a run if that changed anything."""
        self._do(_of(roster), interval, lambda: self._ask_if(self._take_roster(roster), roster.name))

    def notice_deliveries(self) -> None:
        """Take in what has just been delivered as soon as intake is free; whatever else is due goes on as it was."""
        network, timetable = self._network, self._timetable
        if network is None or timetable is None:
            return
        try:
            self._look_for_deliveries(network, timetable)
        finally:
            self._hurry.keep(wanted=self._deliveries.is_one_coming)

    def _look_for_deliveries(self, network: NetworkFolder, timetable: Timetable) -> None:
        self._deliveries.keep_only(source.name for source in (*network.feeds, *network.rosters))
        self._reading_ahead.keep_only({feed.name for feed in network.feeds})
        feeds = self._deliveries.noticed(network.feeds, network.folder)
        for feed in feeds.begun:
            timetable.once(_coming(feed), partial(self._reading_ahead.begin, feed))
        for feed in feeds.whole:
            timetable.once(_delivered(feed), partial(self._take_delivered_feed, feed))
        for roster in self._deliveries.noticed(network.rosters, network.folder).whole:
            take = partial(self._take_roster, roster)
            timetable.once(_delivered(roster), partial(self._do_and_ask, roster, take))

    def run_what_is_asked(self) -> None:
        """Run an allocation if one is asked for, once what comes together has come."""
        if self._changed and not self._is_soon_after_a_run():
            self._ask_for_changes()
        with self._database.session() as session:
            waiting = runs.requested(session)
        if waiting is None or self._clock.now() - waiting.started_at < _SETTLING or time.monotonic() < self._not_before:
            return
        self._changed, self._ran_at = [], self._clock.now()
        self._note_end(self._solving.run())

    def preview_what_is_asked(self) -> None:
        """Make previews and explanations that are asked for, and price a new plan's capacity, beside whatever runs."""
        with self._database.session() as session:
            waits = (
                previews.unfinished(session)
                or explanations.unfinished(session)
                or scarcities.waiting(session, self._clock.now(), after=_PRICED_AFTER) is not None
            )
        if waits and self._previewing is not None:
            self._previewing.run()

    def write_downtime_lists(self) -> None:
        """Write lists to disk for when nothing answers, if they are others than those that are there."""
        if self._downtime is not None and self._downtime.is_due():
            self._do("downtime", None, self._downtime.write)

    def _take_delivered_feed(self, feed: FeedDescription) -> None:
        """Take in what a feed has delivered; it is read first, while others may still be writing."""
        try:
            ahead: Ahead | Exception = self._reading_ahead.end(feed)
        except Exception as error:  # noqa: BLE001 - raised where it is logged and kept, as a failure of the job
            ahead = error

        def take() -> str:
            if isinstance(ahead, Exception):
                raise ahead
            return self._take_feed(feed, ahead)

        self._do_and_ask(feed, take)

    def _read_ahead(self, feed: FeedDescription, known: Ahead) -> Ahead:
        key = self._sources.pseudonym_key
        return read_ahead(self._database, self._loaded, feed, key, self._shift, known, before=self._read_before)

    def _do_and_ask(self, source: Source, take: Callable[[], str]) -> None:
        """Take in what a source has delivered; whatever fails, it is tried again before its turn comes."""
        taken = False

        def work() -> str:
            nonlocal taken
            outcome = take()
            taken = True
            return self._ask_if(outcome, source.name)

        try:
            self._do(_of(source), None, work)
        finally:
            note = self._deliveries.took if taken else self._deliveries.did_not_take
            note(source.name)

    # --- how they are done -------------------------------------------------------------------------------------------

    def _plan(self, network: NetworkFolder) -> None:
        """Make the timetable that of ``network``: what it no longer describes is no longer looked for."""
        if self._timetable is None:
            return
        planned = {"start-up", "network", "allocate", "reads", "run", "preview", "downtime", "deliveries"}
        planned |= {name(source) for source in (*network.feeds, *network.rosters) for name in (_coming, _delivered)}
        for feed in network.feeds:
            interval = timedelta(minutes=feed.drop.refresh_minutes)
            self._timetable.every(_of(feed), interval, partial(self.refresh_feed, feed, interval))
            planned.add(_of(feed))
        for roster in network.rosters:
            interval = timedelta(minutes=roster.drop.refresh_minutes)
            self._timetable.every(_of(roster), interval, partial(self.refresh_roster, roster, interval))
            planned.add(_of(roster))
        self._timetable.keep_only(planned)

    def _do(self, job: str, interval: timedelta | None, work: Callable[[], str]) -> None:
        """Do a job that is due by its interval, or now if there is none, and enter it in the ledger."""
        ledger = self._ledger
        if ledger is not None:
            now = self._clock.now()
            ledger.do(job, now if interval is None else due_time(now, interval), work)

    def _take_feed(self, feed: FeedDescription, ahead: Ahead = NOTHING_AHEAD) -> str:
        network, key, before = self._loaded, self._sources.pseudonym_key, self._read_before

        def emergencies_came(_: BatchOutcome) -> None:
            self._changed.append(feed.name)  # whatever becomes of the rest, a run is to see them
            if self._mending is not None:
                wait_until_listed(self._database, lambda: self._deliveries.is_another_coming(feed.name))

        now = self._clock.now()
        outcomes = refresh_feed(
            self._database, network, feed, now, key, self._shift, ahead, before=before, tell=emergencies_came
        )
        return tell_batches(feed.name, outcomes)

    def _take_roster(self, roster: RosterDescription) -> str:
        outcomes = refresh_roster(self._database, self._loaded, roster, self._clock.now(), self._shift)
        return tell_rosters(roster.name, outcomes)

    def _is_policy_in_force(self) -> bool:
        """Tell whether a network has ever been loaded: until then there are neither reads nor rules for them."""
        with self._database.session() as session:
            return number_in_force(session) > 0

    @property
    def _loaded(self) -> NetworkFolder:
        assert self._network is not None  # noqa: S101 - feeds and rosters come from it
        return self._network

    def _look_after_reads(self) -> str:
        """Do each part whatever becomes of the others; that the books balance is looked at always, and last."""
        database, now = self._database, self._clock.now()
        done = [_part(part, partial(work, database, now)) for part, work in _PARTS.items()]
        with database.session() as session:
            found = conservation.faults(session)
            twice = conservation.same_readers(session) if any(item.fault is Fault.SAME_READER for item in found) else []
        for item in found:
            _log.error("conservation.broken", trust=item.trust, fault=item.fault.value, number=item.number)
        for pair in twice[:_MOST_NAMED]:  # whose, the study's page says: a log names nobody
            _log.error("conservation.same_reader", trust=pair.trust, study=pair.study_id)
        if not all(done):
            return "failed in part"
        return "conserved" if not found else "not conserved"

    def _ask(self, reason: str) -> str:
        run_id = request_run(self._database, self._clock.now(), reason=reason)
        _log.info("run.requested", run=run_id, reason=reason)
        return "requested"

    def _ask_if(self, outcome: str, name: str) -> str:
        """Ask for a run if ``outcome`` is that something changed, once it is time; return the outcome.

        What cannot wait has been put on a list by then. To plan everything anew with each file of each trust would be
        to move reads all day.
        """
        if outcome == CHANGED:
            self._changed.append(name)
            if self._is_soon_after_a_run():
                _log.info("run.put_off", reason=f"{name} changed", minutes=self._changes_wait / timedelta(minutes=1))
            else:
                self._ask_for_changes()
        return outcome

    def _is_soon_after_a_run(self) -> bool:
        return self._ran_at is not None and self._clock.now() - self._ran_at < self._changes_wait

    def _ask_for_changes(self) -> None:
        self._ask(f"{' and '.join(dict.fromkeys(self._changed))} changed")
        self._changed = []

    def _note_end(self, exit_code: int | None) -> None:
        """After a run that could not even begin, wait a little longer each time, so that nothing spins."""
        if exit_code in (DONE, NOT_PUBLISHED):
            self._failures, self._not_before = 0, 0.0
            return
        delay = _BUSY_SECONDS
        if exit_code != BUSY:
            # whoever had asked for it was answered by a run that came to nothing
            self._ask("the run before died")
            self._failures += 1
            delay = max(delay, delay_after(self._failures))
            _log.error("run.died", exit_code=exit_code, again_in_seconds=delay)
        self._not_before = time.monotonic() + delay


def _part(part: str, work: Callable[[], object]) -> bool:
    """Do a part of a job; what fails is logged and goes no further, for the other parts' sake."""
    try:
        work()
    except Exception:  # noqa: BLE001 - whatever it is, it is logged, and it comes round again
        _log.exception("reads.part_failed", part=part)
        return False
    return True


def _lapse_claims(database: Database, now: datetime) -> None:
    claims = lapse_claims(database, now)
    _warn(lapsed=claims.lapsed, old_claims=claims.noticed)


def _warn(**figures: int) -> None:
    if any(figures.values()):
        _log.warning("reads.exceptional", **figures)


def _look_at_held(database: Database, now: datetime) -> None:
    release_emergencies(database, now)
    waits = plan_that_waits(database, now)
    if waits is not None:  # every minute: that nobody has decided is for somebody to see to
        run, minutes = waits
        _log.warning("run.waits", run=run, minutes=minutes)


def _end_instructions(database: Database, now: datetime) -> None:
    ended = end_instructions(database, now) + agree_instructions(database, now)
    if ended:
        _log.info("instructions.ended", instructions=ended)


_PARTS: dict[str, Callable[[Database, datetime], object]] = {
    "claims": _lapse_claims,
    "left_out": close_left_out,
    "completions": lambda database, now: _warn(unconfirmed=check_completions(database, now)),
    "created": close_created,
    "instructions": _end_instructions,
    "held": _look_at_held,
    "feeds": watch_feeds,
    "parked": lambda database, now: _warn(parked=check_parked(database, now)),
    "keys": keys.purge,
    "letters": forget_letters,
}


def _coming(source: Source) -> str:
    """Return the name of the job that reads what a source has begun to deliver."""
    return f"{_of(source)} coming"


def _delivered(source: Source) -> str:
    """Return the name of the job that takes in what a source has just delivered."""
    return f"{_of(source)} delivered"


def _of(source: Source) -> str:
    """Return the name of the job that takes in a source."""
    return f"{'feed' if isinstance(source, FeedDescription) else 'roster'} {source.name}"

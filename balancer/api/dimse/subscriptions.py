"""Subscribe, unsubscribe, suspend by N-ACTION (PS3.4, CC.2.3): the services of UPS-RS, for the caller's own AE titles.

Event reports are not sent from here: the outlets open associations to whoever has subscribed (ADR 0022, 0023).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pynetdicom.events import Event

from balancer.api.dimse import statuses
from balancer.api.dimse.identity import Caller, Callers
from balancer.api.dimse.requested import dataset_sent, requested_uid
from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import Clock
from balancer.domain.permission import Permission
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.subscription import Subscribing, subscribing_in
from balancer.services.subscribe import ALL, FILTERED, Subscriber, subscribe, suspend, unsubscribe
from balancer.store import ae_titles, systems
from balancer.store.database import Database
from balancer.store.tables_ae_titles import AeTitleRow

Reply = tuple[Dataset, Dataset | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """Who is told of what: on which database, by which clock, for whom."""

    database: Database
    clock: Clock
    callers: Callers

    def subscribe(self, event: Event) -> Reply:
        """Subscribe a title of the caller's to a workitem, to every one, or to those that match (Action Type 3).

        A lock on every workitem is not granted (B301): it would ask for a report of each there is, and what is kept
        is kept without it.
        """
        caller, asked, uid = self._asked(event)
        title = self._own(caller, asked.receiver)
        if title is None:
            return statuses.told(Status.UNKNOWN_RECEIVER, "it is no AE title of the caller's"), None
        if title.port is None:
            return statuses.told(Status.NO_EVENTS, "no address is registered for this AE title"), None
        many = uid in {ALL, FILTERED}
        subscribe(
            self.database.within(caller.reach),
            Subscriber(by=caller.actor, aet=title.title),
            uid,
            self.clock.now(),
            lock=asked.lock and not many,
            filter_text=asked.filter_text,
        )
        return statuses.told(Status.NO_LOCK if asked.lock and many else Status.SUCCESS), None

    def unsubscribe(self, event: Event) -> Reply:
        """End it (Action Type 4)."""
        caller, asked, uid = self._asked(event)
        if self._own(caller, asked.receiver) is None:
            return statuses.told(Status.UNKNOWN_RECEIVER, "it is no AE title of the caller's"), None
        who = Subscriber(by=caller.actor, aet=asked.receiver)
        unsubscribe(self.database.within(caller.reach), who, uid, self.clock.now())
        return statuses.told(Status.SUCCESS), None

    def suspend(self, event: Event) -> Reply:
        """Let one to many take in no more (Action Type 5); a single workitem's takes in none anyway: C314."""
        caller, asked, uid = self._asked(event)
        if self._own(caller, asked.receiver) is None:
            return statuses.told(Status.UNKNOWN_RECEIVER, "it is no AE title of the caller's"), None
        who = Subscriber(by=caller.actor, aet=asked.receiver)
        try:
            suspend(self.database.within(caller.reach), who, uid, self.clock.now())
        except InvalidValueError:
            return statuses.told(Status.NOT_APPROPRIATE), None
        return statuses.told(Status.SUCCESS), None

    def _asked(self, event: Event) -> tuple[Caller, Subscribing, str]:
        caller = self.callers.require(event.assoc, Permission.ASSIGNMENTS_READ)
        return caller, subscribing_in(dataset_sent(event, "action_information")), requested_uid(event)

    def _own(self, caller: Caller, title: str) -> AeTitleRow | None:
        """Return the receiver, if it is the caller's own: nobody has others told of patients."""
        with self.database.session() as session:
            found = ae_titles.titles(session)
        return next(
            (row for row in found if row.title == title and systems.subject_of(row.system_id) == caller.actor.subject),
            None,
        )

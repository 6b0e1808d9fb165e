"""The outlet of an AE title that takes UPS event reports: every event of what it has subscribed to, in order (CC.2.4).

Nothing is summed up: whoever was away is told each step when they are back. Whichever door it subscribed through.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from balancer.domain.actor import NOWHERE, Actor, Reach
from balancer.domain.errors import UndeliveredError, UnreachableError, UnsendableError
from balancer.domain.instant import Clock
from balancer.domain.letter import Letter, Patience
from balancer.domain.permission import Permission
from balancer.domain.receiver import Tls
from balancer.outlets.dimse import EventAssociation, Peer
from balancer.publish.ups.events import Event, EventType, began_anew
from balancer.publish.ups.json_model import dataset_in, model_of
from balancer.services.note_look import enter_look
from balancer.services.report_steps import reports_of
from balancer.services.subscribe import ALL, Subscriber
from balancer.store import ae_titles, journal, scope, subscriptions, systems
from balancer.store.database import Database, Session
from balancer.store.tables_ae_titles import AeTitleRow
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_outbox import LetterRow

_log = structlog.get_logger("balancer.outlets")
_STUDY: Final = "study"
# As long as the journal keeps what happened.
_PATIENCE: Final = Patience(tries=20, hours=7 * 24.0, longest_seconds=60.0)
# PS3.7, Annex C: what it will answer again, however often it is asked.
_NEVER: Final = frozenset({0x0112, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0211, 0x0212})
_NO_SUCH_EVENT_TYPE: Final = 0x0113
_FIRST_FAILURE_OF_ITS_OWN: Final = 0xC000
_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """How this service calls: as which AE title, and with what for TLS.

    ``plaintext``: in plain text beyond this machine too, and over TLS whoever is bound to no certificate.
    """

    calling: str
    tls: Tls
    plaintext: bool


class UpsEvents:
    """Tells one AE title of one system."""

    def __init__(self, row: AeTitleRow, sending: Sending, database: Database, clock: Clock) -> None:
        self.name = ae_titles.outlet_of(row)
        self.patience = _PATIENCE
        self._title = row.title
        self._subject = systems.subject_of(row.system_id)
        self._database = database
        self._clock = clock
        tls = sending.tls if row.tls else None
        self._peer = Peer(
            title=row.title,
            host=row.host,
            port=row.port or 0,
            calling=sending.calling,
            tls=tls,
            certificate=row.certificate,
        )
        self._why_not = _why_not(row, sending)
        self._association = EventAssociation(self._peer)
        self._looked: set[tuple[str, int]] = set()
        self._last = 0

    @property
    def description(self) -> object:
        """Where it is, and how it is called."""
        return self._peer, self._why_not

    def letters(self, session: Session, steps: Sequence[JournalRow], now: datetime) -> Iterable[Letter]:
        """Return a letter for each event that the subscriber is told of, as far as they reach now."""
        actor, reach = self._whose(session, now)
        if actor is None:
            return []
        with scope.within(session, reach) as seen:
            theirs = journal.among(seen, [step.sequence for step in steps])
            told = reports_of(seen, Subscriber(by=actor, aet=self._title), theirs)
            found = [self._letter(event, row.trust, row.study_id) for row, events in told for event in events]
        self._note_looks(session, actor, steps, [row.study_id for row, _ in told], now)
        return found

    def anew(self, session: Session, now: datetime) -> Iterable[Letter]:
        """Return that something may have been missed, if anybody has subscribed: they look again how all stands."""
        actor, _ = self._whose(session, now)
        if actor is None or not subscriptions.of_title(session, self._subject, self._title):
            return []
        return [self._letter(began_anew(ALL), None, None)]

    def send(self, letter: LetterRow) -> None:
        """Send an event report, and look at what is answered."""
        self._require_theirs(letter)
        information = dataset_in(letter.body["information"])
        event = Event(type=EventType(letter.body["type"]), uid=letter.subject, information=information)
        status = self._association.report(event)
        if status == _NO_SUCH_EVENT_TYPE:
            # it has heard, and does not know such events: told again it would know no more
            _log.warning("event.not_known", outlet=self.name, type=int(event.type))
        elif status in _NEVER:
            raise UnsendableError(f"answered {status:04X}")
        elif not _is_taken(status):
            raise UndeliveredError(f"answered {status:04X}")

    def close(self) -> None:
        """Release the association."""
        self._association.close()

    def _letter(self, event: Event, trust: str | None, study_id: int | None) -> Letter:
        return Letter(
            key=self.name,
            subject=event.uid,
            what=f"UPS event {int(event.type)}",
            body={"type": int(event.type), "information": model_of(event.information)},
            trust=trust,
            study_id=study_id,
        )

    def _whose(self, session: Session, now: datetime) -> tuple[Actor | None, Reach]:
        """Return who the subscriber is now and how far they reach; nobody if they may not see anything any more."""
        known = ae_titles.by_title(session, self._title, now=now)
        if known is None or known.actor.subject != self._subject:
            return None, NOWHERE
        reach = known.actor.reach(Permission.ASSIGNMENTS_READ).at(now)
        return (None, NOWHERE) if reach == NOWHERE else (known.actor, reach)

    def _require_theirs(self, letter: LetterRow) -> None:
        """Ensure that what was written for a subscriber may still be told them, and in this way."""
        with self._database.session() as session:
            actor, reach = self._whose(session, self._clock.now())
        if actor is None:
            raise UnreachableError("its system may no longer be told")
        if letter.trust is not None and not reach.covers(letter.trust):
            raise UnsendableError("its system no longer reaches the trust")
        if self._why_not:
            raise UnreachableError(self._why_not)

    def _note_looks(
        self, session: Session, actor: Actor, steps: Sequence[JournalRow], ids: Sequence[int], now: datetime
    ) -> None:
        """Enter what they are shown, of each study once a day; again, if what was entered was not committed."""
        if steps[0].sequence <= self._last:
            self._looked.clear()
        self._last = steps[-1].sequence
        day = now.date().isoformat()
        news = [study for study in dict.fromkeys(ids) if (day, study) not in self._looked]
        self._looked = {each for each in self._looked if each[0] == day}.union((day, study) for study in news)
        if news:
            enter_look(session, actor, _STUDY, news, now)


def open_ups_events(database: Database, clock: Clock, sending: Sending) -> list[UpsEvents]:
    """Return an outlet for each AE title that takes event reports, of a system that may call."""
    with database.session() as session:
        rows = ae_titles.listening(session, now=clock.now())
    return [UpsEvents(row, sending, database, clock) for row in rows]


def _why_not(row: AeTitleRow, sending: Sending) -> str:
    """Return why nothing is told to an AE title, whoever answers at its address; empty if it may be.

    A title is whose it is when it calls (ADR 0023): with the certificate that it is bound to; over TLS not without one.
    """
    if row.certificate and not row.tls:
        return "the AE title is bound to a certificate: register it with --tls"
    if row.tls and not row.certificate and not sending.plaintext:
        return "over TLS an AE title is nobody's without a certificate: register it with --certificate"
    if not (row.tls or sending.plaintext or _is_this_machine(row.host)):
        return "it is beyond this machine: register it with --tls, or allow DIMSE in plain text"
    return ""


def _is_taken(status: int) -> bool:
    return status == 0 or status in _WARNINGS or 0xB000 <= status < _FIRST_FAILURE_OF_ITS_OWN


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

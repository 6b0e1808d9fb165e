"""Subscribe to the event reports of workitems, leave them, or take in no more of them (PS3.4, CC.2.3).

Nothing is ever deleted here, so that a deletion lock is granted to whoever asks: an ended workitem is there by its UID
for as long as the installation.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from balancer.domain.actor import Actor
from balancer.domain.errors import InvalidValueError, NotAllowedError, NotFoundError
from balancer.domain.states import JournalKind
from balancer.domain.steps import StepState
from balancer.publish.ups import fields
from balancer.publish.ups.query import Query, query_of
from balancer.services.see_workitem import named
from balancer.store import ae_titles, assignments, scope, subscriptions, systems, workitems
from balancer.store.database import Database, Session
from balancer.store.tables_subscriptions import SubscriptionKind, SubscriptionRow

ALL: Final = "1.2.840.10008.5.1.4.34.5"
"""UPS Global Subscription SOP Instance."""

FILTERED: Final = "1.2.840.10008.5.1.4.34.5.1"
"""UPS Filtered Global Subscription SOP Instance."""

_EVERY: Final = tuple(SubscriptionKind)
_MOST: Final = 1_000
_TITLE_LENGTH: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """In whose name, and under which AE title."""

    by: Actor
    aet: str

    def __post_init__(self) -> None:
        plain = self.aet.isascii() and self.aet.isprintable() and "\\" not in self.aet
        if not plain or not self.aet.strip() or len(self.aet) > _TITLE_LENGTH:
            raise InvalidValueError("aet", "is no AE title: 1 to 16 characters (PS3.5, 6.2)")

    @property
    def title(self) -> str:
        """The title without spaces at its ends, which say nothing (PS3.5, 6.2)."""
        return self.aet.strip()


def subscribe(  # noqa: PLR0913 - who, to what of which, when
    db: Database, who: Subscriber, uid: str, now: datetime, *, lock: bool = False, filter_text: str = ""
) -> None:
    """Ensure that the subscriber is told of a workitem, of every one (``ALL``), or of what matches (``FILTERED``).

    Of one they are told at once how it stands. Asking again for what one has is asking once; for every one, it ends a
    suspension.

    Raises
    ------
    NotFoundError
        If there is no such workitem within reach.
    InvalidValueError
        If the filter is none, or they have too many subscriptions.
    NotAllowedError
        If they have AE titles, and this is none of theirs.
    """
    filtered = filter_of(filter_text) if uid == FILTERED else None
    with db.transaction() as session:
        _require_own_title(session, who)
        read = None if uid in {ALL, FILTERED} else named(session, uid, workitems.numbering(session))
        assignments.take_turn(session)
        _require_room(session, who)
        row = SubscriptionRow(
            subject=who.by.subject,
            aet=who.title,
            name="",
            kind=SubscriptionKind.ALL,
            created_at=now,
            deletion_lock=lock,
        )
        if filtered is not None:
            row.kind, row.query, row.name = SubscriptionKind.FILTERED, filter_text, f"filter {_digest(filter_text)}"
        elif read is not None:
            row.kind, row.read_id, row.workitem = SubscriptionKind.ONE, read.read.id, read.sequence
            row.name = f"{row.read_id}.{row.workitem}"
        subscriptions.keep(session, row)
        ae_titles.begin_telling(session, who.by.subject, who.title, now)
        if read is not None:
            key, said = (read.read.study_id, read.read.number), {"subject": who.by.subject, "aet": who.title}
            assignments.note_said(session, key, JournalKind.SUBSCRIBED, {**said, "workitem": read.sequence}, now)


def unsubscribe(db: Database, who: Subscriber, uid: str, now: datetime) -> None:
    """Ensure that the subscriber is not told of a workitem any more; of ``ALL``, of none whatever.

    Raises
    ------
    NotFoundError
        If there is no such workitem within reach.
    """
    with db.transaction() as session:
        read = None if uid in {ALL, FILTERED} else named(session, uid, workitems.numbering(session))
        assignments.take_turn(session)
        if read is None:
            kinds = _EVERY if uid == ALL else (SubscriptionKind.FILTERED,)
            subscriptions.remove(session, who.by.subject, who.title, kinds)
            return
        row = SubscriptionRow(
            subject=who.by.subject,
            aet=who.title,
            name=f"{read.read.id}.{read.sequence}",
            kind=SubscriptionKind.ONE,
            read_id=read.read.id,
            workitem=read.sequence,
            ended=True,
            created_at=now,
        )
        subscriptions.keep(session, row)


def suspend(db: Database, who: Subscriber, uid: str, now: datetime) -> None:
    """Let a subscription to every workitem, or to what matches, take in no further ones.

    Raises
    ------
    InvalidValueError
        If it is a single workitem: that takes in none anyway.
    NotFoundError
        If there is no such subscription, or workitem.
    """
    kinds = {ALL: SubscriptionKind.ALL, FILTERED: SubscriptionKind.FILTERED}
    with db.transaction() as session:
        if uid not in kinds:
            named(session, uid, workitems.numbering(session))
            raise InvalidValueError("workitem", "is not the UID of a global subscription: only those are suspended")
        assignments.take_turn(session)
        if not subscriptions.suspend(session, who.by.subject, who.title, kinds[uid], now):
            raise NotFoundError("there is no such subscription")


def filter_of(text: str) -> Query:
    """Return what a filter asks for: keys and values of a search, between commas (PS3.18, 11.10.1).

    A subscription goes on when its workitem's state does, so a filter says which workitems, and not in which state:
    what begins SCHEDULED, as every one does, is the only state that it may name.

    Raises
    ------
    InvalidValueError
        If it is none, or names another state.
    """
    written = text if "=" in text else _decoded(text)
    pairs = [part.partition("=") for part in written.split(",") if part]
    if not pairs or any(not equals for _, equals, _ in pairs):
        raise InvalidValueError("filter", "is not `attribute=value`, several between commas")
    query = query_of((_decoded(name).strip(), _decoded(value)) for name, _, value in pairs)
    if query.keys.get(fields.STATE, StepState.SCHEDULED.value) not in {"", StepState.SCHEDULED.value}:
        raise InvalidValueError("filter", "names a state: a subscription follows its workitems through every one")
    if not query.keys:
        raise InvalidValueError("filter", "names no attribute to match")
    return query


def _decoded(text: str) -> str:
    try:
        return unquote(text, errors="strict")
    except ValueError as error:
        raise InvalidValueError("filter", "is not encoded as a query is") from error


def _require_own_title(session: Session, who: Subscriber) -> None:
    """Ensure that a system that has AE titles here subscribes under one of them: another's is told of by DIMSE."""
    system_id = who.by.subject.removeprefix(systems.subject_of(""))
    with scope.unlimited(session) as whole:
        titles = {row.title for row in ae_titles.titles_of(whole, [system_id])}
    if titles and who.title not in titles:
        raise NotAllowedError("this is none of the AE titles of the system that asks")


def _require_room(session: Session, who: Subscriber) -> None:
    if len(subscriptions.of_title(session, who.by.subject, who.title)) >= _MOST:
        raise InvalidValueError("aet", f"has {_MOST} subscriptions already: subscribe to all, or leave some")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]

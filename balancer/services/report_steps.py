"""What a subscriber is to be told of what has happened since they last heard: the journal as UPS event reports."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.domain.policy import Policy
from balancer.domain.states import JournalKind
from balancer.publish.ups import fields
from balancer.publish.ups.attributes import Path, values_at
from balancer.publish.ups.events import Event, Step, events_of, state_report
from balancer.publish.ups.matching import matches
from balancer.publish.ups.query import Query
from balancer.publish.ups.uids import WorkitemKey
from balancer.publish.ups.workitem import Performer
from balancer.services.see_workitem import dataset_from, performer_of, readiness_of, uid_from
from balancer.services.subscribe import Subscriber, filter_of
from balancer.services.what_holds import with_words_kept
from balancer.store import journal, subscriptions, workitems
from balancer.store.changes import Mark
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_subscriptions import SubscriptionKind, SubscriptionRow
from balancer.store.workitems import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Event reports in the order in which things happened; ``mark`` is where whoever has them is then.

    ``study_ids`` are the internal numbers of the studies that they are about.
    """

    events: tuple[Event, ...]
    study_ids: frozenset[int]
    mark: Mark
    more: bool


def reports_since(db: Database, who: Subscriber, cursor: Mark, *, limit: int = 200) -> Reports:
    """Return the event reports of at most ``limit`` steps since the cursor, for one subscriber.

    What they do not reach, or read blind, is not told: ``db`` is the database as they see it. Subscriptions are
    those of now.

    Raises
    ------
    GoneError
        If the journal does not reach back to the cursor. What was missed is not told: they look again how all stands.
    """
    with db.session() as session:
        found = journal.since(session, cursor, limit=limit)
        told = reports_of(session, who, found.items)
        events = tuple(event for _, events in told for event in events)
        about = frozenset(row.study_id for row, _ in told)
        return Reports(events=events, study_ids=about, mark=found.mark, more=found.more)


def reports_of(
    session: Session, who: Subscriber, steps: Sequence[JournalRow]
) -> list[tuple[JournalRow, Sequence[Event]]]:
    """Return what a subscriber is told of these steps, which they may see, each with its event reports in order.

    ``session`` is the database as they see it.
    """
    theirs = subscriptions.of_title(session, who.by.subject, who.title) if steps else ()
    rows = [row for row in steps if _may_be_told(theirs, row)]
    known = Known(session, {row.read_id for row in rows})
    told = ((row, events_for(known, theirs, row)) for row in rows)
    return [(row, events) for row, events in told if events]


class Known:
    """What is asked for of many steps, asked for once: the workitems of these reads, as the session may see them."""

    def __init__(self, session: Session, read_ids: Collection[int]) -> None:
        self.session = session
        self.numbering = workitems.numbering(session)
        shown = with_words_kept(session, workitems.of_reads(session, read_ids))
        self.found = {WorkitemKey(item.read.id or 0, item.sequence): item for item in shown}
        self._performers: dict[str | None, Performer | None] = {}
        self._policy: Policy | None = None

    def performer(self, reporter_id: str | None) -> Performer | None:
        """Return a reporter as whoever performs a step."""
        if reporter_id not in self._performers:
            self._performers[reporter_id] = performer_of(self.session, reporter_id)
        return self._performers[reporter_id]

    def uid(self, key: WorkitemKey) -> str:
        """Return a workitem's UID."""
        return uid_from(self.found[key], self.numbering)

    def dataset(self, key: WorkitemKey) -> Dataset:
        """Return a workitem."""
        self._policy = self._policy or current_policy(self.session)
        return dataset_from(self.found[key], self._policy, self.numbering)


def events_for(known: Known, theirs: Sequence[SubscriptionRow], row: JournalRow) -> list[Event]:
    """Return what whoever has these subscriptions, all of one title of one caller's, is told of a step, in order.

    Nothing of a workitem that they may no longer see: whose it became since is not theirs to know.
    """
    if not all(key in known.found for key in _keys(row) if key is not None):
        return []
    if row.kind is JournalKind.SUBSCRIBED:
        stands = WorkitemKey(row.read_id, row.said["workitem"])
        mine = stands in known.found and any(
            (row.said["subject"], row.said["aet"]) == (each.subject, each.aet) for each in theirs
        )
        return [_as_it_stands(known, stands)] if mine else []
    return [event for key, event in _events(known, row) if _is_told(known, theirs, row, key)]


def _may_be_told(theirs: Sequence[SubscriptionRow], row: JournalRow) -> bool:
    return any(each.kind is not SubscriptionKind.ONE or each.read_id == row.read_id for each in theirs)


def _as_it_stands(known: Known, key: WorkitemKey) -> Event:
    found = known.found[key]
    return state_report(known.uid(key), found.state, readiness_of(found))


def _events(known: Known, row: JournalRow) -> Iterator[tuple[WorkitemKey, Event]]:
    """Yield the reports of a step, each with the workitem that it is of."""
    before, after = _keys(row)
    uid = known.uid(after)
    step = Step(
        kind=row.kind,
        uid=uid,
        uid_before=None if before is None else known.uid(before),
        state=row.state,
        state_before=row.state_before,
        reporter_before=row.reporter_before,
        performer=known.performer(row.reporter_id),
        has_study=known.found[after].study.study_instance_uid is not None if row.has_images is None else row.has_images,
        had_study=row.had_images,
        said=row.said,
    )
    for event in events_of(step):
        yield (after if event.uid == uid or before is None else before), event


def _keys(row: JournalRow) -> tuple[WorkitemKey | None, WorkitemKey]:
    before = None if row.workitem_before is None else WorkitemKey(row.read_id, row.workitem_before)
    return before, WorkitemKey(row.read_id, row.workitem)


def _is_told(known: Known, theirs: Sequence[SubscriptionRow], row: JournalRow, key: WorkitemKey) -> bool:
    """Tell whether a subscriber is told of a step: what they said of the very workitem counts before what they said."""
    for each in theirs:
        if each.kind is SubscriptionKind.ONE and (each.read_id, each.workitem) == key:
            return not each.ended
    return any(_takes(known, each, row, key) for each in theirs)


def _takes(known: Known, subscription: SubscriptionRow, row: JournalRow, key: WorkitemKey) -> bool:
    if subscription.kind is SubscriptionKind.ONE or not subscriptions.took_in(known.session, subscription, *key):
        return False
    return subscription.kind is SubscriptionKind.ALL or _matches(known, filter_of(subscription.query), row, key)


def _matches(known: Known, query: Query, row: JournalRow, key: WorkitemKey) -> bool:
    """Tell whether a workitem is one that a filter means, by what it says now.

    Or said until now of its performer: whoever follows a reporter's work hears that it has been given to another.
    """
    dataset, found = known.dataset(key), known.found[key]
    asked: dict[Path, str] = {path: value for path, value in query.keys.items() if path != fields.STATE}
    return all(_has(dataset, path, value, query, row, found) for path, value in asked.items())


def _has(dataset: Dataset, path: Path, asked: str, query: Query, row: JournalRow, found: Found) -> bool:  # noqa: PLR0913, PLR0917
    values = values_at(dataset, path)
    if path == fields.PERFORMER:
        values += [who for who in (row.reporter_before, row.reporter_id, found.reporter_id) if who]
    try:
        return matches(path[-1], asked, values, several=query.several, empty=query.empty)
    except InvalidValueError:  # it was looked at when it was subscribed to; what has become no value since has no match
        return False

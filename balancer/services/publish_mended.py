"""Publish what mending changed: new versions of the lists concerned, all of them or none; the others stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from balancer.domain.actor import job
from balancer.domain.errors import ConflictError
from balancer.domain.plan import Allocation, Plan, Summary
from balancer.domain.states import RunState
from balancer.domain.study import ReadKey, StudyKey
from balancer.services.publish_worklists import Placing, add_lists
from balancer.services.run_allocation import LEASE
from balancer.store import assignments, following, leases, queue, reads, runs
from balancer.store.database import Database, Session
from balancer.store.following import CurrentList, Entry

_EVENTS = job("events")


@dataclass(frozen=True, slots=True, kw_only=True)
class MendedLists:
    """What is to be published: rows of the lists concerned, reads without a place, and what it was made from.

    ``concerned``: whose lists, in the order in which they get their numbers. ``based_on`` are the lists that are to be
    replaced, ``base_run`` the allocation they belong to, ``sequence`` the last change that the plan has heard of.
    ``numbers`` says which of a study's reads the plan counts from 1.
    """

    plan: Plan
    summary: Summary
    concerned: Collection[str]
    based_on: Mapping[str, CurrentList]
    numbers: Mapping[StudyKey, Sequence[int]]
    base_run: int
    policy_id: int
    sequence: int
    began_at: datetime
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The run that did it, the lists that are current now, and what has moved meanwhile (the store's numbers).

    ``unheard``: something has been numbered between the last look and this, a read, a roster or a person.
    """

    run_id: int
    lists: Mapping[str, CurrentList]
    sequence: int
    moved: frozenset[int]
    unheard: bool


def publish_mended(db: Database, mended: MendedLists, now: datetime) -> Published:
    """Replace the lists concerned in one transaction, as a run of its own kind that is over when it is seen.

    As with a whole plan, what people have done since wins over it, read by read. A whole run that is under way is not
    disturbed, and is not waited for unless it is publishing at this moment.

    Raises
    ------
    ConflictError
        If one of the lists is no longer the one that was mended: nothing is published.
    """
    with db.transaction() as session:
        return _publish(session, mended, now)


def rehearse_publishing(db: Database, mended: MendedLists, now: datetime) -> None:
    """Do what ``publish_mended`` does until it commits, and take it back: it is not to be done for the first time then.

    Nobody ever sees anything of it; on PostgreSQL numbers of rows are skipped.

    Raises
    ------
    ConflictError
        As ``publish_mended``.
    GaveWayError
        If something cannot wait: then it is left off at once.
    """
    with suppress(_RehearsedError), db.transaction(gives_way=True) as session:
        _publish(session, mended, now)
        raise _RehearsedError


class _RehearsedError(Exception):
    """What has been rehearsed is rolled back."""


def _publish(session: Session, mended: MendedLists, now: datetime) -> Published:
    reasons = {row.key: row.reason.value for row in mended.plan.unallocated}
    leases.turn(session, LEASE)
    ids = queue.study_ids(session, _studies(mended))
    places = _places(mended, ids)
    placing = Placing(session, ids, mended.numbers, reads.locked_places(session, places))
    _require_current(session, mended)
    run = runs.add_mending(
        session,
        RunState.PUBLISHED,
        now=now,
        began_at=mended.began_at,
        stage=mended.stage,
        policy_id=mended.policy_id,
        summary=mended.summary,
    )
    rows = placing.lists(mended.plan, reasons)
    items = {name: rows.get(name, []) for name in mended.concerned}
    unallocated = placing.numbered(reasons)
    versions = queue.supersede_worklists(session, now, of=mended.concerned)
    heads = add_lists(session, items, versions, placing.ids, run.id or 0, now)
    queue.restate_unallocated(session, mended.base_run, unallocated, placing.ids)
    reads.move_all(session, placing.moves(items, unallocated), by=_EVENTS, now=now, why=f"run {run.id}: {mended.stage}")
    assignments.replanned(session, {study_id for study_id, _ in places}, now)
    feed = assignments.take_turn(session)  # from here on nobody moves a read until we are done
    unheard = feed.sequence != mended.sequence
    moved = frozenset(following.moved_since(session, mended.sequence)) if unheard else frozenset()
    assignments.note_moved(session)
    entries = {name: tuple(map(_entry, found)) for name, found in items.items()}
    return Published(
        run_id=run.id or 0,
        lists={name: CurrentList(worklist_id=head.id or 0, entries=entries[name]) for name, head in heads.items()},
        sequence=following.last_change(session),
        moved=moved,
        unheard=unheard,
    )


def _entry(row: Allocation) -> Entry:
    return Entry(key=row.key, session_id=row.session_id, start=row.start, end=row.end)


def _counted(plan: Plan) -> list[ReadKey]:
    """Return every read that a plan speaks of, as it counts them."""
    return [row.key for row in plan.allocations] + [row.key for row in plan.unallocated]


def _studies(mended: MendedLists) -> set[StudyKey]:
    keys = [*_counted(mended.plan)]
    keys += [entry.key for current in mended.based_on.values() for entry in current.entries]
    return {StudyKey(key.trust, key.accession_number) for key in keys}


def _places(mended: MendedLists, ids: queue.Ids) -> set[tuple[int, int]]:
    """Return every read that the lists concerned hold, held, or found no place for, as (study, number)."""
    own = [
        key._replace(read=mended.numbers[StudyKey(key.trust, key.accession_number)][key.read - 1])
        for key in _counted(mended.plan)
    ]
    own += [entry.key for current in mended.based_on.values() for entry in current.entries]
    return {(ids[StudyKey(key.trust, key.accession_number)], key.read) for key in own}


def _require_current(session: Session, mended: MendedLists) -> None:
    """Ensure that the lists to be replaced are those that were mended; nobody publishes beside us."""
    based_on = {name: current.worklist_id for name, current in mended.based_on.items()}
    if following.current_versions(session, mended.concerned) != based_on:
        raise ConflictError("other lists have been published meanwhile")

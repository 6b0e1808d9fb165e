"""Feeds and rosters, the files they delivered, and held files that wait for a person."""

from __future__ import annotations

from fastapi import APIRouter

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.doors import OPERATOR
from balancer.api.models.feeds import BatchOut, DecisionIn, FeedOut, RosterBatchOut, RosterOut
from balancer.api.models.shape import ListOut, PageOut
from balancer.api.serving import (
    FeedInPath,
    IdInPath,
    OptionalPaging,
    Paging,
    RosterInPath,
    Served,
    list_out,
    named_feed,
    page_out,
)
from balancer.domain.actor import Actor, ActorKind
from balancer.domain.permission import Permission
from balancer.services import ingest_studies
from balancer.store import batches, sources
from balancer.store.pages import part

router = APIRouter()
_DECIDED = problems.may_be(problems.NOT_FOUND, problems.CONFLICT)
_PAGED = problems.may_be(problems.NO_PAGE)


@router.get("/feeds", tags=["feeds"], responses=_PAGED, dependencies=[may(Permission.FEEDS_READ)])
def list_feeds(served: Served, cut: OptionalPaging) -> ListOut[FeedOut]:
    """List every feed: how fresh it is, what it last delivered, whether a file of it waits for a person."""
    with served.database.session() as session:
        found = sources.feeds(session, served.clock.now())
        return list_out(part(found, cut, "feeds", lambda status: status.name), FeedOut.of)


@router.get(
    "/feeds/{feed}",
    tags=["feeds"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.FEEDS_READ)],
)
def get_feed(served: Served, feed: FeedInPath) -> FeedOut:
    """Get one feed, by its name or by the code of its trust if that has one feed only."""
    with served.database.session() as session:
        return FeedOut.of(named_feed(sources.feeds(session, served.clock.now()), feed))


@router.get(
    "/feeds/{feed}/batches",
    tags=["feeds"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.FEEDS_READ)],
)
def list_batches(served: Served, feed: FeedInPath, cut: Paging) -> PageOut[BatchOut]:
    """List what a feed delivered, newest first, with both books equations of every batch."""
    with served.database.session() as session:
        status = named_feed(sources.feeds(session, served.clock.now()), feed)
        return page_out(batches.batches_of(session, status.name, cut), BatchOut.of)


@router.get("/batches/held", tags=["feeds"], responses=_PAGED, dependencies=[may(Permission.FEEDS_READ)])
def list_held(served: Served, cut: OptionalPaging) -> ListOut[BatchOut]:
    """List every batch that waits for a person, oldest first within its feed: release or discard each."""
    with served.database.session() as session:
        names = [status.name for status in sources.feeds(session, served.clock.now())]
        held = [row for name in names for row in batches.held_batches_of(session, name)]
        return list_out(part(held, cut, "held batches", lambda row: str(row.id)), BatchOut.of)


# a number only: "held" is another address
@router.get(
    "/batches/{batch_id:int}",
    tags=["feeds"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.FEEDS_READ)],
)
def get_batch(served: Served, batch_id: IdInPath) -> BatchOut:
    """Get one batch."""
    with served.database.session() as session:
        return BatchOut.of(batches.batch(session, batch_id))


@router.post(
    "/batches/{batch_id:int}/release", tags=["feeds"], responses=_DECIDED, dependencies=[may(Permission.FEEDS_DECIDE)]
)
def release_batch(
    served: Served, caller: Caller, reach: Reaching, batch_id: IdInPath, decision: DecisionIn
) -> BatchOut:
    """Release a held batch: withdraw or exclude what it would have.

    Studies that a later batch has seen meanwhile, or that somebody has claimed, stay open. The answer is the batch in
    whose books that stands; a run is asked for.
    """
    now = served.clock.now()
    database = served.seeing_readings(reach)
    outcome = ingest_studies.release_held_batch(database, batch_id, now, by=_by(caller, decision))
    with served.database.session() as session:
        return BatchOut.of(batches.batch(session, outcome.batch_id))


@router.post(
    "/batches/{batch_id:int}/discard", tags=["feeds"], responses=_DECIDED, dependencies=[may(Permission.FEEDS_DECIDE)]
)
def discard_batch(served: Served, caller: Caller, batch_id: IdInPath, decision: DecisionIn) -> BatchOut:
    """Discard a held batch: what it would have withdrawn or excluded stays open; what it brought stays too."""
    by = _by(caller, decision)
    ingest_studies.discard_held_batch(served.database, batch_id, served.clock.now(), by=by)
    with served.database.session() as session:
        return BatchOut.of(batches.batch(session, batch_id))


def _by(caller: Actor, decision: DecisionIn) -> str:
    """Return who decides, by what does not change and by name; whoever has signed in, whatever the request says.

    For whom a system or the local operator acts, only they can say.
    """
    if caller == OPERATOR:
        return decision.decided_by
    signed_in = caller.kind is ActorKind.PERSON
    return f"{caller.name} ({caller.subject})" if signed_in else f"{caller.subject} for {decision.decided_by}"


@router.get("/rosters", tags=["feeds"], responses=_PAGED, dependencies=[may(Permission.FEEDS_READ)])
def list_rosters(served: Served, cut: OptionalPaging) -> ListOut[RosterOut]:
    """List every trust's feed of rostered sessions and the last file that came for it."""
    with served.database.session() as session:
        return list_out(part(sources.rosters(session), cut, "rosters", lambda status: status.name), RosterOut.of)


@router.get(
    "/rosters/{roster}/batches",
    tags=["feeds"],
    responses=_PAGED,
    dependencies=[may(Permission.FEEDS_READ)],
)
def list_roster_batches(served: Served, roster: RosterInPath, cut: Paging) -> ListOut[RosterBatchOut]:
    """List the files of a roster, newest first, each with the rows that could not be taken."""
    with served.database.session() as session:
        return list_out(batches.roster_batches_of(session, roster, cut), RosterBatchOut.of)

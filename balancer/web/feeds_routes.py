"""The pages of feeds: all of them, one with its batches, and what somebody decides about a file that is held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Form
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN
from balancer.api.serving import FeedInPath, IdInPath, named_feed
from balancer.domain.errors import InputRefusedError, NotFoundError
from balancer.domain.permission import Permission
from balancer.services import ingest_studies
from balancer.services.see_unreported import see_unreported
from balancer.services.take_silence import take_silence
from balancer.store import batches, exceptions, feed_books, quarantine, silences, sources
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.tables import BatchRow
from balancer.store.which_unreported import Standing, UnreportedFilter
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.feed_batches import batches_table
from balancer.web.feeds import NOT_COUNTED, WINDOW, FeedsPage, feed_address, feeds_page, heard_words
from balancer.web.feeds_table import feeds_table
from balancer.web.quarantine_causes import MOST_ROWS, WaitingRows, causes_of, worst_first
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
HERE: Final = "/feeds"


@router.get("/feeds", dependencies=[may(Permission.FEEDS_READ)])
def show_feeds(desk: AtDesk, view: Viewing) -> Response:
    """Show whether anything is lost or silent, and what is to be repaired."""
    return _feeds(desk, view)


def _feeds(desk: Desk, view: View, *, said: str = "", status: int = 200) -> Response:
    found = _all(desk)
    if view.medium is not Medium.PAGE:
        return download(feeds_table(found, view), desk.now)
    return desk.page("feeds.html", title="Feeds", here=HERE, status=status, page=found, view=view, said=said)


@router.post("/feeds/take", dependencies=[may(Permission.FEEDS_DECIDE)])
def take(
    desk: AtDesk, feed: Annotated[str, Form(min_length=1, max_length=MOST_CHARACTERS, pattern=PATTERN)]
) -> Response:
    """Say that one looks after a silent feed: it is theirs then, for the others to see."""
    return desk.after(
        partial(take_silence, desk.database, feed, desk.now, by=desk.caller),
        then=lambda _: f"{HERE}#silent",
        refused=lambda words, status: _feeds(desk, View(path=HERE), said=words, status=status),
    )


def _all(desk: Desk) -> FeedsPage:
    """Return the page from one state of the database, so that its figures agree."""
    with desk.database.session() as session:
        statuses = sources.feeds(session, desk.now)
        newest = [status.last_batch.id or 0 for status in statuses if status.last_batch is not None]
        return feeds_page(
            statuses,
            feed_books.said_by_feeds(session),
            feed_books.heard_since(session, desk.now - WINDOW),
            sources.rosters(session),
            _waiting_rows(desk, session),
            _exceptions(desk),
            desk.now,
            _queue(desk),
            quarantine.last_seen_in(session, newest),
        )


def _exceptions(desk: Desk) -> int:
    """Return how many exceptions wait, silent feeds among them: as many as their list has."""
    if not desk.may(Permission.READS_STEER):
        return 0
    with desk.within(Permission.READS_STEER).session() as session:
        return exceptions.open_count(session) + silences.open_count(session)


def _queue(desk: Desk) -> Mapping[Standing, int]:
    """Return how the open studies stand, to whoever may open their lists."""
    if not desk.may(Permission.STUDIES_READ):
        return NOT_COUNTED
    with desk.within(Permission.STUDIES_READ).session() as session:
        try:
            unreported = see_unreported(session, desk.now)
        except NotFoundError:  # no policy has been loaded yet, and so nothing taken in
            return NOT_COUNTED
        gone = unreported.waiting_no_more(session)
        return {
            Standing.WAITING: unreported.count(session, UnreportedFilter()),
            Standing.REPORTED: gone.reported,
            Standing.NOT_HERE: gone.not_here,
        }


def _waiting_rows(desk: Desk, session: Session) -> list[WaitingRows]:
    """Return the rows that wait by reason, the most urgent first; what they say of it is read as the feeds describe."""
    counted = quarantine.reasons(session)
    if not counted:
        return []
    try:
        described = {item.name: item for item in desk.served.read_network().feeds}
    except InputRefusedError:  # its files have faults: the order is then that of their number
        described = {}
    rows, _ = quarantine.waiting(session, feed=None, reason=None, limit=MOST_ROWS)
    return worst_first(counted, causes_of(rows, described, current_policy(session)))


# whole: a feed's name may have a stroke in it
@router.get("/feeds/{feed:path}", dependencies=[may(Permission.FEEDS_READ)])
def show_feed(desk: AtDesk, feed: FeedInPath, view: Viewing) -> Response:
    """Show one feed: how fresh it is, what waits for a decision, and its batches, each as a sum that holds."""
    return _feed(desk, feed, view)


def _feed(desk: Desk, feed: str, view: View, *, said: str = "", status: int = 200) -> Response:
    with desk.database.session() as session:
        found = named_feed(sources.feeds(session, desk.now), feed)
        rows, total = feed_books.batches_page(session, found.name, limit=view.limit, offset=view.offset)
        held = batches.held_batches_of(session, found.name)
        seen = quarantine.last_seen_in(session, [row.id or 0 for row in rows])
    table = batches_table(found.name, rows, seen, total, view, desk.now)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    return desk.page(
        "feed.html",
        title=found.name,
        here=HERE,
        status=status,
        feed=found,
        heard=heard_words(found, desk.now),
        batches=table,
        held=held,
        decides=desk.may(Permission.FEEDS_DECIDE),
        said=said,
    )


@router.post("/batches/{batch_id:int}/release", dependencies=[may(Permission.FEEDS_DECIDE)])
def release(desk: AtDesk, batch_id: IdInPath) -> Response:
    """Let a held file close what it would have closed."""
    database = desk.served.seeing_readings(desk.reach)
    act = partial(ingest_studies.release_held_batch, database, batch_id, desk.now, by=_by(desk))
    return _decided(desk, batch_id, act)


@router.post("/batches/{batch_id:int}/discard", dependencies=[may(Permission.FEEDS_DECIDE)])
def discard(desk: AtDesk, batch_id: IdInPath) -> Response:
    """Forget what a held file would have closed; what it brought stays."""
    act = partial(ingest_studies.discard_held_batch, desk.database, batch_id, desk.now, by=_by(desk))
    return _decided(desk, batch_id, act)


def _decided(desk: Desk, batch_id: int, act: Callable[[], object]) -> Response:
    feed = _batch(desk, batch_id).feed
    view = View(path=feed_address(feed))

    def refused(words: str, status: int) -> Response:
        return _feed(desk, feed, view, said=words, status=status)

    return desk.after(act, then=lambda _: feed_address(feed), refused=refused)


def _batch(desk: Desk, batch_id: int) -> BatchRow:
    with desk.database.session() as session:
        return batches.batch(session, batch_id)


def _by(desk: Desk) -> str:
    """Return who decides, by name and by what does not change."""
    return f"{desk.caller.name} ({desk.caller.subject})"

"""The pages of quarantine: causes, one opened at a row, a fix tried on the live queue and undone, and put in force."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.serving import Code, IdInPath
from balancer.domain.errors import ConflictError, InputRefusedError, InvalidValueError
from balancer.domain.feed_word import FeedWord
from balancer.domain.permission import Permission
from balancer.domain.policy import Policy
from balancer.domain.states import QuarantineState
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.services.described_feed import described_feed
from balancer.services.mend_rows import Mending, mend_rows
from balancer.services.replay_quarantine import replay_quarantine
from balancer.services.shift import shift_to_present
from balancer.services.withdraw_word import withdraw_word
from balancer.services.word_at_fault import NO_WORD, SETTLED
from balancer.store import batches, feed_words, quarantine
from balancer.store.policies import current_policy
from balancer.store.tables import BatchRow, QuarantineRow
from balancer.store.tables_feed_words import FeedWordRow
from balancer.web.books import books_shown
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.quarantine import Shown, shown, tried
from balancer.web.quarantine_causes import MOST_ROWS, Cause, causes_of, entries
from balancer.web.quarantine_rows import STATES
from balancer.web.quarantine_table import rows_table
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
_HERE: Final = "/feeds"
_MOST_CAUSES: Final = 50
_MEANING: Final = Form(min_length=0, max_length=200, pattern=r"^[^\x00-\x1f]*$")
REASON: Final = Form(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$")
_READ: Final = [may(Permission.QUARANTINE_READ)]
_DECIDE: Final = [may(Permission.FEEDS_DECIDE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """One state of quarantine and of what its rows are read by."""

    causes: list[Cause]
    total: int
    refused: int
    network: NetworkFolder | None
    policy: Policy
    words: list[FeedWordRow]

    @property
    def described(self) -> dict[str, FeedDescription]:
        """The feeds as the network describes them, by name."""
        return _described(self.network)


@router.get("/quarantine", dependencies=_READ)
def show_causes(  # noqa: PLR0913, PLR0917 - one parameter a filter, and what was just done
    desk: AtDesk,
    view: Viewing,
    feed: Code = "",
    reason: Code = "",
    done: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    refused: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
) -> Response:
    """Show the causes, the most urgent first, the first of them opened.

    ``done`` is the batch that was just made, ``refused`` how many rows were just refused.
    """
    if view.medium is not Medium.PAGE:
        return _rows(desk, view, feed, reason)
    return quarantine_page(desk, None, feed=feed, reason=reason, done=_done(desk, done) or _refused(refused))


def _rows(desk: Desk, view: View, feed: str, reason: str) -> Response:
    known = _known(desk, _network_or_none(desk), feed=feed, reason=reason)
    desk.look("quarantined_row", [row.id or 0 for cause in known.causes for row in cause.rows])
    return download(rows_table(known.causes, view), desk.now)


@router.get("/quarantine/{row_id:int}", dependencies=_READ)
def show_row(desk: AtDesk, row_id: IdInPath) -> Response:
    """Show a row as it came, its cause, and what would mend it."""
    return quarantine_page(desk, row_id)


@router.post("/quarantine/{row_id:int}/try", dependencies=_DECIDE)
def try_fix(
    desk: AtDesk, row_id: IdInPath, meaning: Annotated[str, _MEANING] = "", other: Annotated[str, _MEANING] = ""
) -> Response:
    """Try a fix on the live queue and undo it: what would come of it."""
    try:
        found = _mend(desk, row_id, other or meaning, reason="tried", only_try=True)
    except (ConflictError, InvalidValueError) as error:
        return quarantine_page(desk, row_id, said=desk.words(error), chosen=other or meaning, status=422)
    return quarantine_page(desk, row_id, mending=found, chosen=other or meaning)


@router.post("/quarantine/{row_id:int}/mend", dependencies=_DECIDE)
def mend(desk: AtDesk, row_id: IdInPath, meaning: Annotated[str, _MEANING], reason: Annotated[str, REASON]) -> Response:
    """Say what the word means from now on, and read the feed's rows again."""
    return desk.after(
        lambda: _mend(desk, row_id, meaning, reason=" ".join(reason.split())),
        then=lambda found: f"/quarantine?done={found.batch_id}",
        refused=lambda words, status: quarantine_page(desk, row_id, said=words, chosen=meaning, status=status),
    )


@router.post("/quarantine/again", dependencies=_DECIDE)
def read_again(desk: AtDesk, feed: Annotated[str, Form(min_length=1, max_length=200)]) -> Response:
    """Read a feed's rows again, once its description or the catalogue has been mended."""

    def act() -> int:
        network = _network(desk)
        one = replace(network, feeds=(described_feed(desk.database, network, feed),))
        database = desk.served.seeing_readings(desk.reach)
        found = replay_quarantine(database, one, desk.served.pseudonym_key, desk.now, shift=_shift(desk, network))
        return found[0].batch_id if found else 0

    return desk.after(
        act,
        then=lambda batch: f"/quarantine?done={batch}",
        refused=lambda words, status: quarantine_page(desk, None, said=words, status=status),
    )


@router.post("/quarantine/words/{word_id:int}/withdraw", dependencies=_DECIDE)
def take_back(desk: AtDesk, word_id: IdInPath, reason: Annotated[str, REASON]) -> Response:
    """Take back what a word was said to mean."""
    return desk.after(
        lambda: withdraw_word(desk.database, word_id, desk.now, by=desk.caller, reason=" ".join(reason.split())),
        then=lambda _: "/quarantine",
        refused=lambda words, status: quarantine_page(desk, None, said=words, status=status),
    )


def _mend(desk: Desk, row_id: int, meaning: str, *, reason: str, only_try: bool = False) -> Mending:
    """Say what the word at fault in a row means; what that is, the row itself says."""
    known = _known(desk, _network(desk))
    cause = next((item for item in known.causes if any(row.id == row_id for row in item.rows)), None)
    if cause is None:
        raise ConflictError(SETTLED)
    if cause.word is None or known.network is None:
        raise ConflictError(NO_WORD)
    kind, word = cause.word
    return mend_rows(
        desk.served.seeing_readings(desk.reach),
        known.network,
        FeedWord(feed=cause.feed, kind=kind, word=word, meaning=meaning),
        desk.served.pseudonym_key,
        desk.now,
        by=desk.caller,
        reason=reason,
        shift=_shift(desk, known.network),
        only_try=only_try,
    )


def quarantine_page(  # noqa: PLR0913 - what is open, and what was just done with it
    desk: Desk,
    row_id: int | None,
    *,
    feed: str = "",
    reason: str = "",
    mending: Mending | None = None,
    chosen: str = "",
    said: str = "",
    done: str = "",
    status: int = 200,
) -> Response:
    """Return the page, opened at a row or at the first; ``said`` is what could not be done, ``done`` what was."""
    known = _known(desk, _network_or_none(desk), feed=feed, reason=reason)
    cause, row = _opened(desk, known, row_id)
    opened, came_to = None, None
    if cause is not None and row is not None:
        opened = _shown(desk, cause, row, known, chosen)
        if mending is not None and known.network is not None:
            came_to = tried(mending, cause, chosen, known.network, known.policy, desk.now)
    return desk.page(
        "quarantine.html",
        title="Quarantine",
        here=_HERE,
        status=status,
        causes=entries(known.causes, cause, _MOST_CAUSES),
        total=known.total,
        filtered=bool(feed or reason),
        of={"feed": feed, "reason": reason},
        opened=opened,
        tried=came_to,
        said=said,
        done=done,
        refused=known.refused,
        words=known.words,
        readable=known.network is not None,
        decides=desk.may(Permission.FEEDS_DECIDE),
        settled=None if cause is not None or row is None else STATES[row.state].lower(),
    )


def _known(desk: Desk, network: NetworkFolder | None, *, feed: str = "", reason: str = "") -> _Known:
    with desk.database.session() as session:
        rows, total = quarantine.waiting(session, feed=feed, reason=reason, limit=MOST_ROWS)
        refused = quarantine.refused_count(session)
        policy = current_policy(session)
        words = list(feed_words.current_rows(session))
    causes = causes_of(rows, _described(network), policy)
    return _Known(causes=causes, total=total, refused=refused, network=network, policy=policy, words=words)


def _described(network: NetworkFolder | None) -> dict[str, FeedDescription]:
    return {} if network is None else {item.name: item for item in network.feeds}


def _refused(number: int) -> str:
    """Return what was just refused, in words."""
    if not number:
        return ""
    rows = "1 row is" if number == 1 else f"{number:,} rows are"
    return f"{rows} refused, and asked about no more. The books still have {'it' if number == 1 else 'them'}."


def _opened(desk: Desk, known: _Known, row_id: int | None) -> tuple[Cause | None, QuarantineRow | None]:
    """Return what is opened: the row that is asked for with its cause, or the first.

    A row that is refused is a cause of its own; one that is settled has none.
    """
    if row_id is None:
        return (known.causes[0], known.causes[0].rows[0]) if known.causes else (None, None)
    for cause in known.causes:
        for row in cause.rows:
            if row.id == row_id:
                return cause, row
    with desk.database.session() as session:
        found = quarantine.quarantined_row(session, row_id)
    if found.state is QuarantineState.REFUSED:
        return causes_of([found], known.described, known.policy)[0], found
    return None, found


def rows_with_cause(desk: Desk, row_id: int) -> list[int]:
    """Return the rows that wait with the cause of this one, by number; none if it waits no longer."""
    known = _known(desk, _network_or_none(desk))
    theirs = ([row.id or 0 for row in cause.rows] for cause in known.causes)
    return next((found for found in theirs if row_id in found), [])


def _shown(desk: Desk, cause: Cause, row: QuarantineRow, known: _Known, chosen: str) -> Shown:
    with desk.database.session() as session:
        batch = batches.batch(session, row.last_batch_id)
    desk.look("quarantined_row", [row.id or 0])
    return shown(cause, row, batch, known.network, known.policy, desk.now, chosen=chosen)


def _done(desk: Desk, batch_id: int) -> str:
    """Return what a batch that was just made came to, from its own books."""
    if not batch_id:
        return ""
    with desk.database.session() as session:
        batch: BatchRow = batches.batch(session, batch_id)
    books = books_shown(batch)
    asked = " A run is asked for: they are on lists within minutes." if batch.new or batch.changed else ""
    return f"{batch.feed}, read again: {books.words}.{asked}"


def _network(desk: Desk) -> NetworkFolder:
    try:
        return desk.served.read_network()
    except InputRefusedError as error:
        raise ConflictError("the network folder has faults: mend its files first") from error


def _network_or_none(desk: Desk) -> NetworkFolder | None:
    try:
        return desk.served.read_network()
    except InputRefusedError:
        return None


def _shift(desk: Desk, network: NetworkFolder) -> timedelta:
    if not desk.served.shifts or network.as_of is None:
        return timedelta()
    return shift_to_present(desk.served.database, network.as_of, desk.now)

"""What a feed's words mean beside its description: said of a row that waits, tried first, and taken back."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.looks import Looking
from balancer.api.models.feed_words import FeedWordOut, MeaningIn, MendingOut
from balancer.api.models.instructions import WhyIn
from balancer.api.models.shape import ListOut
from balancer.api.serving import IdInPath, OptionalPaging, Served, list_out
from balancer.domain.permission import Permission
from balancer.services.shift import shift_to_present
from balancer.services.withdraw_word import withdraw_word
from balancer.store import feed_words
from balancer.store.pages import part

router = APIRouter()
_DECIDE = [may(Permission.FEEDS_DECIDE)]


@router.get(
    "/feed-words",
    tags=["quarantine"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.QUARANTINE_READ)],
)
def list_words(served: Served, cut: OptionalPaging) -> ListOut[FeedWordOut]:
    """List what people have said words of feeds mean, as far as it holds, newest first."""
    with served.database.session() as session:
        found = feed_words.current_rows(session)
        return list_out(part(found, cut, "feed words", lambda row: str(row.id)), FeedWordOut.of)


@router.post(
    "/quarantine/{row_id:int}/meaning",
    tags=["quarantine"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT, problems.NETWORK_REFUSED),
    dependencies=_DECIDE,
)
def say_meaning(  # noqa: PLR0913, PLR0917 - who says what of which row
    served: Served, caller: Caller, reach: Reaching, look: Looking, row_id: IdInPath, asked: MeaningIn
) -> MendingOut:
    """Say what the word at fault in a row means, and read all its feed's rows again; later files are read with it too.

    The word is the row's own. With `only_try` the answer is what would come of it. If anything was taken, a run is
    asked for.
    """
    from balancer.services.mend_rows import mend_rows  # noqa: PLC0415 - it loads pandas; few need it
    from balancer.services.word_at_fault import meant_by  # noqa: PLC0415

    now, network = served.clock.now(), served.read_network()
    word = meant_by(served.database, network, row_id, asked.meaning)
    shift = shift_to_present(served.database, network.as_of, now) if served.shifts and network.as_of else timedelta()
    found = mend_rows(
        served.seeing_readings(reach),
        network,
        word,
        served.pseudonym_key,
        now,
        by=caller,
        reason=asked.reason,
        shift=shift,
        only_try=asked.only_try,
    )
    look("study", [row.study_id for row in found.taken])
    return MendingOut.of(found, only_tried=asked.only_try)


@router.post(
    "/feed-words/{word_id}/withdraw",
    tags=["quarantine"],
    responses=problems.may_be(problems.NOT_FOUND, problems.CONFLICT),
    dependencies=_DECIDE,
)
def take_back_word(served: Served, caller: Caller, word_id: IdInPath, asked: WhyIn) -> ListOut[FeedWordOut]:
    """Take back what a word was said to mean; what was taken by it stays in the queue. The answer is what still holds.

    Later rows with the word wait in quarantine again.
    """
    withdraw_word(served.database, word_id, served.clock.now(), by=caller, reason=asked.reason)
    return list_words(served, None)

"""Stage decisions in a draft and ask what they would do; a draft that was begun for nothing is thrown away again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from balancer.domain.actor import Actor
from balancer.domain.errors import BalancerError
from balancer.services.begin_draft import begin_draft
from balancer.services.discard_draft import discard_draft
from balancer.services.request_preview import request_preview
from balancer.store.database import Database

_NOTHING_IN_IT: Final = "what was to be staged in it could not be"


def stage_in_draft(  # noqa: PLR0913 - what is staged, where, by whom
    db: Database,
    decide: Callable[[int], None],
    now: datetime,
    *,
    by: Actor,
    trust: str,
    name: str,
    draft_id: int | None = None,
) -> int:
    """Ensure that ``decide`` has staged what it decides in a draft, and that its preview is asked for.

    ``decide`` is given the draft's number: ``draft_id``, else that of a new one of ``trust``, called ``name``. Returns
    that number. If something cannot be staged a draft that was there keeps what was staged before it.

    Raises
    ------
    BalancerError
        Whatever ``decide`` raises.
    """
    number = begin_draft(db, name[:200], trust, now, by=by) if draft_id is None else draft_id
    try:
        decide(number)
    except BalancerError:
        if draft_id is None:
            discard_draft(db, number, now, by=by, why=_NOTHING_IN_IT)
        raise
    request_preview(db, number, now, by=by)
    return number

"""Asking for a session more where hours are short: staged in a draft, whose preview says what it would save."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.models.shape import PATTERN
from balancer.domain.half_days import HalfDay
from balancer.domain.permission import Permission
from balancer.services.override_roster import Extra
from balancer.services.override_scope import Decision
from balancer.services.stage_session import stage_session
from balancer.store import people
from balancer.web.desk import AtDesk, Desk
from balancer.web.field_words import in_words
from balancer.web.roster_words import half_words
from balancer.web.rosters import instant_of, rosters_shown
from balancer.web.study_act_routes import Reason

router = APIRouter(include_in_schema=False)
_Code = Annotated[str, Form(max_length=64, pattern=PATTERN)]


@router.post("/rosters/cover", dependencies=[may(Permission.READS_STEER)])
def ask_for_cover(  # noqa: PLR0913, PLR0917 - one parameter a field
    desk: AtDesk,
    reporter: _Code,
    begins: Annotated[datetime, Form()],
    ends: Annotated[datetime, Form()],
    reason: Reason,
    at: _Code,
    short: _Code,
) -> Response:
    """Stage in a draft that somebody has a session more, and ask what that would do; nothing holds yet."""
    half = HalfDay.named(at)
    more = Extra(start=instant_of(begins), end=instant_of(ends), subspecialties=(short,))
    return desk.after(
        lambda: _staged(desk, reporter, more, f"{in_words(short)}, {half_words(half)}", " ".join(reason.split())),
        then=lambda number: f"/drafts/{number}#effects",
        refused=lambda words, status: rosters_shown(desk, half, short, said=words, status=status),
    )


def _staged(desk: Desk, reporter_id: str, more: Extra, what: str, reason: str) -> int:
    with desk.database.session() as session:
        person = people.reporter(session, reporter_id).reporter
    said = Decision(trust=person.home_trust, reason=reason)
    name = f"{person.name} covers {what}"
    return stage_session(desk.database, reporter_id, more, desk.now, by=desk.caller, said=said, name=name)

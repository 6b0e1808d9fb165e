"""What managers decide about a reporter's time: away, a session more, a session less than the roster says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, NotFoundError
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import OF_ROSTERS, Shift, added_session, shifts_held, span
from balancer.domain.reporter import REPORTING, Reporter
from balancer.domain.reporter import Session as RosteredSession
from balancer.services.hold_over import reporter_as_held
from balancer.services.override_scope import Decision, enter, require_at, require_known
from balancer.store import instructions, people, scope
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Extra:
    """A session that is added; empty restrictions restrict nothing, as on a roster."""

    start: datetime
    end: datetime
    activity: str = REPORTING
    productivity: float | None = None
    trusts: tuple[str, ...] = ()
    subspecialties: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    max_reads: int | None = None


def mark_absent(  # noqa: PLR0913 - who is away from when to when, and on whose word
    db: Database, reporter_id: str, start: datetime, end: datetime, now: datetime, *, by: Actor, said: Decision
) -> Instruction:
    """Ensure that a reporter has no session from ``start`` to ``end``; a run is asked for.

    On the word of their home trust on no roster; on that of another trust on its own roster only. It ends by itself
    when it is over.

    Raises
    ------
    NotFoundError
        If there is no such reporter, or the trust is beyond the caller's reach.
    ConflictError
        If they do not work at the trust.
    InvalidValueError
        If it is over already, or ends before it begins.
    """
    with db.transaction() as session:
        require_at(by, said.trust)
        person = people.reporter(session, reporter_id).reporter
        if said.trust != person.home_trust and said.trust not in reporter_as_held(session, person, now).trusts:
            raise ConflictError(f"the reporter does not work at {said.trust}")
        value = {"start": start.isoformat(), "end": end.isoformat()}
        given = said.instruction(InstructionKind.ABSENCE, by, now, until=end, reporter_id=reporter_id, value=value)
        span(given)
        return enter(session, given, by=by, now=now)


def add_session(  # noqa: PLR0913 - whose session, which, on whose word
    db: Database, reporter_id: str, extra: Extra, now: datetime, *, by: Actor, said: Decision
) -> Instruction:
    """Ensure that a reporter has a session more on a trust's roster, in place of what it says of the same time.

    Raises
    ------
    NotFoundError
        If there is no such reporter, or the trust is beyond the caller's reach.
    ConflictError
        If they do not work at the trust, or are rostered by another trust at the same time.
    InvalidValueError
        If it is no session, or over already.
    """
    with db.transaction() as session:
        require_at(by, said.trust)
        person = people.reporter(session, reporter_id).reporter
        if said.trust != person.home_trust and said.trust not in reporter_as_held(session, person, now).trusts:
            raise ConflictError(f"the reporter does not work at {said.trust}")
        value = _stated(extra, current_policy(session).default_productivity)
        until = extra.end
        given = said.instruction(InstructionKind.SESSION, by, now, until=until, reporter_id=reporter_id, value=value)
        wanted = added_session(given)
        with scope.unlimited(session) as whole:
            shifts = _held(whole, person, wanted, now)
        if any(shift.trust != said.trust and shift.session.activity == REPORTING for shift in shifts):
            raise ConflictError("another trust has rostered the reporter at that time")
        _require_words(session, wanted.trusts)
        return enter(session, given, by=by, now=now)


def take_session_away(  # noqa: PLR0913 - which session, on whose word
    db: Database, reporter_id: str, session_id: str, now: datetime, *, by: Actor, said: Decision
) -> Instruction:
    """Ensure that a reporter does not have a session that their trust's roster says; a run is asked for.

    Its start and end are kept: whatever of the trust's roster lies between them does not take place, even if the
    roster comes again with the session at a slightly other time, and so under another name.

    Raises
    ------
    NotFoundError
        If the trust's roster has no such session of theirs, or it is beyond the caller's reach.
    InvalidValueError
        If it is over already.
    """
    with db.transaction() as session:
        require_at(by, said.trust)
        rows = [row for row in people.session_rows(session, reporter_id) if row.session_id == session_id]
        if not rows or rows[0].trust != said.trust:
            raise NotFoundError("there is no such session of theirs on the trust's roster")
        given = said.instruction(
            InstructionKind.SESSION,
            by,
            now,
            until=rows[0].end,
            reporter_id=reporter_id,
            session_id=session_id,
            value={"added": False, "start": rows[0].start.isoformat(), "end": rows[0].end.isoformat()},
        )
        return enter(session, given, by=by, now=now)


def _held(session: Session, person: Reporter, at: RosteredSession, now: datetime) -> list[Shift]:
    """Return the sessions of a reporter that hold and overlap another, on every trust's roster."""
    rows = people.session_rows(session, person.reporter_id, start=at.start, end=at.end)
    said = [Shift(trust=row.trust, session=people.rostered(row), said_id=row.session_id) for row in rows]
    given = instructions.in_force(session, now, kinds=OF_ROSTERS, reporter_id=person.reporter_id)
    held = shifts_held(said, given, {person.reporter_id: person.home_trust})
    return [shift for shift in held if shift.session.start < at.end and shift.session.end > at.start]


def _stated(extra: Extra, productivity: float) -> Mapping[str, Any]:
    stated = {name: getattr(extra, name) for name in Extra.__dataclass_fields__ if getattr(extra, name) is not None}
    times = {"start": extra.start.isoformat(), "end": extra.end.isoformat()}
    lists = {name: sorted(value) for name, value in stated.items() if isinstance(value, tuple)}
    return {"added": True, "productivity": productivity, **stated, **lists, **times}


def _require_words(session: Session, trusts: frozenset[str]) -> None:
    """Ensure that a session is restricted to trusts that there are: one misspelt would carry no read at all."""
    for trust in sorted(trusts):
        require_known(session, trust)

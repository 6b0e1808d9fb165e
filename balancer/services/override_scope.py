"""What managers decide about what a reporter may report: entitlements and skills, until a day or for good."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.errors import ConflictError, InvalidValueError, NotAllowedError, NotFoundError
from balancer.domain.instant import LONDON, end_of_day
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.overrides import reporter_agrees
from balancer.domain.permission import Permission
from balancer.domain.reporter import SkillLevel
from balancer.store import drafts, instructions, people, runs, standing
from balancer.store.assignments import touch_worklists
from balancer.store.database import Database, Session

_REPLACED = "replaced by a later decision"
SAYS_SO = "the network's own list says so already"
# What a later decision about the same thing takes the place of, by kind: the names in its value that say what it is.
_SAME = {InstructionKind.ENTITLEMENT: ("trust",), InstructionKind.SKILL: ("subspecialty", "modality")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What every decision says beside what it decides: for which trust, why, until when, in which draft if in one."""

    trust: str
    reason: str
    expires_at: datetime | None = None
    draft_id: int | None = None

    def instruction(
        self, kind: InstructionKind, by: Actor, now: datetime, *, until: datetime | None, **about: Any
    ) -> Instruction:
        """Return the instruction; it ends by itself at ``until`` at the latest.

        Raises
        ------
        InvalidValueError
            If that is over already.
        """
        ends = [instant for instant in (until, self.expires_at) if instant is not None]
        return Instruction(
            kind=kind,
            trust=self.trust,
            reason=self.reason,
            author=by.subject,
            made_at=now,
            expires_at=min(ends, default=None),
            draft_id=self.draft_id,
            **about,
        )


def decide_entitlement(  # noqa: PLR0913 - who may or may not, until when, on whose word
    db: Database, reporter_id: str, now: datetime, *, by: Actor, said: Decision, granted: bool, until: date | None
) -> Instruction:
    """Grant a reporter the entitlement at a trust, or withdraw it, until a day or for good; a run is asked for.

    Only the trust itself decides who reports its studies. A later decision takes the place of an earlier one.

    Raises
    ------
    NotFoundError
        If the network has no such reporter, or the trust is beyond the caller's reach.
    ConflictError
        If the network's list says so already.
    InvalidValueError
        If the day is over.
    """
    with db.transaction() as session:
        require_at(by, said.trust)
        require_known(session, said.trust)
        people.reporter_anywhere(session, reporter_id)  # there must be one, whom the trust may not know yet
        value = {"trust": said.trust, "granted": granted} | ({} if until is None else {"until": until.isoformat()})
        ends = None if until is None else end_of_day(until)
        kind = InstructionKind.ENTITLEMENT
        given = said.instruction(kind, by, now, until=ends, reporter_id=reporter_id, value=value)
        _require_difference(session, given, now)
        return enter(session, given, by=by, now=now)


def decide_skill(  # noqa: PLR0913, PLR0917 - whose level in what, on whose word
    db: Database,
    reporter_id: str,
    subspecialty: str,
    modality: str | None,
    level: int,
    now: datetime,
    *,
    by: Actor,
    said: Decision,
) -> Instruction:
    """Say how well a reporter knows a subspecialty, 0 for not at all; ``modality`` names the only one it is about.

    Only the home trust decides: a level counts for whatever trust's study.

    Raises
    ------
    NotFoundError
        If there is no such reporter.
    NotAllowedError
        If the caller does not manage their home trust.
    ConflictError
        If the network's list says so already.
    InvalidValueError
        If there is no such level, or no examination of that subspecialty and modality.
    """
    if level not in {0, *SkillLevel}:
        raise InvalidValueError("level", f"{level} is not from 0 to {max(SkillLevel)}")
    with db.transaction() as session:
        require_at(by, said.trust)
        person = people.reporter(session, reporter_id).reporter
        if person.home_trust != said.trust:
            raise NotAllowedError("only their home trust decides what a reporter is skilled in")
        _require_examined(session, subspecialty, modality)
        value = {"subspecialty": subspecialty, "level": level} | ({} if modality is None else {"modality": modality})
        kind = InstructionKind.SKILL
        given = said.instruction(kind, by, now, until=None, reporter_id=reporter_id, value=value)
        _require_difference(session, given, now)
        return enter(session, given, by=by, now=now)


def require_at(by: Actor, trust: str) -> None:
    """Ensure that somebody may change people's scopes and rosters at a trust; to others it is not there."""
    if not by.reach(Permission.REPORTERS_WRITE).covers(trust):
        raise NotFoundError("there is no such trust within reach")


def require_known(session: Session, trust: str) -> None:
    """Ensure that the network has a trust; ``InvalidValueError`` if not."""
    if trust not in {row.code for row in standing.trusts(session, listed_only=False)}:
        raise InvalidValueError("trust", "the network has no such trust within reach")


def enter(session: Session, given: Instruction, *, by: Actor, now: datetime) -> Instruction:
    """Enter a decision in place of an earlier one about the same thing, and ask for a run; a draft only keeps it."""
    if given.draft_id is None:
        _replace(session, given, by, now)
    else:
        _stage(session, given, given.draft_id, by, now)
    row = instructions.add(session, given, by=by, now=now)
    if given.draft_id is None:
        runs.ask_for_run(session, now=now, reason=f"{given.kind} decided")
        touch_worklists(session)
    return instructions.instruction_of(row)


def put_override_in_force(session: Session, instruction_id: int, *, by: Actor, now: datetime) -> Instruction:
    """Put what a draft has staged about a reporter in force, in place of an earlier decision about the same thing.

    Raises
    ------
    InvalidValueError
        If it is not staged.
    """
    row = instructions.locked(session, instruction_id)
    _replace(session, instructions.instruction_of(row), by, now)
    instructions.enforce(session, row, by=by, now=now)
    runs.ask_for_run(session, now=now, reason=f"{row.kind} decided")
    return instructions.instruction_of(row)


def _replace(session: Session, given: Instruction, by: Actor, now: datetime) -> None:
    for earlier in instructions.in_force(session, now, kinds={given.kind}, reporter_id=given.reporter_id):
        if is_about_same(earlier, given):
            row = instructions.locked(session, earlier.id)
            instructions.withdraw(session, row, by=by, now=now, why=_REPLACED)


def _stage(session: Session, given: Instruction, draft_id: int, by: Actor, now: datetime) -> None:
    """Ensure that a draft takes a decision; one about the very same thing that is staged already gives way to it."""
    drafts.locked(session, draft_id)
    for row in drafts.of_draft(session, draft_id, InstructionState.STAGED, lock=True):
        staged = instructions.instruction_of(row)
        if row.kind is given.kind and is_about_same(staged, given):
            instructions.end(session, row, InstructionState.DISCARDED, by=by, now=now, why=_REPLACED)
    drafts.require_room(session, draft_id)


def is_about_same(earlier: Instruction, given: Instruction) -> bool:
    """Tell whether one of two decisions of a kind takes the place of the other."""
    names = _SAME.get(given.kind, ())
    same = all(earlier.value.get(name) == given.value.get(name) for name in names)
    return bool(names) and same and (earlier.trust, earlier.reporter_id) == (given.trust, given.reporter_id)


def _require_difference(session: Session, given: Instruction, now: datetime) -> None:
    """Ensure that a decision differs from what the network's list says, or replaces one that does."""
    said = people.reporter_anywhere(session, given.reporter_id or "")
    modalities = {exam.modality for exam in standing.examinations(session, listed_only=False)}
    earlier = instructions.in_force(session, now, kinds={given.kind}, reporter_id=given.reporter_id)
    replaces = any(is_about_same(item, given) for item in earlier)
    if not replaces and reporter_agrees(said, given, modalities, now.astimezone(LONDON).date()):
        raise ConflictError(SAYS_SO)


def _require_examined(session: Session, subspecialty: str, modality: str | None) -> None:
    known = {(exam.subspecialty, exam.modality) for exam in standing.examinations(session, listed_only=False)}
    if not any(name == subspecialty and modality in {None, by} for name, by in known):
        raise InvalidValueError("subspecialty", "no examination is of this subspecialty and modality")

"""What is done on a study's page: decisions are staged in a draft, of which a preview is asked for at once.

Nothing that is staged holds anywhere until its draft is published. Whoever may not steer, and may say that a study is
needed sooner, says so at once, as through the API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN
from balancer.api.models.studies import StudyReadState
from balancer.api.serving import IdInPath
from balancer.domain.errors import BalancerError, InvalidValueError, NotAllowedError, NotFoundError
from balancer.domain.instant import LONDON, local_instant
from balancer.domain.instruction import Instruction
from balancer.domain.life import ReadEvent
from balancer.domain.permission import Permission
from balancer.domain.study import StudyKey
from balancer.services.begin_draft import begin_draft
from balancer.services.bring_back_read import bring_back
from balancer.services.discard_draft import discard_draft
from balancer.services.expedite_study import expedite_study
from balancer.services.park_read import park_read
from balancer.services.request_preview import request_preview
from balancer.services.steer_read import Said, bar_reporter, exclude_read, pin_read, send_out_read
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import drafts
from balancer.web.desk import AtDesk, Desk
from balancer.web.study_acts import LABELS, Act
from balancer.web.study_facts import StudyFacts, study_facts
from balancer.web.study_routes import study_shown

router = APIRouter(include_in_schema=False)
_STEER: Final = [may(Permission.READS_STEER)]
_WRITTEN: Final = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]*\S[^\x00-\x08\x0b\x0c\x0e-\x1f]*$"
Reason = Annotated[str, Form(min_length=1, max_length=500, pattern=_WRITTEN)]
_Short = Annotated[str, Form(max_length=MOST_CHARACTERS, pattern=PATTERN)]
_NOTHING: Final = "what was to be staged in it could not be"
_BACK: Final = {
    StudyReadState.PARKED: ReadEvent.UNPARK,
    StudyReadState.SENT_OUT: ReadEvent.RECALL,
    StudyReadState.EXCLUDED: ReadEvent.READMIT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a form asks for; which of it counts follows from ``act``."""

    act: Act
    read: int
    reason: str
    reporter: str
    day: date | None
    clock: time | None
    priority: str
    whom: str
    draft: int | None

    @property
    def at(self) -> datetime:
        """The instant that is asked for: a London wall-clock time.

        Raises
        ------
        InvalidValueError
            If the day or the time is missing.
        """
        if self.day is None or self.clock is None:
            raise InvalidValueError("date", "a day and a time are needed")
        return local_instant(datetime.combine(self.day, self.clock))

    def as_written(self) -> dict[str, str]:
        """Return what stood in the form, for it to stand there again."""
        return {
            "reason": self.reason,
            "date": "" if self.day is None else self.day.isoformat(),
            "time": "" if self.clock is None else f"{self.clock:%H:%M}",
            "priority": self.priority,
            "whom": self.whom,
            "draft": "" if self.draft is None else str(self.draft),
        }


def _wanted(  # noqa: PLR0913, PLR0917 - one parameter a field
    act: Annotated[Act, Form()],
    reason: Reason,
    read: Annotated[int, Form(ge=1, le=9)] = 1,
    reporter: _Short = "",
    day: Annotated[date | None, Form(alias="date")] = None,
    clock: Annotated[time | None, Form(alias="time")] = None,
    priority: _Short = "",
    whom: _Short = "",
    draft: Annotated[str, Form(pattern=r"^(new|[1-9][0-9]{0,9})?$")] = "",
) -> Wanted:
    return Wanted(
        act=act,
        read=read,
        reason=" ".join(reason.split()),
        reporter=reporter,
        day=day,
        clock=clock,
        priority=priority,
        whom=whom,
        draft=int(draft) if draft.isdecimal() else None,
    )


@router.post("/studies/{study_id}/stage", dependencies=_STEER)
def stage(desk: AtDesk, study_id: IdInPath, wanted: Annotated[Wanted, Depends(_wanted)]) -> Response:
    """Stage a decision in a draft and ask what it would do; nothing changes until the draft is published."""
    facts = _facts(desk, study_id, wanted.read)

    def refused(said: str, status: int) -> Response:
        return study_shown(
            desk,
            study_id,
            act=wanted.act,
            read=wanted.read,
            reporter=wanted.reporter,
            wrote=wanted.as_written(),
            said=said,
            status=status,
        )

    return desk.after(
        lambda: _staged(desk, facts, wanted),
        then=lambda number: f"/studies/{study_id}?act={wanted.act}&read={wanted.read}&draft={number}#effects",
        refused=refused,
    )


@router.post("/studies/{study_id}/expedite", dependencies=[may(Permission.READS_EXPEDITE)])
def expedite_now(desk: AtDesk, study_id: IdInPath, wanted: Annotated[Wanted, Depends(_wanted)]) -> Response:
    """Say that a study is needed sooner, at once: for whoever asks for studies and does not steer them."""
    facts = _facts(desk, study_id, None)
    return desk.after(
        lambda: _expedite(desk, facts, wanted, Said(reason=wanted.reason)),
        then=lambda _: f"/studies/{study_id}",
        refused=lambda said, status: study_shown(desk, study_id, wrote=wanted.as_written(), said=said, status=status),
    )


@router.post("/studies/{study_id}/decisions/{instruction_id}/withdraw", dependencies=_STEER)
def withdraw(desk: AtDesk, study_id: IdInPath, instruction_id: IdInPath, reason: Reason) -> Response:
    """Take a decision back, at once; one that is staged leaves its draft."""
    _facts(desk, study_id, None)
    why = " ".join(reason.split())
    return desk.after(
        lambda: withdraw_instruction(desk.database, instruction_id, desk.now, by=desk.caller, why=why),
        then=lambda _: f"/studies/{study_id}#change",
        refused=lambda said, status: study_shown(desk, study_id, said=said, status=status),
    )


@router.post("/studies/{study_id}/reads/{number}/back", dependencies=_STEER)
def back(desk: AtDesk, study_id: IdInPath, number: IdInPath, reason: Reason) -> Response:
    """Put a read that is parked, sent out or excluded back into the queue, at once."""
    facts = _facts(desk, study_id, number)
    read = next((one for one in facts.study.reads if one.read == number), None)
    if read is None or read.state not in _BACK:
        return study_shown(desk, study_id, said="The read is in the queue already. Nothing was done.", status=409)
    event, why = _BACK[read.state], " ".join(reason.split())
    return desk.after(
        lambda: bring_back(desk.database, read.read_id, event, desk.now, by=desk.caller, reason=why),
        then=lambda _: f"/studies/{study_id}",
        refused=lambda said, status: study_shown(desk, study_id, said=said, status=status),
    )


def _facts(desk: Desk, study_id: int, number: int | None) -> StudyFacts:
    with desk.database.session() as session:
        return study_facts(session, desk.reach, study_id, number, desk.now)


def _staged(desk: Desk, facts: StudyFacts, wanted: Wanted) -> int:
    """Stage a decision, ask for a preview, and return the draft's number; one begun for nothing is thrown away."""
    number = wanted.draft if wanted.draft is not None else _begun(desk, facts, wanted)
    try:
        with desk.database.session() as session:
            _require_steers(desk, drafts.draft(session, number).trust)
        _DECIDE[wanted.act](desk, facts, wanted, Said(reason=wanted.reason, draft_id=number))
    except BalancerError:
        if wanted.draft is None:
            discard_draft(desk.database, number, desk.now, by=desk.caller, why=_NOTHING)
        raise
    request_preview(desk.database, number, desk.now, by=desk.caller)
    return number


def _begun(desk: Desk, facts: StudyFacts, wanted: Wanted) -> int:
    """Begin a draft whose name says what it began with: nothing that names a study or a patient."""
    local = desk.now.astimezone(LONDON)
    exam = facts.exams.get(facts.study.exam_code, facts.study.exam_code)
    name = f"{LABELS[wanted.act]} {exam}, {facts.study.trust}, {local:%a} {local.day} {local:%b %H:%M}"
    return begin_draft(desk.database, name[:200], facts.study.trust, desk.now, by=desk.caller)


def _require_steers(desk: Desk, trust: str) -> None:
    if not desk.reach.covers(trust):
        raise NotAllowedError("the draft is another trust's")


# --- each decision ----------------------------------------------------------------------------------------------------


def _read_id(facts: StudyFacts, wanted: Wanted) -> int:
    found = facts.read_id(wanted.read)
    if not found:
        raise NotFoundError("there is no such read")
    return found


def _pin(desk: Desk, facts: StudyFacts, wanted: Wanted, said: Said) -> Instruction:
    read_id = _read_id(facts, wanted)
    return pin_read(desk.database, read_id, wanted.reporter, desk.now, by=desk.caller, said=said)


def _bar(desk: Desk, facts: StudyFacts, wanted: Wanted, said: Said) -> Instruction:
    read_id = _read_id(facts, wanted)
    return bar_reporter(desk.database, read_id, wanted.reporter, desk.now, by=desk.caller, said=said)


def _expedite(desk: Desk, facts: StudyFacts, wanted: Wanted, said: Said) -> Instruction:
    key = StudyKey(facts.study.trust, facts.study.accession_number)
    return expedite_study(
        desk.database, key, wanted.at, desk.now, by=desk.caller, said=said, priority=wanted.priority or None
    )


def _park(desk: Desk, facts: StudyFacts, wanted: Wanted, said: Said) -> Instruction:
    return park_read(
        desk.database,
        _read_id(facts, wanted),
        desk.now,
        by=desk.caller,
        reason=said.reason,
        until=wanted.at,
        owner=wanted.whom,
        draft_id=said.draft_id,
    )


def _send_out(desk: Desk, facts: StudyFacts, wanted: Wanted, said: Said) -> Instruction:
    if not wanted.whom.strip():
        raise InvalidValueError("provider", "say to whom it goes")
    return send_out_read(
        desk.database,
        _read_id(facts, wanted),
        desk.now,
        by=desk.caller,
        said=said,
        provider=wanted.whom,
        due_back_at=wanted.at,
    )


def _exclude(desk: Desk, facts: StudyFacts, wanted: Wanted, said: Said) -> Instruction:
    if not wanted.whom.strip():
        raise InvalidValueError("approver", "say who has approved that")
    read_id = _read_id(facts, wanted)
    return exclude_read(desk.database, read_id, desk.now, by=desk.caller, said=said, approver=wanted.whom)


_DECIDE: Final[dict[Act, Callable[[Desk, StudyFacts, Wanted, Said], Instruction]]] = {
    Act.PIN: _pin,
    Act.BAR: _bar,
    Act.EXPEDITE: _expedite,
    Act.PARK: _park,
    Act.SEND_OUT: _send_out,
    Act.EXCLUDE: _exclude,
}

"""Steering: what managers, and whoever asked for a study, decide about it beside what the feeds say."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.looks import Looking
from balancer.api.models.instructions import (
    LARGEST_ID,
    ExcludeIn,
    ExpediteIn,
    ForReporterIn,
    InstructionOut,
    ParkIn,
    SendOutIn,
    TakeOverIn,
    WhyIn,
)
from balancer.api.models.reads import StandingOut
from balancer.api.models.shape import PageOut
from balancer.api.serving import Code, IdInPath, Paging, Served, Serving, page_out
from balancer.domain.actor import EVERYWHERE, Reach
from balancer.domain.errors import NotAllowedError
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.permission import Permission
from balancer.domain.study import StudyKey
from balancer.services.bring_back_read import bring_back
from balancer.services.expedite_study import expedite_study
from balancer.services.park_read import park_read
from balancer.services.reopen_read import reopen_read
from balancer.services.steer_read import Said, bar_reporter, exclude_read, pin_read, send_out_read
from balancer.services.take_over_read import take_over_read
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import instructions
from balancer.store.blind import decisions_not_told
from balancer.store.instructions import InstructionFilter

router = APIRouter()
_STEER = [may(Permission.READS_STEER)]
_MAY_FAIL = problems.may_be(problems.NOT_FOUND, problems.CONFLICT)
_Number = Annotated[int, Query(ge=1, le=LARGEST_ID)]


def _shown(served: Serving, given: Instruction, reach: Reach = EVERYWHERE) -> InstructionOut:
    """Return an instruction as the API shows it; one that somebody else has given, with the ``reach`` of who asks."""
    with served.database.session() as session:
        untold = decisions_not_told(session, reach, [given])
        return InstructionOut.of(given, instructions.studies_of(session, [given]), untold)


@router.get("/instructions", tags=["steering"], responses=problems.may_be(problems.NO_PAGE), dependencies=_STEER)
def list_instructions(  # noqa: PLR0913, PLR0917 - each narrows what is looked for
    served: Served,
    reach: Reaching,
    look: Looking,
    cut: Paging,
    trust: Code | None = None,
    kind: InstructionKind | None = None,
    state: Annotated[InstructionState, Query(description="Those that hold, unless another is asked for.")] = (
        InstructionState.IN_FORCE
    ),
    read_id: _Number | None = None,
    reporter_id: Code | None = None,
    draft_id: _Number | None = None,
) -> PageOut[InstructionOut]:
    """List what people have decided, newest first, each with why, by whom and until when."""
    which = InstructionFilter(
        trust=trust, kind=kind, state=state, read_id=read_id, reporter_id=reporter_id, draft_id=draft_id
    )
    with served.database.session() as session:
        found = instructions.instructions(session, which, cut, reach)
        about = instructions.studies_of(session, found.items)
        look("study", sorted({given.study_id for given in found.items if given.study_id is not None}))
        untold = decisions_not_told(session, reach, found.items)
        return page_out(found, lambda given: InstructionOut.of(given, about, untold))


@router.post("/instructions/{instruction_id}/withdraw", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def take_back(
    served: Served, caller: Caller, reach: Reaching, instruction_id: IdInPath, asked: WhyIn
) -> InstructionOut:
    """Take a decision back: what the feeds say holds again, and a read that was taken out is in the queue."""
    now = served.clock.now()
    given = withdraw_instruction(served.database, instruction_id, now, by=caller, why=asked.reason)
    return _shown(served, given, reach)


@router.post("/studies/expedite", tags=["steering"], responses=_MAY_FAIL, dependencies=[may(Permission.READS_EXPEDITE)])
def expedite(served: Served, caller: Caller, asked: ExpediteIn) -> InstructionOut:
    """Say that a study is needed sooner than its trust's own system does. It may want it sooner still, never later."""
    if asked.draft_id is not None and not caller.reach(Permission.READS_STEER).covers(asked.trust):
        raise NotAllowedError("a draft is for whoever steers the trust's reads")
    key = StudyKey(asked.trust, asked.accession_number)
    return _shown(
        served,
        expedite_study(
            served.database,
            key,
            asked.due_at,
            served.clock.now(),
            by=caller,
            said=asked.said(),
            priority=asked.priority,
        ),
    )


@router.post("/reads/{read_id}/pin", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def pin(served: Served, caller: Caller, read_id: IdInPath, asked: ForReporterIn) -> InstructionOut:
    """Give a read to one reporter or to nobody. It leaves anybody else's list at once.

    A pin overrides no rule: for somebody who may not report the study it is refused, with why.
    """
    now, said = served.clock.now(), asked.said()
    return _shown(served, pin_read(served.database, read_id, asked.reporter_id, now, by=caller, said=said))


@router.post("/reads/{read_id}/bar", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def bar(served: Served, caller: Caller, read_id: IdInPath, asked: ForReporterIn) -> InstructionOut:
    """Do not offer a reporter this read's study. It leaves their list at once; what they have open they may report."""
    now, said = served.clock.now(), asked.said()
    return _shown(served, bar_reporter(served.database, read_id, asked.reporter_id, now, by=caller, said=said))


@router.post("/reads/{read_id}/exclude", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def exclude(served: Served, caller: Caller, read_id: IdInPath, asked: ExcludeIn) -> InstructionOut:
    """Take a read out of the queue because it is not to be read here, with whoever has approved that."""
    now, said = served.clock.now(), asked.said()
    return _shown(served, exclude_read(served.database, read_id, now, by=caller, said=said, approver=asked.approver))


@router.post("/reads/{read_id}/park", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def park(served: Served, caller: Caller, read_id: IdInPath, asked: ParkIn) -> InstructionOut:
    """Take a read out of the plans until a date. After it, its owner is asked; it does not come back by itself."""
    now = served.clock.now()
    parked = park_read(
        served.database,
        read_id,
        now,
        by=caller,
        reason=asked.reason,
        until=asked.until,
        owner=asked.owner,
        draft_id=asked.draft_id,
    )
    return _shown(served, parked)


@router.post("/reads/{read_id}/send-out", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def send_out(served: Served, caller: Caller, read_id: IdInPath, asked: SendOutIn) -> InstructionOut:
    """Give a read to a provider outside the network. If it is not back in time, the reporting office is told."""
    sent = send_out_read(
        served.database,
        read_id,
        served.clock.now(),
        by=caller,
        said=Said(reason=asked.reason, draft_id=asked.draft_id),
        provider=asked.provider,
        due_back_at=asked.due_back_at,
    )
    return _shown(served, sent)


@router.post("/reads/{read_id}/readmit", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def readmit(served: Served, caller: Caller, read_id: IdInPath, asked: WhyIn) -> StandingOut:
    """Put an excluded read back into the queue, with its clock as it was."""
    return _back(served, caller, read_id, ReadEvent.READMIT, asked)


@router.post("/reads/{read_id}/recall", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def recall(served: Served, caller: Caller, read_id: IdInPath, asked: WhyIn) -> StandingOut:
    """Put a read that was sent out back into the queue, with its clock as it was."""
    return _back(served, caller, read_id, ReadEvent.RECALL, asked)


@router.post("/reads/{read_id}/reopen", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def reopen(served: Served, caller: Caller, read_id: IdInPath, asked: WhyIn) -> StandingOut:
    """Have a read done again that was completed here, with its clock as it was: its report is another's, or was lost.

    Once its source says that the study is reported, it is for the source to ask again.
    """
    now = served.clock.now()
    state = reopen_read(served.database, read_id, now, by=caller, reason=asked.reason)
    return StandingOut(read_id=read_id, state=state)


@router.post("/reads/{read_id}/take-over", tags=["steering"], responses=_MAY_FAIL, dependencies=_STEER)
def take_over(served: Served, caller: Caller, read_id: IdInPath, asked: TakeOverIn) -> StandingOut:
    """Take a read from whoever has it open, for somebody else or for nobody yet; they hear so with their heartbeat."""
    state = take_over_read(
        served.database,
        read_id,
        served.clock.now(),
        by=caller,
        reason=asked.reason,
        reporter_id=asked.reporter_id,
    )
    return StandingOut(read_id=read_id, state=state)


def _back(served: Serving, caller: Caller, read_id: int, event: ReadEvent, asked: WhyIn) -> StandingOut:
    bring_back(served.database, read_id, event, served.clock.now(), by=caller, reason=asked.reason)
    return StandingOut(read_id=read_id, state=ReadState.UNALLOCATED)

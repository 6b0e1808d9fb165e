"""Drafts: the list of them, one with its preview, and what is decided about it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from pydantic import Field
from starlette.responses import HTMLResponse, Response

from balancer.api.callers import may
from balancer.api.models.drafts import DraftOut
from balancer.api.serving import IdInPath
from balancer.domain.draft import DraftState
from balancer.domain.errors import ConflictError, GoneError
from balancer.domain.instruction import Instruction, InstructionState
from balancer.domain.permission import Permission
from balancer.services.discard_draft import discard_draft
from balancer.services.publish_draft import publish_draft
from balancer.services.request_preview import request_preview
from balancer.services.undo_draft import undo_draft
from balancer.services.withdraw_instruction import withdraw_instruction
from balancer.store import drafts, instructions
from balancer.store.blind import decisions_not_told
from balancer.store.database import Session
from balancer.store.instructions import instruction_of
from balancer.store.pages import Cut
from balancer.store.policies import current_policy
from balancer.store.tables_drafts import DraftRow
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.draft import draft_page, drafts_table
from balancer.web.draft_effects import effects
from balancer.web.draft_facts import preview_facts
from balancer.web.draft_figures import sessions_words
from balancer.web.draft_tables import cost_table, late_table, load_table, moves_table
from balancer.web.points import point_words
from balancer.web.signed import signed, signed_drafts
from balancer.web.study_act_routes import Reason
from balancer.web.tables import Medium, Table, Viewing

router = APIRouter(include_in_schema=False)
_STEER: Final = [may(Permission.READS_STEER)]
_MOST_DRAFTS: Final = 500
# Which decisions a draft shows: those that are staged, or those that it put in force and what became of them.
_SHOWN: Final = {
    DraftState.OPEN: (InstructionState.STAGED,),
    DraftState.PUBLISHED: (InstructionState.IN_FORCE, InstructionState.EXPIRED, InstructionState.AGREED),
    DraftState.UNDONE: (InstructionState.WITHDRAWN,),
    DraftState.DISCARDED: (InstructionState.DISCARDED,),
}
_OWN_LOAD: Final = (
    "You see your own load alone: you report, and how full the others would be could tell who has a reading that you "
    "may not know of."
)
_NO_COST: Final = (
    "It is not told to you: you report, and what a cost is made of could tell who has a reading that you may not know "
    "of."
)
_ONLY_TURNED: Final = (
    "What is late without the draft and with it alike is not listed: a preview keeps what differs, the first 200 "
    "studies of it, those that become late before those that are in time again."
)
_SUMS: Final = (
    "Each term is a sum over the whole plan: what each read has in it is not kept. Whom the draft moves, and what "
    "becomes late, is listed with its other figures."
)
_Of = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
# Which decisions a page showed to whoever presses its button.
Shown = Annotated[list[Annotated[int, Field(ge=1, le=2**31 - 1)]], Form()]


@router.get("/drafts", dependencies=_STEER)
def show_drafts(desk: AtDesk, view: Viewing, state: Annotated[str, Query(max_length=20)] = "") -> Response:
    """Show drafts, newest first."""
    wanted = DraftState(state) if state in set(DraftState) else None
    with desk.database.session() as session:
        found = drafts.drafts(session, Cut(cursor=None, limit=_MOST_DRAFTS), state=wanted).items
        held = drafts.sizes(session, [row.id or 0 for row in found])
        within, unnamed = drafts.left_within(session, found), drafts.left_unnamed(session, found)
        out = [DraftOut.of(row, held.get(row.id or 0, 0), within, unnamed) for row in found]
        shown = signed_drafts(session, out)
    table = drafts_table(shown, view, wanted, desk.now)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    waiting = sum(draft.state is DraftState.OPEN for draft in shown)
    return desk.page(
        "drafts.html", title="Drafts", here="/drafts", drafts=table, waiting=waiting, filtered=bool(wanted)
    )


@router.get("/drafts/{draft_id}", dependencies=_STEER)
def show_draft(desk: AtDesk, draft_id: IdInPath) -> HTMLResponse:
    """Show a draft: what is staged in it, what it would do, and what can be decided."""
    return _shown(desk, draft_id)


@router.get("/drafts/{draft_id}/effects", dependencies=_STEER)
def show_effects(desk: AtDesk, draft_id: IdInPath, of: _Of = None) -> HTMLResponse:
    """Show what a draft would do, for a page that is open already."""
    with desk.database.session() as session:
        is_open = drafts.draft(session, draft_id).state is DraftState.OPEN
        facts = preview_facts(session, draft_id)
    found = effects(facts, desk.now, about=of, is_open=is_open)
    return desk.part("draft_effects.html", effects=found, of=of)


@router.get("/drafts/{draft_id}/moves", dependencies=_STEER)
def show_moves(desk: AtDesk, draft_id: IdInPath, view: Viewing) -> Response:
    """Show whom a draft would move."""
    with desk.database.session() as session:
        drafts.draft(session, draft_id)
        facts = preview_facts(session, draft_id, whole=True)
    desk.look("study", [move.study.id or 0 for move in facts.moves])
    return _listed(desk, draft_id, moves_table(facts, view))


@router.get("/drafts/{draft_id}/late", dependencies=_STEER)
def show_late(
    desk: AtDesk, draft_id: IdInPath, view: Viewing, turned: Annotated[str, Query(pattern="^(|late)$")] = ""
) -> Response:
    """Show which studies a draft would make late, and unless only those are asked for, which are in time again."""
    with desk.database.session() as session:
        drafts.draft(session, draft_id)
        facts = preview_facts(session, draft_id)
    desk.look("study", sorted(facts.studies))
    return _listed(desk, draft_id, late_table(facts, view, only_late=bool(turned)), _ONLY_TURNED)


@router.get("/drafts/{draft_id}/load", dependencies=_STEER)
def show_load(desk: AtDesk, draft_id: IdInPath, view: Viewing) -> Response:
    """Show how full everybody is without a draft and with it."""
    with desk.database.session() as session:
        drafts.draft(session, draft_id)
        facts = preview_facts(session, draft_id)
    said = f"Filled: {sessions_words(facts)}."
    return _listed(desk, draft_id, load_table(facts, view), f"{said} {_OWN_LOAD}" if facts.is_blind else said)


@router.get("/drafts/{draft_id}/cost", dependencies=_STEER)
def show_cost(desk: AtDesk, draft_id: IdInPath, view: Viewing) -> Response:
    """Show what a draft costs more than the plan without it, by term."""
    with desk.database.session() as session:
        drafts.draft(session, draft_id)
        facts = preview_facts(session, draft_id)
        point = point_words(current_policy(session))
    return _listed(desk, draft_id, cost_table(facts, view), _NO_COST if facts.is_blind else f"{point} {_SUMS}")


@router.post("/drafts/{draft_id}/preview", dependencies=_STEER)
def ask_for_preview(desk: AtDesk, draft_id: IdInPath, of: _Of = None) -> Response:
    """Ask what a draft would do."""
    back = f"/drafts/{draft_id}#effects" if of is None else f"/studies/{of}?draft={draft_id}#effects"
    return desk.after(
        lambda: request_preview(desk.database, draft_id, desk.now, by=desk.caller),
        then=lambda _: back,
        refused=lambda said, status: _shown(desk, draft_id, said=said, status=status),
    )


@router.post("/drafts/{draft_id}/publish", dependencies=_STEER)
def publish(desk: AtDesk, draft_id: IdInPath, reason: Reason, shown: Shown) -> Response:
    """Put everything in a draft in force together, if that is what was shown; lists are mended at once."""
    why = " ".join(reason.split())
    return desk.after(
        lambda: publish_draft(desk.database, draft_id, desk.now, by=desk.caller, why=why, shown=shown),
        then=lambda _: f"/drafts/{draft_id}",
        refused=lambda said, status: _shown(desk, draft_id, said=f"{said} The draft is kept.", status=status),
    )


@router.post("/drafts/{draft_id}/discard", dependencies=_STEER)
def discard(desk: AtDesk, draft_id: IdInPath, reason: Reason) -> Response:
    """Throw a draft away."""
    why = " ".join(reason.split())
    return desk.after(
        lambda: discard_draft(desk.database, draft_id, desk.now, by=desk.caller, why=why),
        then=lambda _: f"/drafts/{draft_id}",
        refused=lambda said, status: _shown(desk, draft_id, said=said, status=status),
    )


@router.post("/drafts/{draft_id}/undo", dependencies=_STEER)
def undo(desk: AtDesk, draft_id: IdInPath, reason: Reason) -> Response:
    """Undo a published draft: its decisions end, and lists are put back as far as they can be."""
    why = " ".join(reason.split())
    return desk.after(
        lambda: _undone(desk, draft_id, why),
        then=lambda _: f"/drafts/{draft_id}",
        refused=lambda said, status: _shown(desk, draft_id, said=said, status=status),
    )


@router.post("/drafts/{draft_id}/decisions/{instruction_id}/withdraw", dependencies=_STEER)
def take_out(desk: AtDesk, draft_id: IdInPath, instruction_id: IdInPath) -> Response:
    """Take a decision out of a draft."""
    return desk.after(
        lambda: _taken_out(desk, draft_id, instruction_id),
        then=lambda _: f"/drafts/{draft_id}",
        refused=lambda said, status: _shown(desk, draft_id, said=said, status=status),
    )


def _undone(desk: Desk, draft_id: int, why: str) -> None:
    """Undo it; that its lists are no longer kept is said as any other conflict."""
    try:
        undo_draft(desk.served.seeing_readings(desk.reach), draft_id, desk.now, by=desk.caller, why=why)
    except GoneError as error:
        raise ConflictError(str(error)) from error


def _taken_out(desk: Desk, draft_id: int, instruction_id: int) -> None:
    with desk.database.session() as session:
        given = instructions.instruction(session, instruction_id)
    if given.draft_id != draft_id or given.state is not InstructionState.STAGED:
        raise ConflictError("it is not staged in this draft any more")
    withdraw_instruction(desk.database, instruction_id, desk.now, by=desk.caller, why="taken out of the draft")


def _listed(desk: Desk, draft_id: int, table: Table, note: str = "") -> Response:
    if table.view.medium is not Medium.PAGE:
        return download(table, desk.now)
    with desk.database.session() as session:
        name = drafts.draft(session, draft_id).name
    title = f"{table.name} of a draft"
    return desk.page(
        "draft_table.html", title=title, here="/drafts", table=table, draft_id=draft_id, draft_name=name, note=note
    )


def _shown(desk: Desk, draft_id: int, *, said: str = "", status: int = 200) -> HTMLResponse:
    with desk.database.session() as session:
        row = drafts.draft(session, draft_id)
        given = signed(session, _given(session, row))
        held = drafts.sizes(session, [draft_id]).get(draft_id, 0)
        out = DraftOut.of(row, held, drafts.left_within(session, [row]), drafts.left_unnamed(session, [row]))
        out = signed_drafts(session, [out])[0]
        studies = instructions.studies_of(session, given)
        untold = decisions_not_told(session, desk.reach, given)
        facts = preview_facts(session, draft_id)
    desk.look("study", sorted(studies))
    is_open = row.state is DraftState.OPEN
    return desk.page(
        "draft.html",
        title=row.name,
        here="/drafts",
        status=status,
        draft=draft_page(out, given, studies, facts, untold, desk.caller, desk.now),
        effects=effects(facts, desk.now, is_open=is_open) if is_open else None,
        moves_total=facts.moves_total,
        said=said,
    )


def _given(session: Session, row: DraftRow) -> list[Instruction]:
    return [instruction_of(one) for state in _SHOWN[row.state] for one in drafts.of_draft(session, row.id or 0, state)]

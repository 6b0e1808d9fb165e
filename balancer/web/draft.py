"""Drafts as pages show them: a list of them, and one with what is staged in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.api.models.drafts import DraftOut, LeftOut
from balancer.domain.actor import Actor, Reach
from balancer.domain.draft import DraftState
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.permission import Permission
from balancer.store.tables import StudyRow
from balancer.web.draft_effects import study_name
from balancer.web.draft_facts import PreviewFacts
from balancer.web.study_history import KINDS, decided_words
from balancer.web.tables import Cell, Choice, Column, Row, Table, View, number, table_of
from balancer.web.time_left import at_words

STATES: Final = {
    DraftState.OPEN: "Open",
    DraftState.PUBLISHED: "Published",
    DraftState.DISCARDED: "Discarded",
    DraftState.UNDONE: "Undone",
}
_OF_PEOPLE: Final = frozenset(
    {InstructionKind.ENTITLEMENT, InstructionKind.SKILL, InstructionKind.ABSENCE, InstructionKind.SESSION}
)

# --- the list of them -------------------------------------------------------------------------------------------------

_DRAFTS: Final = (
    Column(key="name", head="Draft", sorts=True),
    Column(key="trust", head="Trust", sorts=True),
    Column(key="state", head="State", sorts=True),
    Column(key="decisions", head="Decisions", number=True, sorts=True),
    Column(key="author", head="Begun by", sorts=True),
    Column(key="made_at", head="Begun", sorts=True),
    Column(key="decided_at", head="Decided", sorts=True),
)


def drafts_table(found: Sequence[DraftOut], view: View, state: DraftState | None, now: datetime) -> Table:
    """Return drafts as a table."""
    states = [("", "All"), *((one.value, STATES[one]) for one in DraftState)]
    return table_of(
        "Drafts",
        _DRAFTS,
        [_draft(draft, now) for draft in found],
        view,
        filters=[Choice(name="state", label="State", options=states, chosen="" if state is None else state.value)],
        empty="No draft. One begins with the first change that is previewed on a study's page.",
    )


def _draft(draft: DraftOut, now: datetime) -> Row:
    decided = draft.undone_at or draft.decided_at
    return Row(
        cells=(
            Cell(text=draft.name, link=f"/drafts/{draft.draft_id}"),
            Cell(trust=draft.trust),
            Cell(text=STATES[draft.state]),
            number(draft.instructions),
            Cell(text=draft.author),
            Cell(text=at_words(draft.made_at, now), value=draft.made_at),
            Cell(text="not yet", value="", grey=True)
            if decided is None
            else Cell(text=at_words(decided, now), value=decided),
        )
    )


# --- one of them ------------------------------------------------------------------------------------------------------

# Of whose lists reads are left over, so many reporters are named.
_MOST_NAMED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """One decision of a draft: what, about which study or person, why, and the address that takes it out."""

    instruction_id: int
    kind: str
    what: str
    about: str
    link: str
    why: str
    who: str
    can_leave: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftPage:
    """A draft: its heading says how it stands, ``told`` what became of it, by whom, when and why.

    ``left`` is what undoing it could not put back. What the caller may do with it is said by ``can_...``.
    ``shown``: the decisions by number, for publishing these and no others.
    """

    draft_id: int
    name: str
    trust: str
    heading: str
    told: Sequence[str]
    staged: Sequence[Staged]
    left: Sequence[str]
    can_decide: bool
    can_undo: bool
    why_not_undo: str
    needs: str
    shown: Sequence[int]


def draft_page(  # noqa: PLR0913, PLR0917 - a draft and what it takes to show it to somebody
    draft: DraftOut,
    given: Sequence[Instruction],
    studies: Mapping[int, StudyRow],
    facts: PreviewFacts,
    untold: frozenset[int],
    caller: Actor,
    now: datetime,
) -> DraftPage:
    """Return a draft's page for a caller."""
    is_open = draft.state is DraftState.OPEN
    steer = caller.reach(Permission.READS_STEER)
    about_people = any(one.kind in _OF_PEOPLE for one in given)
    may_people = _covers_all(caller.reach(Permission.REPORTERS_WRITE), given)
    return DraftPage(
        draft_id=draft.draft_id,
        name=draft.name,
        trust=draft.trust,
        heading=_heading(draft),
        told=_told(draft, now),
        staged=[_staged(one, studies, facts, untold, now, is_open=is_open) for one in given],
        left=left_over(facts, draft.left),
        can_decide=is_open and bool(given) and (not about_people or may_people),
        can_undo=draft.state is DraftState.PUBLISHED and steer.is_everywhere,
        why_not_undo=_why_not_undo(draft, steer),
        needs=""
        if not is_open or not about_people or may_people
        else "It changes rosters or scopes: somebody who may change those publishes it.",
        shown=[one.id for one in given],
    )


def _covers_all(reach: Reach, given: Sequence[Instruction]) -> bool:
    return all(reach.covers(one.trust) for one in given if one.kind in _OF_PEOPLE)


def _heading(draft: DraftOut) -> str:
    many = f"{draft.instructions:,} {'change' if draft.instructions == 1 else 'changes'}"
    return {
        DraftState.OPEN: f"{many} staged, nothing has changed yet" if draft.instructions else "Nothing is staged",
        DraftState.PUBLISHED: f"{many} in force",
        DraftState.DISCARDED: "Discarded: nothing of it ever held",
        DraftState.UNDONE: f"{many} taken back",
    }[draft.state]


def _told(draft: DraftOut, now: datetime) -> list[str]:
    said = [f"Begun {at_words(draft.made_at, now)} by {draft.author}."]
    if draft.decided_at is not None:
        word = "Discarded" if draft.state is DraftState.DISCARDED else "Published"
        said.append(f"{word} {at_words(draft.decided_at, now)} by {draft.decided_by}: {draft.decided_why}.")
    if draft.undone_at is not None:
        said.append(f"Undone {at_words(draft.undone_at, now)} by {draft.undone_by}: {draft.undone_why}.")
    return said


def _staged(  # noqa: PLR0913 - a decision and what it takes to say it
    one: Instruction,
    studies: Mapping[int, StudyRow],
    facts: PreviewFacts,
    untold: frozenset[int],
    now: datetime,
    *,
    is_open: bool,
) -> Staged:
    study = studies.get(one.study_id or 0)
    hidden = one.id in untold
    person = "" if one.reporter_id is None else facts.name(one.reporter_id)
    return Staged(
        instruction_id=one.id,
        kind=KINDS[one.kind],
        what=decided_words(one, "somebody" if hidden else person, now),
        about=study_name(facts, study) if study is not None else person,
        link=f"/studies/{study.id}" if study is not None else "",
        why="" if hidden else one.reason,
        who=one.author,
        can_leave=is_open,
    )


def left_over(facts: PreviewFacts, left: Sequence[LeftOut]) -> list[str]:
    """Return what undoing could not put back: each decision, and reads by why, with whose they are."""
    decisions = [f"An earlier decision: {item.why}" for item in left if item.read_id is None]
    reads: dict[str, Counter[str]] = {}
    for item in left:
        if item.read_id is not None:
            reads.setdefault(item.why, Counter())[facts.name(item.reporter_id) if item.reporter_id else ""] += 1
    return [*decisions, *(_reads_left(why, whose) for why, whose in reads.items())]


def _reads_left(why: str, whose: Counter[str]) -> str:
    many = whose.total()
    named = [f"{name} ({count})" if many > 1 else name for name, count in whose.most_common() if name]
    more = len(named) - _MOST_NAMED
    of = ", ".join(named[:_MOST_NAMED]) + (f" and {more} more reporters" if more > 0 else "")
    return f"{'A read' if many == 1 else f'{many:,} reads'}{f' of {of}' if of else ''}: {why}"


def _why_not_undo(draft: DraftOut, steer: Reach) -> str:
    if draft.state is not DraftState.PUBLISHED or steer.is_everywhere:
        return ""
    return "Undoing puts everybody's list back: somebody who steers at every trust can do that."

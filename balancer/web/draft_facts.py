"""The newest preview of a draft as the store has it, with what it takes to show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.instruction import InstructionState
from balancer.domain.states import RunState
from balancer.store import drafts, people, policies, previews, run_records, scope, standing
from balancer.store.blind import not_to_be_named
from balancer.store.classes import numbered
from balancer.store.database import Session
from balancer.store.pages import MOST_ITEMS, Cut
from balancer.store.run_records import ShownMove
from balancer.store.tables import RunRow, StudyRow
from balancer.store.tables_drafts import PreviewLoadRow, PreviewRow


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFacts:
    """A preview as the store has it, as far as its caller reaches; ``None`` where nobody has asked for one.

    ``until``: so far ahead it plans, and counts sessions. ``is_blind``: the caller reports, and so has no load but
    their own.
    """

    draft_id: int
    staged: Sequence[int]
    run: RunRow | None
    preview: PreviewRow | None
    until: datetime | None
    loads: Sequence[PreviewLoadRow]
    moves: Sequence[ShownMove]
    moves_total: int
    studies: Mapping[int, StudyRow]
    names: Mapping[str, str]
    exams: Mapping[str, str]
    unnamed: frozenset[int]
    is_blind: bool

    def who(self, move: ShownMove, reporter_id: str | None) -> str:
        """Return whose a read was or becomes; of one that is read blind, that it is somebody's."""
        return "somebody" if reporter_id is not None and move.read.id in self.unnamed else self.name(reporter_id)

    def list_of(self, move: ShownMove, reporter_id: str | None) -> str:
        """Return where the list is of whoever a read was or becomes, if they may be named."""
        return f"/lists/{reporter_id}" if reporter_id in self.names and move.read.id not in self.unnamed else ""

    def name(self, reporter_id: str | None) -> str:
        """Return a reporter's name; of nobody, that."""
        return "nobody" if reporter_id is None else self.names.get(reporter_id, "a reporter beyond your reach")


def preview_facts(session: Session, draft_id: int, *, whole: bool = False) -> PreviewFacts:
    """Return the newest preview of a draft with what it takes to show it; ``whole``: every move, however many."""
    newest = previews.newest(session, draft_id)
    run, found = newest if newest is not None else (None, None)
    made = run is not None and run.state is RunState.PREVIEWED
    moved, total = _moved(session, run.id or 0, whole=whole) if made and run is not None else ([], 0)
    met = [(item.read.id, name) for item in moved for name in (item.move.was, item.move.becomes)]
    turned = [] if found is None or not made else [int(one["study_id"]) for one in found.lateness or []]
    listed = people.reporters(session, unlisted=True)
    return PreviewFacts(
        draft_id=draft_id,
        staged=[row.id or 0 for row in drafts.of_draft(session, draft_id, InstructionState.STAGED)],
        run=run,
        preview=found,
        until=_until(session, run) if made and run is not None else None,
        loads=previews.loads(session, run.id or 0) if made and run else (),
        moves=moved,
        moves_total=total,
        studies={row.id or 0: row for row in numbered(session, turned)},
        names={item.reporter.reporter_id: item.reporter.name for item in listed},
        exams=standing.examination_names(session),
        unnamed=frozenset(not_to_be_named(session, scope.reach_of(session), met)),
        is_blind=scope.reach_of(session).blind_to is not None,
    )


def _until(session: Session, run: RunRow) -> datetime | None:
    """Return the end of what a preview looked at: its policy's horizon."""
    if run.policy_id is None:
        return None
    policy = policies.policy_of(policies.version(session, run.policy_id).row)
    return run.now + timedelta(hours=policy.horizon_hours)


def _moved(session: Session, run_id: int, *, whole: bool) -> tuple[list[ShownMove], int]:
    """Return whom a run moves, the first thousand or all, and how many there are."""
    page = run_records.moves(session, run_id, Cut(cursor=None, limit=MOST_ITEMS))
    found = list(page.items)
    while whole and page.next_cursor is not None:
        page = run_records.moves(session, run_id, Cut(cursor=page.next_cursor, limit=MOST_ITEMS))
        found += page.items
    return found, page.total

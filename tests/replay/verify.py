"""The verdict: what people, systems and trusts know, held against the database. Every line of it is a fault."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlmodel import Session, col, select

from balancer.domain.life import ReadState
from balancer.domain.states import QuarantineState, StudyState
from balancer.store import audit, balance, conservation
from balancer.store.audit import AuditEnd
from balancer.store.database import Database
from balancer.store.tables import QuarantineRow, StudyRow, WorklistItemRow, WorklistRow
from balancer.store.tables_life import AuditRow, ClaimRow, CompletionRow, ReadRow
from tests.replay.followers import Pacs, State
from tests.replay.trusts import TrustSystem
from tests.replay.witness import Witness

# Where a read is once it is not to be read any more: a PACS has been told to take it off.
_OVER = frozenset({ReadState.DONE, ReadState.EXCLUDED, ReadState.WITHDRAWN})
_TO_READ = frozenset({ReadState.UNALLOCATED, ReadState.ALLOCATED, ReadState.CLAIMED})
_WAITS = frozenset({QuarantineState.OPEN, QuarantineState.REFUSED})
_AGAIN = frozenset({"read.dispute", "read.reopen"})


def faults(database: Database, witness: Witness, systems: Iterable[TrustSystem], pacs: Iterable[Pacs]) -> list[str]:
    """Return in words everything that is wrong; nothing if the proof holds."""
    with database.session() as session:
        found = [
            *(f"while it ran: {line}" for line in witness.out_of_balance),
            *(f"while it ran: {line}" for line in witness.unexpected),
            *_books(session),
            *_lost(session, systems),
            *_done_twice(session),
            *_claimed_twice(session),
            *_acknowledged(session, witness),
            *_told(session, pacs),
            *_deadlocks(session),
        ]
    with database.session() as session:
        return [*found, *_trail(session, witness.audit_ends)]


def _books(session: Session) -> Iterator[str]:
    """The service's own check."""
    for trust in balance.balance(session):
        if not trust.balances:
            yield f"{trust.trust} does not balance at the end: {trust.short} studies short"
    for item in conservation.faults(session):
        yield f"{item.trust} at the end: {item.fault} {item.number}"


def _deadlocks(session: Session) -> Iterator[str]:
    """PostgreSQL counts them: whoever loses one is answered 503 and asks again, so that nothing else shows it."""
    if session.get_bind().dialect.name != "postgresql":
        return
    wanted = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    number = session.connection().execute(wanted).scalar_one()
    if number:
        yield f"{number} times writers waited for each other in a circle, until the server broke it"


def _lost(session: Session, systems: Iterable[TrustSystem]) -> Iterator[str]:
    """Every study that a trust ever asked for is known; every read that it still asks for is to be read or done.

    A row that Balancer could not make a study of is in quarantine for as long as its trust delivers it.
    """
    studies: dict[tuple[str, str], StudyRow] = {
        (row.trust, row.accession_number): row for row in _all(session, StudyRow)
    }
    reads: dict[int, list[ReadRow]] = defaultdict(list)
    for row in _all(session, ReadRow):
        reads[row.study_id].append(row)
    set_aside = {(row.trust, row.accession_number) for row in _all(session, QuarantineRow) if row.state in _WAITS}
    open_claims = {row.read_id for row in _all(session, ClaimRow) if row.ended_at is None}
    for system in systems:
        wanted = system.last.reads if system.last else {}
        for number in sorted(system.asked_for):
            study = studies.get((system.trust, number))
            if study is None:
                if number not in wanted or (system.trust, number) in set_aside:
                    continue
                yield f"lost: a study of {system.trust} that was delivered is not known at all"
                continue
            of_study = reads[study.id or 0]
            if number not in wanted:
                # a study that somebody had open when it went is closed by the next list; of its reads nobody has any
                kept = any(read.id in open_claims for read in of_study)
                kept = kept or not any(read.state in _TO_READ for read in of_study)
                if study.state is StudyState.OPEN and not kept:
                    yield f"study {study.id} is open, and its trust no longer asks for it"
                continue
            left = [read for read in of_study if read.state is not ReadState.WITHDRAWN and read.confirmed_at is None]
            if study.state is not StudyState.OPEN:
                yield f"lost: study {study.id} is {study.state}, and its trust still asks for it"
            elif len(left) < wanted[number]:
                yield f"lost: of study {study.id} {wanted[number]} reads are asked for, and there are {len(left)}"


def _done_twice(session: Session) -> Iterator[str]:
    """No read was done again unless its source or the policy had said that it must be; no two by one person."""
    done: set[str] = set()
    for row in session.exec(select(AuditRow).where(AuditRow.subject_kind == "read").order_by(col(AuditRow.sequence))):
        if row.action == "read.complete":
            if row.subject_id in done:
                yield f"read {row.subject_id} was done twice"
            done.add(row.subject_id)
        elif row.action in _AGAIN:
            done.discard(row.subject_id)
    by_person: dict[tuple[int, str], set[int]] = defaultdict(set)
    for read in _all(session, ReadRow):
        if read.state is ReadState.DONE and read.reporter_id:
            by_person[read.study_id, read.reporter_id].add(read.number)
    for (study_id, _), numbers in by_person.items():
        if len(numbers) > 1 and _both_were_needed(session, study_id):
            yield f"one person did reads {sorted(numbers)} of study {study_id}"


def _both_were_needed(session: Session, study_id: int) -> bool:
    """Tell whether a study was to be read by two; one that came back after its report is read again by anybody."""
    rows = session.exec(select(ReadRow).where(ReadRow.study_id == study_id)).all()
    return sum(row.confirmed_at is None for row in rows) > 1


def _claimed_twice(session: Session) -> Iterator[str]:
    """Of the claims of a read each had ended when the next began."""
    last: dict[int, ClaimRow] = {}
    for row in session.exec(select(ClaimRow).order_by(col(ClaimRow.id))):
        before = last.get(row.read_id)
        if before is not None and (before.ended_at is None or before.ended_at > row.claimed_at):
            yield f"read {row.read_id} was open at two people: claims {before.id} and {row.id}"
        last[row.read_id] = row


def _acknowledged(session: Session, witness: Witness) -> Iterator[str]:
    """Whatever somebody was told has happened has happened, once."""
    claims = {(row.read_id, row.reporter_id) for row in _all(session, ClaimRow)}
    for read_id, reporter_id in sorted(witness.claimed - claims):
        yield f"a claim of read {read_id} by {reporter_id} was acknowledged and is not there"
    completions: dict[tuple[int, str], list[bool]] = defaultdict(list)
    for row in _all(session, CompletionRow):
        completions[row.read_id, row.reporter_id].append(row.accepted)
    for report in witness.reported:
        kept = completions[report.read_id, report.reporter_id]
        if not kept or (report.accepted and not any(kept)):
            yield f"a completion of read {report.read_id} by {report.reporter_id} was acknowledged and is not there"


def _told(session: Session, pacs: Iterable[Pacs]) -> Iterator[str]:
    """What each PACS has rebuilt from changes alone is what the tables say."""
    for number, system in enumerate(pacs, start=1):
        true, rebuilt = _true_state(session, system.trust), _short(system.state)
        for key in sorted(true.keys() | rebuilt.keys()):
            if true.get(key) != rebuilt.get(key):
                yield f"PACS {number} ({system.trust}) has a read as {rebuilt.get(key)}, and it is {true.get(key)}"


def _true_state(session: Session, trust: str) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Return how each read of a trust's open studies stands that somebody is still to read, from reads and lists."""
    planned: dict[tuple[int, int, str | None], tuple[datetime | None, datetime | None]] = {
        (item.study_id, item.read, reporter_id): (item.planned_start, item.planned_end)
        for item, reporter_id in session.exec(
            select(WorklistItemRow, WorklistRow.reporter_id)
            .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
            .where(col(WorklistRow.superseded_at).is_(None))
        )
    }
    rows = session.exec(
        select(ReadRow, StudyRow)
        .join(StudyRow, col(StudyRow.id) == col(ReadRow.study_id))
        .where(StudyRow.trust == trust, StudyRow.state == StudyState.OPEN)
    )
    found = {}
    for read, study in rows:
        if read.state in _OVER:
            continue
        start, end = planned.get((study.id or 0, read.number, read.reporter_id), (None, None))
        found[study.accession_number, read.number] = (
            *(read.state.value, read.reporter_id, study.priority),
            *(study.due_at, start, end),
        )
    return found


def is_anybody_to_read(session: Session, now: datetime) -> bool:
    """Tell whether by the lists in force somebody is reading something at ``now``."""
    planned = (
        select(WorklistItemRow.place)
        .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id))
        .where(col(WorklistRow.superseded_at).is_(None))
        .where(col(WorklistItemRow.planned_start) <= now, col(WorklistItemRow.planned_end) > now)
    )
    return session.exec(planned.limit(1)).first() is not None


def _short(state: State) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {
        key: (
            *(item["state"], item["reporter_id"], item["priority"]),
            *(_instant(item[name]) for name in ("due_at", "planned_start", "planned_end")),
        )
        for key, item in state.items()
    }


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _trail(session: Session, witnessed: Sequence[tuple[int, str]]) -> Iterator[str]:
    """The chain holds, through every end that was witnessed before a kill; and it tells how each read came to stand."""
    ends: list[AuditEnd | None] = [AuditEnd(sequence=sequence, hash=digest) for sequence, digest in witnessed]
    for end in ends[-1:] or [None]:
        verdict = audit.verify(session, witnessed=end)
        if verdict.fault:
            yield f"the audit trail: {verdict.fault}"
    stated = {row.sequence: row.hash for row in session.exec(select(AuditRow))}
    for sequence, digest in witnessed:
        if sequence and stated.get(sequence) != digest:
            yield f"the audit trail: entry {sequence} is not the one that was witnessed before a kill"
    yield from _tells_the_state(session)


def _tells_the_state(session: Session) -> Iterator[str]:
    """From its entries alone each read stands where the table has it, and none begins where the last did not end."""
    state: dict[str, str] = {}
    for row in session.exec(select(AuditRow).where(AuditRow.subject_kind == "read").order_by(col(AuditRow.sequence))):
        if not row.became:
            continue
        before = state.get(row.subject_id, ReadState.UNALLOCATED.value)
        if row.was != before:
            yield f"the audit trail: read {row.subject_id} was {before}, and entry {row.sequence} says {row.was}"
        state[row.subject_id] = row.became
    for read in _all(session, ReadRow):
        told = state.get(str(read.id), ReadState.UNALLOCATED.value)
        if told != read.state.value:
            yield f"the audit trail: read {read.id} should be {told}, and is {read.state}"


def _all(session: Session, table: Any) -> Iterable[Any]:
    return session.exec(select(table))


def summary(lines: Sequence[str], most: int = 20) -> Mapping[str, Any]:
    """Return how many faults there are, and the first of them."""
    return {"faults": len(lines), "first": list(lines[:most])}

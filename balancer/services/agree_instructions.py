"""End what managers have decided about people and studies once the feeds say the same: it changes nothing any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from balancer.domain.actor import job
from balancer.domain.instant import LONDON
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.overrides import OF_PEOPLE, OF_ROSTERS, Shift, reporter_agrees, roster_agrees, span
from balancer.domain.states import StudyState
from balancer.services.correct_study import says_so
from balancer.services.each_read import each_read
from balancer.services.outdo_corrections import outdo_corrections
from balancer.store import instructions, people, reads, rosters, standing
from balancer.store.database import Database, Session

_JOB = job("agreement")
_KINDS = OF_PEOPLE | OF_ROSTERS | {InstructionKind.STUDY}
_A_MOMENT = timedelta(microseconds=1)
_ONE_DAY = timedelta(days=1)


def agree_instructions(db: Database, now: datetime) -> int:
    """End every decision about people and studies that the feeds say themselves by now, as ``agreed``; return how many.

    No run is asked for: what holds is what it was.
    """
    with db.session() as session:
        agreed = list(_agreed(session, now))
    return each_read(agreed, lambda number: _end(db, number, now), job=_JOB.name, what=instructions.SUBJECT)


def _end(db: Database, instruction_id: int, now: datetime) -> bool:
    with db.transaction() as session:
        given = instructions.instruction(session, instruction_id)
        if given.study_id is not None:
            reads.locked_reads(session, [given.study_id])
        row = instructions.locked(session, instruction_id)
        if row.state is not InstructionState.IN_FORCE or row.kind not in _KINDS:
            return False
        if not _is_said(session, instructions.instruction_of(row), now):
            return False
        if row.kind is InstructionKind.STUDY:  # an older one about the same must not count again
            outdo_corrections(session, given, by=_JOB, now=now, before=given.id)
        instructions.end(session, row, InstructionState.AGREED, by=_JOB, now=now, why="the feed says the same")
        return True


def _agreed(session: Session, now: datetime) -> Iterator[int]:
    for given in instructions.in_force(session, now, kinds=_KINDS):
        if _is_said(session, given, now):
            yield given.id


def _is_said(session: Session, given: Instruction, now: datetime) -> bool:
    if given.kind is InstructionKind.STUDY:
        study = reads.study_of(session, given.study_id or 0)
        return study.state is StudyState.OPEN and says_so(study, given.value)
    person = people.reporter(session, given.reporter_id or "").reporter
    if given.kind in OF_PEOPLE:
        modalities = {exam.modality for exam in standing.examinations(session, listed_only=False)}
        return reporter_agrees(person, given, modalities, now.astimezone(LONDON).date())
    rows = people.session_rows(session, person.reporter_id)
    said = [Shift(trust=row.trust, session=people.rostered(row), said_id=row.session_id) for row in rows]
    told = _told_since(session, given, person.home_trust, said)
    return roster_agrees(said, given, person.home_trust, told_since=told, now=now)


def _told_since(session: Session, given: Instruction, home: str, said: list[Shift]) -> bool:
    """Tell whether every roster that a decision touches has come since for all its days, every row of it readable.

    A session that reaches into the first day may stand with the day before, and a trust of whose roster nothing is
    left may have lost it with a row that nobody could read: neither has to come, but if it came it is whole.
    """
    if "start" not in given.value:
        return False
    start, end = span(given)
    first, last = start.astimezone(LONDON).date(), (end - _A_MOMENT).astimezone(LONDON).date()
    came = rosters.came_since(session, given.in_force_at or given.made_at, first - _ONE_DAY, last)
    everywhere = given.kind is InstructionKind.ABSENCE and given.trust == home
    touched = {home, *(shift.trust for shift in said)} if everywhere else {given.trust}
    days = {first + timedelta(days=number) for number in range((last - first).days + 1)}
    are_whole = all(whole for trust in (came if everywhere else touched) for whole in came.get(trust, {}).values())
    return are_whole and all(days <= came.get(trust, {}).keys() for trust in touched)

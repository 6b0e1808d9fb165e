"""What managers decide about people, rosters and studies beside what the feeds say, and how both stand."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Caller, may
from balancer.api.models.instructions import InstructionOut, WhyIn
from balancer.api.models.overrides import (
    AbsenceIn,
    AbsenceOut,
    CorrectionIn,
    EntitlementIn,
    ExtraSessionIn,
    RosterEntryOut,
    RosterWeekOut,
    SessionAwayIn,
    SkillIn,
)
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN
from balancer.api.serving import Code, Day, IdInPath, ReporterInPath, Served, Serving
from balancer.domain.instant import end_of_day
from balancer.domain.instruction import Instruction
from balancer.domain.ledger import week_of
from balancer.domain.permission import Permission
from balancer.domain.study import StudyKey
from balancer.services.correct_study import correct_study
from balancer.services.override_roster import add_session, mark_absent, take_session_away
from balancer.services.override_scope import decide_entitlement, decide_skill
from balancer.services.withdraw_override import withdraw_override
from balancer.store import instructions
from balancer.store.held_rosters import HeldRoster, held_roster

router = APIRouter()
_WRITE = [may(Permission.REPORTERS_WRITE)]
_MAY_FAIL = problems.may_be(problems.NOT_FOUND, problems.CONFLICT)
_DAYS = timedelta(days=6)


def _shown(served: Serving, given: Instruction) -> InstructionOut:
    with served.database.session() as session:
        return InstructionOut.of(given, instructions.studies_of(session, [given]))


@router.get("/roster", tags=["reporters"], dependencies=[may(Permission.REPORTERS_READ)])
def get_roster(
    served: Served,
    week: Annotated[
        Day | None, Query(description="Any day of the week that is asked for; today's if not given.")
    ] = None,
    trust: Code | None = None,
    reporter_id: Code | None = None,
) -> RosterWeekOut:
    """Show a week of the rosters: each session as it is said and as it holds, what was added, who is away."""
    now = served.clock.now()
    monday = week_of(now) if week is None else week - timedelta(days=week.weekday())
    start, end = end_of_day(monday - timedelta(days=1)), end_of_day(monday + _DAYS)
    with served.database.session() as session:
        held = held_roster(session, start, end, now, reporter_id=reporter_id)
    return RosterWeekOut(
        week=monday,
        sessions=[entry for entry in _entries(held) if trust in {None, entry.roster_trust}],
        absences=[
            shown
            for shown in map(AbsenceOut.of, held.absences)
            if shown.start < end and shown.end > start and trust in {None, shown.trust}
        ],
    )


def _entries(held: HeldRoster) -> list[RosterEntryOut]:
    said = [RosterEntryOut.of_row(row, left, decided) for row, left, decided in held.said]
    added = [RosterEntryOut.of_added(shift, shift.instruction_id) for shift in held.added]
    return sorted([*said, *added], key=_in_order)


def _in_order(entry: RosterEntryOut) -> tuple[object, ...]:
    first = entry.said or entry.holds[0]
    return first.start, entry.reporter_id, entry.session_id


@router.post("/reporters/{reporter_id}/absences", tags=["reporters"], responses=_MAY_FAIL, dependencies=_WRITE)
def absent(served: Served, caller: Caller, reporter_id: ReporterInPath, asked: AbsenceIn) -> InstructionOut:
    """Enter that a reporter is away: their home trust for every roster, another trust for its own."""
    now, said = served.clock.now(), asked.decision()
    return _shown(served, mark_absent(served.database, reporter_id, asked.start, asked.end, now, by=caller, said=said))


@router.post("/reporters/{reporter_id}/sessions", tags=["reporters"], responses=_MAY_FAIL, dependencies=_WRITE)
def extra_session(served: Served, caller: Caller, reporter_id: ReporterInPath, asked: ExtraSessionIn) -> InstructionOut:
    """Add a session to a trust's roster, in place of what it says of the same time."""
    now, said = served.clock.now(), asked.decision()
    return _shown(served, add_session(served.database, reporter_id, asked.extra(), now, by=caller, said=said))


@router.post("/reporters/{reporter_id}/sessions/away", tags=["reporters"], responses=_MAY_FAIL, dependencies=_WRITE)
def session_away(served: Served, caller: Caller, reporter_id: ReporterInPath, asked: SessionAwayIn) -> InstructionOut:
    """Take a session away that the trust's roster says."""
    now, said = served.clock.now(), asked.decision()
    return _shown(served, take_session_away(served.database, reporter_id, asked.session_id, now, by=caller, said=said))


@router.post("/reporters/{reporter_id}/entitlements", tags=["reporters"], responses=_MAY_FAIL, dependencies=_WRITE)
def entitlement(served: Served, caller: Caller, reporter_id: ReporterInPath, asked: EntitlementIn) -> InstructionOut:
    """Grant an entitlement at a trust that you manage, or withdraw it, until a day or for good."""
    given = decide_entitlement(
        served.database,
        reporter_id,
        served.clock.now(),
        by=caller,
        said=asked.decision(),
        granted=asked.granted,
        until=asked.until,
    )
    return _shown(served, given)


@router.post("/reporters/{reporter_id}/skills", tags=["reporters"], responses=_MAY_FAIL, dependencies=_WRITE)
def skill(served: Served, caller: Caller, reporter_id: ReporterInPath, asked: SkillIn) -> InstructionOut:
    """Say how well a reporter of your trust knows a subspecialty."""
    given = decide_skill(
        served.database,
        reporter_id,
        asked.subspecialty,
        asked.modality,
        asked.level,
        served.clock.now(),
        by=caller,
        said=asked.decision(),
    )
    return _shown(served, given)


@router.post(
    "/reporters/{reporter_id}/overrides/{instruction_id}/withdraw",
    tags=["reporters"],
    responses=_MAY_FAIL,
    dependencies=_WRITE,
)
def take_decision_back(
    served: Served, caller: Caller, reporter_id: ReporterInPath, instruction_id: IdInPath, asked: WhyIn
) -> InstructionOut:
    """Take a decision about a reporter back: what the feeds say holds again."""
    now, why = served.clock.now(), asked.reason
    return _shown(served, withdraw_override(served.database, reporter_id, instruction_id, now, by=caller, why=why))


@router.delete(
    "/reporters/{reporter_id}/overrides/{instruction_id}",
    tags=["reporters"],
    responses=_MAY_FAIL,
    dependencies=_WRITE,
    deprecated=True,
)
def withdraw(
    served: Served,
    caller: Caller,
    reporter_id: ReporterInPath,
    instruction_id: IdInPath,
    reason: Annotated[
        str, Query(min_length=1, max_length=MOST_CHARACTERS, pattern=PATTERN, description="Why it is taken back.")
    ] = "taken back",
) -> InstructionOut:
    """Take a decision about a reporter back. Addresses end up in logs, of proxies say: use `.../withdraw` instead."""
    now = served.clock.now()
    return _shown(served, withdraw_override(served.database, reporter_id, instruction_id, now, by=caller, why=reason))


@router.post("/studies/correct", tags=["studies"], responses=_MAY_FAIL, dependencies=[may(Permission.READS_STEER)])
def correct(served: Served, caller: Caller, asked: CorrectionIn) -> InstructionOut:
    """Correct what a study's feed says of it. The feed's word is kept, and counts again once this ends."""
    key = StudyKey(asked.trust, asked.accession_number)
    given = correct_study(served.database, key, asked.value(), served.clock.now(), by=caller, said=asked.said())
    return _shown(served, given)

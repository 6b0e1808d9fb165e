"""The page of the list behind every number: all filters stand in the address, none of them names a patient."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN
from balancer.domain.age import Age
from balancer.domain.becoming_late import BecomingLate
from balancer.domain.half_days import HalfDay
from balancer.domain.permission import Permission
from balancer.services.see_proposal import becoming_late
from balancer.services.see_unreported import see_unreported
from balancer.services.what_holds import HeldStudy, what_holds
from balancer.store import people, runs, standing
from balancer.store.blind import away_unsaid
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.store.unreported import Unreported
from balancer.store.which_unreported import Lateness, Standing, UnreportedFilter
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.proposals import proposals_of
from balancer.web.studies_list import Known, choices, heading, nearest, studies_table
from balancer.web.tables import Medium, Table, Viewing

router = APIRouter(include_in_schema=False)
# The furthest that what becomes late is looked at, in hours.
FURTHEST: Final = 72
HERE: Final = "/studies"
PROPOSED: Final = "proposed"
Code = Annotated[str, Field(max_length=MOST_CHARACTERS, pattern=PATTERN)]


class StudiesIn(BaseModel):
    """The filters as an address has them; what is empty is not set."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    priority: Code | None = Field(default=None, alias="class")
    trust: Code | None = None
    subspecialty: Code | None = None
    modality: Code | None = None
    exam: Code | None = None
    reporter: Code | None = None
    reason: Code | None = None
    age: Age | None = None
    late: Lateness | None = None
    within: int | None = Field(default=None, ge=1, le=FURTHEST)
    due: Code | None = None
    state: Standing = Standing.WAITING
    plan: Literal["proposed"] | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_what_is_empty(cls, asked: Any) -> Any:
        return {name: value for name, value in dict(asked).items() if value != ""}

    @property
    def which(self) -> UnreportedFilter:
        """The studies that are meant, by the published plan."""
        return UnreportedFilter(
            standing=self.state,
            trust=self.trust,
            priority=self.priority,
            subspecialty=self.subspecialty,
            modality=self.modality,
            exam=self.exam,
            age=self.age,
            late=self.late,
            within=self.within,
            due=None if self.due is None else HalfDay.named(self.due),
            reason=self.reason,
            reporter_id=self.reporter,
        )


Asked = Annotated[StudiesIn, Query()]


@router.get(HERE, dependencies=[may(Permission.STUDIES_READ)])
def show_studies(desk: AtDesk, view: Viewing, asked: Asked) -> Response:
    """Show the studies that a number counts."""
    with desk.database.session() as session:
        queue = see_unreported(session, desk.now)
        known = known_of(session)
        which, proposed = _meant(desk, session, queue, asked)
        found, total = queue.page(session, which, sort=view.sort or "due", offset=view.offset, limit=view.limit)
        unsaid = away_unsaid(session, desk.reach, [read.row for status in found for read in status.reads])
        known = replace(known, unsaid=unsaid)
        numbers = [status.study.id or 0 for status in found]
        desk.look("study", numbers)
        table = studies_table(
            found,
            _as_counted(what_holds(session, [status.study for status in found], desk.now), queue),
            known,
            view=view,
            total=total,
            filters=choices(which, known, proposed=proposed),
            empty="" if total else nearest(which, _elsewhere(session, queue, which), known),
            now=desk.now,
        )
    return _answer(desk, table, heading(which, total, known, proposed=proposed))


def _as_counted(held: Mapping[int, HeldStudy], queue: Unreported) -> dict[int, HeldStudy]:
    """Return what holds of studies, due when they are counted as due: what verifies a report has its own time."""
    return {number: replace(study, due_at=queue.due_of(number, study.due_at)) for number, study in held.items()}


def _answer(desk: Desk, table: Table, said: str) -> Response:
    if table.view.medium is not Medium.PAGE:
        return download(table, desk.now)
    return desk.page("studies.html", title="Studies", here=HERE, table=table, heading=said)


def _meant(desk: Desk, session: Session, queue: Unreported, asked: StudiesIn) -> tuple[UnreportedFilter, bool]:
    """Return which studies are meant, and whether by the plan that waits; if none does, by the published one."""
    which = asked.which
    held = runs.newest_held(session) if asked.plan == PROPOSED else None
    if held is None or not desk.may(Permission.RUNS_READ):
        return which, False
    proposal = proposals_of(desk.request, desk.request.app.state.serving.database).of(session, held.id or 0)
    late = becoming_late(proposal, queue.waiting_reads(session, which.within or FURTHEST))
    only = _of_reason(late, which.reason)
    return replace(which, only=only, late=None, within=which.within, reason=None), True


def _of_reason(late: Collection[BecomingLate], reason: str | None) -> frozenset[int]:
    return frozenset(study.study_id for study in late if reason is None or reason in study.reasons)


def _elsewhere(session: Session, queue: Unreported, which: UnreportedFilter) -> dict[str, int]:
    """Return how many there would be at each other trust, for whoever finds none at one."""
    if which.trust is None:
        return {}
    codes = [row.code for row in standing.trusts(session, listed_only=False) if row.code != which.trust]
    counted = {code: queue.count(session, replace(which, trust=code)) for code in codes}
    return {code: number for code, number in counted.items() if number}


def known_of(session: Session) -> Known:
    """Return what codes mean in this network, as far as it is within reach."""
    examinations = list(standing.examinations(session))
    return Known(
        policy=current_policy(session),
        trusts={row.code: row.name for row in standing.trusts(session, listed_only=False)},
        reporters=people.names(session),
        exams={row.code: row.name for row in examinations},
        subspecialties=sorted({row.subspecialty for row in examinations}),
    )

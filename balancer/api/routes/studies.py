"""Studies, and the reads that have no place in the current plan."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from balancer.api import problems
from balancer.api.callers import may
from balancer.api.looks import Looking
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN, ListOut, PageOut
from balancer.api.models.studies import Reason, StudyOut, StudySearchIn, UnallocatedOut, UnallocatedReasonOut
from balancer.api.serving import Code, Paging, Served, TrustInPath, page_out
from balancer.domain.permission import Permission
from balancer.domain.states import StudyState
from balancer.domain.study import StudyKey
from balancer.services.what_holds import decided_columns, what_holds
from balancer.store import runs, studies
from balancer.store.blind import away_unsaid
from balancer.store.database import Session
from balancer.store.pages import Page
from balancer.store.scope import reach_of

router = APIRouter()
# What the audit trail calls what is shown here.
_STUDY = "study"


class StudySort(StrEnum):
    """The orders that studies can be had in; `-` means falling."""

    DUE_AT = "due_at"
    DUE_AT_FALLING = "-due_at"
    ACQUIRED_AT = "acquired_at"
    ACQUIRED_AT_FALLING = "-acquired_at"
    LAST_SEEN_AT = "last_seen_at"
    LAST_SEEN_AT_FALLING = "-last_seen_at"
    ACCESSION_NUMBER = "accession_number"
    ACCESSION_NUMBER_FALLING = "-accession_number"


def _filter(  # noqa: PLR0913, PLR0917 - one parameter a filter
    trust: Code | None = None,
    state: Annotated[StudyState, Query(description="Whether it waits for a report.")] = StudyState.OPEN,
    priority: Code | None = None,
    modality: Code | None = None,
    subspecialty: Code | None = None,
    reporter_id: Annotated[
        str | None,
        Query(max_length=MOST_CHARACTERS, pattern=PATTERN, description="A read of it is on this reporter's list."),
    ] = None,
    late: Annotated[
        bool | None, Query(description="Due already, or planned to end after it is due (`true`); neither (`false`).")
    ] = None,
    text: Annotated[
        str | None,
        Query(
            max_length=MOST_CHARACTERS,
            pattern=PATTERN,
            description="Looked for in accession number, the trust's patient number and exam code. Addresses end up in "
            "logs: better sent to `/studies/search`.",
            deprecated=True,
        ),
    ] = None,
) -> studies.StudyFilter:
    return studies.StudyFilter(
        trust=trust,
        state=state,
        priority=priority,
        modality=modality,
        subspecialty=subspecialty,
        reporter_id=reporter_id,
        late=late,
        text=text,
    )


@router.get(
    "/studies",
    tags=["studies"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.STUDIES_READ)],
)
def list_studies(
    served: Served,
    look: Looking,
    which: Annotated[studies.StudyFilter, Depends(_filter)],
    cut: Paging,
    sort: Annotated[StudySort, Query(description="`-` means falling.")] = StudySort.DUE_AT,
) -> PageOut[StudyOut]:
    """List studies, the soonest due first, each with what the current plan says of its reads.

    Shown is what holds, and beside it what the feed has `said` if a person has decided otherwise. Filters and order go
    by what holds, too, as long as a study is open.
    """
    now = served.clock.now()
    with served.database.session() as session:
        held = decided_columns(session, now)
        found = studies.studies(session, which, cut, now=now, sort=sort.value, held=held)
        look(_STUDY, [status.study.id or 0 for status in found.items])
        return _shown(session, found, now)


@router.post(
    "/studies/search",
    tags=["studies"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.STUDIES_READ)],
)
def search_studies(served: Served, look: Looking, which: StudySearchIn, cut: Paging) -> PageOut[StudyOut]:
    """Look for studies by what names them or their patient, the soonest due first; nothing is changed."""
    wanted = studies.StudyFilter(
        trust=which.trust, accession_number=which.accession_number, text=which.text, state=which.state
    )
    with served.database.session() as session:
        held = decided_columns(session, served.clock.now())
        found = studies.studies(session, wanted, cut, now=served.clock.now(), held=held)
        look(_STUDY, [status.study.id or 0 for status in found.items])
        return _shown(session, found, served.clock.now())


def _shown(session: Session, found: Page[studies.StudyStatus], now: datetime) -> PageOut[StudyOut]:
    held = what_holds(session, [status.study for status in found.items], now)
    unsaid = away_unsaid(session, reach_of(session), [read.row for status in found.items for read in status.reads])
    return page_out(found, lambda status: StudyOut.of(status, held[status.study.id or 0], unsaid))


@router.get(
    "/studies/{trust}/{accession_number:path}",
    tags=["studies"],
    deprecated=True,
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.STUDIES_READ)],
)
def get_study(
    served: Served,
    look: Looking,
    trust: TrustInPath,
    accession_number: Annotated[
        str, Path(max_length=MOST_CHARACTERS, pattern=PATTERN, description="As the trust writes it, slashes included.")
    ],
) -> StudyOut:
    """Get one study, whatever its state. Addresses end up in logs, of proxies say: ask `/studies/search` instead."""
    with served.database.session() as session:
        found = studies.study(session, StudyKey(trust, accession_number))
        look(_STUDY, [found.study.id or 0])
        held = what_holds(session, [found.study], served.clock.now())
        unsaid = away_unsaid(session, reach_of(session), [read.row for read in found.reads])
        return StudyOut.of(found, held[found.study.id or 0], unsaid)


@router.get(
    "/unallocated",
    tags=["studies"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.STUDIES_READ)],
)
def list_unallocated(
    served: Served,
    look: Looking,
    cut: Paging,
    reason: Annotated[Reason | None, Query(description="Why there is no place.")] = None,
    trust: Code | None = None,
) -> PageOut[UnallocatedOut]:
    """List the reads that the current plan has no place for, the soonest due first, each with the reason."""
    with served.database.session() as session:
        found = runs.unallocated(session, cut, reason=reason, trust=trust)
        look(_STUDY, [item.study.id or 0 for item in found.items])
        held = what_holds(session, [item.study for item in found.items], served.clock.now())
        return page_out(found, lambda item: UnallocatedOut.of(item, held[item.study.id or 0]))


@router.get("/unallocated/reasons", tags=["studies"], dependencies=[may(Permission.BALANCE_READ)])
def count_unallocated(served: Served) -> ListOut[UnallocatedReasonOut]:
    """Count the reads that the current plan has no place for, by trust and reason."""
    with served.database.session() as session:
        return ListOut(items=[UnallocatedReasonOut.of(counted) for counted in runs.unallocated_by_reason(session)])

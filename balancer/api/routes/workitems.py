"""UPS-RS (PS3.18, chapter 11): reads as workitems of DICOM's worklist service, under ``/dicomweb``.

These routes are described by the standard and by our conformance statement, not by the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Path, Request, Response
from pydicom.dataset import Dataset
from starlette.concurrency import run_in_threadpool

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.dicom import MediaTypeError, dataset_sent, media_type, payload, warned
from balancer.api.looks import Looking
from balancer.api.serving import Served, Serving
from balancer.domain.actor import Reach
from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.domain.permission import Permission
from balancer.publish.ups.elements import text
from balancer.publish.ups.query import query_of
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.uids import is_uid
from balancer.services.cancel_workitem import cancel_workitem
from balancer.services.change_workitem import Acting, change_in, change_workitem
from balancer.services.create_workitem import create_workitem
from balancer.services.search_workitems import search_workitems
from balancer.services.see_workitem import see_workitem
from balancer.services.update_workitem import update_workitem

PREFIX: Final = "/dicomweb"
_STUDY: Final = "study"
router = APIRouter(include_in_schema=False)
_SEE: Final = [may(Permission.ASSIGNMENTS_READ)]
_WORK: Final = [may(Permission.READS_WORK)]
_CREATE: Final = [may(Permission.STUDIES_CREATE)]
_INCONSISTENT: Final = "The submitted request is inconsistent with the state of the UPS Instance."
_INCONSISTENT_UPDATE: Final = "The submitted request is inconsistent with the current state of the Workitem."
# How a status of PS3.4 is told over HTTP: the kind of problem, and the Warning of PS3.18, 11.6 to 11.8.
_TOLD: Final = {
    Status.UNKNOWN: (problems.NOT_FOUND, ""),
    Status.NO_LONGER: (problems.CONFLICT, _INCONSISTENT),
    Status.ALREADY_IN_PROGRESS: (problems.CONFLICT, _INCONSISTENT),
    Status.ONLY_BY_CREATE: (problems.BAD_REQUEST, _INCONSISTENT),
    Status.NOT_FINAL: (problems.CONFLICT, _INCONSISTENT),
    Status.NOT_IN_PROGRESS: (problems.CONFLICT, _INCONSISTENT),
    Status.IS_COMPLETED: (problems.CONFLICT, _INCONSISTENT),
    Status.WILL_NOT_CANCEL: (problems.CONFLICT, _INCONSISTENT),
    Status.WRONG_TRANSACTION: (problems.BAD_REQUEST, "The Transaction UID is incorrect."),
}
_OF_UPDATES: Final = {
    **_TOLD,
    Status.NO_LONGER: (problems.BAD_REQUEST, _INCONSISTENT_UPDATE),
    Status.NOT_IN_PROGRESS: (problems.CONFLICT, "The target URI did not reference a claimed Workitem."),
}
_OF_CREATION: Final = {
    Status.MISSING: problems.BAD_REQUEST,
    Status.NOT_SCHEDULED: problems.BAD_REQUEST,
    Status.DUPLICATE: problems.CONFLICT,
}
_WITH_MODIFICATIONS: Final = "The Workitem was created with modifications."
_MISSING: Final = "The Transaction UID is missing."
_AS_IT_WAS: Final = {
    Status.ALREADY_CANCELED: ("The UPS is already in the requested state of CANCELED.",),
    Status.ALREADY_COMPLETED: ("The UPS is already in the requested state of COMPLETED.",),
    Status.MODIFIED: ("The Workitem was updated with modifications.",),
}
WorkitemInPath = Annotated[str, Path()]  # what is no UID is 400, as the standard has it
Route = Callable[..., Awaitable[Response]]


def in_the_standards_words(route: Route) -> Route:
    """Answer what cannot be read or sent as the standard says: 400, 406, 415; a read's own refusal with a Warning."""

    @wraps(route)
    async def told(request: Request, *args: Any, **given: Any) -> Response:
        try:
            return await route(request, *args, **given)
        except InvalidValueError as error:
            return _refused(request, problems.BAD_REQUEST, str(error))
        except MediaTypeError as error:
            status, what = (406, "sent back") if error.of_answer else (415, "read")
            return _refused(
                request, problems.OTHER, f"only application/dicom+json and +xml can be {what}", status=status
            )
        except ConflictError as error:
            whose = getattr(error, "reporter_id", None)
            kind = problems.CONFLICT if whose is None else problems.CLAIMED
            answer = problems.answer(request.state.request_id, kind, str(error), claimed_by=whose)
            return warned(answer, [_INCONSISTENT])

    return told


def _refused(
    request: Request, kind: problems.Kind, detail: str, warning: str = "", *, status: int | None = None
) -> Response:
    answer = problems.answer(request.state.request_id, kind, detail, status=status)
    return warned(answer, [warning] if warning else [])


def _acting(served: Serving, reach: Reach) -> Acting:
    return lambda reporter_id: served.database.within(reach.acting_for(reporter_id))


@router.get("/workitems", dependencies=_SEE)
@in_the_standards_words
async def search(request: Request, served: Served, look: Looking) -> Response:
    """Search (11.9): what matches, what is due first first; 204 if nothing does or nothing is left."""
    kind = media_type(request)
    given = [(name, value) for name, value in _query(request) if name not in {"accept", "charset"}]
    query = query_of(given)
    page = await run_in_threadpool(search_workitems, served.database, query, served.clock.now())
    look(_STUDY, page.study_ids)
    warnings = []
    if page.remaining:
        warnings.append(f"There are {page.remaining} additional results that can be requested")
    if query.fuzzy:
        warnings.append("The fuzzymatching parameter is not supported. Only literal matching has been performed.")
    if page.lacking:
        warnings.append("Requested optional Attributes are not supported.")
    if not page.items:
        return warned(Response(status_code=204), warnings)
    return payload(page.items, kind, 200, warnings)


@router.post("/workitems", dependencies=_CREATE)
@in_the_standards_words
async def create(request: Request, served: Served, caller: Caller, reach: Reaching) -> Response:
    """Create (11.4): a system makes a study known; its first read's workitem has the UID that is given."""
    dataset = await dataset_sent(request)
    uid = _uid_of_new(request, dataset)
    try:
        made = await run_in_threadpool(
            create_workitem,
            served.database,
            uid,
            dataset,
            served.clock.now(),
            by=caller,
            reach=reach,
            key=served.pseudonym_key,
        )
    except ConflictError as error:  # the study is known: no state of a workitem is at odds, and no Warning says so
        return _refused(request, problems.CONFLICT, str(error))
    status = made.status
    if status.is_failure:
        more = f": {', '.join(made.missing)}" if made.missing else ""
        return _refused(request, _OF_CREATION[status], f"{status.meaning} ({status.code:04X}H){more}")
    answer = Response(status_code=201, headers={"location": f"{PREFIX}/workitems/{uid}"})
    return warned(answer, [_WITH_MODIFICATIONS] if status is Status.MODIFIED else [])


@router.get("/workitems/{workitem}", dependencies=_SEE)
@in_the_standards_words
async def retrieve(request: Request, served: Served, look: Looking, workitem: WorkitemInPath) -> Response:
    """Retrieve (11.5): a workitem whole, but never the Transaction UID that holds it."""
    kind = media_type(request)
    found, study_id = await run_in_threadpool(see_workitem, served.database, uid_in_path(workitem), served.clock.now())
    look(_STUDY, [study_id])
    return payload([found], kind, 200)


@router.post("/workitems/{workitem}", dependencies=_WORK)
@in_the_standards_words
async def update(
    request: Request, served: Served, caller: Caller, reach: Reaching, workitem: WorkitemInPath
) -> Response:
    """Update (11.6): how far its performer is, and what they did; the Transaction UID in the address or the dataset."""
    dataset = await dataset_sent(request)
    transaction = _transaction_in(request) or text(dataset, "TransactionUID")
    status = await run_in_threadpool(
        update_workitem,
        served.database,
        uid_in_path(workitem),
        dataset,
        transaction,
        served.clock.now(),
        by=caller,
        acting=_acting(served, reach),
    )
    return _told(request, status, _OF_UPDATES, "" if transaction else _MISSING)


@router.put("/workitems/{workitem}/state", dependencies=_WORK)
@router.put("/workitems/{workitem}/state/{requester}", dependencies=_WORK)
@in_the_standards_words
async def change_state(
    request: Request, served: Served, caller: Caller, reach: Reaching, workitem: WorkitemInPath
) -> Response:
    """Change state (11.7): IN PROGRESS claims the read, COMPLETED completes it, CANCELED releases it or hands it back.

    Who begins it is said in Actual Human Performers, else it is the reporter who calls; a system must say. Who is said
    to have performed it when it is COMPLETED is compared with them.
    """
    dataset = await dataset_sent(request)
    change = change_in(dataset)
    answer = await run_in_threadpool(
        change_workitem,
        served.database,
        uid_in_path(workitem),
        change,
        served.clock.now(),
        by=caller,
        acting=_acting(served, reach),
    )
    more = f"; missing: {', '.join(answer.missing)}" if answer.missing else ""
    if answer.kept:
        more = "; the step had been taken from its performer, and what they completed is on record"
    return _told(request, answer.status, _TOLD, "" if change.transaction else _MISSING, more)


@router.post("/workitems/{workitem}/cancelrequest", dependencies=_WORK)
@router.post("/workitems/{workitem}/cancelrequest/{requester}", dependencies=_WORK)
@in_the_standards_words
async def request_cancellation(
    request: Request, served: Served, caller: Caller, reach: Reaching, workitem: WorkitemInPath
) -> Response:
    """Request cancellation (11.8): the workitem is cancelled if nobody has begun it; its trust's office is told.

    Until the office has decided, 409 for the one that stands for its read now.

    It is for others than whoever performs the step, who changes its state: what is their own gives nobody leave.
    """
    dataset = await dataset_sent(request, may_be_empty=True)
    database = served.database.within(replace(reach, own=None, on=None, reader=reach.blind_to))
    status = await run_in_threadpool(
        cancel_workitem, database, uid_in_path(workitem), dataset, served.clock.now(), by=caller
    )
    more = "; it has been asked for, and the reporting office is to decide" if status is Status.WILL_NOT_CANCEL else ""
    return _told(request, status, _TOLD, more=more, good=202)


def _told(  # noqa: PLR0913, PLR0917 - what became of it, and the words for it
    request: Request,
    status: Status,
    words: dict[Status, tuple[problems.Kind, str]],
    missing: str = "",
    more: str = "",
    good: int = 200,
) -> Response:
    """Answer with what became of a request."""
    if not status.is_failure:
        return warned(Response(status_code=good), _AS_IT_WAS.get(status, ()))
    kind, warning = words[status]
    if status is Status.WRONG_TRANSACTION and missing:
        warning = missing
    return _refused(request, kind, f"{status.meaning} ({status.code:04X}H){more}", warning)


def uid_in_path(text_in_path: str) -> str:
    """Return a UID; ``InvalidValueError`` if it is none."""
    if not is_uid(text_in_path):
        raise InvalidValueError("workitem", "is not a UID")
    return text_in_path


def _uid_of_new(request: Request, dataset: Dataset) -> str:
    """Return the UID that a workitem is to have: bare or by a name in the address, or in the dataset."""
    named = {value for name, value in _query(request) if name.lower() in {"workitem", "affectedsopinstanceuid"}}
    bare = {name for name, value in _query(request) if not value and is_uid(name)}
    found = (named | bare | {text(dataset, "SOPInstanceUID")}) - {""}
    if len(found) != 1:
        raise InvalidValueError("workitem", "say one UID, in the address or as SOP Instance UID in the dataset")
    return uid_in_path(found.pop())


def _query(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(request.url.query, keep_blank_values=True, errors="strict", max_num_fields=100)
    except ValueError as error:
        raise InvalidValueError("query", "is not encoded as a query is") from error


def _transaction_in(request: Request) -> str:
    """Return the Transaction UID in an address: bare, as the standard has it, or by a name, as clients do."""
    for name, value in _query(request):
        if name.lower() in {"transaction-uid", "transactionuid", "transaction"}:
            return value
        if not value and is_uid(name):
            return name
    return ""

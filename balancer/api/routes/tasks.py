"""FHIR R4 (4.0.1): reads as Tasks and what they point to, under ``/fhir``.

These routes are described by the CapabilityStatement, not by the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from balancer import __version__
from balancer.api import fhir, problems
from balancer.api.callers import Caller, Reaching, anybody, may
from balancer.api.looks import Looking
from balancer.api.serving import Served
from balancer.domain.errors import InvalidValueError, NotFoundError
from balancer.domain.permission import Permission
from balancer.publish.fhir.bundle import searchset
from balancer.publish.fhir.capability import capability_statement
from balancer.publish.fhir.ids import is_id
from balancer.publish.fhir.patch import JSON_PATCH, Patch, fhirpath_patch, json_patch
from balancer.publish.fhir.references import Resource
from balancer.publish.fhir.search import query_of
from balancer.publish.fhir.subset import is_part
from balancer.services.change_task import Wish, change_task
from balancer.services.search_tasks import search_tasks
from balancer.services.see_task import see_order, see_organization, see_practitioner, see_task
from balancer.services.subscribe_tasks import end_subscription, see_subscription, see_subscriptions, subscribe_tasks

router = APIRouter(include_in_schema=False)
_STUDY: Final = "study"
_SEE: Final = [may(Permission.ASSIGNMENTS_READ)]
_WORK: Final = [may(Permission.READS_WORK)]
_FORM: Final = "application/x-www-form-urlencoded"
# What cannot be read at all is 400; what can be, and is no change of a status, is 422.
_OF_REQUEST: Final = frozenset({"body", "query", "If-Match", "patch", "Parameters", "_elements", "_summary"})
_BESIDE: Final = (
    "the read is not this reporter's (any more); that they completed it is on record, and the office is told"
)
_PAST: Final = "the Task has ended, and another stands for its read; that it was completed is on record"
_UNKEPT: Final = {"Cache-Control": "no-store"}
InPath = Annotated[str, Path(max_length=64)]
Route = Callable[..., Awaitable[Response]]


def _in_fhirs_words(route: Route) -> Route:
    """Answer what cannot be read or sent as FHIR says: 400, 406, 415."""

    @wraps(route)
    async def told(request: Request, *args: Any, **given: Any) -> Response:
        try:
            fhir.require_json(request)
            return await route(request, *args, **given)
        except fhir.UnacceptableError as error:
            status, what = (406, "sent back") if error.of_answer else (415, "read")
            detail = f"only JSON can be {what} here"
            return problems.answer(request.state.request_id, problems.OTHER, detail, status=status)
        except InvalidValueError as error:
            if error.field not in _OF_REQUEST:
                raise
            return problems.answer(request.state.request_id, problems.BAD_REQUEST, str(error))

    return told


@router.get("/metadata", dependencies=[anybody()])
@_in_fhirs_words
async def metadata(request: Request) -> Response:
    """Tell what this server does."""
    return fhir.unless_known(request, capability_statement(url=fhir.base_of(request), version=__version__))


@router.get("/Task", dependencies=_SEE)
@_in_fhirs_words
async def search(request: Request, served: Served, look: Looking) -> Response:
    """Search: what matches, in the order asked for; the link to the next page says nothing of anybody."""
    return await _search(request, served, look, fhir.parameters_of(request))


@router.post("/Task/_search", dependencies=_SEE)
@_in_fhirs_words
async def search_by_form(request: Request, served: Served, look: Looking) -> Response:
    """Search by a form, which keeps patients' and accession numbers out of addresses."""
    body = await request.body()
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise fhir.UnacceptableError(of_answer=False)
    return await _search(request, served, look, fhir.parameters_of(request, body))


async def _search(request: Request, served: Served, look: Looking, given: list[tuple[str, str]]) -> Response:
    pages, lenient = fhir.Pages(served.pseudonym_key), fhir.is_lenient(request)
    after: fhir.Place = ()
    try:
        sealed = [value for name, value in given if name == fhir.PAGE]
        if sealed:
            given, after = pages.opened(sealed[0])
        query = query_of(given, lenient=lenient)
    except InvalidValueError as error:
        return problems.answer(request.state.request_id, problems.BAD_REQUEST, str(error))
    page = await run_in_threadpool(search_tasks, served.database, query, served.clock.now(), after=after)
    look(_STUDY, page.study_ids)
    base = fhir.base_of(request)
    links = {"self": pages.self_link(base, query.used, after)}
    if page.last is not None:
        links["next"] = pages.link(base, query.used, page.last)
    bundle = searchset(_with_urls(base, page.items), _with_urls(base, page.included), total=page.total, links=links)
    return fhir.answered(bundle, headers={"Cache-Control": "no-store"})


def _with_urls(base: str, resources: list[Resource]) -> list[tuple[str, Resource]]:
    return [(f"{base}/{item['resourceType']}/{item['id']}", item) for item in resources]


@router.get("/Task/{task}", dependencies=_SEE)
@_in_fhirs_words
async def read(request: Request, served: Served, look: Looking, task: InPath) -> Response:
    """Read a Task; 304 if the client has this version."""
    found, study_id = await run_in_threadpool(see_task, served.database, task, served.clock.now())
    look(_STUDY, [study_id])
    return fhir.unless_known(request, fhir.as_wanted(request, found))


@router.get("/Task/{task}/_history/{version}", dependencies=_SEE)
@_in_fhirs_words
async def read_version(request: Request, served: Served, look: Looking, task: InPath, version: InPath) -> Response:
    """Read a version of a Task: the current one, for no other is kept."""
    found, study_id = await run_in_threadpool(see_task, served.database, task, served.clock.now())
    if found["meta"]["versionId"] != version:
        raise NotFoundError("there is no such version: only the current one is kept")
    look(_STUDY, [study_id])
    return fhir.unless_known(request, found)


@router.get("/ServiceRequest/{order}", dependencies=_SEE)
@_in_fhirs_words
async def read_order(request: Request, served: Served, look: Looking, order: InPath) -> Response:
    """Read what was ordered."""
    found, study_id = await run_in_threadpool(see_order, served.database, order, "ServiceRequest")
    look(_STUDY, [study_id])
    return fhir.unless_known(request, found)


@router.get("/ImagingStudy/{order}", dependencies=_SEE)
@_in_fhirs_words
async def read_images(request: Request, served: Served, look: Looking, order: InPath) -> Response:
    """Read what was imaged."""
    found, study_id = await run_in_threadpool(see_order, served.database, order, "ImagingStudy")
    look(_STUDY, [study_id])
    return fhir.unless_known(request, found)


@router.get("/Practitioner/{reporter_id}", dependencies=_SEE)
@_in_fhirs_words
async def read_practitioner(request: Request, served: Served, reporter_id: InPath) -> Response:
    """Read who reports."""
    _require_id(reporter_id, "Practitioner")
    return fhir.unless_known(request, await run_in_threadpool(see_practitioner, served.database, reporter_id))


@router.get("/Organization/{trust}", dependencies=_SEE)
@_in_fhirs_words
async def read_organization(request: Request, served: Served, trust: InPath) -> Response:
    """Read which trust it is."""
    _require_id(trust, "Organization")
    return fhir.unless_known(request, await run_in_threadpool(see_organization, served.database, trust))


def _require_id(text: str, kind: str) -> None:
    if not is_id(text):
        raise NotFoundError(f"there is no such {kind}")


@router.put("/Task/{task}", dependencies=_WORK)
@_in_fhirs_words
async def update(request: Request, served: Served, caller: Caller, reach: Reaching, task: InPath) -> Response:
    """Change a Task's status, sent whole; nothing else of it may differ. Its owner is who does it."""
    sent, _ = await fhir.resource_sent(request)

    def edit(_: Resource) -> Resource:  # looked at once the Task is there: what is out of reach is not found
        if not isinstance(sent, dict) or sent.get("resourceType") != "Task" or sent.get("id") != task:
            raise InvalidValueError("body", "is not the Task of this id")
        if is_part(sent):
            raise InvalidValueError("Task.meta.tag", "says that this is part of a Task only: send it whole, or a patch")
        return sent

    return await _change(request, served, caller, reach, task, Patch(edit=edit, names_owner=True, is_whole=True))


@router.patch("/Task/{task}", dependencies=_WORK)
@_in_fhirs_words
async def patch(request: Request, served: Served, caller: Caller, reach: Reaching, task: InPath) -> Response:
    """Change a Task's status by JSON Patch or FHIRPath Patch; it says who, if that is not who asks."""
    sent, kind = await fhir.resource_sent(request, JSON_PATCH)
    if kind == JSON_PATCH:
        return await _change(request, served, caller, reach, task, json_patch(sent))
    if not isinstance(sent, dict) or sent.get("resourceType") != "Parameters":
        return problems.answer(request.state.request_id, problems.BAD_REQUEST, "the body is no Parameters")
    return await _change(request, served, caller, reach, task, fhirpath_patch(sent))


async def _change(  # noqa: PLR0913, PLR0917 - what of which, on whose word
    request: Request, served: Served, caller: Caller, reach: Reaching, task: str, asked: Patch
) -> Response:
    answer = await run_in_threadpool(
        change_task,
        served.database,
        task,
        Wish(
            edit=asked.edit,
            names_owner=asked.names_owner,
            is_whole=asked.is_whole,
            versions=fhir.versions_named(request),
        ),
        served.clock.now(),
        by=caller,
        acting=lambda reporter_id: served.database.within(reach.acting_for(reporter_id)),
    )
    if answer.kept:
        return problems.answer(request.state.request_id, problems.CONFLICT, _PAST if answer.is_past else _BESIDE)
    return fhir.answered(answer.task)


@router.post("/Subscription", dependencies=_SEE)
@_in_fhirs_words
async def subscribe(request: Request, served: Served, caller: Caller) -> Response:
    """Subscribe to Tasks by a rest-hook; the answer has the secret by which what is told is signed."""
    sent, _ = await fhir.resource_sent(request)
    if not isinstance(sent, dict) or sent.get("resourceType") != "Subscription":
        return problems.answer(request.state.request_id, problems.BAD_REQUEST, "the body is no Subscription")
    made = await run_in_threadpool(
        subscribe_tasks,
        served.database,
        sent,
        served.clock.now(),
        by=caller,
        origins=served.hooks,
        key=served.pseudonym_key,
    )
    return fhir.answered(made, 201, {"Location": f"{fhir.base_of(request)}/Subscription/{made['id']}", **_UNKEPT})


@router.get("/Subscription", dependencies=_SEE)
@_in_fhirs_words
async def list_subscriptions(request: Request, served: Served, caller: Caller) -> Response:
    """Return the caller's own subscriptions."""
    now, key, origins = served.clock.now(), served.pseudonym_key, served.hooks
    found = await run_in_threadpool(see_subscriptions, served.database, now, by=caller, origins=origins, key=key)
    base = fhir.base_of(request)
    links = {"self": f"{base}/Subscription"}
    return fhir.answered(searchset(_with_urls(base, found), [], total=len(found), links=links), headers=_UNKEPT)


@router.get("/Subscription/{subscription}", dependencies=_SEE)
@_in_fhirs_words
async def read_subscription(request: Request, served: Served, caller: Caller, subscription: InPath) -> Response:  # noqa: ARG001
    """Read a subscription of the caller's own, and whether its endpoint is reached."""
    number, now = _number(subscription), served.clock.now()
    found = await run_in_threadpool(
        see_subscription, served.database, number, now, by=caller, origins=served.hooks, key=served.pseudonym_key
    )
    return fhir.answered(found, headers=_UNKEPT)


@router.delete("/Subscription/{subscription}", dependencies=_SEE)
@_in_fhirs_words
async def unsubscribe(request: Request, served: Served, caller: Caller, subscription: InPath) -> Response:  # noqa: ARG001
    """End a subscription of the caller's own."""
    now = served.clock.now()
    await run_in_threadpool(end_subscription, served.database, _number(subscription), now, by=caller)
    return Response(status_code=204)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise NotFoundError("there is no such Subscription")
    return int(text)

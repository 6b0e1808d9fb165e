"""Retrieve Capabilities (PS3.18, 8.9): what there is under ``/dicomweb``, read off the routes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse

from balancer import __version__
from balancer.api.callers import may
from balancer.api.dicom import JSON, XML
from balancer.api.routes import subscriptions, workitems
from balancer.domain.permission import Permission

router = APIRouter(include_in_schema=False)
_SEE: Final = [may(Permission.ASSIGNMENTS_READ)]
_WADL: Final = "application/vnd.sun.wadl+xml"
_NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"
_SAFE: Final = "GET"


def transactions() -> Iterator[tuple[str, str, str]]:
    """Yield every transaction there is: its path below the service's root, its method, and what it is in a line."""
    for route in (*workitems.router.routes, *subscriptions.router.routes):
        if isinstance(route, APIRoute):
            about = (route.endpoint.__doc__ or "").splitlines()[0]
            yield from ((route.path, method, about) for method in sorted(route.methods or ()))


@router.options("/", dependencies=_SEE)
async def capabilities(request: Request) -> Response:
    """Tell what there is, as WADL, or as JSON if that alone is accepted; the methods are in Allow too."""
    found = list(transactions())
    allow = {"Allow": ", ".join(sorted({"OPTIONS", *(method for _, method, _ in found)}))}
    wanted = request.headers.get("accept", "*/*").lower()
    if "json" in wanted and "wadl" not in wanted:
        return JSONResponse(_as_json(found), headers=allow)
    base = f"{request.url.scheme}://{request.url.netloc}{workitems.PREFIX}/"
    return Response(_as_wadl(base, found), media_type=_WADL, headers=allow)


def _as_json(found: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    resources: dict[str, list[dict[str, str]]] = {}
    for path, method, about in found:
        resources.setdefault(path, []).append({"method": method, "transaction": about})
    return {
        "service": "balancer",
        "version": __version__,
        "mediaTypes": [JSON, f'multipart/related; type="{XML}"'],
        "eventReports": subscriptions.EVENTS_PATH,
        "resources": [{"path": path, "methods": methods} for path, methods in resources.items()],
    }


def _as_wadl(base: str, found: Iterable[tuple[str, str, str]]) -> bytes:
    """Return the description in WADL (W3C submission of 2009-08-31), each path under the base."""
    root = ET.Element("application", xmlns=_NAMESPACE)
    resources = ET.SubElement(root, "resources", base=base)
    for path, method, about in found:
        resource = ET.SubElement(resources, "resource", path=path.removeprefix("/"))
        described = ET.SubElement(resource, "method", name=method)
        ET.SubElement(described, "doc", title=about)
        holder = "response" if method == _SAFE else "request"
        part = ET.SubElement(described, holder)
        for kind in (JSON, XML):
            ET.SubElement(part, "representation", mediaType=kind)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))

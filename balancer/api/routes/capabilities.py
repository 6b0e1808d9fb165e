"""Retrieve Capabilities (PS3.18, 8.9): what there is under ``/dicomweb``, read off the routes themselves.

It is told of the service's root and of each resource there is, with a slash at the end or without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree import ElementTree as ET

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse

from balancer.api.callers import may
from balancer.api.dicom import JSON, XML
from balancer.api.routes import subscriptions, workitems
from balancer.domain.permission import Permission

router = APIRouter(include_in_schema=False)
_SEE: Final = [may(Permission.ASSIGNMENTS_READ)]
_WADL: Final = "application/vnd.sun.wadl+xml"
_NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"
_SAFE: Final = "GET"
_EVENTS: Final = (subscriptions.EVENTS_PATH, _SAFE, "Open the channel for event reports, as a WebSocket.")
# Elements of which WADL has as many as there are (PS3.18, G.2): arrays in JSON, even of one.
_REPEATED: Final = frozenset({"resource", "method", "response", "representation", "doc"})


@dataclass(slots=True)
class _Resource:
    """A resource: what is done with it, and what there is below it, by the next part of the path."""

    methods: dict[str, str] = field(default_factory=dict)
    below: dict[str, _Resource] = field(default_factory=dict)

    def at(self, path: str) -> _Resource:
        """Return the resource at a path below this one; one that is not there yet is made."""
        found = self
        for part in filter(None, path.split("/")):
            found = found.below.setdefault(part, _Resource())
        return found


def transactions() -> Iterator[tuple[str, str, str]]:
    """Yield every transaction there is: its path below the service's root, its method, and what it is in a line."""
    for route in (*workitems.router.routes, *subscriptions.router.routes):
        if isinstance(route, APIRoute):
            about = (route.endpoint.__doc__ or "").splitlines()[0]
            yield from ((route.path, method, about) for method in sorted(route.methods or ()))
    yield _EVENTS


def _root() -> _Resource:
    made = _Resource()
    for path, method, about in transactions():
        made.at(path).methods[method] = about
    return made


_ROOT: Final = _root()


def _paths(resource: _Resource, path: str = "") -> Iterator[str]:
    """Yield the path of a resource and of every one below it."""
    yield path
    for part, each in resource.below.items():
        yield from _paths(each, f"{path}/{part}")


def _told_at(path: str) -> Callable[[Request], Awaitable[Response]]:
    resource = _ROOT.at(path)
    allow = {"Allow": ", ".join(sorted({"OPTIONS", *resource.methods}))}

    async def capabilities(request: Request) -> Response:
        """Tell what there is at a resource and below it, as WADL, or as JSON if that alone is accepted."""
        wanted = (request.query_params.get("accept") or request.headers.get("accept", "*/*")).lower()
        base = f"{request.url.scheme}://{request.url.netloc}{workitems.PREFIX}/"
        described = _described(base, path.strip("/"), resource)
        if "json" in wanted and "wadl" not in wanted:
            return JSONResponse({"application": _as_json(described)}, headers=allow)
        described.set("xmlns", _NAMESPACE)
        content = bytes(ET.tostring(described, encoding="utf-8", xml_declaration=True))
        return Response(content, media_type=_WADL, headers=allow)

    return capabilities


for _path in _paths(_ROOT):
    for _spelling in (_path, f"{_path}/"):
        router.add_api_route(_spelling, _told_at(_path), methods=["OPTIONS"], dependencies=_SEE)


def _described(base: str, path: str, resource: _Resource) -> ET.Element:
    """Return the description in WADL (W3C submission of 2009-08-31; PS3.18, H): the resource, and what is below it."""
    application = ET.Element("application")
    resources = ET.SubElement(application, "resources", base=base)
    of = {path: resource} if path else resource.below
    for name, each in of.items():
        _describe(resources, name, each)
    return application


def _describe(parent: ET.Element, path: str, resource: _Resource) -> None:
    element = ET.SubElement(parent, "resource", path=path)
    for name, about in resource.methods.items():
        method = ET.SubElement(element, "method", name=name)
        ET.SubElement(method, "doc", title=about)
        part = ET.SubElement(method, "response" if name == _SAFE else "request")
        for kind in (JSON, XML):
            ET.SubElement(part, "representation", mediaType=kind)
    for name, each in resource.below.items():
        _describe(element, name, each)


def _as_json(element: ET.Element) -> dict[str, Any]:
    """Return an element as PS3.18, G has it in JSON."""
    made: dict[str, Any] = {f"@{name}": value for name, value in element.items()}
    for name, children in _grouped(element).items():
        told = [_as_json(child) for child in children]
        made[name] = told if name in _REPEATED else told[0]
    return made


def _grouped(elements: Iterable[ET.Element]) -> dict[str, list[ET.Element]]:
    found: dict[str, list[ET.Element]] = {}
    for element in elements:
        found.setdefault(element.tag, []).append(element)
    return found

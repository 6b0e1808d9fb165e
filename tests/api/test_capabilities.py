"""Capabilities (PS3.18, 8.9): what is told to be there is there, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fastapi.routing import iter_route_contexts

from balancer.domain.actor import system
from balancer.domain.permission import Permission
from balancer.store.database import Database
from tests.access.doors import Known
from tests.api.service import Service, problem

PACS = system("pacs", "PACS", [Permission.ASSIGNMENTS_READ], ["RVV"])
NAMESPACE = "{http://wadl.dev.java.net/2009/02}"
EVENTS = ("subscribers/{aet}", "GET")  # a WebSocket
RESOURCES = (
    *("", "/workitems", "/workitems/1.2", "/workitems/1.2/state", "/workitems/1.2/cancelrequest"),
    *("/workitems/1.2/subscribers", "/workitems/1.2/subscribers/X", "/workitems/1.2/subscribers/X/suspend"),
    "/subscribers/X",
)


@pytest.fixture
def service(sqlite_db: Database) -> Service:
    """Return the service as a PACS calls it."""
    return Service(sqlite_db, door=Known(PACS))


def there(service: Service) -> set[tuple[str, str]]:
    """Return every path and method under the service's root, by the application's own routes."""
    routes = [route for route in iter_route_contexts(service.app.routes) if str(route.path).startswith("/dicomweb/")]
    every = {(str(route.path).removeprefix("/dicomweb/"), method) for route in routes for method in route.methods or ()}
    return {(path, method) for path, method in every if path and method not in {"HEAD", "OPTIONS"}} | {EVENTS}


def in_json(parent: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what JSON says there is: path and method."""
    for resource in parent.get("resource", ()):
        here = f"{path}/{resource['@path']}".strip("/")
        yield from ((here, method["@name"]) for method in resource.get("method", ()))
        yield from in_json(resource, here)


def in_wadl(parent: ET.Element, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield what WADL says there is: path and method."""
    for resource in parent.iterfind(f"{NAMESPACE}resource"):
        here = f"{path}/{resource.get('path')}".strip("/")
        yield from ((here, str(method.get("name"))) for method in resource.iterfind(f"{NAMESPACE}method"))
        yield from in_wadl(resource, here)


def wadl(service: Service, path: str) -> ET.Element:
    """Return the resources that WADL tells of at a path."""
    answer = service.client.options(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/vnd.sun.wadl+xml")
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    (resources,) = root
    assert (root.tag, resources.tag) == (f"{NAMESPACE}application", f"{NAMESPACE}resources")
    assert resources.get("base") == "http://testserver/dicomweb/"
    return resources


@pytest.mark.parametrize("path", ["/dicomweb", "/dicomweb/"])
def test_the_root_tells_what_there_is(service: Service, path: str) -> None:
    """Every transaction and no other; with a slash and without, and nobody is sent elsewhere."""
    told = list(in_wadl(wadl(service, path)))
    assert set(told) == there(service)
    assert len(set(told)) == len(told)


def test_json_tells_the_same(service: Service) -> None:
    """As annex G has it: attributes with @, what may be repeated in arrays; what each is in a line."""
    answer = service.client.options("/dicomweb/", headers={"accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    resources = answer.json()["application"]["resources"]
    assert resources["@base"] == "http://testserver/dicomweb/"
    assert set(in_json(resources)) == there(service)
    (search,) = (each for each in resources["resource"][0]["method"] if each["@name"] == "GET")
    assert search["doc"][0]["@title"]
    assert search["response"][0]["representation"][0] == {"@mediaType": "application/dicom+json"}
    assert service.client.options("/dicomweb?accept=application/json").json() == answer.json()


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", RESOURCES)
def test_each_resource_tells_of_itself_and_what_is_below(service: Service, path: str, slash: str) -> None:
    """And in Allow what may be done with it."""
    answer = service.client.options(f"/dicomweb{path}{slash}")
    template = path.strip("/").replace("1.2", "{workitem}").replace("/X", "/{aet}")
    told = set(in_wadl(wadl(service, f"/dicomweb{path}{slash}")))
    assert told == {(one, how) for one, how in there(service) if f"{one}/".startswith(f"{template}/".lstrip("/"))}
    own = {method for one, method in told if one == template}
    assert answer.headers["allow"] == ", ".join(sorted({"OPTIONS", *own}))


def test_the_root_cannot_be_read(service: Service) -> None:
    """It is neither sent on nor found to be nothing: 405 says what it is good for."""
    answer = service.client.get("/dicomweb", follow_redirects=False)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "OPTIONS"


def test_what_is_not_there_tells_nothing(service: Service) -> None:
    """A resource that there is not."""
    problem(service.client.options("/dicomweb/studies"), 404, "not-found")


def test_nobody_is_told_who_does_not_say_who_they_are(sqlite_db: Database) -> None:
    """As of any other transaction."""
    for path in ("/dicomweb", "/dicomweb/", "/dicomweb/workitems"):
        problem(Service(sqlite_db, door=Known(None)).client.options(path), 401, "sign-in-needed")

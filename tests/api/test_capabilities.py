"""Capabilities (PS3.18, 8.9): what is told to be there is there, and nothing else."""

from __future__ import annotations

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


@pytest.fixture
def service(sqlite_db: Database) -> Service:
    """Return the service as a PACS calls it."""
    return Service(sqlite_db, door=Known(PACS))


def there(service: Service) -> set[tuple[str, str]]:
    """Return every path and method under the service's root, by the application's own routes."""
    routes = [route for route in iter_route_contexts(service.app.routes) if str(route.path).startswith("/dicomweb/")]
    every = {(str(route.path).removeprefix("/dicomweb/"), method) for route in routes for method in route.methods or ()}
    return {(path, method) for path, method in every if path and method not in {"HEAD", "OPTIONS"}}


def test_json_tells_what_there_is(service: Service) -> None:
    """Every transaction with its method, the forms, and where events are told."""
    answer = service.client.options("/dicomweb/", headers={"accept": "application/json"})
    assert answer.status_code == 200
    found = answer.json()
    told = {(each["path"].removeprefix("/"), how["method"]) for each in found["resources"] for how in each["methods"]}
    assert told == there(service)
    assert all(how["transaction"] for each in found["resources"] for how in each["methods"])
    assert found["mediaTypes"][0] == "application/dicom+json"
    assert found["eventReports"] == "/subscribers/{aet}"
    assert answer.headers["allow"] == "DELETE, GET, OPTIONS, POST, PUT"


def test_wadl_tells_the_same(service: Service) -> None:
    """What the standard has unless something else is asked for."""
    answer = service.client.options("/dicomweb/")
    assert answer.headers["content-type"].startswith("application/vnd.sun.wadl+xml")
    root = ET.fromstring(answer.content)  # noqa: S314 - our own
    resources = root.find(f"{NAMESPACE}resources")
    assert resources is not None
    assert resources.get("base") == "http://testserver/dicomweb/"
    told = {
        (resource.get("path"), method.get("name"))
        for resource in resources.iter(f"{NAMESPACE}resource")
        for method in resource.iter(f"{NAMESPACE}method")
    }
    assert told == there(service)


def test_nobody_is_told_who_does_not_say_who_they_are(sqlite_db: Database) -> None:
    """As of any other transaction."""
    problem(Service(sqlite_db, door=Known(None)).client.options("/dicomweb/"), 401, "sign-in-needed")

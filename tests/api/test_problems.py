"""Whatever goes wrong is answered as a problem, and says nothing that it should not."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from balancer.api import guard, problems
from balancer.domain.errors import ConflictError, Fault, InputRefusedError, InvalidValueError, NotFoundError
from balancer.store.database import Database, StoreBusyError
from balancer.telemetry import without_what_exceptions_say
from tests.api.service import Service, problem


@pytest.fixture
def service(sqlite_db: Database) -> Service:
    """Return a service on one kind of database: what is tested here is the same on each."""
    return Service(sqlite_db)


def test_an_unknown_address_is_not_found(service: Service) -> None:
    """The framework's own refusals are problems too."""
    problem(service.get("/nothing-of-the-kind"), 404, "not-found")
    problem(service.client.get("/elsewhere"), 404, "not-found")


def test_whatever_takes_a_body_says_that_it_may_be_too_large(service: Service) -> None:
    """A client that is made from the document knows the answer."""
    operations = [each for item in service.app.openapi()["paths"].values() for each in item.values()]
    with_body = [each for each in operations if "requestBody" in each]
    assert with_body
    assert [each["operationId"] for each in with_body if "413" not in each["responses"]] == []


def test_a_method_that_is_not_there_says_which_are(service: Service) -> None:
    """Allow lists all of them, not only those of the handler that was tried."""
    answer = service.client.delete("/api/v1/runs")
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, POST"


def test_every_invalid_parameter_is_named(service: Service) -> None:
    """All faults at once, each by its name."""
    found = problem(service.get("/studies", limit=0, sort="beauty"), 422, "invalid-value")
    assert sorted(fault["parameter"] for fault in found["errors"]) == ["limit", "sort"]


def test_a_field_of_the_body_is_named_by_pointer(service: Service) -> None:
    """RFC 6901, with its escapes."""
    found = problem(service.post("/batches/1/release", {"a/b~c": 1}), 422, "invalid-value")
    assert sorted(fault["pointer"] for fault in found["errors"]) == ["#/a~1b~0c", "#/decided_by"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"reason": "\xc3"}'])
def test_a_body_that_is_not_json_is_a_bad_request(service: Service, body: bytes) -> None:
    """Cut off, of another encoding, broken inside."""
    answer = service.client.post("/api/v1/runs", content=body, headers={"Content-Type": "application/json"})
    problem(answer, 400, "bad-request")


def test_a_value_is_never_repeated(service: Service) -> None:
    """What was sent may be a patient's number."""
    assert "9991234567" not in service.get("/studies", limit="9991234567").text


def _raising(service: Service, error: Exception) -> TestClient:
    def fail() -> None:
        raise error

    service.app.add_api_route("/fail", fail)
    return service.client


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (NotFoundError("there is no batch 7"), 404, "not-found"),
        (ConflictError("batch 7 is not held"), 409, "conflict"),
        (InvalidValueError("limit", "is too small"), 422, "invalid-value"),
        (InputRefusedError([Fault(file="exams.csv", line=3, reason="is wrong")]), 409, "network-refused"),
        (StoreBusyError("SELECT name FROM patients", {}, Exception("Smith")), 503, "database-does-not-answer"),
        (RuntimeError("SELECT * FROM patients WHERE name = 'Smith'"), 500, "internal-error"),
    ],
)
def test_each_error_of_the_domain_has_its_status(service: Service, error: Exception, status: int, kind: str) -> None:
    """From one table; what we did not raise on purpose is a failure of ours."""
    problem(_raising(service, error).get("/fail"), status, kind)


def test_a_failure_tells_the_caller_nothing_of_its_cause(service: Service) -> None:
    """Neither a trace nor what the library said; the log line is found by the request's id."""
    answer = _raising(service, RuntimeError("patient Smith")).get("/fail")
    assert "Smith" not in answer.text
    assert "Traceback" not in answer.text


def test_every_kind_of_problem_is_described_where_its_type_leads(service: Service) -> None:
    """The type of a problem is an address of this service."""
    page = service.client.get("/problems").text
    for kind in problems.KINDS:
        assert kind.type == f"/problems#{kind.name}"
        assert f'id="{kind.name}"' in page


def test_every_answer_carries_the_security_headers(service: Service) -> None:
    """Answers, problems, pages and files alike."""
    for address in ("/about", "/docs", "/static/try.js", "/api/v1/feeds", "/api/v1/nothing", "/api/v1/openapi.json"):
        headers = service.client.get(address).headers
        assert {name: headers[name] for name in guard.SECURITY_HEADERS} == guard.SECURITY_HEADERS


def test_a_page_of_another_site_can_change_nothing(service: Service) -> None:
    """A form that a browser sends from elsewhere is refused, one from here and a program's request are not."""
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        problem(service.post("/runs", **headers), 403, "from-elsewhere")
    assert service.post("/runs", Origin="http://testserver").status_code == 202
    assert service.post("/runs").status_code == 202


def test_on_this_machine_only_its_own_names_are_answered(sqlite_db: Database) -> None:
    """A name of the internet that has been pointed at this machine is none of them."""
    local = Service(sqlite_db, hosts=("127.0.0.1", "localhost", "::1"))
    for host, status in (("127.0.0.1:8000", 200), ("localhost", 200), ("[::1]:80", 200), ("evil.example", 400)):
        assert local.client.get("/api/v1/health/live", headers={"Host": host}).status_code == status


@pytest.mark.parametrize("headers", [{"Content-Length": "70000"}, {"Content-Length": "many"}])
def test_a_huge_body_is_refused_before_it_is_read(service: Service, headers: dict[str, str]) -> None:
    """Nobody needs more than a few hundred bytes to ask for anything here."""
    problem(service.client.post("/api/v1/runs", content=b"{}", headers=headers), 413, "too-large")


def test_the_log_of_a_request_has_its_template_and_nothing_that_was_asked_for(service: Service) -> None:
    """Accession numbers and searches for patients stay out of it."""
    with capture_logs() as lines:
        service.get("/studies/RVV/ACC12345", text="9991234567")
        service.get("/studies", text="9991234567")
        service.client.get("/studies/ACC12345")
        service.client.get("/nowhere/ACC12345")
    api = ["/studies/{trust}/{accession_number}", "/studies"]
    assert [line["route"] for line in lines] == [*api, "/studies/{study_id}", "unmatched"]
    assert "ACC12345" not in str(lines)
    assert "9991234567" not in str(lines)


def test_the_log_of_a_failure_has_its_type_and_place_and_not_its_words(service: Service) -> None:
    """What a library says of its failure may quote a patient."""
    with capture_logs(processors=[without_what_exceptions_say]) as lines:
        _raising(service, RuntimeError("patient Smith")).get("/fail")
    failed = next(line for line in lines if line["event"] == "request.failed")
    assert failed["error"] == "RuntimeError"
    assert failed["where"][-1].startswith("balancer/api/once.py:")
    assert "Smith" not in str(lines)

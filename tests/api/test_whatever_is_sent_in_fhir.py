"""FHIR over HTTP: bodies that are no JSON or far too much of it, paths of patches, headers of any kind."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from balancer.domain.life import ReadState
from balancer.store.database import Database
from tests.api.test_tasks import FHIR, JSON_PATCH, JSONS, Pacs
from tests.networks import standing

ASCII = st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=30)
TAGS = st.sampled_from(["*", '""', 'W/"', '"x", W/"y"', "W/" * 50, ",", '"' * 9]) | ASCII
HEADERS = st.dictionaries(
    st.sampled_from(["if-match", "if-none-match", "if-modified-since", "if-none-exist", "accept", "prefer", "range"]),
    TAGS | st.sampled_from(["application/fhir+xml", "handling=lenient", "return=minimal", "*/*;q=x", "bytes=0-"]),
    max_size=3,
)
KINDS = st.sampled_from(
    [FHIR, JSON_PATCH, "application/json", "application/x-www-form-urlencoded", "text/html", "x", ""]
)
PATHS = st.sampled_from(["/status", "/owner/reference", "/input/-", "/input/99", "/~2", "//", "", "/" * 99]) | ASCII
PATCHES = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "replace", "remove", "test", "move", "x"]), "path": PATHS},
        optional={"value": JSONS, "from": PATHS},
    ),
    max_size=3,
).map(lambda operations: json.dumps(operations).encode())
BODIES = st.one_of(
    st.binary(max_size=60),
    PATCHES,
    st.sampled_from(
        [
            b"[" * 50_000,
            b'{"resourceType":"Task","a":' * 5_000,
            b'{"resourceType":"Task","status":"ready","status":"completed"}',
            b'{"resourceType":"Task","id":' + b"9" * 5_000 + b"}",
            b'{"resourceType":"Task","status":1e999}',
            b'{"resourceType":"Task","status":NaN}',
            b'{"resourceType":"Task","status":"\\ud800"}',
            b'{"resourceType":"Subscription","criteria":"Task?' + b"status=ready&" * 500 + b'"}',
            b'{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"path"}]}]}',
            "\ufeff{}".encode("utf-16"),
            b"status=ready&status%3Anot=%FF&_count=99999999999999999999",
            b"&".join([b"_id=x"] * 3_000),
        ]
    ),
)


@pytest.fixture
def pacs(allocated_copy: Database) -> Pacs:
    """Return a PACS on a small network."""
    return Pacs(allocated_copy)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, kind=KINDS, headers=HEADERS, query=ASCII)
def test_whatever_is_sent_is_a_resource_or_an_outcome(
    pacs: Pacs,
    body: bytes,
    kind: str,
    headers: dict[str, str],
    query: str,
) -> None:
    """Nothing is 500, all that has a body is FHIR's, and nobody's read has been done."""
    address = f"/fhir/Task/{pacs.task('A1')['id']}"
    for method, path in (
        ("GET", address),
        ("PUT", address),
        ("PATCH", address),
        ("POST", "/fhir/Task/_search"),
        ("POST", "/fhir/Subscription"),
        ("GET", "/fhir/Task"),
    ):
        sent = {"content-type": kind, **headers}
        answer = pacs.client.request(method, path, content=body, headers=sent, params=query)
        assert answer.status_code < 500, answer.text
        if answer.content:
            found = answer.json()["resourceType"]
            assert found in {"Task", "Bundle", "Subscription", "OperationOutcome"}, found
            assert (found == "OperationOutcome") is (answer.status_code >= 400)
    assert standing(pacs.db, "A1")[0] is not ReadState.DONE

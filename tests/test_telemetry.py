"""Logs are events in one format, and try as one may, no patient gets into them."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import structlog

from balancer import telemetry
from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import require_aware

NUMBER = "999 123 4567"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()
    telemetry.be_discreet()


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_for_machines_is_json_with_an_instant(capsys: pytest.CaptureFixture[str]) -> None:
    """An event, its level, figures, and when it was."""
    telemetry.configure("json")
    structlog.get_logger("balancer.test").info("run.published", run=7)
    (line,) = _lines(capsys)
    assert (line["event"], line["level"], line["run"]) == ("run.published", "info", 7)
    assert str(line["at"]).endswith("Z")


def test_a_line_for_people_says_the_event_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The time of day, and what happened; figures in the order they were given."""
    telemetry.configure("text")
    structlog.get_logger("balancer.test").info("feed.applied", feed="RVV", batch=3)
    assert capsys.readouterr().err.split(maxsplit=1)[1].split()[-3:] == ["feed.applied", "feed=RVV", "batch=3"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError(f"no such patient {NUMBER}"), {"error": "ValueError"}),
        (InvalidValueError("nhs_number", f"{NUMBER} is wrong"), {"error": "InvalidValueError", "field": "nhs_number"}),
        (PermissionError(13, "Permission denied", NUMBER), {"error": "PermissionError", "reason": "Permission denied"}),
    ],
)
def test_of_an_error_the_type_and_what_is_safe_is_logged(
    capsys: pytest.CaptureFixture[str], error: Exception, said: dict[str, str]
) -> None:
    """What it says of itself may quote a row, and so may a file's name."""
    telemetry.configure("json")
    try:
        raise error
    except type(error):
        structlog.get_logger("balancer.test").exception("job.failed")
    (line,) = _lines(capsys)
    assert {name: line[name] for name in said} == said
    assert NUMBER not in json.dumps(line)


def test_an_error_says_where_in_our_code_it_came_from(capsys: pytest.CaptureFixture[str]) -> None:
    """File, line and function: enough to find it by."""
    telemetry.configure("json")
    try:
        require_aware(datetime(2026, 3, 2), "start")  # noqa: DTZ001 - what is refused
    except InvalidValueError:
        structlog.get_logger("balancer.test").exception("job.failed")
    (where,) = _lines(capsys)[0]["where"]
    assert where.startswith("balancer/domain/instant.py:")
    assert where.endswith(" require_aware")


def test_of_libraries_only_what_goes_wrong_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    """In the same format; what they tell besides may hold addresses and rows."""
    telemetry.configure("json")
    logging.getLogger("uvicorn.access").info("GET /studies/RVV/ACC1")
    logging.getLogger("sqlalchemy.engine").info("SELECT ...")
    try:
        int(NUMBER)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    (line,) = _lines(capsys)
    assert (line["event"], line["error"]) == ("Exception in ASGI application", "ValueError")
    assert NUMBER not in json.dumps(line)


def test_an_error_that_is_under_way_can_be_named_without_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    """As the standard library allows."""
    telemetry.configure("json")
    try:
        dict[str, str]()[NUMBER]
    except KeyError:
        structlog.get_logger("balancer.test").warning("odd", exc_info=True)
    assert sys.exc_info() == (None, None, None)
    assert _lines(capsys)[0]["error"] == "KeyError"


def test_what_is_logged_before_anything_is_configured_shows_no_local_variable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As the library comes it draws every frame with its variables, for seconds: a command without logs is safe too."""
    structlog.reset_defaults()
    telemetry.be_discreet()
    try:
        _found(NUMBER)
    except KeyError:
        structlog.get_logger("balancer.test").exception("request.failed", request=7)
    said = "".join(capsys.readouterr())
    assert ("request.failed" in said, "error=KeyError" in said, "request=7" in said) == (True, True, True)
    assert NUMBER not in said


def _found(patient: str) -> str:
    return dict[str, str]()[patient]

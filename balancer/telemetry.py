"""Logs: events with internal ids, never a patient, a person or an accession number.

A log line is a dotted event name and figures: ``run.published run=7 allocated=5412``. What an exception says of itself
may hold anything (a database's error quotes the row), so of one that we did not raise on purpose only its type and
where it came from are logged.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import structlog

from balancer.domain.errors import InvalidValueError

_PACKAGE = Path(__file__).parent
_DEEPEST = 6
_OURS = "balancer"
ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(log_format: Literal["text", "json"]) -> None:
    """Send every log line of this process, a library's too, to stderr in one format."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _time_stamps(log_format),
        without_what_exceptions_say,
    ]
    render: Any = structlog.processors.JSONRenderer() if log_format == "json" else _for_people()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    # of libraries only what goes wrong is heard: what they tell besides may hold addresses and rows
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(_OURS).setLevel(logging.INFO)
    # a trigger that comes while its job still runs is dropped by design; it warns of each
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def be_discreet() -> None:
    """Ensure that what is logged before ``configure``, or without it, says no more of an exception than after it.

    As it comes, structlog prints every local variable of every frame: rows and patients among them, for seconds.
    """
    if not structlog.is_configured():
        structlog.configure(
            processors=[
                structlog.stdlib.add_log_level,
                without_what_exceptions_say,
                _time_stamps("text"),
                _for_people(),
            ],
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        )


def without_what_exceptions_say(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace an exception by its type, what is safe to say of it, and where in the code it came from."""
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    if isinstance(found, BaseException):
        found = (type(found), found, found.__traceback__)
    if isinstance(found, tuple) and found[0] is not None:
        event.update(describe(found))
    return event


def describe(found: ExcInfo) -> Mapping[str, Any]:
    """Return an exception as fields of a log line."""
    kind, error, came_from = found
    # neither lines of source nor locals: where it was is enough, and quick
    stack = traceback.StackSummary.extract(traceback.walk_tb(came_from), lookup_lines=False, capture_locals=False)
    frames = [frame for frame in stack if Path(frame.filename).is_relative_to(_PACKAGE)]
    where = [
        f"{Path(frame.filename).relative_to(_PACKAGE.parent)}:{frame.lineno} {frame.name}"
        for frame in frames[-_DEEPEST:]
    ]
    fields: dict[str, Any] = {"error": kind.__name__, "where": where}
    if isinstance(error, InvalidValueError):
        fields["field"] = error.field
    elif isinstance(error, OSError):
        fields["reason"] = error.strerror
    return fields


def _time_stamps(log_format: str) -> structlog.processors.TimeStamper:
    """Return what stamps a line: an instant for machines, the time of day here for people."""
    if log_format == "json":
        return structlog.processors.TimeStamper(fmt="iso", utc=True, key="at")
    return structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False, key="at")


def _for_people() -> structlog.dev.ConsoleRenderer:
    colours = sys.stderr.isatty()
    return structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=20, timestamp_key="at", sort_keys=False)

"""Within ``/api/v1`` changes only add: whoever has been written against it goes on working."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.api.promises import broken, document, kept, promises

DOCUMENT = document()
SHAPES = "components", "schemas"


def changed(change: Callable[[Any], object]) -> list[str]:
    """Return what a change of the document breaks."""
    other = deepcopy(DOCUMENT)
    change(other)
    return broken(promises(DOCUMENT), promises(other))


def shape(made: Any, name: str) -> Any:
    """Return a shape of a document."""
    return made["components"]["schemas"][name]


def operation(made: Any, path: str, method: str) -> Any:
    """Return an operation of a document."""
    return made["paths"][f"/api/v1{path}"][method]


def test_what_was_promised_holds() -> None:
    """Nothing that was offered has gone, and nothing that was there asks for more."""
    assert broken(kept(), promises(DOCUMENT)) == []


def test_what_is_added_is_promised_from_then_on() -> None:
    """``python -m tests.api.promises`` enters it."""
    assert promises(DOCUMENT) == kept()


def a_query_more(made: Any, *, required: bool) -> None:
    """Let an operation take a parameter more."""
    more = {"name": "shape", "in": "query", "required": required, "schema": {"type": "string"}}
    operation(made, "/balance", "get").setdefault("parameters", []).append(more)


BREAKING: dict[str, Callable[[Any], object]] = {
    "an operation goes": lambda made: made["paths"].pop("/api/v1/ledger"),
    "a parameter goes": lambda made: operation(made, "/assignments", "get").pop("parameters"),
    "a parameter is needed": lambda made: a_query_more(made, required=True),
    "a field of an answer goes": lambda made: shape(made, "ClaimOut")["properties"].pop("lease_until"),
    "a field of an answer is not always there": lambda made: shape(made, "ClaimOut")["required"].remove("read_id"),
    "a field of an answer is another thing": lambda made: shape(made, "ClaimOut")["properties"].update(
        read_id={"type": "string"}
    ),
    "a field of an answer may be empty": lambda made: shape(made, "ClaimOut")["properties"].update(
        read_id={"anyOf": [{"type": "integer"}, {"type": "null"}]}
    ),
    "a field is needed": lambda made: shape(made, "CompleteIn")["required"].append("provisional"),
    "a new field is needed": lambda made: shape(made, "CompleteIn").update(
        required=["reporter_id", "score"],
        properties={**shape(made, "CompleteIn")["properties"], "score": {"type": "integer"}},
    ),
    "a field is not taken": lambda made: shape(made, "CompleteIn")["properties"].pop("outcome"),
    "a word is not taken": lambda made: shape(made, "ReturnReason")["enum"].remove("no_time"),
    "an answer is another": lambda made: operation(made, "/balance", "get")["responses"]["200"]["content"][
        "application/json"
    ].update(schema={"type": "string"}),
}
ADDING: dict[str, Callable[[Any], object]] = {
    "an operation": lambda made: made["paths"].update({"/api/v1/more": made["paths"]["/api/v1/ledger"]}),
    "a parameter that may be given": lambda made: a_query_more(made, required=False),
    "a field of an answer": lambda made: shape(made, "ClaimOut")["properties"].update(
        more={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "a field that may be given": lambda made: shape(made, "CompleteIn")["properties"].update(score={"type": "integer"}),
    "a word": lambda made: shape(made, "ReturnReason")["enum"].append("tired"),
    "what a field takes": lambda made: shape(made, "CompleteIn")["properties"].update(
        provisional={"anyOf": [{"type": "boolean"}, {"type": "null"}]}
    ),
}


@pytest.mark.parametrize("change", BREAKING.values(), ids=BREAKING)
def test_what_breaks_a_client_is_found(change: Callable[[Any], object]) -> None:
    """Whatever it is that a client counts on."""
    assert changed(change) != []


@pytest.mark.parametrize("change", ADDING.values(), ids=ADDING)
def test_what_only_adds_breaks_nothing(change: Callable[[Any], object]) -> None:
    """A client that ignores what it does not know goes on working."""
    assert changed(change) == []

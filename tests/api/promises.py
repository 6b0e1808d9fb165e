"""What ``/api/v1`` has promised, a line each: within a version what is offered stays, and no more is asked for.

``python -m tests.api.promises`` enters what has been added since; what has been broken it says, and enters nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from balancer.api.app import PREFIX, create_app
from balancer.api.doors import LocalDoor
from balancer.api.serving import Serving
from balancer.api.sign_in.ways import LOCAL
from tests.api.service import KEY as PSEUDONYMS
from tests.api.service import StandingClock

KEPT: Final = Path(__file__).parent / "promises-v1.txt"
# What is offered must stay. What is asked for, or may come in an answer, must not grow, of what was there before.
OFFERS, ASKS = "offers", "asks"
_METHODS: Final = ("get", "put", "post", "delete", "patch")
_REF: Final = "#/components/schemas/"
# Where a shape is used: in what is sent, in what is answered.
_SENT, _ANSWERED = "sent", "answered"


def promises(document: Mapping[str, Any]) -> set[str]:
    """Return what a document promises: operations, parameters, fields and what they may hold.

    Words that a field of an answer may hold are not promised: there may be more of them, as of fields. Nor are limits
    of length and number.
    """
    return {" ".join(line) for line in _lines(document)}


def broken(before: set[str], now: set[str]) -> list[str]:
    """Return what no longer holds of ``before``: offers that have gone, and what is asked of what was there already."""
    gone = [f"gone: {line}" for line in sorted(before - now) if line.startswith(OFFERS)]
    known = {_about(line) for line in before}
    more = [f"new: {line}" for line in sorted(now - before) if line.startswith(ASKS) and _may_not_grow(line, known)]
    return gone + more


def kept() -> set[str]:
    """Return what has been promised so far."""
    return set(KEPT.read_text(encoding="utf-8").splitlines())


def _about(line: str) -> str:
    """Return the operation, or the shape and its field, that a line is about."""
    return " ".join(line.split()[1:3])


def _may_not_grow(line: str, known: set[str]) -> bool:
    """Tell whether a line asks for more of something that was there; a new field may come with whatever it holds."""
    about = _about(line)
    shape, _, name = about.partition(" ")
    if shape.startswith(f"{_SENT}:") and name:
        return any(other.partition(" ")[0] == shape for other in known)
    return about in known


def _lines(document: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    shapes = document["components"]["schemas"]
    used: dict[str, set[str]] = {_SENT: set(), _ANSWERED: set()}
    for path, item in document["paths"].items():
        if not path.startswith(f"{PREFIX}/"):
            continue  # what a standard defines is the standard's
        for method in _METHODS:
            if method in item:
                yield from _operation(f"{method.upper()} {path}", item[method], used)
    for use, begun in used.items():
        waiting, seen = set(begun), set()
        while waiting:
            name = waiting.pop()
            seen.add(name)
            yield from _shape(f"{use}:{name}", shapes[name], use)
            waiting |= _named(shapes[name]) - seen


def _operation(name: str, operation: Mapping[str, Any], used: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    yield OFFERS, name
    for parameter in operation.get("parameters", ()):
        used[_SENT] |= _named(parameter)
        about = f"{parameter['in']} {parameter['name']}"
        yield from ((OFFERS, name, about, "takes", kind) for kind in _kinds(parameter["schema"]))
        if parameter.get("required"):
            yield ASKS, name, about
    body = operation.get("requestBody", {})
    for media, content in body.get("content", {}).items():
        used[_SENT] |= _named(content)
        yield from ((OFFERS, name, media, "takes", kind) for kind in _kinds(content.get("schema", {})))
    if body.get("required"):
        yield ASKS, name, "body"
    for status, answer in operation["responses"].items():
        for media, content in answer.get("content", {}).items():
            used[_ANSWERED] |= _named(content)
            if status.startswith("2"):
                yield from ((OFFERS, name, status, media, kind) for kind in _kinds(content.get("schema", {})))


def _shape(name: str, shape: Mapping[str, Any], use: str) -> Iterator[tuple[str, ...]]:
    if use == _SENT:
        yield from ((OFFERS, name, f"takes {word}") for word in shape.get("enum", ()))
    for field, of_field in shape.get("properties", {}).items():
        kinds = ((name, field, kind) for kind in _kinds(of_field))
        if use == _SENT:
            yield from ((OFFERS, about, of, "takes", kind) for about, of, kind in kinds)
        else:
            yield OFFERS, name, field
            yield from ((ASKS, about, of, "may be", kind) for about, of, kind in kinds)
    for field in shape.get("required", ()):
        yield (ASKS, name, field, "is needed") if use == _SENT else (OFFERS, name, field, "is always there")


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    """Return in words what a value may be; one that may be several things may be each."""
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ())]
    if choices:
        return {kind for choice in choices for kind in _kinds(choice)}
    if "$ref" in schema:
        return {schema["$ref"].removeprefix(_REF)}
    if schema.get("type") == "array":
        return {f"array of {kind}" for kind in _kinds(schema.get("items", {}))}
    return {" ".join(filter(None, (schema.get("type", "anything"), schema.get("format", ""))))}


def _named(node: object) -> set[str]:
    """Return the shapes that something refers to."""
    if isinstance(node, Mapping):
        here = {str(node["$ref"]).removeprefix(_REF)} if "$ref" in node else set()
        return here.union(*map(_named, node.values()))
    return set().union(*map(_named, node)) if isinstance(node, list) else set()


def document() -> dict[str, Any]:
    """Return the document as it is now."""
    serving = Serving(database=None, clock=StandingClock(), read_network=dict, pseudonym_key=PSEUDONYMS)  # type: ignore[arg-type]
    return create_app(serving, door=LocalDoor(), ways=LOCAL).openapi()


def main() -> int:
    """Enter what has been added; 1 if something is broken."""
    now = promises(document())
    faults = broken(kept(), now) if KEPT.exists() else []
    if faults:
        sys.stderr.write("\n".join(faults) + "\n")
        return 1
    KEPT.write_text("\n".join(sorted(now)) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

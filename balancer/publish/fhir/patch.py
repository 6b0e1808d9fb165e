"""How a Task is patched: by JSON Patch (RFC 6902) or by FHIRPath Patch (R4, fhirpatch), as far as a status needs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jsonpatch
import jsonpointer

from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.publish.fhir.references import Resource

JSON_PATCH: Final = "application/json-patch+json"
_MOST: Final = 50
# What copies could double what there is with every operation; nothing that can be changed here needs it.
_OPERATIONS: Final = frozenset({"add", "replace", "remove", "test"})
_LISTS: Final = frozenset({"output"})
_TYPES: Final = frozenset({"add", "insert", "delete", "replace", "move"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What makes the Task that is wished for of the one that is; ``names_owner``: it says, or asks, who owns it.

    ``is_whole``: a Task that was sent whole.
    """

    edit: Callable[[Resource], Resource]
    names_owner: bool
    is_whole: bool = False


def json_patch(operations: object) -> Patch:
    """Return a JSON Patch, checked.

    Raises
    ------
    InvalidValueError
        If it is none, or has an operation that is not taken here.
    """
    if not isinstance(operations, list) or not 1 <= len(operations) <= _MOST:
        raise InvalidValueError("patch", f"is no list of 1 to {_MOST} operations")
    for item in operations:
        if not isinstance(item, dict) or not isinstance(item.get("path"), str):
            raise InvalidValueError("patch", "has something that is no operation with a path")
        if item.get("op") not in _OPERATIONS or (item["op"] != "remove" and "value" not in item):
            raise InvalidValueError("patch", f"has an operation that is none of {', '.join(sorted(_OPERATIONS))}")

    def edit(task: Resource) -> Resource:
        try:
            made = jsonpatch.JsonPatch(operations).apply(task)
        except jsonpatch.JsonPatchTestFailed as error:
            raise ConflictError("a test of the patch fails: read the Task again") from error
        except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, AttributeError) as error:
            raise InvalidValueError("patch", "has a path that leads nowhere") from error
        if not isinstance(made, dict):
            raise InvalidValueError("patch", "leaves no Task")
        return made

    return Patch(edit=edit, names_owner=any(item["path"].split("/")[1:2] == ["owner"] for item in operations))


def fhirpath_patch(parameters: Mapping[str, Any]) -> Patch:
    """Return a FHIRPath Patch, checked: adding, replacing and deleting elements of the Task itself.

    Raises
    ------
    InvalidValueError
        If it is none, or has an operation that is not taken here.
    """
    found = parameters.get("parameter")
    if not isinstance(found, list) or not 1 <= len(found) <= _MOST:
        raise InvalidValueError("Parameters", f"has no list of 1 to {_MOST} operations")
    operations = [_operation(item) for item in found]

    def edit(task: Resource) -> Resource:
        made = dict(task)
        for kind, name, value in operations:
            if kind == "delete":
                made.pop(name, None)
            elif kind == "replace" and name not in made:
                raise InvalidValueError("Parameters", f"replaces Task.{name}, which is not there")
            elif name in _LISTS:
                made[name] = [*(made.get(name, []) if kind == "add" else []), value]
            elif kind == "add" and name in made:
                raise InvalidValueError("Parameters", f"adds Task.{name}, which is there")
            else:
                made[name] = value
        return made

    return Patch(edit=edit, names_owner=any(name == "owner" for _, name, _ in operations))


def _operation(item: object) -> tuple[str, str, Any]:
    """Return an operation: its type, the element of the Task, the value."""
    parts = _parts(item)
    kind, path, name = (_text(parts, part) for part in ("type", "path", "name"))
    if kind not in _TYPES - {"insert", "move"}:
        raise InvalidValueError("Parameters", "has an operation that is none of add, replace, delete")
    element = name if kind == "add" and path == "Task" else path.removeprefix("Task.")
    if not element.isalpha() or (kind != "add" and not path.startswith("Task.")):
        raise InvalidValueError("Parameters", "has a path that is no element of the Task itself, as Task.status")
    values = [value for key, value in parts.get("value", {}).items() if key.startswith("value")]
    if kind != "delete" and len(values) != 1:
        raise InvalidValueError("Parameters", f"has no value for Task.{element}")
    return kind, element, values[0] if values else None


def _parts(item: object) -> dict[str, Mapping[str, Any]]:
    if not isinstance(item, Mapping) or item.get("name") != "operation" or not isinstance(item.get("part"), Sequence):
        raise InvalidValueError("Parameters", "has a parameter that is no operation with its parts")
    parts = [part for part in item["part"] if isinstance(part, Mapping)]
    return {part["name"]: part for part in parts if isinstance(part.get("name"), str)}


def _text(parts: Mapping[str, Mapping[str, Any]], name: str) -> str:
    values = [value for key, value in parts.get(name, {}).items() if key.startswith("value")]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else ""

"""The DICOM JSON Model (PS3.18, Annex F): written by pydicom, and looked at piece by piece before pydicom reads it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NoReturn

from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError

MEDIA_TYPE: Final = "application/dicom+json"
MOST_DEPTH: Final = 16
MOST_PARTS: Final = 5_000
"""Objects, arrays and values of a payload: what is of use in one has fewer, and reading each takes pydicom its time."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_TEXTS: Final = frozenset(["AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"])
_NUMBERS: Final = frozenset(["DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"])
_WHOLE: Final = frozenset(["IS", "SL", "SS", "SV", "UL", "US", "UV"])
_BYTES: Final = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
_MEMBERS: Final = frozenset({"vr", "Value", "InlineBinary", "BulkDataURI"})
_NAME_GROUPS: Final = frozenset({"Alphabetic", "Ideographic", "Phonetic"})
# Characters of a value beside the printable ones: new lines in long texts.
_LAYOUT: Final = frozenset("\t\n\r\f")
_LARGEST: Final = 2**64


def json_bytes(datasets: Iterable[Dataset]) -> bytes:
    """Return datasets as a JSON array: what every UPS-RS payload is, a single one too."""
    return json.dumps([model_of(dataset) for dataset in datasets], separators=(",", ":")).encode("ascii")


def model_of(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset in the JSON model: tags in order, and an empty element without a Value (F.2.2, F.2.5)."""
    return _in_order(dataset.to_json_dict())


def _in_order(model: dict[str, Any]) -> dict[str, Any]:
    made = {}
    for tag, element in sorted(model.items()):
        if element.get("Value") == []:
            made[tag] = {"vr": element["vr"]}
        elif element["vr"] == "SQ" and "Value" in element:
            made[tag] = {"vr": "SQ", "Value": [_in_order(item) for item in element["Value"]]}
        else:
            made[tag] = element
    return made


def datasets_in(body: bytes) -> list[Dataset]:
    """Return the datasets of a JSON payload: an array, or one dataset alone, as some clients send it.

    Raises
    ------
    InvalidValueError
        If it is not the JSON model of datasets.
    """
    try:
        found = json.loads(body, object_pairs_hook=_without_doubles, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError("body", "is not JSON, or names something twice") from error
    require_few(found)
    models = found if isinstance(found, list) else [found]
    return [dataset_in(model) for model in models]


def require_few(model: object, most: int = MOST_PARTS) -> None:
    """Ensure that datasets in the JSON model are of no more than ``most`` parts, before pydicom makes objects of them.

    Raises
    ------
    InvalidValueError
        If they are.
    """
    parts, waiting = 0, [model]
    while waiting:
        part = waiting.pop()
        parts += 1
        if isinstance(part, (dict, list)):
            waiting.extend(part.values() if isinstance(part, dict) else part)
    if parts > most:
        raise InvalidValueError("body", f"has {parts} parts, and {most} are taken")


def dataset_in(model: object) -> Dataset:
    """Return the dataset of a JSON object; ``InvalidValueError`` if it is none."""
    _check(model, 0)
    assert isinstance(model, dict)  # noqa: S101 - it was looked at
    try:
        return Dataset.from_json({tag.upper(): element for tag, element in model.items()})
    except Exception as error:
        raise InvalidValueError("body", "holds a value that is not one of its VR") from error


def looked_at(dataset: Dataset) -> Dataset:
    """Return a dataset that came in binary, read whole and looked at as one that comes as JSON is.

    pydicom reads an element when it is first asked for, and may fail then.

    Raises
    ------
    InvalidValueError
        If it cannot be read, or holds what would not be taken as JSON.
    """
    try:
        model = dataset.to_json_dict()
    except Exception as error:
        raise InvalidValueError("dataset", "holds a value that is not one of its VR") from error
    require_few(model)
    return dataset_in(model)


def _without_doubles(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(_name: str) -> NoReturn:
    raise ValueError("not a number")


def _check(model: object, depth: int) -> None:
    if not isinstance(model, dict):
        raise InvalidValueError("body", "is not a dataset")
    if depth > MOST_DEPTH:
        raise InvalidValueError("body", f"is nested more than {MOST_DEPTH} deep")
    if len({str(tag).upper() for tag in model}) != len(model):
        raise InvalidValueError("body", "names an attribute twice")
    for tag, element in model.items():
        if not _TAG.fullmatch(tag):
            raise InvalidValueError("body", "names an attribute by what is no tag")
        _element(tag.upper(), element, depth)


def _element(tag: str, element: object, depth: int) -> None:
    if not isinstance(element, dict) or not element.keys() <= _MEMBERS or not isinstance(element.get("vr"), str):
        raise InvalidValueError(tag, "is not an element: `vr`, and `Value` if it has one")
    vr, values = element["vr"], element.get("Value", [])
    if "BulkDataURI" in element or ("InlineBinary" in element and vr not in _BYTES):
        raise InvalidValueError(tag, "has its value elsewhere, or as bytes, which this service does not take")
    if not isinstance(values, list):
        raise InvalidValueError(tag, "has a Value that is not an array")
    if vr == "SQ":
        for item in values:
            _check({} if item is None else item, depth + 1)
    elif not all(map(_is_value(vr), values)):
        raise InvalidValueError(tag, "has a value that is not one of its VR")


def _is_value(vr: str) -> Callable[[object], bool]:
    if vr == "PN":
        return _is_name
    if vr in _TEXTS:
        return _is_text
    if vr in _NUMBERS:
        return _is_whole if vr in _WHOLE else _is_number
    if vr == "AT":
        return lambda value: isinstance(value, str) and _TAG.fullmatch(value) is not None
    return lambda _: False


def _is_text(value: object) -> bool:
    return value is None or (isinstance(value, str) and all(x.isprintable() or x in _LAYOUT for x in value))


def _is_name(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, dict) and value.keys() <= _NAME_GROUPS and all(map(_is_text, value.values()))


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return False
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_whole(value: object) -> bool:
    if isinstance(value, str):
        digits = value.strip().lstrip("+-")
        return digits.isascii() and digits.isdigit() and len(digits) <= 20
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST

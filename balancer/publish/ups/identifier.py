"""What a C-FIND asks for (PS3.4, CC.2.8.1): the same query that a search over HTTP is, and answers in its own shape."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.elements import put
from balancer.publish.ups.query import Query, query_of
from balancer.publish.ups.update import TAKEN

MOST_KEYS: Final = 200
"""Attributes that an identifier may name, those in sequences too."""

# What comes with an identifier and is no key: how it is written.
_ASIDE: Final = frozenset({"SpecificCharacterSet"})
# A workitem has these at some time of its life, so that one which has them not lacks a value and nothing else.
_AT_TIMES: Final = TAKEN | {"ReplacedProcedureStepSequence"}


def query_in(identifier: Dataset) -> Query:
    """Return what an identifier asks for: an empty value says only that the attribute is to be returned.

    Raises
    ------
    InvalidValueError
        If a key has several values, or more than one item, or too many keys are asked for, or its value is none.
    """
    keys = list(_keys(identifier, ""))
    if len(keys) > MOST_KEYS:
        raise InvalidValueError("identifier", f"has more than {MOST_KEYS} keys")
    return query_of(keys)


def _keys(identifier: Dataset, path: str) -> Iterable[tuple[str, str]]:
    for element in identifier:
        keyword = keyword_for_tag(element.tag)
        if not keyword or keyword in _ASIDE:
            continue  # what no dictionary has is answered as not supported
        if keyword == "TransactionUID":
            raise InvalidValueError(keyword, "cannot be asked for")
        if keyword == "TimezoneOffsetFromUTC":
            raise InvalidValueError(keyword, "is not taken: give each time its offset")
        if element.VR == "SQ":
            yield from _in_sequence(element, f"{path}{keyword}")
        else:
            yield f"{path}{keyword}", _value(element)


def _in_sequence(element: DataElement, path: str) -> Iterable[tuple[str, str]]:
    items = list(element.value or ())
    if len(items) > 1:
        raise InvalidValueError("identifier", "asks by a sequence of more than one item")
    inner = list(_keys(items[0], f"{path}.")) if items else []
    yield from inner or [(path, "")]


def _value(element: DataElement) -> str:
    """Return the value of a key; a list of UIDs is one (PS3.4, C.2.2.2.2), a list of anything else is not."""
    value = element.value
    if value is None:
        return ""
    if isinstance(value, str) or not hasattr(value, "__iter__") or hasattr(value, "components"):
        return str(value)
    values = [str(each) for each in value]
    if len(values) > 1 and element.VR != "UI":
        raise InvalidValueError("identifier", "gives several values for one key")
    return "\\".join(values)


def answer_to(identifier: Dataset, workitem: Dataset) -> Dataset:
    """Return of a workitem what an identifier asks for, and nothing else (PS3.4, C.4.1.1.3.2).

    An empty sequence, or one with an empty item, asks for everything in it.
    """
    made = _like(identifier, workitem)
    made.pop("TransactionUID", None)
    return put(made, SpecificCharacterSet="ISO_IR 192")


def _like(asked: Dataset, have: Dataset) -> Dataset:
    made = Dataset()
    for element in asked:
        ours = have.get(element.tag)
        if element.VR != "SQ":
            made.add(DataElement(element.tag, element.VR, None) if ours is None else ours)
            continue
        keys = next(iter(element.value or ()), Dataset())
        items = list(ours.value or ()) if ours is not None and ours.VR == "SQ" else []
        made.add(DataElement(element.tag, "SQ", Sequence([_like(keys, item) if len(keys) else item for item in items])))
    return made


def is_supported(identifier: Dataset, workitem: Dataset) -> bool:
    """Tell whether every key is an attribute of workitems here; else the answer is pending with FF01."""
    named = {element.keyword for element in identifier} - _ASIDE - _AT_TIMES
    return all(keyword and keyword in workitem for keyword in named)

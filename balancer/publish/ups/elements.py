"""Elements of a dataset: put one in by its keyword, get one out, and how DICOM writes an instant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.codes import Code

_DT: Final = re.compile(r"(\d{14})(?:\.(\d{1,6}))?([+-])(\d\d)(\d\d)", re.ASCII)


def put(dataset: Dataset, **values: Any) -> Dataset:
    """Set elements by keyword and return the dataset; ``None`` makes one that is there and empty (type 2)."""
    for keyword, value in values.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword  # noqa: S101 - keywords are written in our own code
        vr = dictionary_VR(tag)
        given = Sequence(value or ()) if vr == "SQ" else value
        dataset.add(DataElement(tag, vr, given))
    return dataset


def text(dataset: Dataset, keyword: str) -> str:
    """Return a text; empty if it is not there, the first if there are several."""
    value = dataset.get(keyword)
    if value is None or isinstance(value, (Sequence, Dataset)):
        return ""
    if not isinstance(value, str) and isinstance(value, Iterable) and not hasattr(value, "original_string"):
        return next((str(item) for item in value), "")
    return str(value)


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence; none if it is not there."""
    value = dataset.get(keyword)
    return list(value) if isinstance(value, Sequence) else []


def first(dataset: Dataset, *keywords: str) -> Dataset:
    """Return the first item of the first item ... along a path of sequences; an empty one where there is none."""
    for keyword in keywords:
        dataset = next(iter(items(dataset, keyword)), Dataset())
    return dataset


def coded(code: Code) -> Dataset:
    """Return the item of a code sequence (PS3.3, 8.8)."""
    name = "CodeValue" if len(code.value) <= 16 else "LongCodeValue"  # SH and UC
    value = {name: code.value, "CodingSchemeDesignator": code.scheme, "CodeMeaning": code.meaning}
    return put(Dataset(), **value)


def code_in(item: Dataset) -> Code:
    """Return the code that an item of a code sequence holds; empty where it holds none."""
    value = text(item, "CodeValue") or text(item, "LongCodeValue")
    return Code(value, text(item, "CodingSchemeDesignator"), text(item, "CodeMeaning"))


def instant_text(instant: datetime) -> str:
    """Return an instant as DT (PS3.5, 6.2): in UTC, saying so, to the microsecond if it has any."""
    at = instant.astimezone(UTC)
    return f"{at:%Y%m%d%H%M%S}" + (f".{at.microsecond:06d}" if at.microsecond else "") + "+0000"


def instant_in(dataset: Dataset, keyword: str) -> datetime:
    """Return the instant in an element.

    Raises
    ------
    InvalidValueError
        If it is not a whole one with its offset from UTC.
    """
    found = _DT.fullmatch(text(dataset, keyword))
    if found is None:
        raise InvalidValueError(keyword, "is not a date and time with its offset")
    whole, fraction, sign, hours, minutes = found.groups()
    try:
        at = datetime.strptime(whole, "%Y%m%d%H%M%S").replace(
            tzinfo=UTC, microsecond=int((fraction or "").ljust(6, "0"))
        )
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return at - offset if sign == "+" else at + offset
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(keyword, "is not a date and time") from error

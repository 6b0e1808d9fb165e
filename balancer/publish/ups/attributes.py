"""Attributes named by tag or keyword, alone or along a path of sequences (PS3.18, 8.3.4)."""

from __future__ import annotations

import re
from typing import Final

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from balancer.domain.errors import InvalidValueError

Path = tuple[str, ...]
"""Keywords, from the outermost sequence to the attribute."""

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}", re.ASCII)
_MOST_PARTS: Final = 8


def path_of(name: str) -> Path:
    """Return the path that a name means, such as ``00404034.HumanPerformerCodeSequence.00080100``.

    Raises
    ------
    InvalidValueError
        If a part of it is no attribute of the data dictionary, or is within one that is no sequence.
    """
    parts = name.split(".")
    if len(parts) > _MOST_PARTS:
        raise InvalidValueError("query", "names an attribute too deep")
    path = tuple(_keyword(part) for part in parts)
    if any(vr_of(part) != "SQ" for part in path[:-1]):
        raise InvalidValueError("query", "names an attribute within one that is no sequence")
    return path


def vr_of(keyword: str) -> str:
    """Return the VR of an attribute of the dictionary."""
    tag = tag_for_keyword(keyword)
    assert tag is not None  # noqa: S101 - it is one of the dictionary's own keywords
    return dictionary_VR(tag)


def values_at(dataset: Dataset, path: Path) -> list[str]:
    """Return every value there is along a path, as text; an empty one for an attribute that is there without any."""
    keyword, rest = path[0], path[1:]
    value = dataset.get(keyword)
    if rest:
        return [text for item in value or () for text in values_at(item, rest)] if isinstance(value, Sequence) else []
    if value is None or isinstance(value, Sequence):
        return [""] if keyword in dataset else []
    several = not isinstance(value, str) and hasattr(value, "__iter__") and not hasattr(value, "components")
    return [str(each) for each in value] if several else [str(value)]


def _keyword(part: str) -> str:
    if _TAG.fullmatch(part):
        keyword = keyword_for_tag(int(part, 16))
        if keyword:
            return keyword
    elif part.isidentifier() and tag_for_keyword(part) is not None:
        return part
    raise InvalidValueError("query", "names what is no attribute of the data dictionary")

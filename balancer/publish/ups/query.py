"""What a search asks for (PS3.18, 8.3.4, 11.9): keys to match, attributes to return, which part of the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.attributes import Path, path_of, vr_of
from balancer.publish.ups.matching import is_universal

MOST_RESULTS: Final = 200
MOST_KEYS: Final = 10
"""Keys that something must match; of universal ones, which only say what to return, there may be more."""

MOST_ASKED: Final = 4_096
"""Characters of all their values together."""

_USUAL: Final = 100
_MOST_OFFSET: Final = 10**9
_FLAGS: Final = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_PLAIN: Final = frozenset({"includefield", "limit", "offset", *_FLAGS})
EVERYTHING: Final = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A search; ``keys`` by path, a universal one (empty) among them.

    ``fuzzy`` was asked for, and is not done; ``several`` lets a value be a list, ``empty`` makes two quotation marks
    match what has no value.
    """

    keys: Mapping[Path, str] = field(default_factory=dict)
    include: frozenset[Path] = frozenset()
    include_all: bool = False
    limit: int = _USUAL
    offset: int = 0
    fuzzy: bool = False
    empty: bool = False
    several: bool = False


def query_of(parameters: Iterable[tuple[str, str]]) -> Query:
    """Return what the parameters of a query ask for.

    Raises
    ------
    InvalidValueError
        If one is not known, or given twice, or has a value that is none of its own, or too much is asked for.
    """
    keys: dict[Path, str] = {}
    plain: dict[str, str] = {}
    include: list[str] = []
    for name, value in parameters:
        if name == "includefield":
            include += [part for part in value.split(",") if part]
        elif name in _PLAIN:
            _once(plain, name, value)
        else:
            _once(keys, path_of(name), _clean(value))
    _require_few(keys)
    flags = {name: _flag(plain, name) for name in _FLAGS}
    return Query(
        keys=keys,
        include=frozenset(path_of(name) for name in include if name != EVERYTHING),
        include_all=EVERYTHING in include,
        limit=min(_number(plain, "limit", _USUAL), MOST_RESULTS),
        offset=_number(plain, "offset", 0),
        fuzzy=flags["fuzzymatching"],
        empty=flags["emptyvaluematching"],
        several=flags["multiplevaluematching"],
    )


def _require_few(keys: Mapping[Path, str]) -> None:
    asked = [value for path, value in keys.items() if not is_universal(vr_of(path[-1]), value)]
    if len(asked) > MOST_KEYS or sum(map(len, asked)) > MOST_ASKED:
        raise InvalidValueError("query", f"asks for more than {MOST_KEYS} keys, or {MOST_ASKED} characters")


def _once(found: dict[str, str] | dict[Path, str], name: str | Path, value: str) -> None:
    if name in found:
        raise InvalidValueError("query", "gives a parameter twice")
    found[name] = value  # type: ignore[index]  # each dictionary with its own kind of name


def _clean(value: str) -> str:
    if not value.isprintable():
        raise InvalidValueError("query", "holds a character that no value has")
    return value


def _number(given: Mapping[str, str], name: str, usual: int) -> int:
    said = given.get(name)
    if said is None:
        return usual
    if not (said.isascii() and said.isdigit()) or len(said) > 18:
        raise InvalidValueError(name, "is not a whole number from 0")
    return min(int(said), _MOST_OFFSET)


def _flag(given: Mapping[str, str], name: str) -> bool:
    said = given.get(name, "false")
    if said not in {"true", "false"}:
        raise InvalidValueError(name, "is neither true nor false")
    return said == "true"

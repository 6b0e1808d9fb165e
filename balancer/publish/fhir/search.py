"""What a search of Tasks asks for (R4, 3.1.1.4): its parameters, checked, as sets of what is looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from balancer.domain.errors import InvalidValueError
from balancer.publish.fhir.codes import STATUSES, TASK_STATUSES, trust_of
from balancer.publish.fhir.dates import When, meanwhile, when
from balancer.publish.fhir.parameters import INCLUDES, REFUSED, SORTS
from balancer.publish.fhir.subset import Shape, with_elements, with_summary
from balancer.publish.ups.workitem import is_carried

Given = Sequence[tuple[str, str]]
MOST: Final = 1_000
"""How many Tasks a page has at most."""
USUAL: Final = 100
_MOST_VALUES: Final = 100
SENSITIVE: Final = frozenset({"identifier", "group-identifier", "patient:identifier", "subject:identifier"})
"""Parameters that may hold a patient's or an accession number: no link of ours repeats one in the clear."""


class UnknownParameterError(InvalidValueError):
    """A parameter that this server does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A code or a number, with its system if one is said."""

    system: str | None
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """A search; what is looked for by the parameter's name: any of each list, and one list for each time it is given.

    ``sort``: by what parameters Tasks are put in order, and whether it falls. ``used`` is what was understood of it.
    """

    tokens: Mapping[str, tuple[tuple[Token, ...], ...]] = field(default_factory=dict)
    dates: Mapping[str, tuple[When, ...]] = field(default_factory=dict)
    excluded_statuses: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    count: int = USUAL
    shape: Shape = field(default_factory=Shape)
    sort: tuple[tuple[str, bool], ...] = ()
    used: tuple[tuple[str, str], ...] = ()

    @property
    def is_sensitive(self) -> bool:
        """Whether it names a patient or a study."""
        return any(name in SENSITIVE for name, _ in self.used)


def query_of(given: Given, *, lenient: bool = False) -> TaskQuery:
    """Return what a search asks for; ``lenient``: what is not known to search, sort or include by is left out.

    Raises
    ------
    InvalidValueError
        If a value cannot be one of its parameter's, or the parameter is not known.
    """
    query = TaskQuery()
    for name, value in given:
        if name in IGNORED:
            continue
        take = _TAKEN.get(name)
        if take is None and lenient:
            continue
        if take is None:
            why = REFUSED.get(name.partition(":")[0])
            raise UnknownParameterError(name[:64], why or "is no search parameter here; see the CapabilityStatement")
        said = _known(name, value) if lenient else value
        if value and not said:
            continue
        query = take(query, name, said)
        query = replace(query, used=(*query.used, (name, said)))
    return query


def _known(name: str, value: str) -> str:
    """Return what of a value is known, of parameters that name others."""
    if name == "_sort":
        return ",".join(part for part in value.split(",") if part.removeprefix("-") in SORTS)
    return "" if name == "_include" and not _included(value) <= INCLUDES else value


def _token(query: TaskQuery, name: str, value: str) -> TaskQuery:
    found = tuple(_tokens(name, value))
    key = _SAME.get(name, name)
    return replace(query, tokens={**query.tokens, key: (*query.tokens.get(key, ()), found)})


def _tokens(name: str, value: str) -> Iterable[Token]:
    for part in _parts(name, value):
        pieces = re.split(r"(?<!\\)\|", part)
        if len(pieces) > 2 or not pieces[-1]:
            raise InvalidValueError(name, "is not a code, or a system and a code with | between them")
        system = _unescaped(pieces[0]) if len(pieces) == 2 else None
        token = Token(system=system, value=_unescaped(pieces[-1]))
        if not all(is_storable(text) for text in (token.value, system or "")):
            raise InvalidValueError(name, "has characters that no code has")
        yield token


def is_storable(text: str) -> bool:
    """Tell whether a database takes a text: it has neither NUL nor half of a surrogate pair."""
    return "\0" not in text and text.isprintable()


# Other names of what is looked for; a reference's identifier may be asked for as a chain too (3.1.1.4.15).
_SAME: Final = {
    "owner.identifier": "owner:identifier",
    "patient:identifier": "patient",
    "requester.identifier": "requester:identifier",
    "subject:identifier": "patient",
}


def _status(query: TaskQuery, name: str, value: str) -> TaskQuery:
    made = _token(query, name, value)
    for token in made.tokens[name][-1]:
        if token.value not in TASK_STATUSES:
            raise InvalidValueError(name, f"is none of {', '.join(sorted(TASK_STATUSES))}")
    return made


def _status_not(query: TaskQuery, name: str, value: str) -> TaskQuery:
    found = frozenset(token.value for token in _tokens(name, value))
    if not found <= TASK_STATUSES:
        raise InvalidValueError(name, f"is none of {', '.join(sorted(TASK_STATUSES))}")
    return replace(query, excluded_statuses=query.excluded_statuses | found)


def _reference(*types: str) -> Callable[[TaskQuery, str, str], TaskQuery]:
    """Return what takes a reference to one of these types: an id, a relative or an absolute reference."""

    def take(query: TaskQuery, name: str, value: str) -> TaskQuery:
        found = []
        for part in _parts(name, value):
            before, _, last = _unescaped(part).rpartition("/")
            kind = before.rpartition("/")[2]
            if not last or not is_storable(last) or (kind and kind not in types):
                raise InvalidValueError(name, f"is no reference to a {' or '.join(types)}")
            found.append(Token(system=None, value=last))
        return replace(query, tokens={**query.tokens, name: (*query.tokens.get(name, ()), tuple(found))})

    return take


def _date(query: TaskQuery, name: str, value: str) -> TaskQuery:
    return _dates(query, {name: when(name, value)})


def _period(query: TaskQuery, name: str, value: str) -> TaskQuery:
    return _dates(query, meanwhile(name, value))


def _dates(query: TaskQuery, more: Mapping[str, When]) -> TaskQuery:
    added = {name: (*query.dates.get(name, ()), said) for name, said in more.items()}
    return replace(query, dates={**query.dates, **added})


def _include(query: TaskQuery, name: str, value: str) -> TaskQuery:
    wanted = _included(value)
    if not wanted <= INCLUDES:
        raise InvalidValueError(name, f"is none of {', '.join(sorted(INCLUDES))}")
    return replace(query, include=query.include | wanted)


def _included(value: str) -> frozenset[str]:
    """Return what is to be included; the type of it may be named too (3.1.1.5.4)."""
    return INCLUDES if value in {"*", "Task:*"} else frozenset({":".join(value.split(":")[:2])})


def _sort(query: TaskQuery, name: str, value: str) -> TaskQuery:
    keys = [(part.removeprefix("-"), part.startswith("-")) for part in value.split(",")]
    if not {key for key, _ in keys} <= set(SORTS):
        raise InvalidValueError(name, f"is none of {', '.join(SORTS)}, or several with commas; - for the other way")
    sort = dict(query.sort)
    for key, falls in keys:
        sort.setdefault(key, falls)  # what is named again has its place already
    return replace(query, sort=tuple(sort.items()))


def _count(query: TaskQuery, name: str, value: str) -> TaskQuery:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidValueError(name, "is no number")
    shape = replace(query.shape, only_total=query.shape.only_total or int(value) == 0)
    return replace(query, count=min(int(value), MOST), shape=shape)


def _elements(query: TaskQuery, _name: str, value: str) -> TaskQuery:
    return replace(query, shape=with_elements(query.shape, value))


def _summary(query: TaskQuery, _name: str, value: str) -> TaskQuery:
    return replace(query, shape=with_summary(query.shape, value))


def _one_of(*values: str) -> Callable[[TaskQuery, str, str], TaskQuery]:
    """Return what takes one of these values, and changes nothing: that is how it is anyway."""

    def take(query: TaskQuery, name: str, value: str) -> TaskQuery:
        if value not in values:
            raise InvalidValueError(name, f"is none of {', '.join(values)}")
        return query

    return take


def _parts(name: str, value: str) -> list[str]:
    found = re.split(r"(?<!\\),", value)
    if len(found) > _MOST_VALUES:
        raise InvalidValueError(name, f"has more than {_MOST_VALUES} values")
    if not all(found):
        raise InvalidValueError(name, "has an empty value")
    return found


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,|$\\])", r"\1", text)


IGNORED: Final = frozenset({"_format", "_pretty"})
_TAKEN: Final[Mapping[str, Callable[[TaskQuery, str, str], TaskQuery]]] = {
    "_id": _reference("Task"),
    "_lastUpdated": _date,
    "_count": _count,
    "_elements": _elements,
    "_include": _include,
    "_sort": _sort,
    "_summary": _summary,
    "_total": _one_of("accurate", "estimate", "none"),
    "authored-on": _date,
    "business-status": _token,
    "code": _token,
    "due": _date,
    "focus": _reference("ServiceRequest"),
    "group-identifier": _token,
    "identifier": _token,
    "intent": _token,
    "modified": _date,
    "owner": _reference("Practitioner"),
    "owner.identifier": _token,
    "owner:identifier": _token,
    "patient:identifier": _token,
    "period": _period,
    "planned-start": _date,
    "priority": _token,
    "requester": _reference("Organization"),
    "requester.identifier": _token,
    "requester:identifier": _token,
    "status": _status,
    "status:not": _status_not,
    "subject:identifier": _token,
}


def states_of(statuses: Iterable[str]) -> set[Any]:
    """Return the states of a read that read as one of these statuses."""
    wanted = set(statuses)
    return {state for state, status in STATUSES.items() if status in wanted}


def numbers(tokens: Iterable[Token], system_of: Callable[[str], str]) -> set[tuple[str | None, str]]:
    """Return numbers with the trust whose they are by their system; one of another system is nobody's."""
    found: set[tuple[str | None, str]] = set()
    for token in tokens:
        if token.system is None:
            found.add((None, token.value))
            continue
        trust = trust_of(token.system)
        if trust is not None and system_of(trust) == token.system and is_carried(trust):
            found.add((trust, token.value))
    return found

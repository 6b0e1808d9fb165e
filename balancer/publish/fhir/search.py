"""What a search of Tasks asks for (R4, 3.1.1.4): its parameters, checked, as sets of what is looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import LONDON
from balancer.publish.fhir.codes import STATUSES, TASK_STATUSES, trust_of
from balancer.publish.ups.workitem import is_carried

Given = Sequence[tuple[str, str]]
MOST: Final = 1_000
"""How many Tasks a page has at most."""
USUAL: Final = 100
_MOST_VALUES: Final = 100
INCLUDES: Final = frozenset({"Task:focus", "Task:owner", "Task:requester", "Task:input"})
"""What ``_include`` may name; ``Task:input`` is of our own, for R4 has no parameter for what is read."""
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
class When:
    """From an instant, before another; either may be open."""

    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskQuery:
    """A search; what is looked for by the parameter's name: any of each list, and one list for each time it is given.

    ``used`` is what of the request was understood.
    """

    tokens: Mapping[str, tuple[tuple[Token, ...], ...]] = field(default_factory=dict)
    dates: Mapping[str, tuple[When, ...]] = field(default_factory=dict)
    excluded_statuses: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    count: int = USUAL
    only_total: bool = False
    used: tuple[tuple[str, str], ...] = ()

    @property
    def is_sensitive(self) -> bool:
        """Whether it names a patient or a study."""
        return any(name in SENSITIVE for name, _ in self.used)


def query_of(given: Given, *, lenient: bool = False) -> TaskQuery:
    """Return what a search asks for; ``lenient``: a parameter that is not known is left out.

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
            raise UnknownParameterError(name[:64], "is no search parameter here; see the CapabilityStatement")
        query = take(query, name, value)
        query = replace(query, used=(*query.used, (name, value)))
    return query


def _token(query: TaskQuery, name: str, value: str) -> TaskQuery:
    found = tuple(_tokens(name, value))
    base = name.removesuffix(":identifier") if name.startswith(("patient", "subject")) else name
    key = "patient" if base == "subject" else base
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


_DATE: Final = re.compile(
    r"(eq|ge|gt|le|lt|sa|eb)?(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


def _date(query: TaskQuery, name: str, value: str) -> TaskQuery:
    """Take a date with its prefix (3.1.1.4.6); without a zone it is London's time."""
    found = _DATE.fullmatch(value)
    if found is None:
        raise InvalidValueError(name, "is no date, as ge2026-03-02T08:00:00Z; ne and ap are not known")
    try:
        first, after = _span(found)
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(name, "is not in the calendar") from error
    when = {
        "eq": When(since=first, before=after),
        "ge": When(since=first),
        "le": When(before=after),
        "gt": When(since=after),
        "sa": When(since=after),
        "lt": When(before=first),
        "eb": When(before=first),
    }[found[1] or "eq"]
    return replace(query, dates={**query.dates, name: (*query.dates.get(name, ()), when)})


def _span(found: re.Match[str]) -> tuple[datetime, datetime]:
    """Return the instants from and before which a date is, by how exactly it is said."""
    year, month, day = int(found[2]), int(found[3] or 1), int(found[4] or 1)
    hour, minute, second = (int(found[place] or 0) for place in (5, 6, 7))
    micro = int((found[8] or "0").ljust(6, "0"))
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{found[9]}").tzinfo if found[9] else LONDON
    first = datetime(year, month, day, hour, minute, second, micro, tzinfo=zone)
    if found[5]:
        exactly = timedelta(microseconds=10 ** (6 - len(found[8]))) if found[8] else None
        after = first.astimezone(UTC) + (exactly or timedelta(seconds=1 if found[7] else 60))
    elif found[4]:
        after = (first.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    elif found[3]:
        after = first.replace(year=year + month // 12, month=month % 12 + 1)
    else:
        after = first.replace(year=year + 1)
    if not 1900 <= first.year <= 2200:
        raise ValueError(year)
    return first.astimezone(UTC), after.astimezone(UTC)


def _include(query: TaskQuery, name: str, value: str) -> TaskQuery:
    wanted = {value} if value not in {"*", "Task:*"} else set(INCLUDES)
    # the type of what is included may be named too (3.1.1.5.4)
    wanted = {":".join(item.split(":")[:2]) for item in wanted}
    if not wanted <= INCLUDES:
        raise InvalidValueError(name, f"is none of {', '.join(sorted(INCLUDES))}")
    return replace(query, include=query.include | wanted)


def _count(query: TaskQuery, name: str, value: str) -> TaskQuery:
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise InvalidValueError(name, "is no number")
    return replace(query, count=min(int(value), MOST), only_total=query.only_total or int(value) == 0)


def _summary(query: TaskQuery, name: str, value: str) -> TaskQuery:
    if value not in {"count", "false"}:
        raise InvalidValueError(name, "is neither count nor false")
    return replace(query, only_total=query.only_total or value == "count")


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
    "_include": _include,
    "_sort": _one_of("_id"),
    "_summary": _summary,
    "_total": _one_of("accurate", "estimate", "none"),
    "authored-on": _date,
    "business-status": _token,
    "code": _token,
    "focus": _reference("ServiceRequest"),
    "group-identifier": _token,
    "identifier": _token,
    "intent": _token,
    "modified": _date,
    "owner": _reference("Practitioner"),
    "owner:identifier": _token,
    "patient:identifier": _token,
    "priority": _token,
    "requester": _reference("Organization"),
    "status": _status,
    "status:not": _status_not,
    "subject:identifier": _token,
}

# What a CapabilityStatement says of each: its type, and what it looks at.
PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "_id": ("token", "the Task's id"),
    "_lastUpdated": ("date", "when anything of it last changed"),
    "authored-on": ("date", "when the study became known here"),
    "business-status": ("token", "where exactly the read stands"),
    "code": ("token", "what kind of read it is"),
    "focus": ("reference", "the order: all reads of one study"),
    "group-identifier": ("token", "the accession number; its system says whose"),
    "identifier": ("token", "the SOP Instance UID of its workitem"),
    "intent": ("token", "always order"),
    "modified": ("date", "as _lastUpdated"),
    "owner": ("reference", "whose list it is on, who has it open, or who did it; also owner:identifier"),
    "patient": ("reference", "as patient:identifier only: the imaging trust's own number"),
    "priority": ("token", "stat, urgent or routine"),
    "requester": ("reference", "the trust that imaged"),
    "status": ("token", "also status:not"),
    "subject": ("reference", "as patient"),
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

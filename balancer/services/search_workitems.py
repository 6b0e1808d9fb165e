"""Search workitems: what the database can look for it does, the rest is matched here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.domain.policy import Policy
from balancer.domain.steps import StepState
from balancer.publish.ups import fields
from balancer.publish.ups.attributes import Path, values_at, vr_of
from balancer.publish.ups.matching import choices, is_universal, matches
from balancer.publish.ups.query import Query
from balancer.publish.ups.returned import returned, unknown
from balancer.publish.ups.uids import is_uid
from balancer.publish.ups.workitem import Workitem
from balancer.services.see_workitem import dataset_from, workitem_from
from balancer.services.what_holds import classes_held, shown_as_held
from balancer.store import workitems
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.workitems import Found, Wanted

_KEPT: Final = timedelta(days=7)
"""How long what has ended is found; by its UID it is for ever."""

_MOST_LOOKED_AT: Final = 10_000
"""How many workitems are matched here for one search: more than any one trust's that are open at a time."""

_MOST_BUILT: Final = 1_000
"""Of how many of them a dataset is built to be looked into, at three milliseconds each."""

_WILD: Final = frozenset("*?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Part of an answer; ``remaining`` counts what comes after it. ``lacking``: an attribute is none of theirs.

    ``study_ids`` are the internal numbers of the studies that are shown.
    """

    items: list[Dataset]
    study_ids: list[int]
    remaining: int
    lacking: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything that matches; ``datasets`` are built one by one, as they are asked for."""

    datasets: Iterator[Dataset]
    study_ids: list[int]


def every_workitem(db: Database, query: Query, now: datetime) -> Answer:
    """Return all workitems within reach that match, as they stand at one moment, what is due first first.

    Raises
    ------
    InvalidValueError
        As ``search_workitems``, or if there are more than one answer holds.
    """
    with db.session() as session:
        policy, numbering = current_policy(session), workitems.numbering(session)
        total, found = _found(session, replace(query, offset=0, limit=_MOST_LOOKED_AT), now, policy, numbering)
    _require_few(total, _MOST_LOOKED_AT)
    built = (dataset_from(item, policy, numbering) for item in found)
    return Answer(datasets=built, study_ids=[item.read.study_id for item in found])


def search_workitems(db: Database, query: Query, now: datetime) -> Page:
    """Return the workitems within reach that match, what is due first first.

    Raises
    ------
    InvalidValueError
        If what is asked for cannot be a value of its attribute, or would have too many workitems looked at.
    """
    with db.session() as session:
        policy, numbering = current_policy(session), workitems.numbering(session)
        total, found = _found(session, query, now, policy, numbering)
        datasets = [dataset_from(item, policy, numbering) for item in found]
    return Page(
        items=[returned(dataset, query) for dataset in datasets],
        study_ids=[item.read.study_id for item in found],
        remaining=max(0, total - query.offset - len(found)),
        lacking=any(unknown(dataset, query) for dataset in datasets),
    )


def _found(session: Session, query: Query, now: datetime, policy: Policy, numbering: str) -> tuple[int, list[Found]]:
    """Return how many match, and the part of them that is asked for."""
    wanted, rest = _wanted(query, now)
    if wanted.priority is not None:
        wanted = replace(wanted, held=classes_held(session, now))
    if rest:
        every = _matching(session, wanted, rest, query, now, policy, numbering)
        return len(every), every[query.offset : query.offset + query.limit]
    found = workitems.search(session, wanted, offset=query.offset, limit=query.limit)
    # a part that is not full is the last: whoever polls for what is open, or for a study, gets no other
    is_last = len(found) < query.limit and (found or not query.offset)
    total = query.offset + len(found) if is_last else workitems.count(session, wanted)
    return total, shown_as_held(session, found, now)


def _matching(  # noqa: PLR0913, PLR0917
    session: Session,
    wanted: Wanted,
    rest: Sequence[Path],
    query: Query,
    now: datetime,
    policy: Policy,
    numbering: str,
) -> list[Found]:
    """Return what matches the keys that are left, and build no dataset for one that reads off a workitem."""
    for path in rest:  # what cannot be asked for is refused, whether there is anything or not
        _matches(path, ["20000101"], query)
    _require_few(workitems.count(session, wanted), _MOST_LOOKED_AT)
    flat, deep = [path for path in rest if path in fields.FIELDS], [path for path in rest if path not in fields.FIELDS]
    found = shown_as_held(session, workitems.search(session, wanted), now)
    if flat:
        found = [item for item in found if _reads(workitem_from(item, policy, numbering), flat, query)]
    if deep:
        _require_few(len(found), _MOST_BUILT)
        found = [item for item in found if _holds(dataset_from(item, policy, numbering), deep, query)]
    return found


def _require_few(there: int, most: int) -> None:
    if there > most:
        reason = f"would have {there} workitems looked at one by one, of {most} at most: narrow it by state or study"
        raise InvalidValueError("query", reason)


def _reads(item: Workitem, paths: Sequence[Path], query: Query) -> bool:
    return all(_matches(path, [fields.FIELDS[path](item)], query) for path in paths)


def _holds(dataset: Dataset, paths: Sequence[Path], query: Query) -> bool:
    return all(_matches(path, values_at(dataset, path), query) for path in paths)


def _matches(path: Path, values: Iterable[str], query: Query) -> bool:
    return matches(path[-1], query.keys[path], values, several=query.several, empty=query.empty)


def _wanted(query: Query, now: datetime) -> tuple[Wanted, list[Path]]:
    """Return what the database looks for, and the keys that are left."""
    wanted, rest = Wanted(since=now - _KEPT), list[Path]()
    for path, asked in query.keys.items():
        look = _LOOKED_FOR.get(path)
        found = look(asked, several=query.several) if look is not None and asked and not _WILD & set(asked) else None
        if found is not None:
            wanted = replace(wanted, **found)
        elif not is_universal(vr_of(path[-1]), asked):
            rest.append(path)
    return wanted, rest


def _states(asked: str, *, several: bool) -> dict[str, Any]:
    return {"states": [state for state in StepState if state.value in choices("CS", asked, several=several)]}


def _uids(asked: str, *, several: bool) -> dict[str, Any] | None:
    uids = choices("UI", asked, several=several)
    return {"study_instance_uids": uids} if all(map(is_uid, uids)) else None


def _one(name: str) -> Callable[..., dict[str, Any] | None]:
    """Return what looks for one value of a column; a list, or one with what no value has, is matched here."""

    def look(asked: str, *, several: bool) -> dict[str, Any] | None:
        plain = asked.isprintable() and asked.strip() == asked and not set('\\"') & set(asked)
        return None if several or not plain else {name: asked}

    return look


_LOOKED_FOR: Final[Mapping[Path, Callable[..., dict[str, Any] | None]]] = {
    fields.STATE: _states,
    fields.STUDY: _uids,
    fields.PRIORITY: _one("priority"),
    fields.PATIENT: _one("patient_id"),
    fields.ACCESSION: _one("accession_number"),
    fields.PERFORMER: _one("reporter_id"),
}

"""Search reads as FHIR Tasks; everything that is asked for is looked for in the database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.policy import Policy
from balancer.publish.fhir import codes, references
from balancer.publish.fhir.dates import BEGAN, ENDED, When
from balancer.publish.fhir.ids import number_of, task_named
from balancer.publish.fhir.references import Resource
from balancer.publish.fhir.search import TaskQuery, Token, numbers, states_of
from balancer.publish.fhir.task import carried
from balancer.publish.ups.uids import is_uid, key_of
from balancer.publish.ups.workitem import Urgency
from balancer.services.see_task import order_of, performer_of, resource_of
from balancer.services.see_workitem import urgency
from balancer.services.what_holds import shown_as_held, studies_decided
from balancer.store import past_tasks, tasks, workitems
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.task_order import By, Held, Key, Place, merged
from balancer.store.tasks_wanted import Between, Found, Wanted

_KEPT: Final = timedelta(days=7)
"""How long what has ended is found; by what names a Task, a study or a patient it is for ever."""

_NAMING: Final = frozenset({"_id", "identifier", "group-identifier", "focus", "patient"})
_SORTED: Final[Mapping[str, By]] = {
    "_id": By.NUMBER,
    "_lastUpdated": By.CHANGED,
    "authored-on": By.AUTHORED,
    "due": By.DUE,
    "modified": By.CHANGED,
    "period": By.BEGAN,
    "planned-start": By.PLANNED,
    "priority": By.URGENCY,
}
_RANKS: Final = {Urgency.LOW: 0, Urgency.MEDIUM: 1, Urgency.HIGH: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Part of an answer; ``last`` is the place of the last read in it, if there are more behind.

    ``study_ids`` are the internal numbers of the studies that are shown.
    """

    items: list[Resource]
    included: list[Resource]
    study_ids: list[int]
    total: int
    last: Place | None


def search_tasks(db: Database, query: TaskQuery, now: datetime, *, after: Place = ()) -> Page:
    """Return the Tasks within reach that match and come behind that place, in the order that is asked for."""
    with db.session() as session:
        policy, numbering = current_policy(session), workitems.numbering(session)
        wanted = wanted_of(query, policy, numbering, now)
        order = [Key(by=_SORTED[name], falls=falls) for name, falls in query.sort]
        if _looks_at_what_holds(wanted, order):
            wanted = replace(wanted, held=_held(session, policy, now))
        total = tasks.count(session, wanted) + past_tasks.count(session, wanted)
        limit = 0 if query.shape.only_total else query.count
        found = _found(session, wanted, order, after, limit + 1) if limit else []
        shown = shown_as_held(session, found[:limit], now)
        included = _included(session, shown, query.include, policy, numbering)
    return Page(
        items=[query.shape.of(resource_of(item, policy, numbering)) for item in shown],
        included=included,
        study_ids=[item.read.study_id for item in shown],
        total=total,
        last=shown[-1].place if len(found) > len(shown) and shown else None,
    )


def _found(session: Session, wanted: Wanted, order: Sequence[Key], after: Place, limit: int) -> Sequence[Found]:
    """Return Tasks that stand for their reads now, and those that others have followed, in one order."""
    some = tasks.search(session, wanted, order=order, place=after, limit=limit)
    return merged(some, past_tasks.search(session, wanted, order=order, place=after, limit=limit), order)[:limit]


def _looks_at_what_holds(wanted: Wanted, order: Iterable[Key]) -> bool:
    """Tell whether classes or due times matter, of which people may have decided."""
    asked = wanted.priorities is not None or wanted.but_priorities is not None or bool(wanted.due)
    return asked or any(key.by in {By.DUE, By.URGENCY} for key in order)


def _held(session: Session, policy: Policy, now: datetime) -> Held:
    decided = studies_decided(session, now)
    asked = {number: study.asked_for for number, study in decided.items()}
    return Held(
        ranks={item.code: _RANKS[urgency(item.code, policy)] for item in policy.priorities},
        otherwise=_RANKS[Urgency.MEDIUM],
        classes={number: study.priority for number, study in decided.items()},
        due_at={number: study.due_at for number, study in decided.items()},
        asked_for={number: at for number, at in asked.items() if at is not None},
    )


def wanted_of(query: TaskQuery, policy: Policy, numbering: str, now: datetime) -> Wanted:
    """Return what the database is to look for, by the policy and the numbering in force."""
    wanted = Wanted(
        ended_since=None if _NAMING & set(query.tokens) else now - _KEPT,
        changed=tuple(map(_between, (*query.dates.get("_lastUpdated", ()), *query.dates.get("modified", ())))),
        authored=tuple(map(_between, query.dates.get("authored-on", ()))),
        due=tuple(map(_between, query.dates.get("due", ()))),
        planned=tuple(map(_between, query.dates.get("planned-start", ()))),
        began=tuple(map(_between, query.dates.get(BEGAN, ()))),
        ended=tuple(map(_between, query.dates.get(ENDED, ()))),
    )
    if query.excluded_statuses:
        wanted = replace(wanted, states=set(ReadState) - states_of(query.excluded_statuses))
    for name, times in query.tokens.items():
        look = _LOOKED_FOR[name]
        for tokens in times:
            wanted = _narrowed(wanted, look(tokens, policy, numbering))
    return wanted


def _narrowed(wanted: Wanted, more: Mapping[str, Collection[Any]]) -> Wanted:
    """Return what is looked for once these lists hold too."""
    for name, values in more.items():
        before = getattr(wanted, name)
        both = set(values) if before is None else set(before) & set(values)
        if name == "but_priorities" and before is not None:
            both = set(before) | set(values)
        elif name in {"accessions", "patients"} and before is not None:
            both = _numbers_in_both(before, values)
        narrower: dict[str, Any] = {name: both}
        wanted = replace(wanted, **narrower)
    return wanted


def _numbers_in_both(some: Iterable[tuple[str | None, str]], others: Iterable[Any]) -> set[tuple[str | None, str]]:
    """Return the numbers that both lists have: one of nobody in particular is everybody's."""
    pairs = [(one, other) for one in some for other in others if one[1] == other[1]]
    return {(one[0] or other[0], one[1]) for one, other in pairs if None in {one[0], other[0]} or one[0] == other[0]}


def _between(when: When) -> Between:
    return Between(since=when.since, before=when.before)


Tokens = Sequence[Token]
Lists = Mapping[str, Collection[Any]]


def _ids(tokens: Tokens, _policy: Policy, numbering: str) -> Lists:
    found = {task_named(token.value, numbering) for token in tokens}
    return {"task_ids": {named for named in found if named is not None and named[0] < 1 << 31}}


def _orders(tokens: Tokens, _policy: Policy, numbering: str) -> Lists:
    return {"study_ids": _numbers_of(tokens, numbering)}


def _numbers_of(tokens: Tokens, numbering: str) -> set[int]:
    found = {number_of(token.value, numbering) for token in tokens}
    return {number for number in found if number is not None and number < 1 << 31}


def _workitems(tokens: Tokens, _policy: Policy, numbering: str) -> Lists:
    of_dicom = [token.value for token in tokens if token.system in {None, codes.DICOM_UIDS}]
    uids = filter(is_uid, (value.removeprefix("urn:oid:") for value in of_dicom))  # what is none is no value for SQL
    keys = [(key_of(uid, numbering), uid) for uid in uids]
    return {"workitems": {key or uid for key, uid in keys if key is None or key.read_id < 1 << 31}}


def _statuses(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    return {"states": states_of(token.value for token in tokens)}


def _states(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    said = {token.value for token in tokens if token.system in {None, codes.READ_STATES}}
    return {"states": {state for state in ReadState if state.value in said}}


def _kinds(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    def named(kind: ReadKind, token: Token) -> bool:
        ours = token.system in {None, codes.READ_KINDS} and token.value == kind.value
        return ours or (token.system in {None, codes.DICOM} and token.value == codes.WORK[kind][0])

    return {"kinds": {kind for kind in ReadKind if any(named(kind, token) for token in tokens)}}


def _priorities(tokens: Tokens, policy: Policy, _numbering: str) -> Lists:
    """Return the policy's classes that read as these words; a class that it does not know reads as one of them too."""
    said = {token.value for token in tokens}
    known = {item.code: codes.URGENCIES[urgency(item.code, policy)] for item in policy.priorities}
    if codes.URGENCIES[Urgency.MEDIUM] in said:
        return {"but_priorities": {code for code, name in known.items() if name not in said}}
    return {"priorities": {code for code, name in known.items() if name in said}}


def _owners(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    return {"reporter_ids": {t.value for t in tokens if t.system is None or t.system == codes.register_of(t.value)}}


def _trusts(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    return {"trusts": {token.value for token in tokens if token.system in {None, codes.ODS}}}


def _accessions(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    return {"accessions": numbers(tokens, codes.accessions_of)}


def _patients(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    return {"patients": numbers(tokens, codes.patients_of)}


def _intents(tokens: Tokens, _policy: Policy, _numbering: str) -> Lists:
    return {} if any(token.value == "order" for token in tokens) else {"task_ids": set()}


_LOOKED_FOR: Final[Mapping[str, Callable[[Tokens, Policy, str], Lists]]] = {
    "_id": _ids,
    "identifier": _workitems,
    "group-identifier": _accessions,
    "patient": _patients,
    "status": _statuses,
    "business-status": _states,
    "code": _kinds,
    "priority": _priorities,
    "owner": _owners,
    "owner:identifier": _owners,
    "requester": _trusts,
    "requester:identifier": _trusts,
    "focus": _orders,
    "intent": _intents,
}


def _included(
    session: Session, found: Sequence[Found], include: frozenset[str], policy: Policy, numbering: str
) -> list[Resource]:
    """Return what the Tasks found point to, each once."""
    made: list[Resource] = []
    if include & {"Task:focus", "Task:input"}:
        for study, exam_name in tasks.studies(session, {item.read.study_id for item in found}):
            order = order_of(study, exam_name, policy, numbering)
            if "Task:focus" in include:
                made.append(references.service_request(order))
            if "Task:input" in include and order.study_instance_uid is not None:
                made.append(references.imaging_study(order))
    if "Task:owner" in include:
        ids = {item.reporter_id for item in found if item.reporter_id}
        people = [performer_of(row) for row in tasks.reporters(session, ids)]
        made += [references.practitioner(person) for person in people if person is not None]
    if "Task:requester" in include:
        trusts = tasks.trusts(session, {item.study.trust for item in found})
        made += [references.organization(row.code, carried(row.name)) for row in trusts]
    return made

"""Subscribe to Tasks: a system is told that something has changed among those that it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor, ActorKind
from balancer.domain.audit import AuditEntry
from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.domain.permission import Permission
from balancer.publish.fhir.codes import STATUSES
from balancer.publish.fhir.references import Resource
from balancer.publish.fhir.search import TaskQuery
from balancer.publish.fhir.subscription import Asked, asked_in, criteria_of, is_allowed, secret_of, subscription
from balancer.services.search_tasks import wanted_of
from balancer.services.what_holds import classes_held
from balancer.store import audit, hooks, scope, systems, tasks, workitems
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy
from balancer.store.tables_hooks import HookRow
from balancer.store.tables_journal import JournalRow
from balancer.store.task_order import Held

MOST = 20
"""How many subscriptions a system has at most: each is a thread that looks ten times a second."""


def subscribe_tasks(  # noqa: PLR0913 - what is asked, where it may go, on whose word
    db: Database, resource: Mapping[str, Any], now: datetime, *, by: Actor, origins: frozenset[str], key: bytes
) -> Resource:
    """Make a subscription, and return it with the secret by which its notifications are signed.

    Raises
    ------
    InvalidValueError
        If it is none that is served here, or a person asks.
    ConflictError
        If the system has as many as it may.
    """
    if by.kind is not ActorKind.SYSTEM:
        raise InvalidValueError("Subscription", "is a registered system's: a person is told by the pages")
    asked = asked_in(resource, origins)
    with db.transaction() as session:
        if len(hooks.hooks_of(session, by.subject, now)) >= MOST:
            raise ConflictError(f"there are {MOST} subscriptions: end one first")
        row = HookRow(
            system=by.subject,
            criteria=asked.criteria,
            endpoint=asked.endpoint,
            reason=asked.reason,
            made_at=now,
            end_at=asked.end_at,
        )
        hooks.add(session, row)
        _record(session, row.id or 0, "subscription.make", by, now)
        return _shown(session, row, origins, key)


def see_subscriptions(db: Database, now: datetime, *, by: Actor, origins: frozenset[str], key: bytes) -> list[Resource]:
    """Return the caller's subscriptions; ``origins`` are those where anything may be told now."""
    with db.session() as session:
        return [_shown(session, row, origins, key) for row in hooks.hooks_of(session, by.subject, now)]


def see_subscription(  # noqa: PLR0913 - which, of whom, where anything may be told
    db: Database, number: int, now: datetime, *, by: Actor, origins: frozenset[str], key: bytes
) -> Resource:
    """Return a subscription of the caller's; ``NotFoundError`` if there is none."""
    with db.session() as session:
        return _shown(session, hooks.hook_of(session, by.subject, number, now), origins, key)


def end_subscription(db: Database, number: int, now: datetime, *, by: Actor) -> None:
    """End a subscription of the caller's; ``NotFoundError`` if there is none."""
    with db.transaction() as session:
        hooks.end(session, by.subject, number, now)
        _record(session, number, "subscription.end", by, now)


def concerned(session: Session, hook: HookRow, steps: Sequence[JournalRow], now: datetime) -> list[JournalRow]:
    """Return those steps that a subscriber is told of: of Tasks that match, or matched before, and that it may see.

    That a Task no longer matches is news too: whoever keeps a list must take it off.
    """
    known = systems.by_subject(session, hook.system, now=now)
    reach = None if known is None else known.actor.reach(Permission.ASSIGNMENTS_READ)
    mine = [] if reach is None else [step for step in steps if reach.covers(step.trust)]
    query = criteria_of(hook.criteria)
    found = [step for step in mine if _stands(query, step.state, step.reporter_id) or _stood(query, step)]
    if not found:
        return []
    with scope.as_it_stands(session) as whole:
        wanted = wanted_of(_standing_still(query), current_policy(whole), workitems.numbering(whole), now)
        ids = {step.read_id for step in found}
        if wanted.task_ids is not None:  # of a Task that another follows it is told too: that there is another is news
            ids &= {read_id for read_id, _ in wanted.task_ids}
        narrowed = replace(
            wanted,
            ended_since=None,
            task_ids=None,
            read_ids=ids,
            held=Held(classes=classes_held(whole, now)),
        )
        matching = {item.read.id for item in tasks.search(whole, narrowed, limit=len(ids))}
    return [step for step in found if step.read_id in matching]


# What a step changes of a Task; everything else is held against the Task as it is.
_MOVING = frozenset({"status", "business-status", "owner", "owner:identifier"})


def _standing_still(query: TaskQuery) -> TaskQuery:
    tokens = {name: value for name, value in query.tokens.items() if name not in _MOVING}
    return replace(query, tokens=tokens, excluded_statuses=frozenset())


def _stood(query: TaskQuery, step: JournalRow) -> bool:
    return step.state_before is not None and _stands(query, step.state_before, step.reporter_before)


def _stands(query: TaskQuery, state: Any, reporter_id: str | None) -> bool:
    """Tell whether a read in this state, with this reporter, is as the moving part of a search wants it."""
    said = {
        "status": STATUSES[state],
        "business-status": state.value,
        "owner": reporter_id,
        "owner:identifier": reporter_id,
    }
    if STATUSES[state] in query.excluded_statuses:
        return False
    times = ((said[name], tokens) for name in _MOVING & set(query.tokens) for tokens in query.tokens[name])
    return all(value in {token.value for token in tokens} for value, tokens in times)


def _shown(session: Session, row: HookRow, origins: frozenset[str], key: bytes) -> Resource:
    """Return a subscription as it stands; one whose origin has been taken back is off: its subscriber must know."""
    number = row.id or 0
    error = hooks.failing(session, number)
    status = "requested" if row.active_at is None else "error" if error else "active"
    if not is_allowed(row.endpoint, origins):
        status, error = "off", "nothing may be told at this origin any more: ask who runs the service"
    return subscription(
        number=number,
        status=status,
        asked=Asked(criteria=row.criteria, endpoint=row.endpoint, reason=row.reason, end_at=row.end_at),
        error=error,
        secret=secret_of(number, workitems.numbering(session), key),
    )


def _record(session: Session, number: int, action: str, by: Actor, now: datetime) -> None:
    entry = AuditEntry(
        at=now, actor=by.subject, action=action, subject_kind="subscription", subject_id=str(number), detail={}
    )
    audit.append(session, entry)

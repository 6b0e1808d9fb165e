"""Policies as rows: a version is a document that is never edited; the newest one is in force."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from balancer.domain.errors import NotFoundError
from balancer.domain.policy import LoadBand, Policy, PriorityClass, ReadingRules, ReplanLimits, TargetClock, Weights
from balancer.store.tables import PolicyRow


def current_policy_row(session: Session) -> PolicyRow:
    """Return the version in force; ``NotFoundError`` if no policy has been loaded yet."""
    row = session.exec(select(PolicyRow).order_by(col(PolicyRow.id).desc()).limit(1)).first()
    if row is None:
        raise NotFoundError("no clinical policy has been loaded")
    return row


def current_policy(session: Session) -> Policy:
    """Return the policy in force; ``NotFoundError`` if none has been loaded yet."""
    return policy_of(current_policy_row(session))


def policies(session: Session) -> list[PolicyRow]:
    """Return every version, newest first."""
    return list(session.exec(select(PolicyRow).order_by(col(PolicyRow.id).desc())))


def put_policy(session: Session, policy: Policy, *, now: datetime) -> bool:
    """Make ``policy`` the one in force; ``False`` if it is already."""
    document = json.loads(json.dumps(asdict(policy)))
    if policy.replan == ReplanLimits():
        del document["replan"]  # as in the versions loaded before there were limits, so that they are not new again
    if policy.reading == ReadingRules():
        del document["reading"]
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    newest = session.exec(select(PolicyRow).order_by(col(PolicyRow.id).desc()).limit(1)).first()
    if newest is not None and newest.digest == digest:
        return False
    session.add(
        PolicyRow(
            digest=digest,
            owner=policy.owner,
            version=policy.version,
            dated_on=policy.dated_on,
            document=document,
            loaded_at=now,
        )
    )
    session.flush()
    return True


def policy_of(row: PolicyRow) -> Policy:
    """Return the policy that a version's document states."""
    document: dict[str, Any] = dict(row.document)
    priorities = document.pop("priorities")
    weights, bands = document.pop("weights"), document.pop("bands")
    limits = document.pop("replan", {})  # versions loaded before there were limits have none
    reading = document.pop("reading", {})
    return Policy(
        **document,
        priorities=tuple(PriorityClass(**{**item, "clock": TargetClock(item["clock"])}) for item in priorities),
        weights=Weights(**weights),
        bands=tuple(LoadBand(**band) for band in bands),
        replan=ReplanLimits(**limits),
        reading=ReadingRules(**reading),
    )

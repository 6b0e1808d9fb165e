"""Policies as rows: a version is a document that is never edited; the last one that was approved is in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Final

from sqlmodel import Session, col, select

from balancer.domain.errors import ConflictError, NotFoundError, NothingLoadedError
from balancer.domain.policy import (
    FollowUpRules,
    LedgerCap,
    LoadBand,
    Policy,
    PriorityClass,
    PublishingRules,
    ReadingRules,
    ReplanLimits,
    TargetClock,
    Weights,
)
from balancer.domain.policy_version import PolicyDecision, PolicyState
from balancer.store.tables import PolicyRow
from balancer.store.tables_policies import PolicyDecisionRow

# Fields that every document has, though a file may leave them out: the digests of the first versions are of them.
_ALWAYS_KEPT: Final = ("owner", "version", "dated_on")
_TABLES: Final[Mapping[str, type[Any]]] = {
    "weights": Weights,
    "replan": ReplanLimits,
    "reading": ReadingRules,
    "publishing": PublishingRules,
    "follow_up": FollowUpRules,
}
# What a class has had only since readings are followed up.
_NEW_OF_PRIORITY: Final = {"provisional_stops_clock": False, "verification_hours": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A version and what became of it; ``decision`` is ``None`` while it waits for one."""

    row: PolicyRow
    state: PolicyState
    decision: PolicyDecisionRow | None

    @property
    def approver(self) -> str:
        """Who approved it, by name; empty if nobody is named, or nobody has."""
        approved = self.decision is not None and self.decision.decision is PolicyDecision.APPROVE
        return self.decision.decided_by if approved and self.decision is not None else ""


def current_policy_row(session: Session) -> PolicyRow:
    """Return the version in force; ``NothingLoadedError`` if none has been approved yet."""
    row = session.exec(
        select(PolicyRow)
        .join(PolicyDecisionRow, col(PolicyDecisionRow.policy_id) == col(PolicyRow.id))
        .where(PolicyDecisionRow.decision == PolicyDecision.APPROVE)
        .order_by(col(PolicyDecisionRow.id).desc())
        .limit(1)
    ).first()
    if row is None:
        raise NothingLoadedError("no clinical policy is in force: none has been loaded, or none approved")
    return row


def number_in_force(session: Session) -> int:
    """Return the number of the version in force; 0 if none has been approved yet."""
    try:
        return current_policy_row(session).id or 0
    except NothingLoadedError:
        return 0


def current_policy(session: Session) -> Policy:
    """Return the policy in force; ``NothingLoadedError`` if there is none yet."""
    return policy_of(current_policy_row(session))


def current_caps(session: Session) -> dict[str, float]:
    """Return the ledger's caps in force, in minutes by trust; none if no policy is in force yet."""
    try:
        policy = current_policy(session)
    except NotFoundError:
        return {}
    return {cap.trust: cap.minutes for cap in policy.ledger}


def versions(session: Session) -> list[PolicyVersion]:
    """Return every version with what became of it, newest first."""
    found = session.exec(
        select(PolicyRow, PolicyDecisionRow)
        .outerjoin(PolicyDecisionRow, col(PolicyDecisionRow.policy_id) == col(PolicyRow.id))
        .order_by(col(PolicyRow.id).desc())
    ).all()
    approved = [decision.id or 0 for _, decision in found if decision and decision.decision is PolicyDecision.APPROVE]
    last = max(approved, default=None)
    return [PolicyVersion(row=row, state=_state(decision, last), decision=decision) for row, decision in found]


def _state(decision: PolicyDecisionRow | None, last_approved: int | None) -> PolicyState:
    if decision is None:
        return PolicyState.PROPOSED
    if decision.decision is PolicyDecision.DECLINE:
        return PolicyState.DECLINED
    return PolicyState.IN_FORCE if decision.id == last_approved else PolicyState.REPLACED


def version(session: Session, policy_id: int) -> PolicyVersion:
    """Return one version; ``NotFoundError`` if there is none of that number."""
    found = next((item for item in versions(session) if item.row.id == policy_id), None)
    if found is None:
        raise NotFoundError(f"there is no version {policy_id} of the policy")
    return found


def signed(found: PolicyVersion) -> Policy:
    """Return what a version says, with its author and whoever approved it: what an export writes."""
    return replace(policy_of(found.row), author=found.row.author, approver=found.approver)


def says(found: PolicyVersion, policy: Policy) -> bool:
    """Tell whether a version is ``policy``, as it came or with the names that an export adds."""
    return policy in (policy_of(found.row), signed(found))


def turn(session: Session) -> None:
    """Wait until nobody else decides about policies, and keep them from it until the transaction ends."""
    # others may enter runs meanwhile, which only refer to a version: they have what whoever decides waits for later
    session.exec(select(PolicyRow.id).order_by(col(PolicyRow.id)).with_for_update(key_share=True)).all()


def require_in_force(session: Session, policy_id: int) -> None:
    """Ensure that this version is the one in force (0: none is); whoever calls has waited for the ``turn``.

    Raises
    ------
    ConflictError
        If another is: whoever decides has looked at one that is in force no more.
    """
    found = number_in_force(session)
    if found != policy_id:
        raise ConflictError(f"version {found} of the policy has come into force since, which is to be looked at first")


def add_version(  # noqa: PLR0913 - a row has so many columns
    session: Session, policy: Policy, *, author: str, reason: str, now: datetime, from_file: bool = False
) -> PolicyRow:
    """Add a version that waits to be decided about, and return it."""
    document = document_of(policy)
    row = PolicyRow(
        digest=digest_of(policy),
        owner=policy.owner,
        version=policy.version,
        dated_on=policy.dated_on,
        document=document,
        loaded_at=now,
        author=author,
        reason=reason,
        from_file=from_file,
    )
    session.add(row)
    session.flush()
    return row


def decide(  # noqa: PLR0913
    session: Session, row: PolicyRow, decision: PolicyDecision, *, by: str, now: datetime, reason: str
) -> None:
    """Enter what was decided about a version; whoever calls has waited for the ``turn``.

    Raises
    ------
    ConflictError
        If it has been decided about before.
    """
    found = version(session, row.id or 0)
    if found.state is not PolicyState.PROPOSED:
        raise ConflictError(f"version {row.id} of the policy does not wait for a decision: it is {found.state}")
    session.add(
        PolicyDecisionRow(policy_id=row.id or 0, decision=decision, decided_by=by, decided_at=now, reason=reason)
    )
    session.flush()


def last_from_file(session: Session) -> PolicyRow | None:
    """Return the last version that the network folder's file brought, if it brought any."""
    statement = select(PolicyRow).where(PolicyRow.from_file).order_by(col(PolicyRow.id).desc()).limit(1)
    return session.exec(statement).first()


def digest_of(policy: Policy) -> str:
    """Return the SHA-256 of what a policy says."""
    return hashlib.sha256(json.dumps(document_of(policy), sort_keys=True).encode()).hexdigest()


def document_of(policy: Policy) -> dict[str, Any]:
    """Return what a policy says as JSON; whatever may be left out of a file and is as usual is left out.

    So a version that was kept before there was such a field has the same digest afterwards.
    """
    document: dict[str, Any] = json.loads(json.dumps(asdict(policy)))
    for field in fields(Policy):
        usual = field.default_factory() if field.default_factory is not MISSING else field.default
        if field.name not in _ALWAYS_KEPT and getattr(policy, field.name) == usual:
            del document[field.name]
    for priority in document["priorities"]:
        for name, usual in _NEW_OF_PRIORITY.items():
            if priority[name] == usual:
                del priority[name]
    return document


def policy_of(row: PolicyRow) -> Policy:
    """Return the policy that a version's document states."""
    document: dict[str, Any] = dict(row.document)
    classes = [PriorityClass(**{**item, "clock": TargetClock(item["clock"])}) for item in document.pop("priorities")]
    bands = tuple(LoadBand(**band) for band in document.pop("bands"))
    tables = {name: shape(**_as_kept(document.pop(name))) for name, shape in _TABLES.items() if name in document}
    caps = tuple(LedgerCap(**cap) for cap in document.pop("ledger", ()))
    return Policy(**document, **tables, priorities=tuple(classes), bands=bands, ledger=caps)


def _as_kept(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table of a document with its lists, which JSON has in place of tuples, as tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}

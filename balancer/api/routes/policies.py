"""The clinical policy: its versions, how they differ, and who puts which in force."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from balancer.api import problems
from balancer.api.callers import Caller, Reaching, may
from balancer.api.doors import OPERATOR
from balancer.api.models.policies import (
    ApprovalIn,
    FieldChangeOut,
    PolicyIn,
    PolicyOut,
    PolicyVersionOut,
    RefusalIn,
)
from balancer.api.models.shape import ListOut
from balancer.api.problems import PolicyRefusedError
from balancer.api.serving import IdInPath, OptionalPaging, Served, list_out
from balancer.domain.actor import Actor, ActorKind, Reach
from balancer.domain.errors import InputRefusedError, NotAllowedError
from balancer.domain.permission import Permission
from balancer.domain.policy import Policy
from balancer.domain.policy_version import compare
from balancer.ingest.policy_file import read_policy
from balancer.services.decide_policy import approve_policy, decline_policy
from balancer.services.propose_policy import propose_policy
from balancer.store import policies
from balancer.store.pages import part

router = APIRouter()
_DECIDED = problems.may_be(problems.NOT_FOUND, problems.CONFLICT)


@router.get(
    "/policies",
    tags=["policies"],
    responses=problems.may_be(problems.NO_PAGE),
    dependencies=[may(Permission.POLICIES_READ)],
)
def list_policies(served: Served, cut: OptionalPaging) -> ListOut[PolicyVersionOut]:
    """List every version of the clinical policy, newest first: whose it is, and which one is in force."""
    with served.database.session() as session:
        found = policies.versions(session)
        return list_out(part(found, cut, "policies", lambda version: str(version.row.id)), PolicyVersionOut.of)


@router.post(
    "/policies",
    tags=["policies"],
    status_code=201,
    responses=problems.may_be(problems.CONFLICT, problems.POLICY_REFUSED),
    dependencies=[may(Permission.POLICIES_WRITE)],
)
def propose(served: Served, caller: Caller, asked: PolicyIn) -> PolicyOut:
    """Propose a version: it is read as the file of a network folder is, and waits until somebody approves it."""
    policy = _read(asked.content)
    policy_id = propose_policy(
        served.database,
        policy,
        served.clock.now(),
        by=caller,
        author=named(caller),  # whatever the text says of itself
        reason=asked.reason,
    )
    return _shown(served, policy_id)


@router.get(
    "/policies/{policy_id}",
    tags=["policies"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.POLICIES_READ)],
)
def get_policy(served: Served, policy_id: IdInPath) -> PolicyOut:
    """Get one version with everything it says, as a file."""
    return _shown(served, policy_id)


@router.get(
    "/policies/{policy_id}/changes",
    tags=["policies"],
    responses=problems.may_be(problems.NOT_FOUND),
    dependencies=[may(Permission.POLICIES_READ)],
)
def compare_policies(
    served: Served,
    policy_id: IdInPath,
    since: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="If not given, the one in force.")] = None,
) -> ListOut[FieldChangeOut]:
    """List every field in which a version differs from another."""
    with served.database.session() as session:
        before = policies.version(session, since or policies.current_policy_row(session).id or 0)
        after = policies.version(session, policy_id)
    changes = compare(policies.policy_of(before.row), policies.policy_of(after.row))
    return ListOut(items=[FieldChangeOut.of(change) for change in changes])


@router.post(
    "/policies/{policy_id}/approve",
    tags=["policies"],
    responses=_DECIDED,
    dependencies=[may(Permission.POLICIES_WRITE)],
)
def approve(served: Served, caller: Caller, reach: Reaching, policy_id: IdInPath, asked: ApprovalIn) -> PolicyOut:
    """Bring a proposed version into force for every trust: open studies are due by it at once, and a run is asked for.

    For a person who holds this at every trust. With `base` nobody approves beside another version than they have seen.
    """
    require_everywhere(reach)
    if caller.kind is not ActorKind.PERSON:
        raise NotAllowedError("a policy is approved by a person")
    approver = asked.approver if caller == OPERATOR else named(caller)
    now = served.clock.now()
    approve_policy(served.database, policy_id, now, by=caller, approver=approver, reason=asked.reason, base=asked.base)
    return _shown(served, policy_id)


@router.post(
    "/policies/{policy_id}/decline",
    tags=["policies"],
    responses=_DECIDED,
    dependencies=[may(Permission.POLICIES_WRITE)],
)
def decline(served: Served, caller: Caller, reach: Reaching, policy_id: IdInPath, asked: RefusalIn) -> PolicyOut:
    """Decide against a proposed version; for whoever holds this at every trust."""
    require_everywhere(reach)
    decline_policy(served.database, policy_id, served.clock.now(), by=caller, reason=asked.reason)
    return _shown(served, policy_id)


def _read(content: str) -> Policy:
    try:
        return read_policy(content, "policy.toml")
    except InputRefusedError as error:
        raise PolicyRefusedError(error.faults) from error


def named(caller: Actor) -> str:
    """Return who somebody is, by name and by what does not change."""
    return f"{caller.name} ({caller.subject})"


def require_everywhere(reach: Reach) -> None:
    """Ensure that whoever decides about the policy may at every trust; ``NotAllowedError`` if not."""
    if not reach.is_everywhere:
        raise NotAllowedError("the policy is one for all trusts: this needs leave to decide about it at every one")


def _shown(served: Served, policy_id: int) -> PolicyOut:
    with served.database.session() as session:
        return PolicyOut.of(policies.version(session, policy_id))

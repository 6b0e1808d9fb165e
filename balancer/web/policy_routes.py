"""The pages of the clinical policy: versions, one in plain words, two side by side; propose, approve, decline."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from balancer.api.callers import may
from balancer.api.doors import OPERATOR
from balancer.api.routes.policies import named, require_everywhere
from balancer.api.serving import IdInPath
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import Permission
from balancer.domain.policy_version import PolicyState, compare
from balancer.services.decide_policy import approve_policy, decline_policy
from balancer.services.propose_policy import propose_policy
from balancer.store import policies, standing
from balancer.store.database import Session
from balancer.store.policies import PolicyVersion
from balancer.web.desk import AtDesk, Desk
from balancer.web.downloads import download
from balancer.web.my_list import short_name
from balancer.web.policy import changes_shown, pair_to_compare, policy_shown, versions_table
from balancer.web.policy_fields import edited
from balancer.web.policy_rules import with_rules
from balancer.web.policy_tables import changes_table, figures_table
from balancer.web.tables import Medium, View, Viewing

router = APIRouter(include_in_schema=False)
_HERE: Final = "/policy"
_MOST_FIELDS: Final = 200
_REASON: Final = Form(min_length=1, max_length=500, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f]+$")
_NAME: Final = Form(max_length=100, pattern=r"^[^\x00-\x1f]*$")
# The version in force from which a form was made, or beside which one was shown; 0 if none was.
_Base = Annotated[int, Form(ge=0, le=2**31 - 1)]
_READ: Final = [may(Permission.POLICIES_READ)]
_WRITE: Final = [may(Permission.POLICIES_WRITE)]
_Version = Annotated[int, Query(ge=1, le=2**31 - 1)]


@router.get("/policy", dependencies=_READ)
def show_policies(desk: AtDesk, view: Viewing) -> Response:
    """Show the policy in force in plain words, with what waits to be approved, and every version."""
    return _all(desk, view)


@router.get("/policy/compare", dependencies=_READ)
def compare_versions(desk: AtDesk, view: Viewing, a: _Version, b: _Version) -> Response:
    """Show two versions side by side, where they differ."""
    with desk.database.session() as session:
        before, after = policies.version(session, a), policies.version(session, b)
        every = policies.versions(session)
    policy = policies.policy_of(after.row)
    changes = changes_shown(compare(policies.policy_of(before.row), policy), policy)
    if view.medium is not Medium.PAGE:
        return download(changes_table(changes, a, b, view), desk.now)
    return desk.page(
        "policy_compare.html",
        title="Two versions",
        here=_HERE,
        before=before,
        after=after,
        changes=changes,
        view=view,
        pair=pair_to_compare(every, a, b),
    )


@router.get("/policy/{policy_id:int}", dependencies=_READ)
def show_version(desk: AtDesk, view: Viewing, policy_id: IdInPath) -> Response:
    """Show one version in plain words, what it changes, and where to decide about it."""
    if view.medium is Medium.PAGE:
        return _one(desk, policy_id)
    with desk.database.session() as session:
        shown = policy_shown(policies.version(session, policy_id), _trusts(session))
    return download(figures_table(shown, view), desk.now)


async def _figures(request: Request) -> dict[str, str]:
    """Return what a form has of figures: whatever fields it has, each once."""
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    return {name: value for name, value in form.items() if isinstance(value, str)}


@router.post("/policy/propose", dependencies=_WRITE)
def propose(
    desk: AtDesk, given: Annotated[dict[str, str], Depends(_figures)], reason: Annotated[str, _REASON], base: _Base
) -> Response:
    """Propose the policy in force with other figures: it waits until somebody approves it.

    Not if another has come into force since the form was made: its figures would be taken back unseen.
    """

    def act() -> int:
        with desk.database.session() as session:
            policy = policies.current_policy(session)
        return propose_policy(
            desk.database,
            with_rules(edited(policy, given), given),
            desk.now,
            by=desk.caller,
            author=named(desk.caller),
            reason=" ".join(reason.split()),
            base=base,
        )

    return desk.after(
        act,
        then=lambda found: f"/policy/{found}",
        refused=lambda words, status: _all(desk, View(path=_HERE), said=words, status=status),
    )


@router.post("/policy/{policy_id:int}/approve", dependencies=_WRITE)
def approve(
    desk: AtDesk,
    policy_id: IdInPath,
    reason: Annotated[str, _REASON],
    base: _Base,
    approver: Annotated[str, _NAME] = "",
) -> Response:
    """Bring a version into force for every trust; who answers for it is whoever has signed in, where people do.

    Not if it was shown beside another than the one that is in force by now.
    """
    require_everywhere(desk.reach)
    return desk.after(
        lambda: approve_policy(
            desk.database,
            policy_id,
            desk.now,
            by=desk.caller,
            approver=approver if desk.caller == OPERATOR else named(desk.caller),
            reason=" ".join(reason.split()),
            base=base,
        ),
        then=lambda _: "/policy",
        refused=lambda words, status: _one(desk, policy_id, said=words, status=status),
    )


@router.post("/policy/{policy_id:int}/decline", dependencies=_WRITE)
def decline(desk: AtDesk, policy_id: IdInPath, reason: Annotated[str, _REASON]) -> Response:
    """Decide against a version."""
    require_everywhere(desk.reach)
    return desk.after(
        lambda: decline_policy(desk.database, policy_id, desk.now, by=desk.caller, reason=" ".join(reason.split())),
        then=lambda _: "/policy",
        refused=lambda words, status: _one(desk, policy_id, said=words, status=status),
    )


def _all(desk: Desk, view: View, *, said: str = "", status: int = 200) -> Response:
    with desk.database.session() as session:
        found, trusts = policies.versions(session), _trusts(session)
    table = versions_table(found, view, desk.now)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    current = next((item for item in found if item.state is PolicyState.IN_FORCE), None)
    return desk.page(
        "policy.html",
        title="Policy",
        here=_HERE,
        status=status,
        current=None if current is None else policy_shown(current, trusts),
        waiting=[item for item in found if item.state is PolicyState.PROPOSED],
        table=table,
        pair=pair_to_compare(found),
        writes=desk.may(Permission.POLICIES_WRITE),
        said=said,
    )


def _one(desk: Desk, policy_id: int, *, said: str = "", status: int = 200) -> Response:
    with desk.database.session() as session:
        found, trusts = policies.version(session, policy_id), _trusts(session)
        current = _in_force(policies.versions(session))
    policy = policies.policy_of(found.row)
    changes = [] if current is None else compare(policies.policy_of(current.row), policy)
    return desk.page(
        "policy_version.html",
        title=f"Policy version {policy_id}",
        here=_HERE,
        status=status,
        shown=policy_shown(found, trusts),
        current=current,
        changes=changes_shown(changes, policy),
        decides=_decides(desk),
        asks_who=desk.caller == OPERATOR,
        writes=desk.may(Permission.POLICIES_WRITE),
        said=said,
    )


def _trusts(session: Session) -> dict[str, str]:
    return {row.code: short_name(row.name) for row in standing.trusts(session)}


def _in_force(found: list[PolicyVersion]) -> PolicyVersion | None:
    return next((item for item in found if item.state is PolicyState.IN_FORCE), None)


def _decides(desk: Desk) -> bool:
    """Tell whether the caller may bring a version into force: it holds for every trust, so must their leave."""
    try:
        require_everywhere(desk.caller.reach(Permission.POLICIES_WRITE))
    except NotAllowedError:
        return False
    return True

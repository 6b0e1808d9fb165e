"""Who calls, as the API says it."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import Out
from balancer.domain.actor import Actor, ActorKind
from balancer.domain.permission import Permission, Role


class GrantOut(Out):
    """A role at a trust."""

    role: Role
    trust: str = Field(description="`*` for every one.", examples=["RVV"])


class CallerOut(Out):
    """Whoever sent the request, and what they may do."""

    subject: str = Field(description="What the record knows them by.", examples=["entra:7f3c"])
    name: str = Field(examples=["Dr A. Example"])
    kind: ActorKind
    reporter_id: str | None = Field(description="Which reporter they are, if they are one.", examples=["9000017"])
    grants: list[GrantOut]
    trusts: list[str] = Field(description="Where they hold anything.", examples=[["RVV"]])
    permissions: list[Permission] = Field(description="What they may do at one of those at least.")

    @classmethod
    def of(cls, actor: Actor) -> CallerOut:
        """Return an actor as the API shows it."""
        return cls(
            subject=actor.subject,
            name=actor.name,
            kind=actor.kind,
            reporter_id=actor.reporter_id,
            grants=[GrantOut(role=grant.role, trust=grant.trust) for grant in sorted(actor.grants)],
            trusts=sorted(actor.trusts),
            permissions=[permission for permission in Permission if actor.may(permission)],
        )

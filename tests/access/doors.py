"""Doors that know beforehand who comes, and people who come."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from balancer.domain.actor import EVERY_TRUST, Actor, Grant, person, system
from balancer.domain.permission import Permission, Role
from tests.access.two_trusts import EAST, WEST


@dataclass(frozen=True)
class Known:
    """A door that takes whoever comes for one actor; for nobody if there is none."""

    actor: Actor | None = None

    async def caller(self, request: Request) -> Actor | None:  # noqa: ARG002
        """Return that actor."""
        return self.actor


@dataclass
class KnownOnce:
    """A door that takes whoever comes first for one actor, and then whoever comes for another, or nobody."""

    actor: Actor | None
    then: Actor | None = None

    async def caller(self, request: Request) -> Actor | None:  # noqa: ARG002
        """Return that actor, once."""
        known, self.actor = self.actor, self.then
        return known


def holding(role: Role, trust: str) -> Actor:
    """Return somebody with a role at a trust; a reporter is R1."""
    return person(f"test:{role}:{trust}", "A. Person", Grant(role, trust), reporter_id="R1")


MANAGER_EAST, MANAGER_WEST = holding(Role.MANAGER, EAST), holding(Role.MANAGER, WEST)
REPORTER = holding(Role.REPORTER, EAST)
# Who manages one trust and reports for the other: R1 is entitled at both.
MANAGER_AND_REPORTER = person(
    "test:both", "A. Person", Grant(Role.MANAGER, EAST), Grant(Role.REPORTER, WEST), reporter_id="R1"
)
AUDITOR = holding(Role.AUDITOR, EVERY_TRUST)
SYSTEM_EAST = system("test:pacs", "PACS of East", Permission, [EAST])

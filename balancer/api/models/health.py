"""Whether the service lives and can be used."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from balancer.api.models.shape import Instant, Out


class LiveOut(Out):
    """The process answers."""

    status: Literal["live"] = "live"


class Check(StrEnum):
    """What readiness looks at."""

    DATABASE = "database"
    WORKLISTS = "worklists"
    SCHEDULER = "scheduler"


class CheckOut(Out):
    """One thing the service needs, and whether it has it."""

    check: Check
    ok: bool
    detail: str = Field(examples=["last published 2026-03-02T08:00:00Z"])


class ReadyOut(Out):
    """Whether worklists can be had, and of each thing the service needs whether it is there."""

    status: Literal["ready", "not ready"]
    checks: list[CheckOut]


class VersionOut(Out):
    """What is running, and on which policy."""

    version: str = Field(description="Of the program.", examples=["0.1.0"])
    api: str = Field(description="Of this interface; changes within it only add.", examples=["v1"])
    policy_version: str | None = Field(description="Of the clinical policy in force.", examples=["2026.1"])
    policy_owner: str | None = Field(examples=["Example reporting board"])
    policy_dated_on: str | None = Field(examples=["2026-01-05"])
    now: Instant = Field(description="The service's clock.")

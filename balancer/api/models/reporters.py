"""Reporters, what they may report, and when they are rostered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pydantic import Field

from balancer.api.models.overrides import OverriddenOut
from balancer.api.models.shape import Instant, Out
from balancer.domain.instruction import Instruction
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.store.people import ListedReporter
from balancer.store.tables import SessionRow


class EntitlementOut(Out):
    """A trust whose studies the reporter may report."""

    trust: str = Field(examples=["RWF"])
    expires_on: date | None = Field(description="The last day it holds, in London.", examples=[None])


class SkillOut(Out):
    """How well the reporter knows a subspecialty."""

    subspecialty: str = Field(examples=["neuro"])
    modality: str | None = Field(description="For this modality only; `null` for every other one.", examples=[None])
    level: int = Field(ge=SkillLevel.FALLBACK, le=SkillLevel.SPECIALIST, examples=[3])
    meaning: str = Field(description="The level in a word.", examples=["specialist"])


class ReporterOut(Out):
    """A radiologist or reporting radiographer within an individual scope."""

    reporter_id: str = Field(description="GMC or HCPC number.", examples=["9000017"])
    name: str = Field(examples=["Dr A. Example"])
    grade: str = Field(examples=["consultant radiologist"])
    home_trust: str = Field(examples=["RVV"])
    listed: bool = Field(description="Whether the network's list still names them.", examples=[True])
    entitlements: list[EntitlementOut] = Field(
        description="The complete list of those that hold; the home trust counts only if listed."
    )
    skills: list[SkillOut]
    modalities: list[str] = Field(description="All, if empty.", examples=[["CT", "MR"]])
    speed_factor: float = Field(description="On the catalogue's minutes; 1.2 is slower.", examples=[1.0])
    overridden: list[OverriddenOut] = Field(
        description="Where managers within your reach have decided otherwise than the network's list says."
    )

    @classmethod
    def of(cls, listed: ListedReporter, person: Reporter, given: Iterable[Instruction]) -> ReporterOut:
        """Return a reporter as the API shows them: as ``person`` holds, and what of it was decided here."""
        mine = [item for item in given if item.reporter_id == person.reporter_id]
        skills = sorted(person.skills.items(), key=lambda item: (item[0][0], item[0][1] or ""))
        return cls(
            reporter_id=person.reporter_id,
            name=person.name,
            grade=person.grade,
            home_trust=person.home_trust,
            listed=listed.listed,
            entitlements=[EntitlementOut(trust=code, expires_on=last_day) for code, last_day in person.trusts.items()],
            skills=[
                SkillOut(subspecialty=name, modality=modality, level=level, meaning=level.name.lower())
                for (name, modality), level in skills
            ],
            modalities=sorted(person.modalities),
            speed_factor=person.speed,
            overridden=[OverriddenOut.of(item, listed.reporter, person) for item in mine],
        )


class SessionOut(Out):
    """A rostered stretch of one reporter's time; only `reporting` ones carry reads. Empty lists restrict nothing."""

    session_id: str = Field(examples=["RVV-9000017-20260302T0800Z"])
    reporter_id: str = Field(examples=["9000017"])
    roster_trust: str = Field(description="The trust whose roster it stands on.", examples=["RVV"])
    start: Instant
    end: Instant
    activity: str = Field(examples=["reporting"])
    productivity: float = Field(description="Share of the time that is spent reporting.", examples=[0.7])
    trusts: list[str] = Field(examples=[[]])
    subspecialties: list[str] = Field(examples=[[]])
    modalities: list[str] = Field(examples=[[]])
    priorities: list[str] = Field(examples=[["emergency"]])
    max_reads: int | None = Field(examples=[None])

    @classmethod
    def of(cls, row: SessionRow) -> SessionOut:
        """Return a session as the API shows it."""
        return cls(
            session_id=row.session_id,
            reporter_id=row.reporter_id,
            roster_trust=row.trust,
            start=row.start,
            end=row.end,
            activity=row.activity,
            productivity=row.productivity,
            trusts=row.trusts,
            subspecialties=row.subspecialties,
            modalities=row.modalities,
            priorities=row.priorities,
            max_reads=row.max_reads,
        )

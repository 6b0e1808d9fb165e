"""Reporters (radiologists and reporting radiographers), their entitlement and skills, and their rostered sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum

from balancer.domain.errors import InvalidValueError
from balancer.domain.instant import end_of_day, require_aware
from balancer.domain.study import Study

REPORTING = "reporting"


class SkillLevel(IntEnum):
    """How well a reporter knows a subspecialty; 0, no level at all, is absence from the scope."""

    FALLBACK = 1
    GENERAL = 2
    SPECIALIST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """One person within an individual scope, known by GMC or HCPC number.

    ``trusts`` is the complete list of trusts whose studies the reporter may report, each with the last day of the
    entitlement or ``None``; the home trust counts only if listed. ``skills`` is keyed by (subspecialty, modality), with
    ``None`` as modality for the entry that holds for every other one. Blank ``modalities`` means all. ``speed`` is the
    personal factor on the catalogue's minutes (1.2 = slower).
    """

    reporter_id: str
    name: str
    grade: str
    home_trust: str
    trusts: Mapping[str, date | None]
    skills: Mapping[tuple[str, str | None], SkillLevel]
    modalities: frozenset[str] = frozenset()
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not self.reporter_id:
            raise InvalidValueError("reporter_id", "a reporter needs a GMC or HCPC number")
        if self.speed <= 0:
            raise InvalidValueError("speed", f"{self.speed:g} is not above 0")

    def level(self, subspecialty: str, modality: str) -> int:
        """Return the level in ``subspecialty`` for ``modality`` (the entry naming it wins); 0 if there is none."""
        own = self.skills.get((subspecialty, modality))
        return int(own if own is not None else self.skills.get((subspecialty, None), 0))

    def entitled_until(self, trust: str) -> datetime | None:
        """Return the instant from which the entitlement for ``trust`` no longer holds, ``None`` if it does not expire.

        Raises
        ------
        KeyError
            If the reporter was never entitled for that trust.
        """
        expires_on = self.trusts[trust]
        return None if expires_on is None else end_of_day(expires_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A rostered stretch of one reporter's time; only ``reporting`` sessions carry reads.

    Empty restrictions restrict nothing. ``productivity`` is the share of clock time spent reporting.
    """

    session_id: str
    reporter_id: str
    start: datetime
    end: datetime
    activity: str = REPORTING
    productivity: float = 1.0
    trusts: frozenset[str] = field(default_factory=frozenset)
    subspecialties: frozenset[str] = field(default_factory=frozenset)
    modalities: frozenset[str] = field(default_factory=frozenset)
    priorities: frozenset[str] = field(default_factory=frozenset)
    max_reads: int | None = None

    def __post_init__(self) -> None:
        require_aware(self.start, "start")
        require_aware(self.end, "end")
        if self.end <= self.start:
            raise InvalidValueError("end", "a session must end after it starts")
        if not 0 < self.productivity <= 1:
            raise InvalidValueError("productivity", f"{self.productivity:g} is not above 0 and at most 1")
        if self.max_reads is not None and self.max_reads < 0:
            raise InvalidValueError("max_reads", f"{self.max_reads} is negative")

    def takes(self, study: Study) -> bool:
        """Tell whether the session may hold a study (H4)."""
        return (
            (not self.trusts or study.trust in self.trusts)
            and (not self.subspecialties or study.subspecialty in self.subspecialties)
            and (not self.modalities or study.modality in self.modalities)
            and (not self.priorities or study.priority in self.priorities)
        )

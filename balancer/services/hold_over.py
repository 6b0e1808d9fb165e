"""Reporters and studies as they hold now, for whoever asks whether somebody may report something.

What decides that is looked at whoever asks and however far they reach: a level that another trust's manager has taken
away is away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from balancer.domain.instruction import InstructionKind
from balancer.domain.overrides import OF_PEOPLE, reporter_held
from balancer.domain.reporter import Reporter
from balancer.services.lay_over import corrected
from balancer.store import instructions, scope, standing
from balancer.store.database import Session


class Readable(Protocol):
    """What of a study says who may report it."""

    @property
    def trust(self) -> str:
        """Whose it is."""

    @property
    def modality(self) -> str:
        """By what it was imaged."""

    @property
    def subspecialty(self) -> str:
        """What it takes."""

    @property
    def excluded(self) -> Collection[str]:
        """Who may not."""


class Numbered(Readable, Protocol):
    """The same of a study that the store knows by a number."""

    @property
    def id(self) -> int | None:
        """Its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Corrected:
    trust: str
    modality: str
    subspecialty: str
    excluded: Collection[str]


def reporter_as_held(session: Session, said: Reporter, now: datetime) -> Reporter:
    """Return a reporter with what managers have decided about their entitlements and skills by ``now``."""
    with scope.unlimited(session) as whole:
        given = instructions.in_force(whole, now, kinds=OF_PEOPLE, reporter_id=said.reporter_id)
        if not given:
            return said
        modalities = {exam.modality for exam in standing.examinations(whole, listed_only=False)}
    return reporter_held(said, given, modalities)


def reporters_as_held(session: Session, said: Iterable[Reporter], now: datetime) -> list[Reporter]:
    """Return reporters as ``reporter_as_held``, however many, by two statements."""
    with scope.unlimited(session) as whole:
        given = instructions.in_force(whole, now, kinds=OF_PEOPLE)
        modalities = {exam.modality for exam in standing.examinations(whole, listed_only=False)}
    return [reporter_held(person, given, modalities) for person in said]


class StudiesAsHeld:
    """What managers have corrected about studies by an instant, for many of them at once."""

    def __init__(self, session: Session, now: datetime) -> None:
        self._corrections: dict[int, dict[str, Any]] = defaultdict(dict)
        with scope.unlimited(session) as whole:
            for item in instructions.in_force(whole, now, kinds={InstructionKind.STUDY}):
                self._corrections[item.study_id or 0] |= corrected(item)

    def of(self, said: Numbered) -> Readable:
        """Return a study as it holds."""
        decided = self._corrections.get(said.id or 0, {})
        if not decided:
            return said
        return _Corrected(
            trust=said.trust,
            modality=decided.get("modality", said.modality),
            subspecialty=decided.get("subspecialty", said.subspecialty),
            excluded=said.excluded,
        )

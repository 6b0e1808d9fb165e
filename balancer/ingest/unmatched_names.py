"""Subspecialties and modalities that nothing else has: a slip of the pen that makes somebody ineligible in silence.

There is no list of subspecialties. A name is taken for a slip if the other side of the match does not know it: a
reporter's skill that no examination and no study has, a study's own that no examination and no reporter has.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from balancer.domain.network import Examination
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study
from balancer.ingest.problem_table import shown
from balancer.ingest.roster_file import Restrictions

_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Scopes:
    """Subspecialties and modalities that somebody names."""

    subspecialties: frozenset[str]
    modalities: frozenset[str]

    def __or__(self, other: Scopes) -> Scopes:
        return Scopes(
            subspecialties=self.subspecialties | other.subspecialties, modalities=self.modalities | other.modalities
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one column of one file names, and what that could match."""

    where: str
    named: Scopes
    known: Scopes


def of_examinations(of: Iterable[Examination | Study]) -> Scopes:
    """Return what examinations, or studies, are."""
    found = {(one.subspecialty, one.modality) for one in of}
    return Scopes(
        subspecialties=frozenset(subspecialty for subspecialty, _ in found),
        modalities=frozenset(modality for _, modality in found),
    )


def of_reporters(reporters: Iterable[Reporter]) -> tuple[Scopes, Scopes]:
    """Return what reporters' skills and their modalities name."""
    skills = {scope for reporter in reporters for scope in reporter.skills}
    return (
        Scopes(
            subspecialties=frozenset(subspecialty for subspecialty, _ in skills),
            modalities=frozenset(modality for _, modality in skills if modality),
        ),
        Scopes(
            subspecialties=frozenset(),
            modalities=frozenset(modality for reporter in reporters for modality in reporter.modalities),
        ),
    )


def of_sessions(sessions: Iterable[Session | Restrictions]) -> Scopes:
    """Return what sessions are restricted to."""
    restrictions = {(session.subspecialties, session.modalities) for session in sessions}
    return Scopes(
        subspecialties=frozenset().union(*(subspecialties for subspecialties, _ in restrictions)),
        modalities=frozenset().union(*(modalities for _, modalities in restrictions)),
    )


def in_a_problem(
    examinations: Iterable[Examination],
    reporters: Sequence[Reporter],
    sessions: Iterable[Session],
    studies: Iterable[Study],
) -> list[Use]:
    """Return what the files of a problem folder name."""
    catalogue, own = of_examinations(examinations), of_examinations(studies)
    skills, modalities = of_reporters(reporters)
    there = catalogue | own
    return [
        Use(where="reporters.csv, skills", named=skills, known=there),
        Use(where="reporters.csv, modalities", named=modalities, known=there),
        Use(where="sessions.csv", named=of_sessions(sessions), known=there),
        Use(where="studies.csv", named=own, known=catalogue | skills | modalities),
    ]


def unmatched(uses: Iterable[Use]) -> list[str]:
    """Return one warning that names everything that matches nothing; none if there is no such thing."""
    told = []
    for use in uses:
        named = [
            *_odd(use.named.subspecialties, use.known.subspecialties),
            *_odd(use.named.modalities, use.known.modalities),
        ]
        if named:
            told.append(f"{use.where}: {', '.join(named)}")
    return [f"subspecialties or modalities that match nothing: {'; '.join(told)}"] if told else []


def _odd(named: frozenset[str], known: frozenset[str]) -> list[str]:
    odd = sorted(named - known)
    folded = {name.casefold(): name for name in sorted(known)}
    told = []
    for name in odd[:_MOST_SHOWN]:
        near = difflib.get_close_matches(name.strip().casefold(), folded, n=1)
        told.append(f"{shown(name)} (did you mean {folded[near[0]]!r}?)" if near else shown(name))
    return [*told, f"and {len(odd) - _MOST_SHOWN:,} more"] if len(odd) > _MOST_SHOWN else told

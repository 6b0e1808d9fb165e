"""Who does something: a person, a trust's system or a job of our own, and how far what they may do reaches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from balancer.domain.errors import InvalidValueError, NotAllowedError
from balancer.domain.instant import day_of
from balancer.domain.permission import MAY, Permission, Role

EVERY_TRUST = "*"


class ActorKind(StrEnum):
    """What kind of actor it is; only a person's name means somebody."""

    PERSON = "person"
    SYSTEM = "system"
    JOB = "job"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A role at one trust. ``EVERY_TRUST`` is a trust of its own name: nothing is everywhere by being left out."""

    role: Role
    trust: str

    def __post_init__(self) -> None:
        if not self.trust:
            raise InvalidValueError("trust", "a role is held at a trust, or at every one if that is said")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Which rows a caller may see and change: those of ``trusts``, and the reads of the reporter ``own``.

    A reporter's own reads are theirs wherever they were imaged: entitlements, not the sign-in, say at which trusts
    somebody may report, and a read that is on somebody's list and hidden from them would be lost. ``on`` is the day
    (London) on which it is asked: an entitlement that has expired by then reaches nowhere, and if no day is said, nor
    does one that will. ``reader``: whoever asks reports too, in whatever role they ask; see ``blind_to``.
    ``sees_readings``: what is done must see every reading within reach; see ``seeing_readings``.
    """

    trusts: frozenset[str] = frozenset()
    own: str | None = None
    on: date | None = None
    reader: str | None = None
    sees_readings: bool = False

    @property
    def blind_to(self) -> str | None:
        """The reporter from whom others' readings are hidden while a study still has to be read by somebody else."""
        if self.sees_readings:
            return None
        return self.own if self.reader is None else self.reader

    def seeing_readings(self) -> Reach:
        """Return the same reach, blind to nothing in it.

        For what decides about whole queues or counts them, and never for what a caller is shown: a plan that is put in
        force, or a file that is taken, without the readings that its caller may not see would lose them.
        """
        return replace(self, sees_readings=True)

    @property
    def is_everywhere(self) -> bool:
        """Whether nothing is out of reach."""
        return EVERY_TRUST in self.trusts

    def covers(self, trust: str) -> bool:
        """Tell whether everything of a trust is within reach."""
        return self.is_everywhere or trust in self.trusts

    def require_reporter(self, reporter_id: str) -> None:
        """Ensure that what is a reporter's own is asked for by that reporter, or by somebody who reaches beyond.

        Raises
        ------
        NotAllowedError
            If the caller is another reporter and nothing more.
        """
        if not self.trusts and self.own != reporter_id:
            raise NotAllowedError("this is another reporter's")

    def acting_for(self, reporter_id: str) -> Reach:
        """Return how far somebody reaches who acts in a reporter's name: as that reporter, or as whoever they are else.

        Never both at once: a manager of one trust who reports for another reaches reads there as their own only, not
        in a colleague's name.

        Raises
        ------
        NotAllowedError
            If the caller is another reporter and nothing more.
        """
        self.require_reporter(reporter_id)
        if self.own == reporter_id:
            return replace(self, trusts=frozenset(), reader=None)
        return replace(self, own=None, on=None, reader=self.blind_to)

    def at(self, now: datetime) -> Reach:
        """Return how far it reaches on the day of ``now``; a reach that no entitlement widens is the same always."""
        return self if self.own is None else replace(self, on=day_of(now))


NOWHERE = Reach()
EVERYWHERE = Reach(trusts=frozenset({EVERY_TRUST}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whoever asks for something.

    Parameters
    ----------
    subject
        What their provider or our register knows them by; stable, says nothing to a reader, fit for the audit trail.
    name
        For people to read; never in a log.
    grants
        A person's roles, each at its trusts.
    scopes
        What a system may do, at ``at``; people have none.
    at
        The trusts that a system's scopes hold at.
    reporter_id
        Which reporter of the network they are, if they are one.

    Raises
    ------
    InvalidValueError
        If a reporter's role is granted to nobody in the network's list, or a system holds roles or a person scopes.
    """

    subject: str
    name: str
    kind: ActorKind = ActorKind.PERSON
    grants: frozenset[Grant] = frozenset()
    scopes: frozenset[Permission] = frozenset()
    at: frozenset[str] = frozenset()
    reporter_id: str | None = None

    def __post_init__(self) -> None:
        if Role.REPORTER in self.roles and self.reporter_id is None:
            raise InvalidValueError("reporter_id", "whoever has a reporter's role is a reporter of the network")
        if self.grants and self.kind is ActorKind.SYSTEM:
            raise InvalidValueError("grants", "a system has scopes, not roles")
        if self.scopes and self.kind is not ActorKind.SYSTEM:
            raise InvalidValueError("scopes", "a person has roles, not scopes")

    @property
    def roles(self) -> frozenset[Role]:
        """The roles held at any trust."""
        return frozenset(grant.role for grant in self.grants)

    @property
    def trusts(self) -> frozenset[str]:
        """The trusts at which anything is held."""
        return frozenset(grant.trust for grant in self.grants) | self.at

    def may(self, *permissions: Permission) -> bool:
        """Tell whether any of ``permissions`` is held at any trust."""
        return self.reach(*permissions) != NOWHERE

    def reach(self, *permissions: Permission) -> Reach:
        """Return how far ``permissions`` reach: the union over what is held of any of them."""
        trusts: set[str] = set() if self.scopes.isdisjoint(permissions) else set(self.at)
        own = None
        for grant in self.grants:
            if MAY[grant.role].isdisjoint(permissions):
                continue
            if grant.role is Role.REPORTER:
                own = self.reporter_id
            else:
                trusts.add(grant.trust)
        reader = self.reporter_id if trusts and own is None else None
        return Reach(trusts=frozenset(trusts), own=own, reader=reader)


def person(subject: str, name: str, *grants: Grant, reporter_id: str | None = None) -> Actor:
    """Return a person who holds ``grants``."""
    return Actor(subject=subject, name=name, grants=frozenset(grants), reporter_id=reporter_id)


def system(subject: str, name: str, scopes: Iterable[Permission], at: Iterable[str]) -> Actor:
    """Return a system that holds ``scopes`` at the trusts ``at``."""
    return Actor(subject=subject, name=name, kind=ActorKind.SYSTEM, scopes=frozenset(scopes), at=frozenset(at))


def job(name: str) -> Actor:
    """Return one of our own jobs: what it does is decided by code, and it is named for the record."""
    return Actor(subject=f"job:{name}", name=name, kind=ActorKind.JOB)

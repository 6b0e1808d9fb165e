"""Who did something, by name: what is kept is a provider's word for them, which says nothing to whoever reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from balancer.api.doors import OPERATOR
from balancer.api.models.drafts import DraftOut
from balancer.domain.instruction import Instruction
from balancer.store import sign_ins
from balancer.store.database import Session


def named(session: Session, subjects: Iterable[str]) -> Mapping[str, str]:
    """Return names by subject: of whoever has signed in of late, and of the operator, who does not."""
    return {OPERATOR.subject: OPERATOR.name, **sign_ins.names_of(session, {subject for subject in subjects if subject})}


def signed(session: Session, given: Sequence[Instruction]) -> list[Instruction]:
    """Return decisions with the names of those who made and ended them, as far as they are known."""
    names = named(session, (name for one in given for name in (one.author, one.ended_by)))
    return [
        replace(one, author=names.get(one.author, one.author), ended_by=names.get(one.ended_by, one.ended_by))
        for one in given
    ]


def signed_drafts(session: Session, found: Sequence[DraftOut]) -> list[DraftOut]:
    """Return drafts with the names of those who began and decided about them, as far as they are known."""
    fields = ("author", "decided_by", "undone_by")
    names = named(session, (getattr(one, name) for one in found for name in fields))
    return [
        one.model_copy(update={name: names.get(getattr(one, name), getattr(one, name)) for name in fields})
        for one in found
    ]

"""Instructions: what a person has decided about a read, a study or a reporter, beside what the feeds say of it.

An instruction never edits what a feed brought: it is laid over it when it is read, for as long as it holds, so that
what the feed says and what holds can both be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from balancer.domain.errors import InvalidValueError, UntimelyError
from balancer.domain.instant import require_aware


class InstructionKind(StrEnum):
    """What is decided.

    ``pin``: a read is this reporter's or nobody's. ``bar``: a reporter is not offered a study. ``expedite``: a study is
    needed sooner. ``exclude``: a read is not to be read here. ``park``: it cannot be read until a date. ``send_out``:
    a provider outside the network reads it. ``study``: what the feed says of a study is corrected. ``entitlement``: a
    reporter may, or may not, report for a trust. ``skill``: their level in a subspecialty. ``absence``: they are away.
    ``session``: they have a session more, or one less, than their roster says.
    """

    PIN = "pin"
    BAR = "bar"
    EXPEDITE = "expedite"
    EXCLUDE = "exclude"
    PARK = "park"
    SEND_OUT = "send_out"
    STUDY = "study"
    ENTITLEMENT = "entitlement"
    SKILL = "skill"
    ABSENCE = "absence"
    SESSION = "session"


class InstructionState(StrEnum):
    """Whether an instruction holds.

    ``staged``: part of a draft; it holds nowhere but in the draft's preview. ``expired``: its time is over, or what it
    is about has left the queue. ``withdrawn``: somebody took it back. ``agreed``: the feed says the same by now.
    ``discarded``: its draft was thrown away.
    """

    STAGED = "staged"
    IN_FORCE = "in_force"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    AGREED = "agreed"
    DISCARDED = "discarded"


_K, _S = InstructionKind, InstructionState
ENDS: Mapping[InstructionState, frozenset[InstructionState]] = {
    _S.STAGED: frozenset({_S.IN_FORCE, _S.DISCARDED}),
    _S.IN_FORCE: frozenset({_S.EXPIRED, _S.WITHDRAWN, _S.AGREED}),
}
"""Where each state may lead; one that is not here leads nowhere."""

OF_READS = frozenset({_K.PIN, _K.EXCLUDE, _K.PARK, _K.SEND_OUT})
"""The kinds about one read of a study; one of a kind is in force for a read at a time."""

# What each kind is about; what else is given must not be.
_ABOUT: Mapping[InstructionKind, tuple[frozenset[str], frozenset[str]]] = {
    _K.PIN: (frozenset({"study_id", "read_id", "reporter_id"}), frozenset()),
    _K.BAR: (frozenset({"study_id", "reporter_id"}), frozenset()),
    _K.EXPEDITE: (frozenset({"study_id"}), frozenset()),
    _K.EXCLUDE: (frozenset({"study_id", "read_id"}), frozenset()),
    _K.PARK: (frozenset({"study_id", "read_id"}), frozenset()),
    _K.SEND_OUT: (frozenset({"study_id", "read_id"}), frozenset()),
    _K.STUDY: (frozenset({"study_id"}), frozenset()),
    _K.ENTITLEMENT: (frozenset({"reporter_id"}), frozenset()),
    _K.SKILL: (frozenset({"reporter_id"}), frozenset()),
    _K.ABSENCE: (frozenset({"reporter_id"}), frozenset()),
    _K.SESSION: (frozenset({"reporter_id"}), frozenset({"session_id"})),
}
_REFERENCES = ("study_id", "read_id", "reporter_id", "session_id")
# The names in each kind's value: those it must have, those it may have. Instants and days are ISO 8601 text.
_VALUES: Mapping[InstructionKind, tuple[frozenset[str], frozenset[str]]] = {
    _K.PIN: (frozenset(), frozenset()),
    _K.BAR: (frozenset(), frozenset()),
    _K.EXPEDITE: (frozenset({"due_at"}), frozenset({"priority"})),
    _K.EXCLUDE: (frozenset({"approver"}), frozenset()),
    _K.PARK: (frozenset({"owner", "until"}), frozenset()),
    _K.SEND_OUT: (frozenset({"provider", "sent_at", "due_back_at"}), frozenset()),
    _K.STUDY: (
        frozenset(),
        frozenset({"priority", "exam_code", "modality", "body_region", "subspecialty", "minutes", "ready_at"}),
    ),
    _K.ENTITLEMENT: (frozenset({"trust", "granted"}), frozenset({"until"})),
    _K.SKILL: (frozenset({"subspecialty", "level"}), frozenset({"modality"})),
    _K.ABSENCE: (frozenset({"start", "end"}), frozenset()),
    _K.SESSION: (
        frozenset({"added"}),
        frozenset({"start", "end", "activity", "productivity", "trusts", "subspecialties", "modalities", "priorities"})
        | {"max_reads", "location"},
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One decision, as it stands.

    Parameters
    ----------
    study_id, read_id, reporter_id, session_id
        What it is about, by internal number or code; which of them there are follows from the kind.
    trust
        Whose managers see it, and may take it back.
    value
        What is decided, as JSON; its names follow from the kind.
    reason
        Why, in words; nothing that tells who the patient is.
    author
        ``Actor.subject`` of whoever decided.
    expires_at
        When it ends by itself; ``None``: when somebody takes it back, or what it is about is over.
    draft_id
        The draft that it came with.
    in_force_at
        Since when it holds, or held: of what a draft brings that is later than ``made_at``. ``None`` if it never did.
    ended_at, ended_by, ended_why
        Once it holds no longer.

    Raises
    ------
    InvalidValueError
        If it is not about what its kind is about, or decides something else, or says no reason.
    UntimelyError
        If it would have ended before it was made.
    """

    kind: InstructionKind
    trust: str
    reason: str
    author: str
    made_at: datetime
    id: int = 0
    state: InstructionState = InstructionState.IN_FORCE
    study_id: int | None = None
    read_id: int | None = None
    reporter_id: str | None = None
    session_id: str | None = None
    value: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    draft_id: int | None = None
    in_force_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str = ""
    ended_why: str = ""

    def __post_init__(self) -> None:
        require_aware(self.made_at, "made_at")
        for name in ("reason", "author", "trust"):
            if not getattr(self, name).strip():
                raise InvalidValueError(name, "an instruction says who decided, why, and for which trust")
        given = {name for name in _REFERENCES if getattr(self, name) is not None}
        _require_names(self.kind, "about", given, *_ABOUT[self.kind])
        _require_names(self.kind, "value", self.value, *_VALUES[self.kind])
        if self.kind is InstructionKind.STUDY and not self.value:
            raise InvalidValueError("value", "a correction corrects something")
        if self.expires_at is not None and require_aware(self.expires_at, "expires_at") <= self.made_at:
            raise UntimelyError("expires_at", "must lie in the future")
        for name in ("due_at", "until", "sent_at", "due_back_at", "ready_at", "start", "end"):
            self._require_time(name)

    def holds_at(self, at: datetime) -> bool:
        """Tell whether it is in force and its time is not over at ``at``."""
        return self.state is InstructionState.IN_FORCE and (self.expires_at is None or self.expires_at > at)

    def came_after(self, at: datetime) -> bool:
        """Tell whether it came into force after ``at``, whenever it was staged."""
        return self.in_force_at is not None and self.in_force_at > at

    def instant(self, name: str) -> datetime | None:
        """Return an instant of the value, if it has one of that name."""
        stated = self.value.get(name)
        return None if stated is None else datetime.fromisoformat(stated)

    def _require_time(self, name: str) -> None:
        """Ensure that what the value has of this name is an instant; an entitlement's end is a day."""
        if self.value.get(name) is None or self.kind is InstructionKind.ENTITLEMENT:
            return
        try:
            require_aware(datetime.fromisoformat(self.value[name]), name)
        except (TypeError, ValueError) as error:
            raise InvalidValueError(name, "is not an ISO 8601 instant with an offset") from error


def require_step(was: InstructionState, becomes: InstructionState) -> None:
    """Ensure that an instruction may go from one state to the other.

    Raises
    ------
    InvalidValueError
        If it may not: what has ended stays ended.
    """
    if becomes not in ENDS.get(was, frozenset()):
        raise InvalidValueError("state", f"an instruction that is {was} does not become {becomes}")


def _require_names(
    kind: InstructionKind, what: str, given: Iterable[str], needed: frozenset[str], allowed: frozenset[str]
) -> None:
    missing, strange = needed - set(given), set(given) - needed - allowed
    if missing:
        raise InvalidValueError(what, f"{kind} needs {', '.join(sorted(missing))}")
    if strange:
        raise InvalidValueError(what, f"{kind} has no {', '.join(sorted(strange))}")

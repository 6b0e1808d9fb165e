"""What managers decide about reporters, their rosters and studies, and how that stands beside what the feeds say."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from balancer.api.models.instructions import DecisionIn, Then
from balancer.api.models.shape import MOST_CHARACTERS, PATTERN, Instant, Out
from balancer.api.serving import Day
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import Shift
from balancer.domain.reporter import REPORTING, Reporter, Session, SkillLevel
from balancer.services.override_roster import Extra
from balancer.services.override_scope import Decision
from balancer.store.tables import SessionRow

_MOST_READS = 1_000
_WORD = r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$"
Word = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS, pattern=_WORD)]
Words = Annotated[tuple[Word, ...], Field(max_length=50)]


def _as_text(value: object) -> object:
    """Refuse a number, which pydantic would take for seconds since 1970."""
    if value is not None and not isinstance(value, str):
        raise ValueError("must be a day, as 2026-03-02")
    return value


def _as_number(value: object) -> object:
    """Refuse text and truth, which pydantic would take for numbers; 1.0 is a whole number in JSON."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise ValueError("must be a number")
    return value


DayIn = Annotated[Day, BeforeValidator(_as_text)]
# the limits first, so that the document has them
Level = Annotated[int, Field(ge=0, le=3), BeforeValidator(_as_number)]
Reads = Annotated[int, Field(ge=0, le=_MOST_READS), BeforeValidator(_as_number)]


class AtTrustIn(DecisionIn):
    """A decision about a reporter that a trust's manager takes for that trust."""

    trust: str = Field(
        min_length=1,
        max_length=MOST_CHARACTERS,
        pattern=PATTERN,
        description="For which trust it is decided; one that you manage.",
        examples=["RVV"],
    )

    def decision(self) -> Decision:
        """Return what the use cases take."""
        return Decision(trust=self.trust, reason=self.reason, expires_at=self.expires_at, draft_id=self.draft_id)


class AbsenceIn(AtTrustIn):
    """A reporter is away: from every roster if their home trust says so, from the trust's own if another does."""

    start: Then
    end: Then


class ExtraSessionIn(AtTrustIn):
    """A session more than the trust's roster says. Empty lists restrict nothing."""

    start: Then
    end: Then
    activity: Word = REPORTING
    productivity: float | None = Field(
        default=None,
        strict=True,
        gt=0,
        le=1,
        description="Share of the time that is spent reporting; the policy's if not given.",
    )
    trusts: Words = ()
    subspecialties: Words = ()
    modalities: Words = ()
    priorities: Words = ()
    max_reads: Reads | None = None

    def extra(self) -> Extra:
        """Return the session."""
        return Extra(
            start=self.start,
            end=self.end,
            activity=self.activity,
            productivity=self.productivity,
            trusts=self.trusts,
            subspecialties=self.subspecialties,
            modalities=self.modalities,
            priorities=self.priorities,
            max_reads=self.max_reads,
        )


class SessionAwayIn(AtTrustIn):
    """A session of the trust's roster that does not take place."""

    session_id: Word = Field(examples=["RVV-9000017-20260302T0800Z"])


class EntitlementIn(AtTrustIn):
    """The trust lets a reporter report its studies, or no longer does."""

    granted: bool = Field(strict=True)
    until: DayIn | None = Field(default=None, description="The last day it holds, in London; for good if not given.")


class SkillIn(AtTrustIn):
    """How well a reporter knows a subspecialty; their home trust decides."""

    subspecialty: Word = Field(examples=["neuro"])
    modality: Word | None = Field(default=None, description="For this one only; every other one if not given.")
    level: Level = Field(description="3 specialist, 2 general, 1 fallback, 0 not at all.")


class CorrectionIn(DecisionIn):
    """What counts for a study in place of its feed's word; it is named in the body, as addresses end up in logs."""

    trust: str = Field(min_length=1, max_length=MOST_CHARACTERS, pattern=PATTERN, examples=["RVV"])
    accession_number: str = Field(min_length=1, max_length=MOST_CHARACTERS, pattern=PATTERN, examples=["R1000123"])
    priority: Word | None = None
    exam_code: Word | None = Field(default=None, description="It brings its modality, subspecialty and minutes.")
    modality: Word | None = None
    subspecialty: Word | None = None
    body_region: Word | None = None
    minutes: float | None = Field(default=None, strict=True, gt=0, le=1_440)
    ready_at: Then | None = None

    def value(self) -> dict[str, Any]:
        """Return what is corrected."""
        names = ("priority", "exam_code", "modality", "subspecialty", "body_region", "minutes")
        stated = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return stated | ({} if self.ready_at is None else {"ready_at": self.ready_at.isoformat()})


class OverriddenOut(Out):
    """A decision about what a reporter may report, beside what the network's list says."""

    instruction_id: int = Field(examples=[12])
    kind: InstructionKind
    about: str = Field(description="The trust, or the subspecialty and modality.", examples=["RWF", "neuro/CT"])
    said: str | None = Field(description="By the network's list; `null` if it says nothing.", examples=[None])
    holds: str | None = Field(description="`null`: not at all.", examples=["until 2026-06-30"])
    trust: str = Field(description="Whose manager decided.", examples=["RWF"])
    reason: str
    author: str
    made_at: Instant
    expires_at: Instant | None

    @classmethod
    def of(cls, given: Instruction, said: Reporter, held: Reporter) -> OverriddenOut:
        """Return a decision about a reporter as the API shows it."""
        if given.kind is InstructionKind.ENTITLEMENT:
            about = given.value["trust"]
            words = [_entitled(person, about) for person in (said, held)]
        else:
            name, modality = given.value["subspecialty"], given.value.get("modality")
            about = name if modality is None else f"{name}/{modality}"
            words = [_level(person, name, modality) for person in (said, held)]
        return cls(
            instruction_id=given.id,
            kind=given.kind,
            about=about,
            said=words[0],
            holds=words[1],
            trust=given.trust,
            reason=given.reason,
            author=given.author,
            made_at=given.made_at,
            expires_at=given.expires_at,
        )


def _entitled(person: Reporter, trust: str) -> str | None:
    if trust not in person.trusts:
        return None
    until = person.trusts[trust]
    return "for good" if until is None else f"until {until.isoformat()}"


def _level(person: Reporter, name: str, modality: str | None) -> str | None:
    level = person.level(name, modality or "")
    return SkillLevel(level).name.lower() if level else None


class HeldOut(Out):
    """A stretch of a session that holds."""

    session_id: str = Field(examples=["RVV-9000017-20260302T0800Z"])
    start: Instant
    end: Instant

    @classmethod
    def of(cls, session: Session) -> HeldOut:
        """Return it as the API shows it."""
        return cls(session_id=session.session_id, start=session.start, end=session.end)


class RosterEntryOut(Out):
    """A session as the roster says it, and what holds of it; one that a manager has added is not `said`."""

    session_id: str = Field(examples=["RVV-9000017-20260302T0800Z"])
    reporter_id: str = Field(examples=["9000017"])
    roster_trust: str = Field(examples=["RVV"])
    activity: str = Field(examples=["reporting"])
    productivity: float = Field(examples=[0.7])
    said: HeldOut | None = Field(description="What the roster says; `null` if it does not.")
    holds: list[HeldOut] = Field(description="What plans are made with: nothing if it was taken away.")
    differs: bool = Field(description="Whether what holds is not what the roster says.", examples=[False])
    instruction_id: int | None = Field(
        description="The decision that made the difference, if it is within your reach.", examples=[None]
    )

    @classmethod
    def of_row(cls, row: SessionRow, held: list[Shift], decided: int | None) -> RosterEntryOut:
        """Return a rostered session with what is left of it."""
        said = HeldOut(session_id=row.session_id, start=row.start, end=row.end)
        holds = [HeldOut.of(shift.session) for shift in held]
        return cls(
            session_id=row.session_id,
            reporter_id=row.reporter_id,
            roster_trust=row.trust,
            activity=row.activity,
            productivity=row.productivity,
            said=said,
            holds=holds,
            differs=holds != [said],
            instruction_id=decided,
        )

    @classmethod
    def of_added(cls, shift: Shift, decided: int | None) -> RosterEntryOut:
        """Return what holds of a session that was added."""
        session = shift.session
        return cls(
            session_id=session.session_id,
            reporter_id=session.reporter_id,
            roster_trust=shift.trust,
            activity=session.activity,
            productivity=session.productivity,
            said=None,
            holds=[HeldOut.of(session)],
            differs=True,
            instruction_id=decided,
        )


class AbsenceOut(Out):
    """Time that a reporter is away."""

    instruction_id: int = Field(examples=[12])
    reporter_id: str = Field(examples=["9000017"])
    trust: str = Field(examples=["RVV"])
    start: Instant
    end: Instant
    reason: str
    author: str

    @classmethod
    def of(cls, given: Instruction) -> AbsenceOut:
        """Return an absence as the API shows it."""
        return cls(
            instruction_id=given.id,
            reporter_id=given.reporter_id or "",
            trust=given.trust,
            start=given.value["start"],
            end=given.value["end"],
            reason=given.reason,
            author=given.author,
        )


class RosterWeekOut(Out):
    """A week of the rosters within your reach, Monday to Sunday in London."""

    week: date = Field(description="Its Monday.", examples=["2026-03-02"])
    sessions: list[RosterEntryOut]
    absences: list[AbsenceOut] = Field(description="Those that were decided here, within your reach.")

"""What managers have decided about reporters and their rosters, laid over what the feeds say; nothing here is stored.

Later decisions count over earlier ones. A roster is a trust's own: what a trust's manager decides about sessions
touches that trust's roster and no other. The one exception is an absence that the reporter's home trust enters:
whoever is ill is ill everywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from balancer.domain.errors import InvalidValueError
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.reporter import REPORTING, Reporter, Session, SkillLevel

OF_PEOPLE = frozenset({InstructionKind.ENTITLEMENT, InstructionKind.SKILL})
OF_ROSTERS = frozenset({InstructionKind.ABSENCE, InstructionKind.SESSION})


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A session on the roster of ``trust``; ``instruction_id`` is what added it or cut it, if anything did.

    ``said_id`` is the session's own name: what is left of one that was cut in two has a name of its own.
    ``is_added``: a manager's session, which the roster does not say.
    """

    trust: str
    session: Session
    said_id: str
    instruction_id: int | None = None
    is_added: bool = False


# --- rosters ---------------------------------------------------------------------------------------------------------


def shifts_held(said: Iterable[Shift], given: Iterable[Instruction], home: Mapping[str, str]) -> list[Shift]:
    """Return the sessions that hold: those the rosters say, less what was taken away, and what was added.

    ``given`` in the order in which they were decided; ``home`` is each reporter's home trust. An added session stands
    in place of what its own trust's roster says of the same time. Of a session that was taken away its time counts,
    whatever the roster calls it: one that comes again a little later is still the one that does not take place.
    """
    held = list(said)
    for item in given:
        if item.kind in OF_ROSTERS:
            held = [left for shift in held for left in _left(shift, item, home)]
            held += _added(item)
    return held


def _left(shift: Shift, item: Instruction, home: Mapping[str, str]) -> list[Shift]:
    if shift.session.reporter_id != item.reporter_id:
        return [shift]
    if item.kind is InstructionKind.ABSENCE:
        everywhere = home.get(shift.session.reporter_id) == item.trust
        return _cut(shift, item) if everywhere or shift.trust == item.trust else [shift]
    if shift.trust != item.trust:
        return [shift]
    if item.value["added"]:
        return _cut(shift, item) if shift.session.activity == REPORTING else [shift]
    return _without(shift, item)


def _without(shift: Shift, item: Instruction) -> list[Shift]:
    """Return what is left of a session of the roster that takes one away; what a manager has added is not its own."""
    if shift.is_added:
        return [shift]
    if _says_when(item):
        return _cut(shift, item)
    return [] if shift.said_id == item.session_id else [shift]


def changes(item: Instruction, shift: Shift, home: Mapping[str, str]) -> bool:
    """Tell whether a decision alone would leave anything else of a session than what is said."""
    return item.kind in OF_ROSTERS and _left(shift, item, home) != [shift]


def _says_when(item: Instruction) -> bool:
    """Tell whether a decision says its time: one that took a session away before they all did names it only."""
    return "start" in item.value


def _cut(shift: Shift, item: Instruction) -> list[Shift]:
    """Return what is left of a session outside of an instruction's time: nothing, one piece or two."""
    start, end = span(item)
    session = shift.session
    if session.end <= start or session.start >= end:
        return [shift]
    pieces = [(session.start, start)] if session.start < start else []
    pieces += [(end, session.end)] if end < session.end else []
    return [
        replace(shift, session=_piece(session, begins, ends, f"+{item.id}" if number else ""), instruction_id=item.id)
        for number, (begins, ends) in enumerate(pieces)
    ]


def _piece(session: Session, start: datetime, end: datetime, suffix: str) -> Session:
    """Return a part of a session; its reads are limited in proportion, rounded down."""
    most = session.max_reads
    if most is not None:
        most = int(most * ((end - start) / (session.end - session.start)))
    return replace(session, session_id=session.session_id + suffix, start=start, end=end, max_reads=most)


def _added(item: Instruction) -> list[Shift]:
    if item.kind is not InstructionKind.SESSION or not item.value["added"]:
        return []
    session = added_session(item)
    return [Shift(trust=item.trust, session=session, said_id=session.session_id, instruction_id=item.id, is_added=True)]


def added_session(item: Instruction) -> Session:
    """Return the session that an instruction adds.

    Raises
    ------
    InvalidValueError
        If it says no time, or what it says is no session.
    """
    start, end = span(item)
    stated = item.value
    return Session(
        session_id=f"extra-{item.id}",
        reporter_id=item.reporter_id or "",
        start=start,
        end=end,
        activity=stated.get("activity", REPORTING),
        productivity=stated.get("productivity", 1.0),
        trusts=frozenset(stated.get("trusts", ())),
        subspecialties=frozenset(stated.get("subspecialties", ())),
        modalities=frozenset(stated.get("modalities", ())),
        priorities=frozenset(stated.get("priorities", ())),
        max_reads=stated.get("max_reads"),
    )


def span(item: Instruction) -> tuple[datetime, datetime]:
    """Return the time that an instruction is about.

    Raises
    ------
    InvalidValueError
        If it says none, or one that ends before it begins.
    """
    start, end = item.instant("start"), item.instant("end")
    if start is None or end is None or end <= start:
        raise InvalidValueError("end", "a time has a start, and an end after it")
    return start, end


# --- people ----------------------------------------------------------------------------------------------------------


def reporter_held(said: Reporter, given: Iterable[Instruction], modalities: Collection[str]) -> Reporter:
    """Return a reporter as they hold: with what was granted, without what was withdrawn, at the levels decided.

    ``modalities`` are all there are: whoever loses one modality of a level that holds for every one keeps the others.
    """
    held = said
    for item in given:
        if item.reporter_id != said.reporter_id:
            continue
        if item.kind is InstructionKind.ENTITLEMENT:
            held = replace(held, trusts=_trusts(held, item))
        elif item.kind is InstructionKind.SKILL:
            held = replace(held, skills=_skills(held, item, modalities))
    return held


def granted_until(item: Instruction) -> date | None:
    """Return the last day of what an entitlement decides, if it has one."""
    until = item.value.get("until")
    return None if until is None else date.fromisoformat(until)


def _trusts(person: Reporter, item: Instruction) -> dict[str, date | None]:
    """Return the entitlements with what was decided; a grant until a day shortens none that lasts longer."""
    trust, until = item.value["trust"], granted_until(item)
    others = {code: last for code, last in person.trusts.items() if code != trust}
    if not item.value["granted"]:
        return others
    return dict(person.trusts) if _lasts(person, trust, until) else {**others, trust: until}


def _lasts(person: Reporter, trust: str, until: date | None) -> bool:
    """Tell whether an entitlement lasts until a day at least; ``None``: for good."""
    last = person.trusts.get(trust)
    return trust in person.trusts and (last is None or (until is not None and last >= until))


def _skills(
    person: Reporter, item: Instruction, modalities: Collection[str]
) -> dict[tuple[str, str | None], SkillLevel]:
    name, modality, level = item.value["subspecialty"], item.value.get("modality"), item.value["level"]
    skills = {scope: known for scope, known in person.skills.items() if scope != (name, modality)}
    if level:
        return {**skills, (name, modality): SkillLevel(level)}
    general = skills.get((name, None))
    if modality is None or general is None:
        return skills
    kept: dict[tuple[str, str | None], SkillLevel] = {
        (name, other): general for other in sorted(modalities) if other != modality
    }
    return {**kept, **{scope: known for scope, known in skills.items() if scope != (name, None)}}


# --- whether the feed says the same ----------------------------------------------------------------------------------


def reporter_agrees(said: Reporter, item: Instruction, modalities: Collection[str], today: date) -> bool:
    """Tell whether the network's list says of a reporter what a decision says: without it nothing would differ."""
    if item.kind is InstructionKind.ENTITLEMENT:
        trust = item.value["trust"]
        return _lasts(said, trust, granted_until(item)) if item.value["granted"] else not _lasts(said, trust, today)
    name, modality = item.value["subspecialty"], item.value.get("modality")
    tried = [modality] if modality is not None else [*sorted(modalities), ""]
    held = reporter_held(said, [item], modalities)
    return all(said.level(name, each) == held.level(name, each) for each in tried)


def roster_agrees(said: Collection[Shift], item: Instruction, home: str, *, told_since: bool, now: datetime) -> bool:
    """Tell whether the rosters say of a reporter's time what a decision says.

    ``told_since``: every roster that it touches has been delivered since the decision for the days that it is about,
    and every row of it could be read. Without that, that nothing is rostered yet, or that the row could not be read,
    would look like agreement.
    """
    mine = [shift for shift in said if shift.session.reporter_id == item.reporter_id]
    if item.kind is InstructionKind.SESSION and item.value["added"]:
        wanted = added_session(item)
        return any(_is_as_wanted(shift.session, wanted) for shift in mine if shift.trust == item.trust)
    if not told_since or not _says_when(item):
        return False
    start, end = span(item)
    return not any(
        shift.session.activity == REPORTING and shift.session.end > max(start, now) and shift.session.start < end
        for shift in mine
        if shift.trust == item.trust or (item.kind is InstructionKind.ABSENCE and item.trust == home)
    )


def _is_as_wanted(session: Session, wanted: Session) -> bool:
    """Tell whether a rostered session is the one that was added, or a longer one like it."""
    same = replace(
        session,
        session_id=wanted.session_id,
        start=wanted.start,
        end=wanted.end,
        productivity=wanted.productivity,  # the roster's word on how much of the time is reporting is as good
    )
    return same == wanted and session.start <= wanted.start and session.end >= wanted.end

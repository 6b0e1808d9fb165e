"""What has happened to a study, in words, the last first: steps of its reads, decisions about it, what was returned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.domain.life import ReadState, ReturnReason
from balancer.store.tables_journal import JournalRow
from balancer.web.field_words import in_words, within_sentence
from balancer.web.study_facts import StudyFacts
from balancer.web.time_left import at_words

KINDS: Final = {
    InstructionKind.PIN: "Pin",
    InstructionKind.BAR: "Bar",
    InstructionKind.EXPEDITE: "Expedite",
    InstructionKind.EXCLUDE: "Not to be read here",
    InstructionKind.PARK: "Park",
    InstructionKind.SEND_OUT: "Send out",
    InstructionKind.STUDY: "Correction",
    InstructionKind.ENTITLEMENT: "Entitlement",
    InstructionKind.SKILL: "Skill",
    InstructionKind.ABSENCE: "Away",
    InstructionKind.SESSION: "Session",
}
_BECAME: Final = {
    ReadState.UNALLOCATED: "on nobody's list",
    ReadState.ALLOCATED: "on the list of {who}",
    ReadState.CLAIMED: "opened by {who}",
    ReadState.DONE: "reported by {who}",
    ReadState.PARKED: "parked",
    ReadState.SENT_OUT: "sent out",
    ReadState.EXCLUDED: "not to be read here",
    ReadState.WITHDRAWN: "no longer asked for",
}
RETURNS: Final = {
    ReturnReason.OUTSIDE_SCOPE: "outside their scope",
    ReturnReason.IMAGES_MISSING: "images are missing",
    ReturnReason.OTHER_EXPERTISE: "needs other expertise",
    ReturnReason.CONFLICT_OF_INTEREST: "conflict of interest",
    ReturnReason.NO_TIME: "no time before it is due",
    ReturnReason.OTHER: "another reason",
}
_ENDED: Final = {
    InstructionState.EXPIRED: "ended by itself",
    InstructionState.WITHDRAWN: "taken back",
    InstructionState.AGREED: "the feed says the same by now",
    InstructionState.DISCARDED: "discarded with its draft",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """One line of the history."""

    at: datetime
    when: str
    what: str
    why: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A decision in force or staged, and how to take it back."""

    instruction_id: int
    what: str
    why: str
    who: str
    when: str
    until: str
    draft_id: int | None


def history(facts: StudyFacts, now: datetime, *, steps: bool, decisions: bool) -> list[Happened]:
    """Return what has happened, newest first; ``steps`` and ``decisions``: whether the caller may see them.

    Of what happened at one instant the study's own news came first: it is in a feed, and then on nobody's list. What
    came after that at the same instant stands above what came before.
    """
    found = list(_own(facts, now))
    if steps:
        found += [line for row in reversed(facts.steps) if (line := _step(facts, row, now)) is not None]
        found += [
            Happened(
                at=item.row.returned_at,
                when=at_words(item.row.returned_at, now),
                what=f"{_of_read(facts, item.read)}handed back: {RETURNS[item.row.reason]}",
                why=item.row.note,
                who=facts.name(item.row.reporter_id),
            )
            for item in reversed(facts.returned)
        ]
    if decisions:
        found += [line for given in reversed(facts.decisions) for line in _decision(facts, given, now)]
    found.reverse()
    found.sort(key=lambda line: line.at, reverse=True)
    return found


def decisions_that_hold(facts: StudyFacts, now: datetime) -> list[Decision]:
    """Return what is decided about the study and holds, or is staged in a draft."""
    return [
        Decision(
            instruction_id=given.id,
            what=what_is_decided(facts, given, now),
            why="" if given.id in facts.untold else given.reason,
            who=given.author,
            when=at_words(given.made_at, now),
            until="" if given.expires_at is None else at_words(given.expires_at, now),
            draft_id=given.draft_id if given.state is InstructionState.STAGED else None,
        )
        for given in facts.decisions
        if given.state is InstructionState.STAGED or given.holds_at(now)
    ]


def what_is_decided(facts: StudyFacts, given: Instruction, now: datetime) -> str:
    """Return a decision in words; for whom a read is meant that may be read blind is not said."""
    who = "somebody" if given.id in facts.untold else facts.name(given.reporter_id)
    return decided_words(given, who, now)


def decided_words(given: Instruction, who: str, now: datetime) -> str:
    """Return a decision in words; ``who`` is the reporter it is about, if it is about one."""
    date = next((given.instant(name) for name in ("due_at", "until", "due_back_at") if name in given.value), None)
    when = "" if date is None else at_words(date, now)
    value = given.value
    priority, field = (str(value.get(name) or "") for name in ("priority", "subspecialty"))
    return {
        InstructionKind.PIN: f"Pin to {who}",
        InstructionKind.BAR: f"Not for {who}",
        InstructionKind.EXPEDITE: f"Needed by {when}" + (f", as {in_words(priority).lower()}" if priority else ""),
        InstructionKind.EXCLUDE: f"Not to be read here, approved by {value.get('approver', '')}",
        InstructionKind.PARK: f"Park until {when}" + (f", with {value['owner']}" if value.get("owner") else ""),
        InstructionKind.SEND_OUT: f"Send out to {value.get('provider', '')}, back by {when}",
        InstructionKind.STUDY: "Correct " + ", ".join(f"{name} to {kept}" for name, kept in sorted(value.items())),
        InstructionKind.ENTITLEMENT: _entitlement(value, who),
        InstructionKind.SKILL: f"{who}: {within_sentence(field)} at level {value.get('level')}",
        InstructionKind.ABSENCE: f"{who} is away, {_between(given, now)}",
        InstructionKind.SESSION: f"{who}: a session {'more' if value.get('added') else 'less'}, {_between(given, now)}",
    }[given.kind]


def _entitlement(value: object, who: str) -> str:
    assert isinstance(value, dict)  # noqa: S101 - an instruction's value is a mapping
    return f"{who} {'may' if value.get('granted') else 'may not'} report for {value.get('trust')}"


def _between(given: Instruction, now: datetime) -> str:
    start, end = given.instant("start"), given.instant("end")
    if start is None or end is None:
        return f"of session {given.session_id}" if given.session_id else ""
    return f"{at_words(start, now)} to {at_words(end, now)}"


def _own(facts: StudyFacts, now: datetime) -> Iterator[Happened]:
    study = facts.study
    times = (
        (study.acquired_at, "Acquired"),
        (study.first_seen_at, "First in the trust's feed"),
        (study.closed_at, "Left the trust's feed"),
        (study.reopened_at, "Came back into the trust's feed"),
    )
    for at, what in times:
        if at is not None:
            yield Happened(at=at, when=at_words(at, now), what=what, why="", who="")


def _step(facts: StudyFacts, row: JournalRow, now: datetime) -> Happened | None:
    """Return a step in words; one that changes neither where the read stands nor whose it is says nothing here."""
    if (row.state, row.reporter_id) == (row.state_before, row.reporter_before):
        return None
    became = _BECAME[row.state].format(who=facts.name(row.reporter_id))
    what = f"{_of_read(facts, row.read)}{became}"
    return Happened(at=row.at, when=at_words(row.at, now), what=f"{what[:1].upper()}{what[1:]}", why="", who="")


def _decision(facts: StudyFacts, given: Instruction, now: datetime) -> Iterator[Happened]:
    what = what_is_decided(facts, given, now)
    staged = f" (staged in draft {given.draft_id})" if given.state is InstructionState.STAGED else ""
    why = "" if given.id in facts.untold else given.reason
    yield Happened(
        at=given.made_at, when=at_words(given.made_at, now), what=f"Decided: {what}{staged}", why=why, who=given.author
    )
    if given.ended_at is not None:
        yield Happened(
            at=given.ended_at,
            when=at_words(given.ended_at, now),
            what=f"Ended: {what}, {_ENDED.get(given.state, given.state.value)}",
            why="" if given.id in facts.untold else given.ended_why,
            who=given.ended_by,
        )


def _of_read(facts: StudyFacts, number: int) -> str:
    return f"Read {number} " if len(facts.study.reads) > 1 else ""

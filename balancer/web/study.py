"""A study as its page shows it: what it is, how long it has, what happens if nothing changes, how its reads stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.api.models.studies import ReadOut, Reason, StudyReadState
from balancer.domain.instant import LONDON
from balancer.domain.life import ReadKind
from balancer.domain.states import StudyState
from balancer.domain.study import setting_words
from balancer.web.class_marks import ClassMark, class_marks, mark_of
from balancer.web.field_words import within_sentence
from balancer.web.my_list import short_name
from balancer.web.study_facts import OtherStudy, StudyFacts
from balancer.web.study_timeline import Timeline, timeline
from balancer.web.time_left import TimeLeft, at_words, span, time_left

KINDS: Final = {
    ReadKind.INTERPRETATION: "Reading",
    ReadKind.VERIFICATION: "Verification",
    ReadKind.ARBITRATION: "Arbitration",
}
STATES: Final = {
    StudyReadState.CLAIMED: "Open at a reporter's",
    StudyReadState.ALLOCATED: "Allocated, not opened",
    StudyReadState.UNALLOCATED: "On nobody's list",
    StudyReadState.UNPLANNED: "Came after the plan was made",
    StudyReadState.DONE: "Reported",
    StudyReadState.PARKED: "Parked",
    StudyReadState.SENT_OUT: "Sent out",
    StudyReadState.EXCLUDED: "Not to be read here",
    StudyReadState.WITHDRAWN: "No longer asked for",
}
REASONS: Final = {
    Reason.CLAIMED_REPORTER_UNAVAILABLE: "whoever has it open cannot do it in their next two sessions",
    Reason.PINNED_REPORTER_UNAVAILABLE: "the reporter it is pinned to cannot do it in this plan",
    Reason.NO_ENTITLED_REPORTER: "nobody is entitled at its trust",
    Reason.NO_SKILLED_REPORTER: "nobody entitled has the skill",
    Reason.NO_SESSION: "nobody who may read it has a session that takes it",
    Reason.NO_CAPACITY: "every session that takes it is full",
    Reason.DEFERRED: "it would fit, but other work is worth more",
    Reason.NO_PRIORITY_CLASS: "the policy does not know its class",
    Reason.LEDGER_CAP: "its trust is at its cap, and its own reporters have no place for it",
    Reason.AWAITS_OTHER_READ: "it waits for another read of the study",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLine:
    """One read of the study: who, how it stands, when; ``number`` is its own in the study."""

    number: int
    read_id: int
    what: str
    state: str
    who: str
    who_link: str
    when: str
    note: str
    is_open: bool
    is_away: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What happens if nothing changes; ``level`` is the shape and colour that goes with it: done, today, late."""

    level: str
    words: str
    second: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientStudy:
    """Another study of the patient, in words."""

    link: str
    name: str
    when: str
    where: str
    state: str
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPage:
    """The page, but for why, what may be done, and what has happened."""

    study_id: int
    title: str
    mark: ClassMark
    trust: str
    trust_name: str
    setting: str
    accession: str
    patient: str
    facts: str
    left: TimeLeft | None
    outlook: Outlook
    state: str
    said: str
    reads: Sequence[ReadLine]
    timeline: Timeline
    patient_studies: Sequence[PatientStudy]


def study_page(facts: StudyFacts, now: datetime) -> StudyPage:
    """Return a study's page at ``now``."""
    study = facts.study
    name = facts.exams.get(study.exam_code, study.exam_code)
    minutes = f"{study.expected_minutes:g} min expected"
    is_waiting = any(read.state not in _OVER for read in study.reads) and study.state is StudyState.OPEN
    return StudyPage(
        study_id=facts.study_id,
        title=name,
        mark=mark_of(class_marks(facts.policy), study.priority),
        trust=study.trust,
        trust_name=short_name(facts.trusts.get(study.trust, study.trust)),
        setting=", ".join(filter(None, [setting_words(study.patient_setting), study.site])),
        accession=study.accession_number,
        patient=f"{study.patient_id[:4].upper()}••••" if study.patient_id else "not given",
        facts=" · ".join(filter(None, [minutes, within_sentence(study.subspecialty), study.modality])),
        left=_left(facts, now) if is_waiting else None,
        outlook=_outlook(facts, now),
        state=_state(facts),
        said=_said(facts),
        reads=[_line(facts, read, now) for read in study.reads],
        timeline=timeline(facts, now),
        patient_studies=[_patient_study(facts, other, now) for other in facts.others],
    )


_OVER: Final = frozenset({StudyReadState.DONE, StudyReadState.WITHDRAWN, StudyReadState.EXCLUDED})
_AWAY: Final = frozenset({StudyReadState.PARKED, StudyReadState.SENT_OUT, StudyReadState.EXCLUDED})
_ON_A_LIST: Final = frozenset({StudyReadState.ALLOCATED, StudyReadState.CLAIMED})


def _left(facts: StudyFacts, now: datetime) -> TimeLeft:
    study = facts.study
    known = {one.code: one for one in facts.policy.priorities}
    ceiling = known[study.priority].ceiling_at(study.waiting_since) if study.priority in known else None
    return time_left(began_at=study.waiting_since, due_at=study.due_at, ceiling_at=ceiling, now=now)


def _outlook(facts: StudyFacts, now: datetime) -> Outlook:
    study = facts.study
    waiting = [read for read in study.reads if read.state not in _OVER]
    if study.state is not StudyState.OPEN or not waiting:
        return Outlook(level="done", words="Nothing is to be read", second="")
    away = next((read for read in waiting if read.state in _AWAY), None)
    if away is not None:
        until = "" if away.until is None else f" until {at_words(away.until, now)}"
        return Outlook(level="soon", words=f"{STATES[away.state]}{until}", second="In no plan until then.")
    without = next((read for read in waiting if read.planned_end is None), None)
    if without is not None:
        why = "" if without.unallocated_reason is None else f"{REASONS[without.unallocated_reason]}."
        return Outlook(level="late", words="Not placed", second=why[:1].upper() + why[1:])
    end = max(read.planned_end for read in waiting if read.planned_end is not None)
    beyond = end - study.due_at
    if beyond.total_seconds() > 0:
        words = f"Late by {span(beyond)}, read by {at_words(end, now)}"
        return Outlook(level="late", words=words, second="")
    return Outlook(level="done", words=f"On time, read by {at_words(end, now)}", second=f"{span(-beyond)} in hand")


def _state(facts: StudyFacts) -> str:
    study = facts.study
    if study.state is StudyState.WITHDRAWN:
        return STATES[StudyReadState.WITHDRAWN]
    if study.state is StudyState.EXCLUDED:
        return f"Left out by a rule: {study.exclusion_rule}"
    states = list(dict.fromkeys(STATES[read.state] for read in study.reads))
    return "; ".join(states) or "Needs no read"


def _said(facts: StudyFacts) -> str:
    """Say what the feed says, where a person has decided otherwise."""
    said, study = facts.study.said, facts.study
    if said is None:
        return ""
    parts = [
        f"{name.replace('_', ' ')} {_plain(getattr(said, name))}"
        for name in ("priority", "exam_code", "modality", "subspecialty", "expected_minutes", "ready_at", "due_at")
        if getattr(said, name) != getattr(study, name)
    ]
    return f"The feed says: {', '.join(parts)}." if parts else ""


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        local = value.astimezone(LONDON)
        return f"{local:%a} {local.day} {local:%b %H:%M}"
    return str(value).replace("_", " ")


def _line(facts: StudyFacts, read: ReadOut, now: datetime) -> ReadLine:
    who = "" if read.reporter_id is None else facts.name(read.reporter_id)
    on_list = read.state in _ON_A_LIST and read.reporter_id in facts.people
    return ReadLine(
        number=read.read,
        read_id=read.read_id,
        what=KINDS[read.kind],
        state=STATES[read.state],
        who=who,
        who_link=f"/lists/{read.reporter_id}" if on_list else "",
        when=_when(read, now),
        note=_note(read),
        is_open=read.state in {*_ON_A_LIST, StudyReadState.UNALLOCATED, StudyReadState.UNPLANNED},
        is_away=read.state in _AWAY,
    )


def _when(read: ReadOut, now: datetime) -> str:
    if read.planned_start is not None and read.planned_end is not None and read.state in _ON_A_LIST:
        return f"{at_words(read.planned_start, now)} to {at_words(read.planned_end, now)}"
    if read.until is not None:
        return f"until {at_words(read.until, now)}"
    return f"since {at_words(read.since, now)}"


def _note(read: ReadOut) -> str:
    if read.state in {StudyReadState.UNALLOCATED, StudyReadState.UNPLANNED} and read.unallocated_reason is not None:
        why = REASONS[read.unallocated_reason]
        return f"{why[:1].upper()}{why[1:]}"
    if read.state in _AWAY:
        return ": ".join(filter(None, [read.owner, read.reason]))
    return ""


def _patient_study(facts: StudyFacts, other: OtherStudy, now: datetime) -> PatientStudy:
    study = other.study
    reads = [read for read in study.reads if read.state is not StudyReadState.WITHDRAWN]
    reported = bool(reads) and all(read.state is StudyReadState.DONE for read in reads)
    closed = study.state is not StudyState.OPEN
    waits = not reported and not closed
    by = ", ".join(dict.fromkeys(facts.name(read.reporter_id) for read in reads if read.reporter_id))
    state = "Reported" if reported else "No longer waits" if closed else "Unreported"
    return PatientStudy(
        link=f"/studies/{other.study_id}",
        name=facts.exams.get(study.exam_code, study.exam_code),
        when=at_words(study.acquired_at, now),
        where=short_name(facts.trusts.get(study.trust, study.trust)),
        state=f"{state}, {by}" if by else state,
        is_open=waits,
    )

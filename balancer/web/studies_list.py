"""The list behind every number: which studies are meant, in words, and the table of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.domain.age import Age
from balancer.domain.half_days import HalfDay
from balancer.domain.life import ReadState
from balancer.domain.policy import Policy
from balancer.domain.states import StudyState
from balancer.services.what_holds import HeldStudy
from balancer.store.studies import ReadStatus, StudyStatus
from balancer.store.tables import StudyRow
from balancer.store.which_unreported import Lateness, Standing, UnreportedFilter
from balancer.web.class_marks import class_marks, mark_of
from balancer.web.field_words import in_words, within_sentence
from balancer.web.my_list import short_name
from balancer.web.reason_words import REASON_WORDS, reason_words
from balancer.web.tables import Cell, Choice, Column, Row, Table, View
from balancer.web.time_left import at_words, span, time_left

COLUMNS: Final = (
    Column(key="exam", head="Exam", sorts=True),
    Column(key="class", head="Class", sorts=True),
    Column(key="trust", head="Trust", sorts=True),
    Column(key="due", head="Time left", sorts=True, kept="due"),
    Column(key="waiting", head="Waiting", sorts=True, kept="clock_started_at"),
    Column(key="accession", head="Accession"),
    Column(key="subspecialty", head="Subspecialty", sorts=True),
    Column(key="reporter", head="With"),
    Column(key="planned", head="Planned"),
)
_STANDING: Final = {
    Standing.WAITING: "Unreported",
    Standing.ALLOCATED: "On a list",
    Standing.CLAIMED: "Open with a reporter",
    Standing.UNALLOCATED: "Without a place",
    Standing.PARKED: "Parked",
    Standing.SENT_OUT: "Sent out",
    Standing.REPORTED: "Reported here, not confirmed by the trust",
    Standing.NOT_HERE: "Not to be read here",
    Standing.KEPT: "No longer listed by the trust, kept open",
    Standing.OPEN: "Open, reported or not",
}
_AGES: Final = {
    Age.FIRST: "First half of target",
    Age.SECOND: "Second half of target",
    Age.LATE: "Late, not over ceiling",
    Age.OVER: "Over ceiling",
}
_WITHIN: Final = (4, 24, 72)
_STATES: Final = {
    ReadState.DONE: "Reported here",
    ReadState.SENT_OUT: "Sent out",
    ReadState.EXCLUDED: "Excluded",
    ReadState.WITHDRAWN: "Withdrawn",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What codes mean in this network: its policy, its trusts', reporters' and examinations' names by code.

    And of which reads it is not said why they are parked: they are read blind.
    """

    policy: Policy
    trusts: Mapping[str, str]
    reporters: Mapping[str, str]
    exams: Mapping[str, str]
    subspecialties: Sequence[str]
    unsaid: Collection[int] = ()


def heading(which: UnreportedFilter, total: int, known: Known, *, proposed: bool = False) -> str:
    """Return what the list holds, with the number first: `12 urgent neuro MR studies at East Kent are late`.

    Everything that is filtered by is said: what is said of some is not taken for so of all.
    """
    if which.trust and which.trust not in known.trusts:
        return f"You cannot see the studies of {which.trust}"
    noun = "study" if total == 1 else "studies"
    kind = in_words(which.priority).lower() if which.priority else ""
    field = within_sentence(which.subspecialty) if which.subspecialty else ""
    exam = known.exams.get(which.exam, which.exam) if which.exam else ""
    number = f"{total:,}" if total else "No"
    before = " ".join(word for word in (number, kind, field, which.modality, exam, noun) if word)
    why = f": {reason_words(which.reason)[:1].lower()}{reason_words(which.reason)[1:]}" if which.reason else ""
    return f"{before}{_which_of_them(which, known)}{_what(which, one=total == 1, proposed=proposed)}{why}"


def _which_of_them(which: UnreportedFilter, known: Known) -> str:
    """Return where they are, with whom, and when they are due, as far as that is filtered by."""
    where = f" at {short_name(known.trusts.get(which.trust, which.trust))}" if which.trust else ""
    whose = f" with {known.reporters.get(which.reporter_id, which.reporter_id)}" if which.reporter_id else ""
    due = f" due {half_words(which.due)}" if which.due else ""
    return f"{where}{whose}{due}"


def _what(which: UnreportedFilter, *, one: bool, proposed: bool) -> str:
    """Return what is said of them."""
    becomes = "becomes" if one else "become"
    if proposed and which.only is not None:
        return f" would become late within {which.within or 72} h if the proposed plan were published"
    if which.within is not None:
        return f" {becomes} late within {which.within} h"
    if which.late is Lateness.PLANNED:
        return f" {becomes} late by the published plan"
    is_are = "is" if one else "are"
    if which.age is not None:
        return {
            Age.FIRST: f" {is_are} in the first half of {'its' if one else 'their'} target",
            Age.SECOND: f" {is_are} in the second half of {'its' if one else 'their'} target",
            Age.LATE: f" {is_are} late and not over {'its' if one else 'their'} ceiling",
            Age.OVER: f" {is_are} over {'its' if one else 'their'} ceiling",
        }[which.age]
    if which.late is Lateness.NOW:
        return f" {is_are} late"
    return {
        Standing.WAITING: f" {is_are} unreported",
        Standing.REPORTED: f" {is_are} reported here and not confirmed by {'its trust' if one else 'their trusts'}",
        Standing.NOT_HERE: f" {is_are} not to be read here",
        Standing.KEPT: f" {is_are} no longer listed by {'its trust' if one else 'their trusts'} and kept open",
        Standing.OPEN: f" {is_are} open, reported here or not",
        Standing.UNALLOCATED: f" {'has' if one else 'have'} no place in the plan",
        Standing.ALLOCATED: f" {is_are} on a list",
        Standing.CLAIMED: f" {is_are} open with a reporter",
        Standing.PARKED: f" {is_are} parked",
        Standing.SENT_OUT: f" {is_are} sent out",
    }[which.standing]


def nearest(which: UnreportedFilter, elsewhere: Mapping[str, int], known: Known) -> str:
    """Return what is said where there is nothing: where there would be something."""
    if which.trust and which.trust not in known.trusts:
        return "What you may see follows from the trusts at which you hold a role."
    if which == UnreportedFilter():
        return "Nothing that has come waits for a report. What each trust has delivered, and when, is said under Feeds."
    if not elsewhere:
        return "No study is like this. Take a filter off to see more."
    trust = short_name(known.trusts.get(which.trust or "", which.trust or ""))
    there = [f"{number:,} at {short_name(known.trusts.get(code, code))}" for code, number in elsewhere.items()]
    said = there[0] if len(there) == 1 else f"{', '.join(there[:-1])} and {there[-1]}"
    return f"There is none at {trust}. There {'is' if elsewhere and sum(elsewhere.values()) == 1 else 'are'} {said}."


def choices(which: UnreportedFilter, known: Known, *, proposed: bool) -> list[Choice]:
    """Return the filters: those that everybody needs, and those that a link has set, so that they can be taken off."""
    marks = class_marks(known.policy)
    found = [
        _choice("class", "Class", "Every class", ((code, mark.name) for code, mark in marks.items()), which.priority),
        _choice("trust", "Trust", "Every trust", ((c, short_name(n)) for c, n in known.trusts.items()), which.trust),
        _choice(
            "late", "Late", "Late or not", ((Lateness.NOW, "Late now"), (Lateness.PLANNED, "Becomes late")), which.late
        ),
        _choice(
            "within", "Becomes late", "At any time", ((str(h), f"Within {h} h") for h in _within(which)), which.within
        ),
        _choice("age", "Age", "Any age", _AGES.items(), which.age),
        _choice(
            "subspecialty",
            "Subspecialty",
            "Every one",
            ((c, in_words(c)) for c in known.subspecialties),
            which.subspecialty,
        ),
        Choice(
            name="state",
            label="State",
            options=[("" if s is Standing.WAITING else s.value, words) for s, words in _STANDING.items()],
            chosen="" if which.standing is Standing.WAITING else which.standing.value,
        ),
    ]
    return [*found, *_set_by_links(which, known, proposed=proposed)]


def _within(which: UnreportedFilter) -> list[int]:
    return sorted({*_WITHIN, *([which.within] if which.within else [])})


def _set_by_links(which: UnreportedFilter, known: Known, *, proposed: bool) -> list[Choice]:
    found = []
    if which.reason is not None:
        found.append(_choice("reason", "Why", "For whatever reason", REASON_WORDS.items(), which.reason))
    if which.reporter_id is not None:
        name = known.reporters.get(which.reporter_id, which.reporter_id)
        found.append(_choice("reporter", "With", "Anybody", [(which.reporter_id, name)], which.reporter_id))
    if which.exam is not None:
        name = known.exams.get(which.exam, which.exam)
        found.append(_choice("exam", "Exam", "Every exam", [(which.exam, name)], which.exam))
    if which.modality is not None:
        found.append(_choice("modality", "Modality", "Every one", [(which.modality, which.modality)], which.modality))
    if which.due is not None:
        code = which.due.code
        found.append(_choice("due", "Due", "At any time", [(code, half_words(which.due))], code))
    if proposed:
        found.append(_choice("plan", "Plan", "Published", [("proposed", "Proposed")], "proposed"))
    return found


def _choice(name: str, label: str, none: str, options: Iterable[tuple[str, str]], chosen: object) -> Choice:
    """Return a filter; what is chosen stands among its options even if nobody would offer it."""
    wanted, found = "" if chosen is None else str(chosen), [("", none), *options]
    if wanted not in {value for value, _ in found}:
        found.append((wanted, wanted))
    return Choice(name=name, label=label, options=found, chosen=wanted)


def half_words(half: HalfDay) -> str:
    """Return a half-day in words: `Tue 3 Mar am`."""
    return f"{half.day:%a} {half.day.day} {half.day:%b} {'pm' if half.is_afternoon else 'am'}"


def studies_table(  # noqa: PLR0913 - which of what, and how it is asked for
    found: Sequence[StudyStatus],
    held: Mapping[int, HeldStudy],
    known: Known,
    *,
    view: View,
    total: int,
    filters: Sequence[Choice],
    empty: str,
    now: datetime,
) -> Table:
    """Return the table of these studies, of which this holds."""
    rows = [_row(status, held[status.study.id or 0], known, now) for status in found]
    return Table(name="Studies", columns=COLUMNS, rows=rows, total=total, view=view, filters=filters, empty=empty)


def _row(status: StudyStatus, held: HeldStudy, known: Known, now: datetime) -> Row:
    study = status.study
    number, trust = study.id or 0, study.trust
    classes = {priority.code: priority for priority in known.policy.priorities}
    priority = classes.get(held.priority)
    ceiling = None if priority is None else priority.ceiling_at(study.clock_started_at)
    left = time_left(began_at=study.clock_started_at, due_at=held.due_at, ceiling_at=ceiling, now=now)
    waiting = now - study.clock_started_at
    return Row(
        id=f"study-{number}",
        cells=(
            Cell(text=known.exams.get(held.exam_code, held.exam_code), link=f"/studies/{number}"),
            Cell(mark=mark_of(class_marks(known.policy), held.priority)),
            Cell(trust=trust),
            Cell(left=left) if study.state is StudyState.OPEN else _closed(study),
            Cell(text=span(waiting), value=study.clock_started_at),
            Cell(text=study.accession_number),
            Cell(text=in_words(held.subspecialty)),
            _with(status.reads, known),
            _planned(status.reads, now),
        ),
    )


def _closed(study: StudyRow) -> Cell:
    """Return how a study that nobody waits for any more has ended; how late it would be says nothing."""
    words = "Excluded" if study.state is StudyState.EXCLUDED else "No longer asked for"
    return Cell(text=words, second=study.exclusion_rule, grey=True)


def _with(reads: Iterable[ReadStatus], known: Known) -> Cell:
    """Return who has the study's reads, or why nobody has; one who has it alone is linked to their list."""
    waiting = list(reads)
    names = [_holder(read, known) for read in waiting]
    holders = [read.row.reporter_id for read in waiting if read.row.state is ReadState.ALLOCATED]
    link = f"/lists/{holders[0]}" if len(waiting) == 1 and holders else ""
    return Cell(text=", ".join(dict.fromkeys(names)), link=link)


def _holder(read: ReadStatus, known: Known) -> str:
    row = read.row
    name = known.reporters.get(row.reporter_id or "", row.reporter_id or "")
    if row.state is ReadState.ALLOCATED:
        return name
    if row.state is ReadState.CLAIMED:
        return f"{name}, open"
    if row.state is ReadState.PARKED:
        return f"Parked: {row.reason}" if row.reason and row.id not in known.unsaid else "Parked"
    return _STATES.get(row.state) or reason_words(row.reason)


def _planned(reads: Iterable[ReadStatus], now: datetime) -> Cell:
    """Return when the last of the study's reads ends by the plan: then it is reported."""
    ends = [read.planned_end for read in reads if read.planned_end is not None]
    if not ends:
        return Cell(text="Not planned", grey=True)
    return Cell(text=at_words(max(ends), now), value=max(ends))

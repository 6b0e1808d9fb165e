"""Why a read is where it is, in words: what speaks for who has it, who else could at what cost, who may not and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.domain.addition import Release
from balancer.domain.read_explained import Addition, ReadExplained, Reason, ReasonKind, Remedied
from balancer.web.field_words import within_sentence
from balancer.web.points import LEAST, point_words
from balancer.web.study_alternatives import LEVELS, against, alternatives, counted
from balancer.web.study_facts import Explained, StudyFacts
from balancer.web.study_refused import refused
from balancer.web.tables import Table
from balancer.web.time_left import at_words, span

# It has not been worked out for so long: whoever waits is told.
_LONG: Final = timedelta(seconds=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One thing that speaks for whoever has the read."""

    strong: str
    rest: str
    saves: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyPage:
    """The part of a study's page that says why.

    ``asks``: it is to be asked for now; ``waits``: it is being worked out; ``stuck``: since long. ``checked`` says on
    which plan each reason was taken away; empty while what is shown is not of the plan in force.
    """

    study_id: int
    read_id: int
    number: int
    heading: str
    checked: str
    stale: str
    error: str
    asks: bool
    may_ask: bool
    waits: bool
    stuck: str
    reasons: Sequence[Why] = ()
    change: str = ""
    better: str = ""
    alternatives: Table | None = None
    able: str = ""
    refused: Table | None = None
    refused_count: str = ""
    remedies: Sequence[str] = ()
    is_there: bool = False


def why_page(facts: StudyFacts, number: int, now: datetime, *, may_ask: bool) -> WhyPage:
    """Return why a read of a study is where it is, as far as it is known at ``now``.

    Reasons stand under the name of whom they are about. Those of an earlier plan for somebody who has the read no more
    are not shown at all: they would pass for reasons of whoever has it now.
    """
    known = facts.explained
    read = next(one for one in facts.study.reads if one.read == number)
    of_now = known.found is not None and known.is_fresh
    about = None if known.found is None or known.found.placement is None else known.found.placement.reporter_id
    has_moved = known.found is not None and not of_now and about != read.reporter_id
    whose = about if of_now and about is not None else read.reporter_id
    who = None if whose is None else facts.name(whose)
    waits = known.waits_since is not None
    stuck = waits and known.waits_since is not None and now - known.waits_since > _LONG
    common = {
        "study_id": facts.study_id,
        "read_id": read.read_id,
        "number": number,
        "heading": f"Why {who}" if who else "Why nobody",
        "checked": _checked(known, now) if of_now else "",
        "stale": "" if of_now or known.found is None or known.at is None else _stale(known.at, now, moved=has_moved),
        "error": known.error,
        "asks": may_ask and not of_now and not waits and not known.error,
        "may_ask": may_ask,
        "waits": waits and not stuck,
        "stuck": f"Asked for {span(now - known.waits_since)} ago and not there yet."
        if stuck and known.waits_since
        else "",
    }
    if known.found is None or has_moved:
        return WhyPage(**common)  # type: ignore[arg-type]  # the fields of these names
    return WhyPage(**common, **_found(facts, known.found, number, now), is_there=True)  # type: ignore[arg-type]


def _checked(known: Explained, now: datetime) -> str:
    """Say what was checked, and when: each reason of a read that has a place, what it lacks of one that has none."""
    at = "" if known.at is None else at_words(known.at, now)
    has_place = known.found is not None and known.found.placement is not None
    return f"Checked {at}: {'placed anew without each reason' if has_place else 'on the plan in force'}"


def _stale(at: datetime, now: datetime, *, moved: bool) -> str:
    if moved:
        return f"It has changed hands since it was worked out why, at {at_words(at, now)}: that is not shown."
    return f"As it stood at {at_words(at, now)}; the plan has changed since, or may have."


def _found(facts: StudyFacts, found: ReadExplained, number: int, now: datetime) -> dict[str, object]:
    listed = sum(len(one.reporters) for one in found.refusals)
    return {
        "reasons": [_why(facts, found, one, now) for one in found.reasons],
        "change": _change(facts, found, now),
        "better": _better(found),
        "alternatives": alternatives(facts, found, number, now),
        "able": f"{_able(found)} {point_words(facts.policy)}",
        "refused": refused(facts, found.refusals, number),
        "refused_count": f"{listed} of {listed + found.able} reporters",
        "remedies": [_remedy(facts, one, now) for one in found.remedies],
    }


def _able(found: ReadExplained) -> str:
    """Say how many may read it, and how many of them are shown: those that the plan can give it to at least cost."""
    shown = len(found.others) + (found.placement is not None)
    if shown >= found.able:
        return f"{found.able} may, the cheapest first."
    return f"{found.able} may; the {shown} cheapest that were found are shown." if shown else f"{found.able} may."


# --- what speaks for whoever has it -----------------------------------------------------------------------------------


def _why(facts: StudyFacts, found: ReadExplained, one: Reason, now: datetime) -> Why:
    strong, rest = _words(facts, found, one.kind, now)
    return Why(strong=strong, rest=rest, saves=f"saves {one.points:,.1f}")


def _words(facts: StudyFacts, found: ReadExplained, kind: ReasonKind, now: datetime) -> tuple[str, str]:
    study, place = facts.study, found.placement
    field = within_sentence(study.subspecialty)
    person = None if place is None else facts.people.get(place.reporter_id)
    level = 0 if person is None else person.level(study.subspecialty, study.modality)
    if kind is ReasonKind.PLACE and place is not None:
        nth = "first" if place.position == 1 else f"number {place.position}"
        return "This session has the best place.", f"{at_words(place.start, now)}, {nth} in it."
    return {
        ReasonKind.LEVEL: (f"{LEVELS.get(level, 'Level')} in {field}.", f"The study needs {field}."),
        ReasonKind.HOME: ("Its own trust's reporter.", "Priors open in their own PACS."),
        ReasonKind.PRIOR: ("Reported this patient's prior study.", ""),
        ReasonKind.LISTED: ("Has it on their list already.", "Taking it away costs them time."),
        ReasonKind.PATIENT: ("Has other studies of this patient.", ""),
        ReasonKind.PLACE: ("This session has the best place.", ""),
    }[kind]


def _better(found: ReadExplained) -> str:
    """Say so if nothing speaks for the place, for a better plan has been found."""
    best = min((one.difference for one in found.others), default=0.0)
    if best > -LEAST:
        return ""
    return f"A plan that costs {abs(best):,.1f} points less has been found since. The next run can take it."


def _change(facts: StudyFacts, found: ReadExplained, now: datetime) -> str:
    """Say who would have it if whoever has it could not."""
    mine = None if found.placement is None else found.placement.reporter_id
    other = next((one for one in found.others if one.placement.reporter_id != mine), None)
    if mine is None:
        return ""
    if other is None:
        return "Nobody else was found who could read it: without this reporter it would have no place."
    when = against(found.due_at, other.placement.end)
    return (
        f"What would change it: if {facts.name(mine)} could not, {facts.name(other.placement.reporter_id)} would "
        f"read it at {at_words(other.placement.start, now)}, {when}."
    )


# --- what would give it a place ---------------------------------------------------------------------------------------


def _remedy(facts: StudyFacts, one: Remedied, now: datetime) -> str:
    said = " and ".join(_addition(facts, part, now) for part in one.additions)
    return f"{said[:1].upper()}{said[1:]}. Saves {abs(one.difference):,.1f} points."


def _addition(facts: StudyFacts, one: Addition, now: datetime) -> str:
    study, place = facts.study, one.placement
    field = within_sentence(study.subspecialty)
    parts = []
    if one.released is not None:
        parts.append("take the pin back" if one.released is Release.PIN else "release the claim")
    if one.entitled_for is not None:
        parts.append(f"an entitlement at {one.entitled_for}")
    if one.level is not None:
        parts.append(f"{field} at level {one.level} for {study.modality}")
    if one.in_scope:
        parts.append(f"{study.modality} in scope")
    if one.more_reads:
        parts.append(f"{counted(one.more_reads, 'read', 'reads')} more allowed in the session")
    if one.is_extra_session:
        parts.append(f"an extra session of {one.minutes} min before {at_words(one.until, now)}")
    elif one.minutes:
        parts.append(f"{one.minutes} min more at the end of the session, until {at_words(one.until, now)}")
    what = " and ".join(parts) or "nothing: it fits, and the plan had not found that"
    return f"{what}, for {facts.name(place.reporter_id)}, who would read it at {at_words(place.start, now)}"

"""An explanation in plain sentences, points to two decimals, times as clocks in London show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from balancer.domain.addition import Addition, Release, Remedy
from balancer.domain.explanation import (
    AllocatedExplanation,
    Alternative,
    Explanation,
    Refusal,
    Rule,
    UnallocatedExplanation,
)
from balancer.domain.instant import LONDON
from balancer.domain.plan import UnallocatedReason
from balancer.domain.study import ReadKey, Study

_NAMES = 6  # people listed by name before the rest are counted
_SAME = 0.005  # points; what prints as 0.00

_RULES = {
    Rule.ENTITLED: "not entitled for {study.trust} (H1)",
    Rule.SKILLED: "no skill in {study.subspecialty} for {study.modality} (H2)",
    Rule.MODALITY: "{study.modality} is outside their scope (H3)",
    Rule.EXCLUDED: "excluded from this study (H6)",
    Rule.PINNED: "the read is pinned to somebody else (H7)",
    Rule.CLAIMED: "somebody else has claimed the read (H8)",
    Rule.TWO_READERS: "they do another read of this study (H9)",
    Rule.SESSION: "no session of theirs takes it (H4)",
    Rule.TIME: "no session of theirs is long enough for it (H5)",
}

_REASONS = {
    UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE: "whoever claimed it cannot do it in their next two sessions",
    UnallocatedReason.PINNED_REPORTER_UNAVAILABLE: "the reporter it is pinned to cannot do it in this plan",
    UnallocatedReason.NO_ENTITLED_REPORTER: "nobody is entitled for {study.trust} who is not excluded",
    UnallocatedReason.NO_SKILLED_REPORTER: (
        "nobody entitled for {study.trust} reads {study.subspecialty} for {study.modality}"
    ),
    UnallocatedReason.NO_SESSION: "nobody who may read it has a session that takes it and is long enough",
    UnallocatedReason.NO_CAPACITY: "every session that would take it is full",
    UnallocatedReason.DEFERRED: "it would fit, but other work is worth more",
}


def sentences(explanation: AllocatedExplanation | UnallocatedExplanation) -> tuple[str, ...]:
    """Return an explanation as sentences, the most important first."""
    if isinstance(explanation, AllocatedExplanation):
        return tuple(_of_allocated(explanation))
    return tuple(_of_unallocated(explanation))


def clock(instant: datetime) -> str:
    """Return an instant as people in London say it: ``Thu 5 Mar 14:00``."""
    local = instant.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def _of_allocated(one: AllocatedExplanation) -> Iterator[str]:
    place = one.placement
    yield (
        f"{_read(one.key)} is {place.reporter_id}'s, number {place.position} of session {place.session_id}: "
        f"{clock(place.start)} to {clock(place.end)}; due {clock(one.due_at)}."
    )
    yield from _of_cost(one)
    if one.left_out is not None:
        yield f"If nobody did it, the total would be {_change(one.left_out)}{_moves(one.left_out)}."
    yield from _of_alternatives(one, "else ")
    yield from _of_refusals(one)


def _of_unallocated(one: UnallocatedExplanation) -> Iterator[str]:
    yield f"{_read(one.key)} has no place: {_REASONS[one.reason].format(study=one.study)} ({one.reason.value})."
    yield f"It was due {clock(one.due_at)} and counts as done on {clock(one.completed_at)}."
    yield from _of_cost(one)
    if one.waiting_with:
        others = ", ".join(str(key.read) for key in one.waiting_with)
        yield f"Read {others} of the study has no place either, and the study is not done before all its reads are."
    if one.insertion is not None and one.insertion.placement is not None:
        place = one.insertion.placement
        yield (
            f"It fits into session {place.session_id} of {place.reporter_id}, {clock(place.start)} to "
            f"{clock(place.end)}: the total would be {_change(one.insertion)}."
        )
    for number, remedy in enumerate(one.remedies):
        yield _of_remedy(one, remedy, "Or: " if number else "What would give it a place: ")
    if not one.remedies:
        yield "No longer or extra session and no permission for one reporter gives it a place that lowers the total."
    yield from _of_alternatives(one, "")
    yield from _of_refusals(one)


def _of_cost(one: Explanation) -> Iterator[str]:
    parts = {
        "crossing its target": one.clinical.breach,
        "being late": one.clinical.late,
        "waiting": one.clinical.wait,
        "passing its ceiling": one.clinical.over,
        **{name: points for name, points in one.cost.as_dict().items() if name != "clinical"},
    }
    told = ", ".join(f"{points:,.2f} for {name}" for name, points in parts.items() if abs(points) >= _SAME)
    yield f"It stands for {one.cost.total:,.2f} of the plan's {one.plan_total:,.2f} points" + (
        f": {told}." if told else "."
    )


def _of_alternatives(one: Explanation, word: str) -> Iterator[str]:
    if not one.alternatives:
        yield f"Nobody {word}can do it." if one.able == 0 else f"No plan was found in which somebody {word}does it."
        return
    yield f"The best plans found in which somebody {word}does it, all that this displaces put right:"
    for alternative in one.alternatives:
        place = alternative.placement
        if place is not None:
            yield (
                f"  {place.reporter_id}, session {place.session_id}, {clock(place.start)} to {clock(place.end)}: "
                f"total {alternative.total:,.2f}, {_change(alternative)}{_moves(alternative)}."
            )
    first = one.alternatives[0]
    if first.difference <= -_SAME:
        yield "  The first is better than the plan: the search that made it had not found it."
    if min(first.difference, 0.0) - first.anyway >= _SAME:
        yield "  But better still is the same repair with the read where it is."


def _of_refusals(one: Explanation) -> Iterator[str]:
    for refusal in one.refusals:
        yield f"May not do it: {_people(refusal)}: {_RULES[refusal.rule].format(study=one.study)}."


def _of_remedy(one: UnallocatedExplanation, remedy: Remedy, lead: str) -> str:
    told = " and ".join(_addition(one.study, addition) for addition in remedy.additions)
    return f"{lead}{told}. The total would be {_points(remedy.difference)} lower."


def _addition(study: Study, addition: Addition) -> str:
    place, parts = addition.placement, []
    if addition.released is not None:
        parts.append("the pin taken back" if addition.released is Release.PIN else "the claim released")
    if addition.entitled_for is not None:
        parts.append(f"an entitlement for {addition.entitled_for} at the time")
    if addition.level is not None:
        parts.append(
            f"{study.subspecialty}/{study.modality} at level {int(addition.level)} ({addition.level.name.lower()})"
        )
    if addition.in_scope:
        parts.append(f"{study.modality} in scope")
    if addition.more_reads:
        parts.append(f"one more read allowed in session {place.session_id}")
    who = f"for {place.reporter_id}, who would read it {clock(place.start)} to {clock(place.end)}"
    if addition.is_extra_session:
        time = f"an extra session of {addition.minutes} minutes before {clock(addition.until)}"
        return " and ".join([*parts, time]) + f" {who}"
    if addition.minutes:
        more = f"{_minutes(addition.minutes)} of {study.subspecialty} for {study.trust} before {clock(addition.until)}"
        parts.append(f"{more}, at the end of session {place.session_id}")
    if not parts:
        parts.append(f"nothing: it fits into session {place.session_id}, and the search had not found that")
    return " and ".join(parts) + f", {who}"


def _read(key: ReadKey) -> str:
    return f"Read {key.read} of {key.trust} {key.accession_number}"


def _minutes(minutes: int) -> str:
    return f"{minutes} more minute{'' if minutes == 1 else 's'}"


def _points(points: float) -> str:
    return f"{abs(points):,.2f} points"


def _change(alternative: Alternative) -> str:
    if abs(alternative.difference) < _SAME:
        return "the same"
    change = f"{_points(alternative.difference)} {'higher' if alternative.difference > 0 else 'lower'}"
    if alternative.anyway > -_SAME:
        return change
    return f"{change} (and the same repair with the read where it is: {_points(alternative.anyway)} lower)"


def _moves(alternative: Alternative) -> str:
    if not alternative.moves:
        return ""
    return "; " + _listed(
        [
            f"{move.key.trust} {move.key.accession_number} "
            + (f"to {move.after.reporter_id}" if move.after is not None else "left out")
            for move in alternative.moves
        ]
    )


def _people(refusal: Refusal) -> str:
    return _listed(refusal.reporters)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")

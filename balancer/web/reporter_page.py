"""One reporter's page: what the network's list says of them, what holds, and what was decided here in between."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from balancer.domain.instant import LONDON
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import span
from balancer.domain.reporter import Reporter
from balancer.web.field_words import in_words
from balancer.web.reporter_list import SOON, lapse_words
from balancer.web.time_left import at_words

LEVELS: Final = {3: "Specialist", 2: "General", 1: "Fallback", 0: "Not at all"}
_KINDS: Final = {
    InstructionKind.ENTITLEMENT: "Entitlement",
    InstructionKind.SKILL: "Skill",
    InstructionKind.ABSENCE: "Away",
    InstructionKind.SESSION: "Session",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitled:
    """A trust: what the list says, what holds; ``soon``: it lapses within a month, ``over``: it has.

    ``may_decide``: the caller decides for this trust. ``grants``: what there is to decide is to let them.
    """

    trust: str
    name: str
    said: str
    holds: str
    differs: bool
    soon: bool
    over: bool
    may_decide: bool
    grants: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Skilled:
    """A subspecialty, for one modality or every other: what the list says, what holds."""

    field: str
    modality: str
    said: str
    holds: str
    differs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Something that was decided here and outranks the feed: what, why, by whom, until when."""

    id: int
    kind: str
    what: str
    said: str
    holds: str
    reason: str
    author: str
    made: str
    ends: str
    trust: str
    may_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterPage:
    """Everything the page shows of a reporter but their week."""

    reporter_id: str
    name: str
    grade: str
    home: str
    listed: bool
    modalities: str
    speed: str
    sentence: str
    entitled: Sequence[Entitled]
    skilled: Sequence[Skilled]
    decided: Sequence[Decided]
    decides_skills: bool
    fields: Sequence[tuple[str, str]]
    modality_choices: Sequence[tuple[str, str]]
    levels: Mapping[int, str]
    today: str


def reporter_page(  # noqa: PLR0913 - a person as said and as held, and who asks
    said: Reporter,
    held: Reporter,
    given: Iterable[Instruction],
    *,
    listed: bool,
    trusts: Mapping[str, str],
    examined: Collection[tuple[str, str]],
    may_decide: Collection[str],
    now: datetime,
) -> ReporterPage:
    """Return the page; ``trusts`` by name, ``examined`` are the subspecialties and modalities that there are.

    ``may_decide`` are the trusts for which the caller decides.
    """
    today = now.astimezone(LONDON).date()
    decided = [_decided(item, said, held, may_decide, now) for item in given]
    entitled = _entitled(said, held, trusts, may_decide, today)
    return ReporterPage(
        reporter_id=said.reporter_id,
        name=said.name,
        grade=said.grade,
        home=trusts.get(said.home_trust, said.home_trust),
        listed=listed,
        modalities=", ".join(sorted(said.modalities)) or "every modality",
        speed="as the catalogue's minutes" if said.speed == 1 else f"{said.speed:g} times the catalogue's minutes",
        sentence=_sentence(entitled, decided, listed=listed),
        entitled=entitled,
        skilled=_skilled(said, held),
        decided=decided,
        decides_skills=said.home_trust in may_decide,
        fields=[(name, in_words(name)) for name in sorted({name for name, _ in examined})],
        modality_choices=[("", "Every other modality"), *((by, by) for by in sorted({by for _, by in examined}))],
        levels=LEVELS,
        today=today.isoformat(),
    )


def _sentence(entitled: Sequence[Entitled], decided: Sequence[Decided], *, listed: bool) -> str:
    if not listed:
        return "The network's list does not name them any more: no plan gives them a read."
    holding = [item for item in entitled if item.holds != "no" and not item.over]
    soon = [item for item in holding if item.soon]
    parts = [f"May report for {_count(len(holding), 'trust')}"]
    if soon:
        parts.append(f"{_count(len(soon), 'entitlement')} {'lapses' if len(soon) == 1 else 'lapse'} within 30 days")
    were = "was" if len(decided) == 1 else "were"
    otherwise = f"{_count(len(decided), 'thing')} {were} decided here otherwise than the feeds say"
    parts.append(otherwise if decided else "everything is as the feeds say")
    return f"{'; '.join(parts)}."


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def _entitled(
    said: Reporter, held: Reporter, trusts: Mapping[str, str], may_decide: Collection[str], today: date
) -> list[Entitled]:
    known = [*said.trusts, *(code for code in held.trusts if code not in said.trusts)]
    codes = [*known, *sorted(code for code in trusts if code in may_decide and code not in known)]
    return [_entitlement(code, said, held, trusts, may_decide, today) for code in codes]


def _entitlement(  # noqa: PLR0913, PLR0917
    code: str, said: Reporter, held: Reporter, trusts: Mapping[str, str], may_decide: Collection[str], today: date
) -> Entitled:
    last = held.trusts.get(code)
    holds = code in held.trusts
    over = last is not None and last < today
    return Entitled(
        trust=code,
        name=trusts.get(code, ""),
        said=_until(said, code, today),
        holds=_until(held, code, today),
        differs=_until(said, code, today) != _until(held, code, today),
        soon=last is not None and not over and last - today <= SOON,
        over=over,
        may_decide=code in may_decide,
        grants=not holds or last is not None,
    )


def _until(person: Reporter, code: str, today: date) -> str:
    if code not in person.trusts:
        return "no"
    last = person.trusts[code]
    if last is None:
        return "yes, for good"
    return f"lapsed {lapse_words(last, today)}" if last < today else f"yes, lapses {lapse_words(last, today)}"


def _skilled(said: Reporter, held: Reporter) -> list[Skilled]:
    scopes = sorted({*said.skills, *held.skills}, key=lambda scope: (scope[0], scope[1] or ""))
    rows = []
    for name, modality in scopes:
        levels = [int(person.skills.get((name, modality), 0)) for person in (said, held)]
        rows.append(
            Skilled(
                field=in_words(name),
                modality=modality or "every other",
                said=LEVELS[levels[0]],
                holds=LEVELS[levels[1]],
                differs=levels[0] != levels[1],
            )
        )
    return rows


def _decided(item: Instruction, said: Reporter, held: Reporter, may_decide: Collection[str], now: datetime) -> Decided:
    what, before, after = _difference(item, said, held, now)
    return Decided(
        id=item.id,
        kind=_KINDS[item.kind],
        what=what,
        said=before,
        holds=after,
        reason=item.reason,
        author=item.author,
        made=at_words(item.made_at, now),
        ends="until it is withdrawn" if item.expires_at is None else at_words(item.expires_at, now),
        trust=item.trust,
        may_end=item.trust in may_decide,
    )


def _difference(item: Instruction, said: Reporter, held: Reporter, now: datetime) -> tuple[str, str, str]:
    """Return what a decision is about, what the feed says of it, and what holds."""
    today, value = now.astimezone(LONDON).date(), item.value
    if item.kind is InstructionKind.ENTITLEMENT:
        code = value["trust"]
        return code, _until(said, code, today), _until(held, code, today)
    if item.kind is InstructionKind.SKILL:
        name, modality = value["subspecialty"], value.get("modality")
        about = in_words(name) + (f", {modality}" if modality else "")
        levels = [LEVELS[int(person.level(name, modality or ""))] for person in (said, held)]
        return about, levels[0], levels[1]
    return _time_words(item, now), *_of_time(item)


def _of_time(item: Instruction) -> tuple[str, str]:
    if item.kind is InstructionKind.ABSENCE:
        return "whatever is rostered", "away"
    return ("nothing", "a session more") if item.value["added"] else ("a session", "does not take place")


def _time_words(item: Instruction, now: datetime) -> str:
    if "start" not in item.value:
        return item.session_id or "a session"
    start, end = span(item)
    return f"{at_words(start, now)} to {at_words(end, now)}"

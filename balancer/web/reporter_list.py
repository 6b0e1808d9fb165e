"""Reporters as a table: where they are at home and entitled, what they report best, what lapses, what was corrected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from balancer.domain.instruction import Instruction
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.store.people import ListedReporter
from balancer.web.field_words import in_words
from balancer.web.roster_hours import fields_of
from balancer.web.tables import Cell, Choice, Column, Row, Table, View, number, table_of

# An entitlement that ends within so many days is said to lapse soon.
SOON: Final = timedelta(days=30)
_COLUMNS: Final = (
    Column(key="reporter", head="Reporter", sorts=True, second="grade"),
    Column(key="number", head="Number", sorts=True),
    Column(key="home", head="Home trust", sorts=True),
    Column(key="entitled", head="May report for", sorts=True, second="lapsed"),
    Column(key="lapses", head="Next to lapse", sorts=True, second="lapses_at"),
    Column(key="specialist", head="Specialist in", sorts=True),
    Column(key="general", head="Also reports"),
    Column(key="hours", head="Hours this week", number=True, sorts=True),
    Column(key="reads", head="Reads on list", number=True, sorts=True),
    Column(key="corrected", head="Decided here", number=True, sorts=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which reporters are asked for; ``show`` is ``lapsing``, ``lapsed``, ``decided`` or ``gone``, or nothing."""

    trust: str = ""
    subspecialty: str = ""
    name: str = ""
    show: str = ""


_SHOW: Final = (
    ("", "Everybody listed"),
    ("lapsing", "An entitlement lapses within 30 days"),
    ("lapsed", "An entitlement has lapsed"),
    ("decided", "Something was decided here"),
    ("gone", "Gone from the network's list"),
)


def reporter_table(  # noqa: PLR0913 - who, as they hold, with what stands beside
    listed: Sequence[ListedReporter],
    held: Sequence[Reporter],
    given: Iterable[Instruction],
    *,
    hours: Mapping[str, float],
    reads: Mapping[str, int] | None,
    wanted: Wanted,
    trusts: Mapping[str, str],
    view: View,
    today: date,
) -> Table:
    """Return reporters as a table; ``reads`` on their lists is ``None`` for whoever may not see lists."""
    decided = Counter(item.reporter_id for item in given)
    people = [
        (item, person)
        for item, person in zip(listed, held, strict=True)
        if _is_wanted(item, person, wanted, decided[person.reporter_id], today)
    ]
    fields = sorted({name for person in held for name, _ in person.skills})
    return table_of(
        "Reporters",
        _COLUMNS,
        [_row(person, hours, reads, decided[person.reporter_id], today) for _, person in people],
        view,
        filters=(
            Choice(
                name="trust",
                label="Home or entitled at",
                options=[("", "Every trust"), *sorted(trusts.items(), key=lambda item: item[1])],
                chosen=wanted.trust,
            ),
            Choice(
                name="subspecialty",
                label="Reports",
                options=[("", "Every subspecialty"), *((name, in_words(name)) for name in fields)],
                chosen=wanted.subspecialty,
            ),
            Choice(name="show", label="Show", options=_SHOW, chosen=wanted.show),
            Choice(name="q", label="Name or number", chosen=wanted.name),
        ),
        empty="No reporter is found."
        if listed
        else "Nobody is listed yet: reporters are read from the network folder (reporters.csv).",
    )


def next_lapse(person: Reporter, today: date) -> tuple[date, str] | None:
    """Return the entitlement that ends next, of those that hold today, with its trust."""
    ends = [(last, trust) for trust, last in person.trusts.items() if last is not None and last >= today]
    return min(ends, default=None)


def lapsed(person: Reporter, today: date) -> list[str]:
    """Return the trusts whose entitlement has ended."""
    return [trust for trust, last in person.trusts.items() if last is not None and last < today]


def lapse_words(last: date, today: date) -> str:
    """Return when an entitlement ends in words: `in 12 days, Fri 13 March`."""
    days = (last - today).days
    away = {0: "today", 1: "tomorrow"}.get(days, f"in {days} days" if days > 0 else f"{-days} days ago")
    return f"{away}, {last:%a} {last.day} {last:%B}" + (f" {last.year}" if last.year != today.year else "")


def _is_wanted(item: ListedReporter, person: Reporter, wanted: Wanted, decided: int, today: date) -> bool:
    if item.listed == (wanted.show == "gone"):
        return False
    if wanted.trust not in {"", person.home_trust, *person.trusts}:
        return False
    if wanted.subspecialty and not any(name == wanted.subspecialty for name, _ in person.skills):
        return False
    name = wanted.name.casefold()
    if name and name not in person.name.casefold() and name != person.reporter_id.casefold():
        return False
    return _is_shown(person, wanted.show, decided, today)


def _is_shown(person: Reporter, show: str, decided: int, today: date) -> bool:
    if show == "lapsing":
        found = next_lapse(person, today)
        return found is not None and found[0] - today <= SOON
    if show == "lapsed":
        return bool(lapsed(person, today))
    return show != "decided" or decided > 0


def _row(
    person: Reporter, hours: Mapping[str, float], reads: Mapping[str, int] | None, decided: int, today: date
) -> Row:
    address = f"/reporters/{person.reporter_id}"
    holds = [trust for trust, last in person.trusts.items() if last is None or last >= today]
    ended = lapsed(person, today)
    return Row(
        cells=(
            Cell(text=person.name, link=address, second=person.grade),
            Cell(text=person.reporter_id),
            Cell(trust=person.home_trust),
            Cell(text=", ".join(holds) or "nowhere", second=f"lapsed: {', '.join(ended)}" if ended else ""),
            _lapse(person, address, today),
            Cell(text=_words(person, SkillLevel.SPECIALIST)),
            Cell(text=_words(person, SkillLevel.GENERAL)),
            number(hours.get(person.reporter_id, 0.0), digits=1, link=f"{address}#sessions"),
            _reads(person, reads),
            number(decided, link=f"{address}#decided" if decided else ""),
        )
    )


def _lapse(person: Reporter, address: str, today: date) -> Cell:
    found = next_lapse(person, today)
    if found is None:
        return Cell(text="none", value="", grey=True)
    last, trust = found
    return Cell(
        text=lapse_words(last, today), value=last.isoformat(), second=trust, link=f"{address}#entitlements",
        grey=last - today > SOON,
    )  # fmt: skip


def _reads(person: Reporter, reads: Mapping[str, int] | None) -> Cell:
    if reads is None:
        return Cell(text="not shown to you", value="", grey=True)
    return number(reads.get(person.reporter_id, 0), link=f"/lists/{person.reporter_id}")


def _words(person: Reporter, level: SkillLevel) -> str:
    best = {
        name: max(found for (known, _), found in person.skills.items() if known == name) for name, _ in person.skills
    }
    return ", ".join(in_words(name) for name in fields_of(person, level) if best[name] == level)

"""Who else could have a read, ranked, with what each costs more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from balancer.domain.read_explained import Other, ReadExplained
from balancer.web.points import LEAST, made_of, signed
from balancer.web.study_facts import StudyFacts
from balancer.web.tables import Cell, Column, Row, Table, View, number, table_of
from balancer.web.time_left import at_words, span

LEVELS: Final = {3: "Specialist", 2: "General", 1: "Fallback", 0: "None"}
_ALTERNATIVES: Final = (
    Column(key="reporter", head="Reporter"),
    Column(key="home", head="Home"),
    Column(key="level", head="Level"),
    Column(key="start", head="Would start"),
    Column(key="against_due", head="Against due"),
    Column(key="points", head="Points", number=True),
    Column(key="made_of", head="What the points are", second="moves"),
    Column(key="pin", head="Pin"),
)


def alternatives(facts: StudyFacts, found: ReadExplained, read: int, now: datetime) -> Table:
    """Return where a read stands and the best plans found with it elsewhere, as a table."""
    rows = [*_now(facts, found, now), *(_alternative(facts, found, one, read, now) for one in found.others)]
    nobody = "No plan was found in which somebody does it." if found.able else "Nobody may read it."
    return table_of("Who else could read it", _ALTERNATIVES, rows, View(path="/studies"), empty=nobody)


def _now(facts: StudyFacts, found: ReadExplained, now: datetime) -> Iterator[Row]:
    """Yield the row of the place it has."""
    place = found.placement
    if place is None:
        return
    person = facts.people.get(place.reporter_id)
    level = 0 if person is None else person.level(facts.study.subspecialty, facts.study.modality)
    better = any(one.difference <= -LEAST for one in found.others)
    says = "Planned. A better plan has been found since." if better else "Planned. No better place was found."
    yield Row(
        cells=(
            Cell(text=facts.name(place.reporter_id), link=_list_of(facts, place.reporter_id)),
            Cell(trust="" if person is None else person.home_trust),
            Cell(text=LEVELS.get(level, "")),
            Cell(text=at_words(place.start, now), value=place.start),
            Cell(text=against(found.due_at, place.end)),
            number(0.0, digits=1),
            Cell(text=says),
            Cell(text="Planned", value="", grey=True),
        )
    )


def _alternative(facts: StudyFacts, found: ReadExplained, one: Other, read: int, now: datetime) -> Row:
    place = one.placement
    person = facts.people.get(place.reporter_id)
    points = Cell(text=signed(one.difference), value=round(one.difference, 2))
    can_pin = person is not None and any(may.reporter_id == place.reporter_id for may in facts.may_read)
    to = f"/studies/{facts.study_id}?act=pin&read={read}&reporter={place.reporter_id}#change"
    return Row(
        cells=(
            Cell(text=facts.name(place.reporter_id), link=_list_of(facts, place.reporter_id)),
            Cell(trust="" if person is None else person.home_trust),
            Cell(text=LEVELS.get(one.level, "")),
            Cell(text=at_words(place.start, now), value=place.start),
            Cell(text=against(found.due_at, place.end)),
            points,
            Cell(text=made_of(one.terms) or "The same cost", second=_moved(one)),
            Cell(text="Pin", value="", link=to) if can_pin else Cell(),
        )
    )


def _list_of(facts: StudyFacts, reporter_id: str) -> str:
    return f"/lists/{reporter_id}" if reporter_id in facts.people else ""


def against(due_at: datetime, end: datetime) -> str:
    """Return how an end stands against a due time: `2 h in hand`, `late by 40 min`."""
    return f"{span(due_at - end)} in hand" if end <= due_at else f"late by {span(end - due_at)}"


def _moved(one: Other) -> str:
    left = sum(item.becomes is None for item in one.displaced)
    said = [] if not one.displaced else [counted(len(one.displaced), "other study", "other studies") + " would move"]
    if left:
        said.append(f"{left} of them to nobody")
    if one.anyway <= -LEAST:
        said.append(f"the same with the read where it is gains {abs(one.anyway):,.1f}")
    return ", ".join(said)


def counted(many: int, one: str, several: str) -> str:
    """Return a number with its noun."""
    return f"{many} {one if many == 1 else several}"

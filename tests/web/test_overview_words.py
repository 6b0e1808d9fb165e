"""The overview's sentence follows from its numbers: the worst that is true comes first, and nothing is claimed else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from balancer.web.overview_words import Shortage, SilentFeed, State, Waits, heading, lede
from tests.worlds import NOW

CALM = State(
    unreported=100,
    late=0,
    over=0,
    becoming=(0, 0, 0),
    proposed=None,
    moves=0,
    silent=(),
    shortage=None,
    is_planned=True,
)
SILENT = SilentFeed(trust="Medway unreported", silent_for=timedelta(minutes=41), urgent=31)
SHORT = Shortage(words="neuro, not enough hours before it is due", studies=30, link="/studies?within=72")


def said(state: State) -> str:
    """Return the whole lede."""
    return "".join(part.text for part in lede(state, NOW))


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (CALM, "Nothing will be late in the next 24 hours"),
        (replace(CALM, unreported=0), "Nothing waits for a report"),
        (replace(CALM, unreported=0, is_unheard=True), "Nothing has been delivered yet"),
        (replace(CALM, late=1), "1 study is late, and no more will be in 24 hours"),
        (replace(CALM, becoming=(0, 47, 118)), "47 studies will become late by tomorrow 08:00"),
        (replace(CALM, becoming=(1, 47, 118)), "1 study will become late by 12:00"),
        (
            replace(CALM, becoming=(12, 47, 118), silent=[SILENT]),
            "Medway unreported has been silent for 41 min, and 31 of its studies have only hours left",
        ),
        (
            replace(CALM, silent=[replace(SILENT, urgent=0)], becoming=(0, 2, 2)),
            "2 studies will become late by tomorrow 08:00",
        ),
        (replace(CALM, over=3, late=63, becoming=(12, 47, 118), silent=[SILENT]), "3 studies are over their ceiling"),
        (replace(CALM, over=1, late=1), "1 study is over its ceiling"),
    ],
)
def test_the_worst_that_is_true_is_the_heading(state: State, expected: str) -> None:
    """Over the ceiling, a feed silent on what has only hours, late in 4 h, late in 24 h, nothing."""
    assert heading(state, NOW) == expected


def test_what_has_never_been_heard_is_no_good_news() -> None:
    """Nothing is known, so nothing is said to be on time; which feeds it is, and whether somebody is on it, is said."""
    never = replace(SILENT, silent_for=None, urgent=0)
    text = said(replace(CALM, unreported=0, is_unheard=True, silent=[never]))
    assert text.startswith("Nothing is known of what waits for a report. Medway unreported has never delivered: nobody")
    assert "None is late" not in text
    assert "Medway unreported has never delivered" in said(replace(CALM, silent=[never]))


def test_the_lede_says_what_publishing_makes_of_it() -> None:
    """Better, the same, or worse: each in its own words."""
    waiting = replace(CALM, late=63, becoming=(12, 47, 118), proposed=(5, 21, 64), moves=38)
    assert said(waiting) == (
        "63 are late now. 47 more become late by tomorrow 08:00. The plan that waits cuts the 47 to 21 with 38 moves. "
    )
    assert "would change nothing of that" in said(replace(waiting, proposed=(12, 47, 118)))
    assert "would make that 50: look at why before you publish" in said(replace(waiting, proposed=(12, 50, 118)))


def test_the_lede_names_the_shortage_as_far_as_it_goes() -> None:
    """Most of them only if it is more than half."""
    some = replace(CALM, becoming=(1, 20, 100), shortage=SHORT)
    assert "The most lack the same: neuro" in said(some)
    assert "Most of them lack the same: neuro" in said(replace(some, becoming=(1, 20, 50)))
    assert lede(some, NOW)[-2].link == SHORT.link


def test_without_a_plan_nothing_is_said_of_one() -> None:
    """Every one without a place counts as late when due, and the page says so."""
    assert "No plan has been published yet" in said(replace(CALM, is_planned=False, becoming=(4, 5, 6)))


def test_a_plan_that_nobody_has_decided_about_is_told_with_its_age() -> None:
    """And when its emergencies go onto lists all the same, if it has any that nobody has."""
    waits = Waits(length=timedelta(minutes=7), due_out_at=NOW + timedelta(minutes=3))
    assert "A plan has waited 7 min to be published; emergencies in it that nobody has go onto lists at 08:03." in said(
        replace(CALM, waits=waits)
    )
    overdue = replace(waits, due_out_at=NOW)
    assert "go onto lists with the next look." in said(replace(CALM, waits=overdue))
    fresh = replace(waits, length=timedelta(seconds=20), due_out_at=None)
    assert "A plan waits to be published. " in said(replace(CALM, waits=fresh))
    assert "A plan has waited 7 min to be published. " in said(replace(CALM, waits=replace(waits, due_out_at=None)))
    assert "waited" not in said(CALM)


def test_the_lede_says_who_is_on_a_silent_feed() -> None:
    """Or that nobody is yet; of many the first are named."""
    taken = replace(SILENT, on_it="Anne Manager", link="/feeds#silent")
    assert "Medway unreported is silent: Anne Manager is on it. " in said(replace(CALM, silent=[taken]))
    assert "Medway unreported is silent: nobody is on it yet. " in said(replace(CALM, silent=[SILENT]))
    assert "2 more feeds are silent. " in said(replace(CALM, silent=[taken] * 5))

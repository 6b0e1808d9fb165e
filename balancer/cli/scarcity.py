"""``balancer scarcity``: where one more minute would save most, and how evenly the work lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from balancer.cli.explain import opened_plan
from balancer.cli.progress import Stages

if TYPE_CHECKING:
    from balancer.domain.capacity import LoadSpread, Scarcity


def scarcity(
    problem_dir: Annotated[Path, typer.Argument(help="The problem folder the plan is for.")],
    plan_dir: Annotated[Path, typer.Argument(help="The plan folder.")],
    now: Annotated[str, typer.Option(help="The instant the plan was made at, with offset.")],
    top: Annotated[int, typer.Option(min=1, help="How many of each kind to show.")] = 5,
    previous: Annotated[
        Path | None, typer.Option(help="The earlier plan that ``solve --previous`` was given, if it was.")
    ] = None,
) -> None:
    """Say which skill, trust and half-day is scarcest, and how evenly work lies on those entitled to it."""
    stages = Stages()
    opened = opened_plan(stages, problem_dir, plan_dir, now, previous)
    from balancer.optimise.load_spread import load_spread
    from balancer.optimise.scarcity import scarcity as scarcest

    with stages.stage("price", "pricing capacity"):
        found = scarcest(opened, count=top)
        spread = load_spread(opened)
    for line in (*_of_scarcity(found), *_of_spread(spread[: top + 1])):
        typer.echo(line)


def _of_scarcity(found: Iterable[Scarcity]) -> Iterator[str]:
    yield "What one more minute saves, in points"
    for one in found:
        tried = "" if one.saved is None else f"   {one.saved:8,.2f} in a real session of {one.minutes_read:.0f} min"
        yield f"  {one.worth:10,.2f}  {_where(one)}{tried}"


def _where(one: Scarcity) -> str:
    from balancer.domain.explanation_words import clock

    parts = [one.trust, "/".join(part for part in (one.subspecialty, one.modality) if part)]
    if one.start is not None and one.end is not None:
        parts.append(f"{clock(one.start)} to {clock(one.end)}")
    return " ".join(part for part in parts if part)


def _of_spread(spread: Iterable[LoadSpread]) -> Iterator[str]:
    yield "How evenly work lies on those entitled to it: reading time over rostered time"
    for one in spread:
        name = f"{one.trust} {one.subspecialty}" if one.trust else "everybody"
        yield (
            f"  {name:<28} {one.reporters:5,} reporters  least {one.least:6.1%}  median {one.median:6.1%}  "
            f"most {one.most:6.1%}  unevenness costs {one.cost:,.2f} points"
        )

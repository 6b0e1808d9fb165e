"""The plan in force in words, and the newer one that waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.states import RunKind
from balancer.store.tables import RunRow
from balancer.web.overview_figures import Facts, Sight
from balancer.web.run_quality import quality_words
from balancer.web.time_left import at_words, span


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInForce:
    """The run in force, in words; ``kept`` is what stays where it is until the next one.

    ``placed`` is of the moment at which it was made; ``without`` of now, with its list. ``moves`` is empty where they
    are not kept: lists that were put back by an undo.
    """

    name: str
    link: str
    quality: str
    age: str
    took: str
    placed: str
    without: str
    without_link: str
    moves: str
    moves_link: str
    kept: str


def plan_in_force(facts: Facts, sight: Sight) -> PlanInForce | None:
    """Return what the card says; ``None`` if no plan has been published yet."""
    run = facts.run
    if run is None:
        return None
    took = None if run.finished_at is None else _seconds(run.finished_at - run.started_at)
    return PlanInForce(
        name=f"Run {run.id}",
        link=f"/runs/{run.id}" if sight.runs else "",
        quality=_quality(run),
        age=f"{at_words(run.now, facts.now)}, {span(max(facts.now - run.now, timedelta()))} ago",
        took="" if took is None else took,
        placed="" if run.allocated is None or run.reads is None else f"{run.allocated:,} of {run.reads:,} when made",
        without=_without(facts.without_place),
        without_link="/studies?state=unallocated" if facts.without_place and sight.studies else "",
        moves="" if run.kind is RunKind.RESTORING else f"{facts.moves:,}",
        moves_link=f"/runs/{run.id}/moves" if sight.moves else "",
        kept=_kept(facts.policy.replan.protected_next),
    )


def newer(run: RunRow, now: datetime) -> str:
    """Return what there is to know of the plan that waits beside its moves."""
    return f"Run {run.id} waits, of {at_words(run.now, now)}. {quality_words(run.gap)}."


def _quality(run: RunRow) -> str:
    """Return how good the plan is proven to be; an undo brings back an older one, as far as that was possible."""
    return "Lists as they were before what was undone" if run.kind is RunKind.RESTORING else quality_words(run.gap)


def _without(studies: int) -> str:
    if not studies:
        return "no study is without one now"
    return f"{studies:,} {'study is' if studies == 1 else 'studies are'} without one now"


def _kept(few: int) -> str:
    """Return what stays: a run may move all but what is open, a change between two runs no more than that."""
    if few == 0:
        return "what is open, with whoever opened it"
    return f"what is open; until the next run, everyone's next {few}"


def _seconds(length: timedelta) -> str:
    """Return a short length of time: `21 s`, else as ``span``."""
    seconds = round(length.total_seconds())
    return f"{seconds} s" if seconds < 120 else span(length)

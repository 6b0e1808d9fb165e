"""``kill -9`` at any point (``killing``) as lists are put in force otherwise than by a run that goes by itself.

A held plan that a manager publishes, what they undo of it, a draft, and lists that were mended.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from balancer.domain.errors import ConflictError
from balancer.services.mend_worklists import Mending
from balancer.services.park_read import park_read
from balancer.services.publish_draft import publish_draft
from balancer.services.publish_held import publish_held
from balancer.services.steer_read import bar_reporter, pin_read
from balancer.services.undo_run import undo_run
from balancer.store.database import Database
from tests.conftest import Clusters
from tests.networks import claimed, minutes, read_id
from tests.services import test_drafts as drafting
from tests.services import test_held_runs as holding
from tests.services import test_mend_worklists as mending
from tests.services.killing import Work, all_points, copies_of, dump, is_sound, states
from tests.services.test_held_runs import lists

HELD = 2  # the second run is the one that waits
DRAFT = 1


@dataclass(frozen=True)
class Way:
    """A way to put lists in force: what is there before, and what is done."""

    prepare: Callable[[Database], object]
    work: Work


def waits(db: Database) -> None:
    """Let a plan wait that changes both lists; R1 has opened a read since it was made."""
    holding.holding(db)
    assert holding.held_run(db) == HELD
    claimed(db, "A1")


def publish_what_waits(db: Database) -> None:
    """Put it in force."""
    publish_held(db, HELD, minutes(5), by=holding.MANAGER, reason="looked at")


def published(db: Database) -> None:
    """Let it be in force."""
    waits(db)
    publish_what_waits(db)


def undo(db: Database) -> object:
    """Put the lists back as they were."""
    return undo_run(db, HELD, minutes(7), by=holding.MANAGER, reason="a mistake")


def staged(db: Database) -> None:
    """Let a draft hold a pin to another, a bar and a read put aside."""
    drafting.morning(db)
    number, said = drafting.begun(db)
    assert number == DRAFT
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=drafting.MANAGER, said=said)
    park_read(
        db, read_id(db, "A3"), minutes(2), by=drafting.MANAGER, reason="films", until=minutes(600), draft_id=number
    )
    bar_reporter(db, read_id(db, "B1"), "R2", minutes(2), by=drafting.MANAGER, said=said)


def put_in_force(db: Database) -> object:
    """Publish the draft."""
    return publish_draft(db, DRAFT, minutes(5), by=drafting.MANAGER, why="agreed")


def arrived(db: Database) -> None:
    """Let an emergency have arrived that is on no list, and stop whoever mends lists."""
    mending.morning(db).close()
    mending.arrives(db, mending.emergency())


def mend(db: Database) -> object:
    """Open the plan, and give the emergency its place: one look or two."""
    opened = Mending(db)
    try:
        return opened.look(minutes(2)) or opened.look(minutes(2))
    finally:
        opened.close()


WAYS = {
    "a plan that was held": Way(waits, publish_what_waits),
    "a plan that is undone": Way(published, undo),
    "a draft": Way(staged, put_in_force),
    "mended lists": Way(arrived, mend),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_it_is_in_force_as_a_whole_or_not_at_all(
    db: Database, kind: str, clusters: Clusters, tmp_path: Path, way: Way
) -> None:
    """Lists, reads, decisions, change feed, trail; whoever asks again gets what they would have got."""
    way.prepare(db)
    copies = copies_of(db, kind, clusters, tmp_path)
    old, new = states(copies, way.work)
    assert old != new
    assert [name for name in ("worklists", "reads", "instructions") if old[name] != new[name]]
    with copies.copy() as url:
        untouched = Database(url)
        wanted = listed(untouched, way.work)
        untouched.close()
    seen = set()

    def look(db: Database) -> None:
        left = dump(db)
        assert left in (old, new)
        seen.add(left == new)
        is_sound(db)
        assert listed(db, way.work) == wanted
        is_sound(db)

    assert all_points(copies, way.work, look) >= 2  # before a commit, and after it
    assert seen == {False, True}  # both sides of the commit were tried


def listed(db: Database, work: Work) -> object:
    """Do it, if it has not been done, and return everybody's list: it is not done twice."""
    with suppress(ConflictError):
        work(db)
    return lists(db)

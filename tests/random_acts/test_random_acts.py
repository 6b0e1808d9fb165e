"""Whatever people do, in whatever order, the rules hold; and a service by which they do not is found out."""

from __future__ import annotations

from pathlib import Path

from balancer.store.database import Database
from tests.random_acts.at_random import Wanted, act_at_random
from tests.random_acts.small_morning import small_morning
from tests.worlds import NOW


def test_a_hundred_and_twenty_acts_of_chance_break_no_rule(db: Database, tmp_path: Path) -> None:
    """Most of them are done, and some must be refused."""
    morning = small_morning(db, tmp_path)
    wanted = Wanted(acts=120, seed=1, begins=NOW, ask_every=40, limit=9, between=morning.beside.passes)
    result = act_at_random(morning.connect, db, wanted)
    assert result.wrong == []

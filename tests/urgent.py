"""Whether something is under way that cannot wait."""

from __future__ import annotations

from balancer.store.database import Database


def is_taken(db: Database) -> bool:
    """Tell whether anybody has the right of way: a plan that is to be published would wait."""
    with db.right_of_way.looking() as look:
        return look()

"""Go once the way that an emergency goes before one comes: the first one is not to wait longer than those after it.

Statements are put together, code is specialised and pages are read the first time that they are needed; all of that
made the first mending three times as long as the next.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from balancer.domain.study import Study
from balancer.ingest.collector import no_collections
from balancer.services.build_problem import gather
from balancer.services.follow_changes import what_happened
from balancer.services.judge_lists import judge_lists
from balancer.services.mend_worklists import tell_plan
from balancer.services.mended_lists import lists_to_publish, study_of, whom_it_concerns
from balancer.services.open_live import Live, open_live
from balancer.services.publish_mended import rehearse_publishing
from balancer.store import following, queue
from balancer.store.database import Database
from balancer.store.right_of_way import GaveWayError

# An emergency concerns a list or a few; whatever is behind times, as after a night, may concern everybody's.
MOST_LISTS = 10


def rehearse_mending(db: Database, now: datetime) -> bool:
    """Mend the plan in force as if one of its studies were an emergency, and take it back; tell whether it was done.

    The plan is opened for this alone, and what is published is rolled back: nobody ever sees anything of it. There is
    nothing to rehearse with before a plan is published, if nothing waits in it, or if no class is an emergency. Nothing
    is written of more than ``MOST_LISTS`` lists, or of lists that the referee rejects.

    Raises
    ------
    GaveWayError
        If something cannot wait, or has happened meanwhile: it is left off, for whoever rehearses mends as well.
    ConflictError
        If other lists have been published meanwhile.
    """
    with no_collections():  # as whoever mends
        return _rehearse(db, now)


def _rehearse(db: Database, now: datetime) -> bool:
    live = open_live(db, now)
    burning = None if live is None else _as_if_it_burned(live)
    if live is None or burning is None:
        return False
    _let_go_first(db, live)
    with db.session() as session:
        ids = queue.study_ids(session, [burning.key])
        keys = queue.study_keys(session, ids.values())
    gathered = gather(db, now, only=keys)
    gathered = replace(gathered, problem=replace(gathered.problem, studies=(burning,)))
    happened = what_happened(live, gathered, keys.values(), now)
    tell_plan(live, happened, gathered.numbers)
    plan = live.plan.plan()
    concerned = whom_it_concerns(live, plan)
    if not 0 < len(concerned) <= MOST_LISTS or judge_lists(replace(live.frame, now=now), live.known, plan, concerned):
        return False
    _let_go_first(db, live)
    rehearse_publishing(db, lists_to_publish(live, plan, concerned, happened, now), now)
    return True


def _let_go_first(db: Database, live: Live) -> None:
    """Leave off if something has moved since the plan was opened, or is under way that cannot wait."""
    with db.session() as session:
        has_moved = following.last_change(session) != live.sequence
        if has_moved or db.right_of_way.is_taken_in(session):
            raise GaveWayError("something has happened that may have to be mended")


def _as_if_it_burned(live: Live) -> Study | None:
    """Return a study from the end of somebody's list, the longest first, as an emergency that nobody has."""
    classes = [item.code for item in live.policy.priorities if item.is_emergency]
    longest_first = sorted(live.lists.values(), key=lambda current: -len(current.entries))
    listed = (entry.key for current in longest_first for entry in reversed(current.entries))
    known = (live.known.get(study_of(key)) for key in listed)
    waiting = (study for study in known if study is not None and not study.claimed_by)
    found = next((study for study in waiting if not live.policy.is_emergency(study.priority)), None)
    return None if found is None or not classes else replace(found, priority=classes[0], published_to=())

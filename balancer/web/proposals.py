"""Plans that wait, unpacked once a process and run: each page asks what would become of now if one were published."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from fastapi import Request

from balancer.services.see_proposal import Proposal, see_proposal
from balancer.store.database import Database, Session

# One waits at a time; another is looked at where somebody still has a page of the one before.
_MOST_KEPT: Final = 2


class Proposals:
    """The plans that were asked for last. Safe for any number of threads; a plan that is kept never changes."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Proposal] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: Session, run_id: int) -> Proposal:
        """Return the plan of a run; errors as ``see_proposal``."""
        with self._lock:
            known = self._known.get(run_id)
        if known is not None:
            return known
        found = see_proposal(session, run_id)
        with self._lock:
            self._known[run_id] = found
            while len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        return found


def proposals_of(request: Request, database: Database) -> Proposals:
    """Return what has been unpacked of the database that is served; run 7 of another is another plan."""
    state = request.app.state
    found: Proposals | None = getattr(state, "proposals", None)
    if found is None or getattr(state, "proposals_of", None) is not database:
        found, state.proposals_of = Proposals(), database
        state.proposals = found
    return found

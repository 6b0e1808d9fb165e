"""How studies stand that their trusts list as unreported, as conditions: what is still to be done, and by whom."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import ColumnElement, true
from sqlmodel import and_, col, exists, func, not_

from balancer.domain.life import ReadState
from balancer.store.feed_books import is_kept
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow
from balancer.store.which_unreported import Standing

# A read in one of these states is still to be done: here, or by a provider.
WAITING: Final = (
    *(ReadState.UNALLOCATED, ReadState.ALLOCATED, ReadState.CLAIMED),
    *(ReadState.PARKED, ReadState.SENT_OUT),
)


def stands(standing: Standing) -> ColumnElement[bool]:
    """Return the condition that open studies stand so."""
    if standing is Standing.OPEN:
        return true()
    if standing is Standing.KEPT:
        return is_kept()
    waits, done = has_read_in(WAITING), has_read_in((ReadState.DONE,))
    if standing is Standing.WAITING:
        return waits
    if standing is Standing.REPORTED:
        return and_(not_(waits), done)
    if standing is Standing.NOT_HERE:
        return and_(not_(waits), not_(done))
    return has_read_in((ReadState(standing.value),))


def has_read_in(states: Collection[ReadState]) -> ColumnElement[bool]:
    """Return the condition that a study has a read in one of these states."""
    theirs = col(ReadRow.study_id) == col(StudyRow.id)
    # not by the index of states: by that SQLite goes through every read of the network in them, for each study
    state = func.coalesce(col(ReadRow.state), "")
    return exists().where(theirs, state.in_([word.value for word in sorted(states)])).correlate(StudyRow)

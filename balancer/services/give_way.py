"""Everybody's lists are published around what cannot wait, so that an emergency is not held up by a plan without it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import structlog

from balancer.store.database import Database, GaveWayError, Session, StoreBusyError, waited_in_a_circle

_log = structlog.get_logger("balancer.services")
# What cannot wait takes about half a second each; a plan that gave way for ever would go stale, and so would the lists.
LONGEST_SECONDS = 3.0
# Whoever takes something in hands it to whoever mends lists, who looks every twentieth of a second.
_QUIET_SECONDS = 0.25
_LOOK_EVERY_SECONDS = 0.01
Answer = TypeVar("Answer")


def give_way(db: Database, publish: Callable[[Session, timedelta], Answer]) -> Answer:
    """Do ``publish`` in a transaction of its own, as soon as nothing is under way that cannot wait.

    What comes up meanwhile goes first: the transaction is rolled back, and ``publish`` done anew after it. Once
    ``LONGEST_SECONDS`` are over it is done whatever is under way. So it is if the server takes it back because it and
    others have waited for each other. It must change nothing outside its session. It is told for how long it has
    waited, nothing if it did not have to: lists were published meanwhile, and what takes their place is of a later
    instant than they are.
    """
    began, gave_way, had_to_wait = time.monotonic(), 0, False
    while time.monotonic() - began < LONGEST_SECONDS:
        had_to_wait |= _let_go_first(db, began + LONGEST_SECONDS, is_on=gave_way > 0)
        try:
            with db.transaction(gives_way=True) as session:
                # it has its turn to write by now
                return publish(session, timedelta(seconds=time.monotonic() - began) if had_to_wait else timedelta())
        except GaveWayError:
            gave_way += 1
            _log.info("publish.gave_way", times=gave_way, seconds=round(time.monotonic() - began, 3))
        except StoreBusyError as error:
            if not waited_in_a_circle(error):
                raise
            had_to_wait = True  # whoever it was has gone first
            _log.warning("publish.waited_in_a_circle", seconds=round(time.monotonic() - began, 3))
    with db.transaction() as session:
        session.connection()
        return publish(session, timedelta(seconds=time.monotonic() - began))


def _let_go_first(db: Database, deadline: float, *, is_on: bool) -> bool:
    """Wait until nothing has been under way for a moment, if anything is, or was just now; tell whether it was."""
    with db.right_of_way.looking() as is_taken:
        if not is_on and not is_taken():
            return False
        quiet_since = time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - quiet_since < _QUIET_SECONDS:
            time.sleep(_LOOK_EVERY_SECONDS)
            if is_taken():
                quiet_since = time.monotonic()
    return True

"""What waits for whoever looks, by section: a section has a count only where they have something to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from balancer.domain.actor import Actor
from balancer.domain.permission import Permission
from balancer.store import exceptions, plans, quarantine, runs, silences
from balancer.store.database import Database, Session

_ALLOCATION: Final = "/allocation"
_FEEDS: Final = "/feeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDo:
    """How many of something wait, and of what, in words for whoever does not see where the number stands."""

    number: int
    words: str


def to_do(caller: Actor, within: Callable[[Permission], Database]) -> Mapping[str, ToDo]:
    """Return what waits for somebody by the address of the section; ``within`` is the database as far as they reach.

    Each count is that of the list that the section leads to, under the permission that opens it.
    """

    def counted(permission: Permission, count: Callable[[Session], int]) -> int:
        if not caller.may(permission):
            return 0
        with within(permission).session() as session:
            return count(session)

    moves = counted(Permission.RUNS_DECIDE, _moves)
    rows = counted(Permission.QUARANTINE_READ, quarantine.open_count)
    odd = counted(Permission.READS_STEER, _exceptions)
    parts = [_words(number, of) for number, of in ((rows, "row"), (odd, "exception")) if number]
    found = {
        _ALLOCATION: ToDo(number=moves, words=f"{_words(moves, 'move')} to review"),
        _FEEDS: ToDo(number=rows + odd, words=f"{' and '.join(parts)} to see to"),
    }
    return {address: item for address, item in found.items() if item.number}


def _exceptions(session: Session) -> int:
    return exceptions.open_count(session) + silences.open_count(session)


def _moves(session: Session) -> int:
    held = runs.newest_held(session)
    return 0 if held is None else plans.count_moving(session, held.id or 0)


def _words(number: int, one: str) -> str:
    return f"{number:,} {one}{'' if number == 1 else 's'}"

"""Acts at random upon a service, and the questions between them; every wrong answer is told with the act before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import httpx2

from balancer.store.database import Database
from tests.random_acts.acts import ACTS, Act
from tests.random_acts.asking import Everybody
from tests.random_acts.hands import Hands, NothingThereError
from tests.random_acts.questions import Asked, nothing_fails, wrong

ASKING, PREPARING = "questions", "preparing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How much is done, and what draws it; ``limit`` is of one page of what the API lists.

    ``between``: what else happens after each act, where nothing runs beside the service.
    """

    acts: int
    seed: int
    begins: datetime
    ask_every: int = 60
    limit: int = 500
    between: Callable[[], object] = lambda: None
    say: Callable[[str], object] = lambda _: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A rule that did not hold, and after how many acts that was seen."""

    act: int
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was done, by act and answer, and what was wrong."""

    answers: Mapping[str, Mapping[str, int]]
    wrong: list[Wrong]


def act_at_random(connect: Callable[[], httpx2.Client], database: Database, wanted: Wanted) -> Result:
    """Do what chance draws, ask every so often and at the end, and return what came of it."""
    everybody = Everybody(connect, PREPARING)
    try:
        return _At(everybody, database, wanted).done()
    finally:
        everybody.close()


class _At:
    def __init__(self, everybody: Everybody, database: Database, wanted: Wanted) -> None:
        self._everybody = everybody
        self._wanted = wanted
        self._nothing: Counter[str] = Counter()
        self._hands = Hands(
            everybody=everybody,
            chance=Random(wanted.seed),  # noqa: S311 - what is done to a service, not a secret
            reporters=sorted(item["reporter_id"] for item in everybody.all_of("/reporters")),
            trusts=sorted(item["trust"] for item in everybody.items("/balance")),
            begins=wanted.begins,
        )
        self._asked = Asked.of(everybody, self._hands, database, wanted.limit)

    def done(self) -> Result:
        """Do all of it."""
        found: dict[str, Wrong] = {}
        weights = [act.weight for act in ACTS]
        for number in range(1, self._wanted.acts + 1):
            (act,) = self._hands.chance.choices(ACTS, weights)
            self._do(act)
            self._wanted.between()
            for line in self._answered_wrongly(number):
                if line not in found:
                    found[line] = Wrong(act=number, line=line)
                    self._wanted.say(f"act {number} ({act.name}): {line}")
        return Result(answers=self._table(), wrong=list(found.values()))

    def _do(self, act: Act) -> None:
        self._everybody.doing = act.name
        try:
            act.do(self._hands)
        except NothingThereError:
            self._nothing[act.name] += 1

    def _answered_wrongly(self, number: int) -> Iterator[str]:
        self._everybody.doing = ASKING
        # what failed is told with the act that it failed at, whenever the rest is asked
        yield from (f"nothing fails: {line}" for line in nothing_fails(self._asked))
        if number % self._wanted.ask_every == 0 or number == self._wanted.acts:
            yield from wrong(self._asked)
            self._wanted.say(f"{number} acts")

    def _table(self) -> dict[str, dict[str, int]]:
        table: dict[str, dict[str, Any]] = {act.name: {} for act in ACTS}
        for (doing, status), count in sorted(self._everybody.answers.items()):
            table[doing][str(status)] = count
        for doing, count in self._nothing.items():
            table[doing]["nothing there"] = count
        return table

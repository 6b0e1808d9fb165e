"""Those who follow: PACS that rebuild their state from the change feed alone, and managers who watch the balance."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import httpx2

from tests.replay.asking import Caller, StoppedError, UnexpectedError
from tests.replay.time_shown import ShownTime
from tests.replay.witness import Witness

State = dict[tuple[str, int], dict[str, Any]]
_WAIT_SECONDS = 5
_LIMIT = 500


class Pacs:
    """A PACS of one trust: a cursor, and how every read stands as far as it has been told.

    Nothing is ever compared or asked for again unless the service says that the cursor is void. One that ``forgets``
    loses, whenever the service dies, whatever came since it last saved itself, as a PACS that dies with it does.
    """

    def __init__(self, trust: str, caller: Caller, *, forgets: bool = False) -> None:
        self.trust = trust
        self.forgets = forgets
        self.state: State = {}
        self.changes = self.begun_again = 0
        self._cursor = ""
        self._caller = caller
        self._saved: tuple[str, State] = ("", {})
        self._lives = 0

    async def follow(self, witness: Witness) -> None:
        """Follow until the replay is over."""
        try:
            while True:
                if not await self.ask(_WAIT_SECONDS):
                    await asyncio.sleep(0.05)
        except StoppedError:
            return
        except UnexpectedError as error:
            witness.unexpected.append(f"PACS: {error}")

    async def ask(self, wait: int) -> bool:
        """Ask once for what has changed; tell whether anything had."""
        life = self._lives
        since = f"&since={self._cursor}" if self._cursor else ""
        answer = await self._caller.get(f"/assignments?trust={self.trust}&wait={wait}&limit={_LIMIT}{since}")
        if life != self._lives:
            return True  # it was whoever died meanwhile that asked
        if answer.status_code == 410:
            self._cursor, self.state = "", {}
            self.begun_again += 1
            return True
        if answer.status_code == 304:
            return False
        told = answer.json()
        for item in told["items"]:
            self._take(item)
        self._cursor = told["cursor"]
        return bool(told["items"]) or told["more"]

    async def catch_up(self, transport: httpx2.AsyncBaseTransport) -> None:
        """Ask, of a service in which nothing happens any more, until there is nothing new."""
        self._caller = self._caller.moved_to(transport)
        while await self.ask(0):
            pass
        await self._caller.close()

    def save(self) -> None:
        """Save cursor and state together, as whoever keeps them must."""
        self._saved = (self._cursor, dict(self.state))

    def lose(self) -> None:
        """Go back to what was last saved."""
        if self.forgets:
            self._lives += 1
            cursor, state = self._saved
            self._cursor, self.state = cursor, dict(state)

    def _take(self, item: dict[str, Any]) -> None:
        self.changes += 1
        key = (item["accession_number"], item["read"])
        if item["removed"]:
            self.state.pop(key, None)
        else:
            self.state[key] = item


class SimulatedManager:
    """A manager of one trust: looks at the balance, takes up what was parked, asks for a run now and then."""

    def __init__(self, trust: str, caller: Caller, time: ShownTime, witness: Witness, chance: Random) -> None:
        self._trust = trust
        self._caller = caller
        self._time = time
        self._witness = witness
        self._chance = chance

    async def watch(self) -> None:
        """Watch until the replay is over."""
        try:
            while True:
                await self._look()
                await self._take_up()
                if self._chance.random() < 0.02:
                    await self._caller.post("/runs", {"reason": "a manager wants one"})
                await self._time.sleep(5)
        except StoppedError:
            return
        except UnexpectedError as error:
            self._witness.unexpected.append(f"manager: {error}")

    async def _look(self) -> None:
        """See that the books balance now: every answer is of one instant."""
        balance = (await self._caller.get("/balance")).json()["items"]
        faults = (await self._caller.get("/conservation")).json()["items"]
        self._witness.looked_at_balance += 1
        off = [f"{item['trust']} does not balance" for item in balance if not item["balanced"]]
        off += [f"{item['trust']}: {item['fault']} {item['reads']}" for item in faults]
        self._witness.out_of_balance += [f"{self._time.now():%H:%M} {line}" for line in off]

    async def _take_up(self) -> None:
        """Put what was parked here back, now that its images have come."""
        theirs = [entry for entry in self._witness.parked if entry[0] == self._trust]
        for entry in theirs:
            self._witness.parked.remove(entry)
            answer = await self._caller.post(f"/reads/{entry[1]}/unpark", {"reason": "the images have come"})
            self._witness.did["unparked" if answer.status_code == 200 else "unpark refused"] += 1

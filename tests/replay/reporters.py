"""A reporter's day: open what is next, keep it open, report it, or give it back; now and then fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.replay.asking import Caller, StoppedError, UnexpectedError
from tests.replay.time_shown import ShownTime
from tests.replay.trusts import TrustSystem
from tests.replay.witness import Reported, Witness

_HEARTBEAT_MINUTES = 4.0
_IDLE_MINUTES = 15.0
# Longer than the policy's lease: nobody hears of them until the claim has lapsed.
_SILENT_MINUTES = 18.0
# Of what is opened: how it ends. The rest is reported.
_RELEASED, _RETURNED, _SILENT, _UNFILED = 0.03, 0.03, 0.02, 0.005
_CHOSEN = 0.08
_REASONS = ("outside_scope", "other_expertise", "no_time", "conflict_of_interest", "images_missing")


class SimulatedReporter:
    """One reporter, who works their own list by the plan's times."""

    def __init__(
        self,
        reporter_id: str,
        caller: Caller,
        time: ShownTime,
        systems: Mapping[str, TrustSystem],
        witness: Witness,
        chance: Random,
    ) -> None:
        self._id = reporter_id
        self._caller = caller
        self._time = time
        self._systems = systems
        self._witness = witness
        self._chance = chance
        self._list: list[dict[str, Any]] = []
        self._etag = ""

    async def work(self) -> None:
        """Work until the replay is over; what should not have been answered is told."""
        try:
            while True:
                if not await self._once():
                    await self._wait_for_news()
        except StoppedError:
            return
        except UnexpectedError as error:
            self._witness.unexpected.append(f"reporter: {error}")

    async def _once(self) -> bool:
        """Take up what is open already, or open what is next; tell whether there was anything to do."""
        items = await self._look()
        mine = [item for item in items if item["claimed_by"] == self._id]
        if mine:  # its answer was lost with the service, or a colleague at another screen opened it
            self._witness.did["resumed"] += 1
            await self._read(mine[0])
            return True
        waiting = [item for item in items if item["state"] == "allocated" and item["still_open"]]
        if not waiting or datetime.fromisoformat(waiting[0]["planned_start"]) > self._time.now():
            return False
        item = await self._open(waiting)
        if item is None:
            return False
        await self._read(item)
        return True

    async def _wait_for_news(self) -> None:
        """Wait until the list is another, or what is first on it is due to be read."""
        starts = [datetime.fromisoformat(item["planned_start"]) for item in self._list if item["state"] == "allocated"]
        minutes = [(start - self._time.now()) / timedelta(minutes=1) for start in starts]
        patience = min([_IDLE_MINUTES, *(left for left in minutes if left > 0)])
        await self._look(wait=min(20.0, max(1.0, self._time.real(patience))))
        await asyncio.sleep(0.1)

    async def _look(self, wait: float = 0.0) -> list[dict[str, Any]]:
        """Return the list as it is now; whole only if it has changed."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        answer = await self._caller.get(f"/worklists/{self._id}" + (f"?wait={wait:.1f}" if wait else ""), **headers)
        if answer.status_code == 200:
            self._list, self._etag = answer.json()["items"], answer.headers["etag"]
        return self._list

    async def _open(self, waiting: list[dict[str, Any]]) -> dict[str, Any] | None:
        """Open the next read, or one of the next few."""
        if self._chance.random() < _CHOSEN and len(waiting) > 2:
            chosen = waiting[self._chance.randrange(1, 3)]["read_id"]
            answer = await self._caller.post(f"/reads/{chosen}/claim", {"reporter_id": self._id})
            claim = answer.json() if answer.status_code == 200 else None
        else:
            answer = await self._caller.post(f"/worklists/{self._id}/next", {})
            claim = answer.json()["claim"] if answer.status_code == 200 else None
        if answer.status_code == 404:  # a plan that came meanwhile has given it to somebody else
            self._witness.did["opened too late"] += 1
            return None
        if answer.status_code not in {200, 409}:
            raise UnexpectedError(f"opening: {answer.status_code} {answer.text}")
        if claim is None:
            self._witness.did["nothing opened"] += 1
            return None
        self._witness.claimed.add((claim["read_id"], self._id))
        self._witness.did["opened"] += 1
        found = [item for item in await self._look() if item["read_id"] == claim["read_id"]]
        if not found:  # it was opened from a list that the next one has replaced: it will be seen as ours there
            self._witness.did["opened and off the list"] += 1
            await self._say(claim["read_id"], "release", {})
            return None
        return found[0]

    async def _read(self, item: Mapping[str, Any]) -> None:
        """Read it for as long as it takes, and end it in one way or another."""
        fate, read_id = self._chance.random(), item["read_id"]
        minutes = item["expected_minutes"] * self._chance.lognormvariate(0.0, 0.35)
        if fate < _SILENT:
            await self._time.sleep(minutes + _SILENT_MINUTES)
            self._witness.did["fell silent"] += 1
        elif not await self._keep_open(read_id, minutes):
            return
        if fate < _SILENT / 2:
            return  # never heard of again; the read is somebody's all the same
        gone = fate - _SILENT
        if 0 <= gone < _RELEASED:
            await self._say(read_id, "release", {})
        elif 0 <= gone - _RELEASED < _RETURNED:
            await self._hand_back(item)
        else:
            await self._report(item, filed=self._chance.random() >= _UNFILED)

    async def _keep_open(self, read_id: int, minutes: float) -> bool:
        """Send heartbeats until the reading is over; ``False`` if there is nothing to read any more."""
        while minutes > 0:
            await self._time.sleep(min(minutes, _HEARTBEAT_MINUTES))
            minutes -= _HEARTBEAT_MINUTES
            if minutes <= 0:
                return True
            answer = await self._caller.post(f"/reads/{read_id}/heartbeat", {"reporter_id": self._id})
            if answer.status_code == 200 and answer.json()["withdrawn"]:
                self._witness.did["told that it is withdrawn"] += 1
                await self._say(read_id, "release", {})
                return False
        return True

    async def _hand_back(self, item: Mapping[str, Any]) -> None:
        reason = self._chance.choice(_REASONS)
        if await self._say(item["read_id"], "return", {"reason": reason}) and reason == "images_missing":
            self._witness.parked.append((item["trust"], item["read_id"]))

    async def _say(self, read_id: int, verb: str, more: Mapping[str, str]) -> bool:
        """Say something of a read; 409 if it is no longer ours, which a lapse or a lost answer brings about."""
        answer = await self._caller.post(f"/reads/{read_id}/{verb}", {"reporter_id": self._id, **more})
        if answer.status_code not in {200, 409}:
            raise UnexpectedError(f"{verb}: {answer.status_code} {answer.text}")
        self._witness.did[verb if answer.status_code == 200 else f"{verb} refused"] += 1
        return answer.status_code == 200

    async def _report(self, item: Mapping[str, Any], *, filed: bool) -> None:
        """Write the report at the trust, then say so here; nothing keeps us from saying it."""
        if filed:
            self._systems[item["trust"]].report(item["accession_number"], self._id)
        answer = await self._caller.post(f"/reads/{item['read_id']}/complete", {"reporter_id": self._id})
        if answer.status_code == 409:  # the claim never came to be: its answer was lost, and it with it
            self._witness.did["complete refused"] += 1
            return
        if answer.status_code != 200:
            raise UnexpectedError(f"complete: {answer.status_code} {answer.text}")
        accepted = bool(answer.json()["accepted"])
        self._witness.did["completed" if accepted else "completed beside"] += 1
        self._witness.reported.append(
            Reported(item["read_id"], self._id, item["trust"], item["accession_number"], accepted)
        )


async def all_work(reporters: list[SimulatedReporter]) -> None:
    """Let everybody work until the replay is over."""
    await asyncio.gather(*(reporter.work() for reporter in reporters))

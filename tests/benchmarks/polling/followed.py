"""A hundred clients that poll by UPS-RS, FHIR and the assignment feed while reporters work: what each was shown.

They run in a process of their own, and say what each saw, and when: whoever does the work knows what was so then.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from tests.benchmarks.polling.clients import answer_with_body, request
from tests.flows.asked_for import FHIR, UPS, Feed, by_fhir, by_ups

WAYS = ("UPS-RS", "FHIR", "feed")


class Follower:
    """A client of one way, on a connection that is kept."""

    def __init__(self, way: str, trust: str, host: str, shown: Mapping[str, str]) -> None:
        self._way = way
        self._host, self._shown = host, shown
        self._feed = Feed(trust)
        self.seen: list[tuple[float, float, dict[str, str]]] = []

    async def follow(self, address: tuple[str, int], until: float, every: float, phase: float) -> None:
        """Look once in so many seconds until the time is over, and once more then."""
        reader, writer = await asyncio.open_connection(*address)
        try:
            await asyncio.sleep(phase)
            last = False
            while not last:
                last, sent = time.monotonic() >= until, time.monotonic()
                picture = await self._look(reader, writer)
                self.seen.append((sent, time.monotonic(), dict(picture)))
                await asyncio.sleep(max(0.0, every - (time.monotonic() - sent)))
        finally:
            writer.close()
            await writer.wait_closed()

    async def _look(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> dict[str, str]:
        if self._way == "UPS-RS":
            return by_ups(await self._answer(reader, writer, UPS))
        if self._way == "FHIR":
            return by_fhir(await self._answer(reader, writer, FHIR))
        while self._feed.take(await self._answer(reader, writer, self._feed.address)):
            pass
        return self._feed.picture

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> Any:
        writer.write(request(path, self._host, None, self._shown))
        status, body = await answer_with_body(reader)
        if status not in {"200", "204"}:
            raise RuntimeError(f"{self._way} was answered {status}: {body[:500].decode()}")
        return json.loads(body) if body else []


async def follow(asked: Mapping[str, Any]) -> list[tuple[str, list[tuple[float, float, dict[str, str]]]]]:
    """Let as many clients of each way follow as are asked for; return what each saw."""
    address, host = (asked["host"], asked["port"]), f"{asked['host']}:{asked['port']}"
    ways = [WAYS[number % len(WAYS)] for number in range(asked["clients"])]
    followers = [(way, Follower(way, asked["trust"], host, asked["shown"])) for way in ways]
    until, every = time.monotonic() + asked["seconds"], asked["every"]
    # nobody's clients look at the same moment
    await asyncio.gather(*(
        one.follow(address, until, every, every * number / len(followers)) for number, (_, one) in enumerate(followers)
    ))  # fmt: skip
    return [(way, one.seen) for way, one in followers]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(follow(json.loads(sys.stdin.read())))))  # noqa: T201 - that is how it answers

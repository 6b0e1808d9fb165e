"""Many clients that poll: each a connection that is kept, one request after the other. As cheap as they can be made.

A library's client would spend more processor than the service under test, on a machine of two cores.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(slots=True)
class Answers:
    """What came back: how many of each status, bytes, and how long each took in seconds."""

    statuses: dict[str, int] = field(default_factory=dict)
    received: int = 0
    took: list[float] = field(default_factory=list)

    def add(self, status: str, size: int, took: float) -> None:
        """Count one answer."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.received += size
        self.took.append(took)


def request(path: str, host: str, etag: str | None, shown: Mapping[str, str] = NOTHING) -> bytes:
    """Return a request as it goes over the wire; ``shown`` are the headers that say who asks."""
    headers = {"Host": host, **shown, **({"If-None-Match": etag} if etag else {})}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


async def poll(
    address: tuple[str, int], sent: bytes, until: float, every: float, phase: float, answers: Answers
) -> None:
    """Ask over one connection until the time is over: at once again, or ``every`` so many seconds from ``phase`` on."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        await asyncio.sleep(phase)
        while time.monotonic() < until:
            began = time.monotonic()
            writer.write(sent)
            status, size = await answer(reader)
            answers.add(status, size, time.monotonic() - began)
            if every:
                await asyncio.sleep(max(0.0, every - (time.monotonic() - began)))
    finally:
        writer.close()
        await writer.wait_closed()


async def answer(reader: asyncio.StreamReader) -> tuple[str, int]:
    """Read one answer; return its status and the size of its body."""
    status, body = await answer_with_body(reader)
    return status, len(body)


async def answer_with_body(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """Read one answer; return its status and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    size = 0
    for line in head.split("\r\n"):
        if line.startswith("content-length:"):
            size = int(line.split(":", 1)[1])
    return head[9:12], await reader.readexactly(size) if size else b""


async def all_at_once(address: tuple[str, int], requests: Sequence[bytes], seconds: float, every: float) -> Answers:
    """Let as many clients poll as there are requests, for so many seconds."""
    answers, until = Answers(), time.monotonic() + seconds
    # nobody's clients look at the same moment; those that ask again at once do all the time
    phases = [every * number / len(requests) for number in range(len(requests))]
    polling = zip(requests, phases, strict=True)
    await asyncio.gather(*(poll(address, sent, until, every, phase, answers) for sent, phase in polling))
    return answers


if __name__ == "__main__":
    asked = json.loads(sys.stdin.read())
    found = asyncio.run(
        all_at_once(
            (asked["host"], asked["port"]),
            [
                request(path, f"{asked['host']}:{asked['port']}", etag, asked["shown"])
                for path, etag in asked["clients"]
            ],
            asked["seconds"],
            asked["every"],
        )
    )
    print(json.dumps(asdict(found)))  # noqa: T201 - that is how it answers

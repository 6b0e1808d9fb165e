"""A RIS that is told in HL7 v2 over MLLP: a real peer, by python-hl7's own server."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import hl7
from hl7.mllp import start_hl7_server

from tests.patience import PATIENCE_SECONDS

SILENCE, GARBAGE, HANG_UP, TWICE = "silence", "garbage", "hang up", "twice"


class Ris:
    """Keeps every message it gets; answers each by the next of ``answers``, and with AA when there is none left.

    An answer is a code (AA, AE, AR), a code and a number that is not the message's (``AA other``), or one of the words
    above.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.messages: list[hl7.Message] = []
        self.answers: list[str] = []
        self.connections = 0
        self._tls = tls
        self._wanted_port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="RIS", daemon=True)
        self._thread.start()
        self._served: set[asyncio.Task[None]] = set()
        self._server: Any = self._do(self._start())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening, and hang up on everybody."""
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def hang_up(self) -> None:
        """Close every connection, and listen on."""
        self._do(self._hang_up())

    @property
    def owners(self) -> list[tuple[str, str, str]]:
        """What each message said: ORC-5, and the numbers in OBR-32 and OBR-33."""
        return [(str(one.segment("ORC")(5)), _number(one, 32), _number(one, 33)) for one in self.messages]

    def _do(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(PATIENCE_SECONDS)

    async def _start(self) -> Any:
        return await start_hl7_server(
            self._serve, host="127.0.0.1", port=self._wanted_port, ssl=self._tls, encoding="utf-8"
        )

    async def _stop(self) -> None:
        self._server.close()
        await self._hang_up()

    async def _hang_up(self) -> None:
        for task in list(self._served):
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    async def _serve(self, reader: Any, writer: Any) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._served.add(task)
        self.connections += 1
        try:
            while True:
                block = await reader.readblock()
                if not await self._answer(hl7.parse(block.decode("utf-8")), writer):
                    return
        except (EOFError, OSError, asyncio.CancelledError):
            return
        finally:
            self._served.discard(task)
            writer.close()

    async def _answer(self, message: hl7.Message, writer: Any) -> bool:
        self.messages.append(message)
        word = self.answers.pop(0) if self.answers else "AA"
        if word == SILENCE:
            return True
        if word == HANG_UP:
            return False
        if word == TWICE:
            writer.writeblock(_ack(message, "AA", "").encode("utf-8"))
            word = "AA"
        code, _, other = word.partition(" ")
        content = b"not HL7" if word == GARBAGE else _ack(message, code, other).encode("utf-8")
        writer.writeblock(content)
        await writer.drain()
        return True


def _ack(message: hl7.Message, code: str, other: str) -> str:
    meant = other or str(message.segment("MSH")(10))
    return f"MSH|^~\\&|CRIS|RVV|BALANCER||20260701093000||ACK|1|P|2.4\rMSA|{code}|{meant}\r"


def _number(message: hl7.Message, field: int) -> str:
    obr = message.segment("OBR")
    if len(obr) <= field:
        return ""
    return "~".join(str(one).split("&")[0] for one in str(obr[field]).split("~"))


@contextmanager
def ris(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Ris]:
    """Yield a RIS that listens."""
    served = Ris(tls, port)
    try:
        yield served
    finally:
        served.close()

"""MLLP (HL7 v2, transport specification, release 1): one connection to a receiver, kept open between messages."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from hl7.mllp import InvalidBlockError, open_hl7_connection

from balancer.domain.errors import UndeliveredError, UnreachableError
from balancer.domain.receiver import Tls

_CONNECT_SECONDS = 5.0


class MllpConnection:
    """A connection to one receiver, for one thread: a message out, its answer in."""

    def __init__(self, host: str, port: int, tls: Tls | None, answer_seconds: float) -> None:
        self._host, self._port = host, port
        self._tls = tls
        self._answer_seconds = answer_seconds
        self._runner = asyncio.Runner()
        self._streams: tuple[Any, Any] | None = None

    def exchange(self, message: bytes) -> bytes:
        """Send a message and return what is answered to it.

        Raises
        ------
        UnreachableError
            If no connection can be made.
        UndeliveredError
            If the connection breaks or the time runs out before there is an answer: it may have been taken.
        """
        return self._runner.run(self._exchange(message))

    def disconnect(self) -> None:
        """Hang up; the next message makes a new connection."""
        self._runner.run(self._disconnect())

    def close(self) -> None:
        """Close the connection, if there is one, for good."""
        self._runner.run(self._disconnect())
        self._runner.close()

    async def _exchange(self, message: bytes) -> bytes:
        was_open = self._streams is not None
        try:
            return await self._once(message)
        except (OSError, EOFError) as error:
            await self._disconnect()
            if not was_open:
                raise UndeliveredError("the connection broke before there was an answer") from error
        # the receiver had closed it while there was nothing to say: said again, the message is the same one
        try:
            return await self._once(message)
        except (OSError, EOFError) as error:
            await self._disconnect()
            raise UndeliveredError("the connection broke before there was an answer") from error

    async def _once(self, message: bytes) -> bytes:
        reader, writer = self._streams or await self._connect()
        try:
            async with asyncio.timeout(self._answer_seconds):
                writer.writeblock(message)
                await writer.drain()
                answer: bytes = await reader.readblock()
                return answer
        except TimeoutError as error:
            await self._disconnect()  # or its late answer would be taken for that of the next
            raise UndeliveredError("no answer in time") from error
        except (InvalidBlockError, ValueError) as error:
            await self._disconnect()
            raise UndeliveredError("the answer is not in MLLP's frame") from error

    async def _connect(self) -> tuple[Any, Any]:
        try:
            context = None if self._tls is None else tls_context(self._tls)
            async with asyncio.timeout(_CONNECT_SECONDS):
                self._streams = await open_hl7_connection(self._host, self._port, ssl=context)
        except TimeoutError as error:
            raise UnreachableError("no connection in time") from error
        except ssl.SSLError as error:
            raise UnreachableError(f"the connection cannot be made private: {error.reason}") from error
        except OSError as error:
            raise UnreachableError("no connection can be made") from error
        return self._streams

    async def _disconnect(self) -> None:
        streams, self._streams = self._streams, None
        if streams is None:
            return
        writer = streams[1]
        writer.close()
        try:
            await writer.wait_closed()
        except OSError:
            return  # it is gone all the same


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Return how a connection is made private: the receiver's certificate and name are always looked at."""
    context = ssl.create_default_context(cafile=None if tls.authorities is None else str(tls.authorities))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate is not None:
        context.load_cert_chain(str(tls.certificate), None if tls.key is None else str(tls.key))
    return context

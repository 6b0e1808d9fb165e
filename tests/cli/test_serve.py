"""What `balancer serve` answers with is bounded before anybody has been asked who they are."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from balancer.cli import serve
from tests.patience import PATIENCE_SECONDS

Answering = Callable[[Any, threading.Event], AbstractContextManager[tuple[int, uvicorn.Server]]]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Take a WebSocket, and say back how long each message is."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message["text"]))})


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """Return what serves an application as ``balancer serve`` does: its port, and the server, to be told to stop."""
    monkeypatch.setattr(gc, "freeze", lambda: None)
    run, made = uvicorn.Server.run, threading.Event()
    servers: list[uvicorn.Server] = []

    def noted(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        servers.append(self)
        made.set()
        run(self, sockets)

    monkeypatch.setattr(uvicorn.Server, "run", noted)

    @contextmanager
    def served(app: Any, ending: threading.Event) -> Iterator[tuple[int, uvicorn.Server]]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=serve._answer_until_stopped, args=(app, listening, ending))  # noqa: SLF001 - how it is served
            thread.start()
            assert made.wait(PATIENCE_SECONDS)
            try:
                yield listening.getsockname()[1], servers[0]
            finally:
                servers[0].should_exit = True
                thread.join()

    return served


def test_a_message_of_a_websocket_is_no_longer_than_a_body(answering: Answering) -> None:
    """One that is longer ends the connection (RFC 6455, 7.4.1: 1009) before it is anybody's to look at."""
    with (
        answering(echo, threading.Event()) as (port, _),
        connect(f"ws://127.0.0.1:{port}", compression=None, open_timeout=PATIENCE_SECONDS) as peer,
    ):
        peer.send("x" * 65_536)
        assert peer.recv(PATIENCE_SECONDS) == "65536"
        peer.send("x" * 65_537)
        with pytest.raises(ConnectionClosed) as caught:
            peer.recv(PATIENCE_SECONDS)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1009


def test_whoever_waits_for_news_is_answered_before_the_service_stops(answering: Answering) -> None:
    """And not cut off when the time for goodbyes is over: each would be an error in the log, and a poll lost."""
    ending, has_come = threading.Event(), threading.Event()

    async def news(_scope: Any, _receive: Any, send: Any) -> None:
        has_come.set()
        await asyncio.to_thread(ending.wait, PATIENCE_SECONDS)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})

    with ThreadPoolExecutor(1) as waiting, answering(news, ending) as (port, server):
        answer = waiting.submit(httpx2.get, f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS)
        assert has_come.wait(PATIENCE_SECONDS)
        server.should_exit = True
        assert answer.result(PATIENCE_SECONDS).text == "ok"

"""What `balancer serve` answers with is bounded before anybody has been asked who they are."""

from __future__ import annotations

import gc
import socket
import threading
from typing import Any

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from balancer.cli import serve
from tests.patience import PATIENCE_SECONDS


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Take a WebSocket, and say back how long each message is."""
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": str(len(message["text"]))})


def test_a_message_of_a_websocket_is_no_longer_than_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is longer ends the connection (RFC 6455, 7.4.1: 1009) before it is anybody's to look at."""
    run, made = uvicorn.Server.run, threading.Event()
    servers: list[uvicorn.Server] = []

    def noted(self: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        servers.append(self)
        made.set()
        run(self, sockets)

    monkeypatch.setattr(uvicorn.Server, "run", noted)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        answering = threading.Thread(target=serve._answer_until_stopped, args=(echo, listening))  # noqa: SLF001 - how it is served, without a network
        answering.start()
        assert made.wait(PATIENCE_SECONDS)
        try:
            with connect(
                f"ws://127.0.0.1:{listening.getsockname()[1]}", compression=None, open_timeout=PATIENCE_SECONDS
            ) as peer:
                peer.send("x" * 65_536)
                assert peer.recv(PATIENCE_SECONDS) == "65536"
                peer.send("x" * 65_537)
                with pytest.raises(ConnectionClosed) as caught:
                    peer.recv(PATIENCE_SECONDS)
                assert caught.value.rcvd is not None
                assert caught.value.rcvd.code == 1009
        finally:
            servers[0].should_exit = True
            answering.join()

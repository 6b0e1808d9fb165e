"""The API on a port of this machine, for clients that are not our own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import uvicorn

from tests.api.service import Service


@contextlib.contextmanager
def listening(service: Service) -> Iterator[int]:
    """Serve on a port of this machine, in a thread; yield the port."""
    config = uvicorn.Config(
        service.app, port=0, log_config=None, access_log=False, lifespan="off", ws_ping_interval=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()

"""A subscriber's own server: what a rest-hook is told at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Endpoint:
    """A subscriber that listens; ``answers`` are the statuses it gives in turn, then 200."""

    heard: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    origin: str = ""


@contextmanager
def listening_endpoint() -> Iterator[Endpoint]:
    """Yield a subscriber on this machine."""
    found = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.heard.append({name.lower(): value for name, value in self.headers.items()})
            assert int(self.headers.get("content-length") or 0) == 0
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.send_header("location", f"{found.origin}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    found.origin = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()

"""What a person sees while waiting: a live line on a terminal, a plain one now and then elsewhere; all on stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

# Anything over a second says that it is under way; where lines pile up, no oftener than every five.
_SILENCE_SECONDS = 1.0
_PLAIN_EVERY_SECONDS = 5.0


class Stages:
    """Shows the stage under way and remembers how long each took; ``seconds`` is by stage, in order."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._console = Console(stderr=True) if sys.stderr.isatty() else None
        self._say = _discard

    @contextmanager
    def stage(self, name: str, what: str) -> Iterator[None]:
        """Time the block as stage ``name``; tell people ``what`` goes on if it takes more than a second."""
        started = time.perf_counter()
        try:
            if self._console is not None:
                with self._console.status(what, spinner="line") as status:
                    self._say = lambda detail: status.update(f"{what}: {detail}")
                    yield
            else:
                line = _PlainLine(what)
                self._say = line.say
                try:
                    yield
                finally:
                    line.end()
        finally:
            self._say = _discard
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started

    def say(self, detail: str) -> None:
        """Show how far the stage under way has come."""
        self._say(detail)


def _discard(detail: str) -> None:
    """Say nothing: no stage is under way."""


class _PlainLine:
    """Prints that something goes on once it has taken a second, and details after that, not too often."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + _SILENCE_SECONDS
        self._timer = threading.Timer(_SILENCE_SECONDS, typer.echo, [f"{what} ..."], {"err": True})
        self._timer.daemon = True
        self._timer.start()

    def say(self, detail: str) -> None:
        if time.monotonic() >= self._next:
            typer.echo(f"{self._what}: {detail}", err=True)
            self._next = time.monotonic() + _PLAIN_EVERY_SECONDS

    def end(self) -> None:
        self._timer.cancel()

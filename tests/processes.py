"""A process of a test's own, over when its block is: one that outlived a failed test would hold up the whole run."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any


@contextmanager
def started(target: Callable[..., None], *args: Any) -> Iterator[BaseProcess]:
    """Yield a process that runs ``target``, which may start some of its own; it is killed if it is there at the end."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=args)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()

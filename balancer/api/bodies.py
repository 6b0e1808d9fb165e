"""Lists as they are sent, kept for as long as they hold: many ask for the same list, and making one takes long."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

# A list is some 100 KB at the most.
_MOST = 500


class Bodies:
    """The newest body made for each key, with its ETag, for the ``most`` keys that were made last."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, tuple[bytes, str]] = OrderedDict()
        self._keeping = threading.Lock()
        # of each key that is being made: its lock, and how many have or want it
        self._making: dict[Hashable, tuple[threading.Lock, int]] = {}

    def kept(self, key: Hashable, tag: str | None) -> bytes | None:
        """Return the body of this ETag, if it is the one kept."""
        found = self._made.get(key)
        return found[0] if found is not None and found[1] == tag else None

    def made(self, key: Hashable, tag: str | None, make: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
        """Return body and ETag: those kept if they are of ``tag``, else newly made, once for all who ask.

        Whoever asks for another key's does not wait for it.
        """
        with self._alone(key):
            body = self.kept(key, tag)
            found = (body, tag) if body is not None and tag is not None else make()
            with self._keeping:
                self._made[key] = found
                self._made.move_to_end(key)
                while len(self._made) > self._most:
                    self._made.popitem(last=False)
            return found

    @contextmanager
    def _alone(self, key: Hashable) -> Iterator[None]:
        """Let one at a time make what ``key`` stands for."""
        with self._keeping:
            lock, wanted = self._making.get(key, (threading.Lock(), 0))
            self._making[key] = lock, wanted + 1
        try:
            with lock:
                yield
        finally:
            with self._keeping:
                lock, wanted = self._making.pop(key)
                if wanted > 1:
                    self._making[key] = lock, wanted - 1

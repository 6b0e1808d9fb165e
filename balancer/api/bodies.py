"""Lists as they are sent, kept for as long as they hold: many ask for the same list, and making one takes long."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

# A list is some 100 KB at the most.
_MOST = 500


class Bodies:
    """The newest body made for each key, with its ETag, for the ``most`` keys that were made last."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._made: OrderedDict[Hashable, tuple[bytes, str]] = OrderedDict()
        self._making = threading.Lock()

    def kept(self, key: Hashable, tag: str | None) -> bytes | None:
        """Return the body of this ETag, if it is the one kept."""
        found = self._made.get(key)
        return found[0] if found is not None and found[1] == tag else None

    def made(self, key: Hashable, tag: str | None, make: Callable[[], tuple[bytes, str]]) -> tuple[bytes, str]:
        """Return body and ETag: those kept if they are of ``tag``, else newly made, once for all who ask."""
        with self._making:
            body = self.kept(key, tag)
            found = (body, tag) if body is not None and tag is not None else make()
            self._made[key] = found
            self._made.move_to_end(key)
            while len(self._made) > self._most:
                self._made.popitem(last=False)
            return found

"""Everybody who asks the service, each signed in; what came of each act is counted, and what must not come is kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

OPERATOR = "operator"
_API = "/api/v1"
# As a browser asks for a page; without it an error is told as machines read it.
_A_PAGE = {"Accept": "text/html"}
# What is looked for is sent, for an accession number is nothing for an address.
_LOOKS_ALL_THE_SAME = "/search"
_MOST_PAGES = 2_000


@dataclass(slots=True)
class Everybody:
    """All who ask, by what they sign in as; ``doing`` is what whatever is asked now belongs to.

    ``answers`` counts what was answered to whatever was to be done: looking for what there is does not count.
    """

    connect: Callable[[], httpx2.Client]
    doing: str = ""
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    _clients: dict[str, httpx2.Client] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, content: object = None, *, who: str = OPERATOR, **query: Any
    ) -> httpx2.Response:
        """Ask below ``/api/v1``, and return whatever is answered."""
        return self._asked(who, method, f"{_API}{path}", json=content, params=query or None)

    def page(self, path: str, *, who: str = OPERATOR) -> httpx2.Response:
        """Ask for a page."""
        return self._asked(who, "GET", path, headers=_A_PAGE)

    def look(self, path: str, *, who: str = OPERATOR, **query: Any) -> Any:
        """Return what is there; ``None`` if the answer is another than 200."""
        answer = self.ask("GET", path, who=who, **query)
        return answer.json() if answer.status_code == 200 else None

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Return what is listed there, as far as one answer has it."""
        found = self.look(path, **query)
        return [] if found is None else list(found["items"])

    def all_of(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Yield what is listed there to the end of the last page.

        Raises
        ------
        LookupError
            If a page is not to be had, or there is no last one.
        """
        more: dict[str, Any] = {}
        for _ in range(_MOST_PAGES):
            answer = self.ask("GET", path, **query, **more)
            if answer.status_code != 200:
                raise LookupError(f"GET {path}: {answer.status_code} {'at a later page' if more else ''}")
            found = answer.json()
            yield from found["items"]
            more = {"cursor": found.get("next_cursor")}
            if more["cursor"] is None:
                return
        raise LookupError(f"GET {path}: no last page among {_MOST_PAGES}")

    def close(self) -> None:
        """Let all connections go."""
        for client in self._clients.values():
            client.close()

    def _asked(self, who: str, method: str, path: str, **what: Any) -> httpx2.Response:
        answer = self._client(who).request(method, path, **what)
        if answer.status_code == 401:  # whoever has asked nothing for a while signs in again
            self._clients.pop(who).close()
            answer = self._client(who).request(method, path, **what)
        if method != "GET" and not path.endswith(_LOOKS_ALL_THE_SAME):
            self.answers[self.doing, answer.status_code] += 1
        if answer.status_code >= 500:
            sent = "" if what.get("json") is None else f" {what['json']}"
            self.failures.append(f"{method} {path}{sent} by {who}: {answer.status_code} {_short(answer.text)}")
        return answer

    def _client(self, who: str) -> httpx2.Client:
        if who not in self._clients:
            client = self.connect()
            client.headers["Origin"] = str(client.base_url).rstrip("/")
            client.post("/sign-in", data={"who": who}, follow_redirects=False)
            self._clients[who] = client
        return self._clients[who]


def _short(text: str) -> str:
    return re.sub(r"\s+", " ", text)[-300:]

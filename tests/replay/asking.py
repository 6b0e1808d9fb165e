"""Asking the service: whoever does goes on through its deaths, and never says a thing twice that was done once."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

_AGAIN_SECONDS = 0.3
_PATIENCE_SECONDS = 90.0
_NOT_NOW = frozenset({502, 503, 504})


class StoppedError(Exception):
    """The replay is over: whatever was being asked is not asked any more."""


class UnexpectedError(Exception):
    """The service answered what it must not."""


@dataclass(slots=True)
class Asked:
    """What came back, of everybody's requests: by status, and how often nobody answered."""

    answers: Counter[str] = field(default_factory=Counter)
    unanswered: int = 0
    repeated: int = 0
    took: list[float] = field(default_factory=list)


class Caller:
    """Somebody who calls: signed in locally as ``who``, or a system with a key."""

    def __init__(
        self,
        url: str,
        asked: Asked,
        stop: asyncio.Event,
        *,
        who: str = "",
        key: str = "",
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"Origin": url} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._client = httpx2.AsyncClient(base_url=url, headers=headers, timeout=30, transport=transport)
        self._url, self._key = url, key
        self._asked = asked
        self._stop = stop
        self._who = who
        self._is_signed_in = not who

    def moved_to(self, transport: httpx2.AsyncBaseTransport) -> Caller:
        """Return the same caller with another way to the service, who does not stop."""
        return Caller(self._url, self._asked, asyncio.Event(), who=self._who, key=self._key, transport=transport)

    async def close(self) -> None:
        """Let the connection go."""
        await self._client.aclose()

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """Return what is there, however often it has to be asked for; 200 or 304."""
        answer = await self._ask("GET", path, None, headers)
        if answer.status_code not in {200, 304, 410}:
            raise UnexpectedError(f"GET {path}: {answer.status_code} {answer.text}")
        return answer

    async def post(self, path: str, content: Mapping[str, Any]) -> httpx2.Response:
        """Do something once: the same request with the same key until somebody answers; any status below 500.

        If the service died with the answer, a new request finds out how things stand: what is asked here is such that
        asking it of somebody who has done it is answered, and does nothing.
        """
        for _ in range(5):
            answer = await self._ask("POST", path, content, {"Idempotency-Key": str(uuid.uuid4())})
            if not (answer.status_code == 409 and "with this key" in answer.text):
                return answer
            self._asked.repeated += 1
        raise UnexpectedError(f"POST {path}: lost its answer five times")

    async def _ask(
        self, method: str, path: str, content: Mapping[str, Any] | None, headers: Mapping[str, str]
    ) -> httpx2.Response:
        patience, met = time.monotonic() + _PATIENCE_SECONDS, Counter[str]()
        while time.monotonic() < patience:
            if self._stop.is_set():
                raise StoppedError
            if not self._is_signed_in:  # whoever has not is the operator here, who may everything
                await self._sign_in()
                continue
            began = time.monotonic()
            try:
                answer = await self._client.request(method, f"/api/v1{path}", json=content, headers=dict(headers))
            except httpx2.TransportError as error:
                met[type(error).__name__] += 1
                self._asked.unanswered += 1
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            met[str(answer.status_code)] += 1
            self._asked.answers[f"{method} {answer.status_code}"] += 1
            if answer.status_code == 401 and self._who:
                self._is_signed_in = False
            elif answer.status_code in _NOT_NOW:
                await asyncio.sleep(_AGAIN_SECONDS)
            elif answer.status_code >= 500:
                raise UnexpectedError(f"{method} {path}: {answer.status_code} {answer.text}")
            else:
                if "wait=" not in path:
                    self._asked.took.append(time.monotonic() - began)
                return answer
        raise UnexpectedError(f"{method} {path}: no answer in {_PATIENCE_SECONDS:g} s but {dict(met)}")

    async def _sign_in(self) -> None:
        """Sign in, as a person does who finds that their session has ended."""
        self._client.cookies.clear()
        try:
            answer = await self._client.post("/sign-in", data={"who": self._who})
        except httpx2.TransportError:
            await asyncio.sleep(_AGAIN_SECONDS)
            return
        if answer.status_code >= 400 and answer.status_code not in _NOT_NOW:
            raise UnexpectedError(f"nobody can sign in as {self._who}: {answer.status_code} {answer.text}")
        self._is_signed_in = answer.status_code not in _NOT_NOW

"""Rest-hooks (FHIR R4, Subscription): a subscriber is told, signed, that there is news, and asks for it itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

import httpx2

from balancer.domain.errors import UndeliveredError, UnreachableError
from balancer.domain.instant import Clock
from balancer.domain.letter import Letter, Patience
from balancer.publish.fhir.subscription import is_allowed, secret_of, signed
from balancer.services.subscribe_tasks import concerned
from balancer.store import hooks, systems, workitems
from balancer.store.database import Database, Session
from balancer.store.tables_hooks import HookRow
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_outbox import LetterRow

_SECONDS: Final = 5.0


class Hook:
    """Tells one subscriber. However many Tasks have changed since it was last told, it is told once."""

    def __init__(self, row: HookRow, secret: str, clock: Clock) -> None:
        self._row = row
        self._secret = secret
        self._clock = clock
        self._client = httpx2.Client(timeout=_SECONDS, follow_redirects=False)
        self.name = hooks.outlet_of(row.id or 0)
        self.patience = Patience()

    @property
    def description(self) -> object:
        """What makes it another one: nothing of a subscription changes."""
        return self._row.id, self._secret

    def letters(self, session: Session, steps: Sequence[JournalRow], now: datetime) -> Iterable[Letter]:
        """Return that there is news, if there is any for this subscriber."""
        if not hooks.is_living(session, self._row.id or 0, now):
            return []
        found = concerned(session, self._row, steps, now)
        return [self._news(found[0].trust)] if found else []

    def anew(self, session: Session, now: datetime) -> Iterable[Letter]:
        """Return that the subscriber should look: it begins, or may have missed something."""
        hooks.begin(session, self._row.id or 0, now)
        return [self._news(None)]

    def _news(self, trust: str | None) -> Letter:
        return Letter(key=self.name, subject=self.name, what="Tasks have changed", body={}, trust=trust)

    def send(self, letter: LetterRow) -> None:
        """Tell it by an empty POST (R4, rest-hook without payload); any 2xx means that it has been heard.

        Raises
        ------
        UnreachableError
            If nobody is there.
        UndeliveredError
            If it is answered otherwise.
        """
        headers = signed(f"{self.name}-{letter.id}", self._clock.now(), self._secret)
        try:
            answer = self._client.post(self._row.endpoint, headers=headers)
        except httpx2.TransportError as error:
            raise UnreachableError(f"the endpoint cannot be reached: {type(error).__name__}") from error
        if not answer.is_success:
            raise UndeliveredError(f"the endpoint answers {answer.status_code}")

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


def open_hooks(database: Database, clock: Clock, key: bytes, origins: Collection[str]) -> list[Hook]:
    """Return an outlet for each subscription that lives, of a system that may still call.

    ``origins`` are where anything may be told now: what was subscribed from elsewhere is not served.
    """
    now = clock.now()
    with database.session() as session:
        numbering = workitems.numbering(session)
        known = [
            row
            for row in hooks.living(session, now)
            if is_allowed(row.endpoint, origins) and systems.by_subject(session, row.system, now=now)
        ]
    return [Hook(row, secret_of(row.id or 0, numbering, key), clock) for row in known]

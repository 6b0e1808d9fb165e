"""An outlet that keeps what it is given to send, for tests of what couriers do with any."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from balancer.domain.letter import Letter, Patience
from balancer.outlets.courier import Courier, Ground
from balancer.store.database import Database, Session
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_outbox import LetterRow
from tests.api.service import StandingClock


class Notebook:
    """Says each step of a read to whoever listens; ``fails`` says what goes wrong with letters of a key."""

    def __init__(self, name: str = "notebook", patience: Patience | None = None) -> None:
        self.name = name
        self.description: object = name
        self.patience = patience or Patience(tries=3)
        self.sent: list[str] = []
        self.fails: dict[str, Exception] = {}
        self.is_closed = False

    def letters(self, session: Session, steps: Sequence[JournalRow], now: datetime) -> Iterable[Letter]:  # noqa: ARG002
        """Say from which state to which a read went."""
        return [step_letter(step) for step in steps]

    def anew(self, session: Session, now: datetime) -> Iterable[Letter]:  # noqa: ARG002
        """Say that everything is told from the beginning."""
        return [Letter(key="all", subject="all", what="anew", body={"says": "anew"})]

    def send(self, letter: LetterRow) -> None:
        """Keep it, or fail as told."""
        if letter.key in self.fails:
            raise self.fails[letter.key]
        self.sent.append(letter.body["says"])

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def step_letter(step: JournalRow) -> Letter:
    """Return a letter about a step."""
    says = f"{step.read_id}: {step.state_before} -> {step.state}"
    key = f"read {step.read_id}"
    return Letter(key=key, subject=key, what="step", body={"says": says}, trust=step.trust, study_id=step.study_id)


def written(key: str, says: str) -> Letter:
    """Return a letter that says something."""
    return Letter(key=key, subject=key, what="word", body={"says": says})


def courier(db: Database, outlet: Notebook, clock: StandingClock | None = None) -> Courier:
    """Return a courier whose waits are as long as they can be."""
    return Courier(outlet, Ground(database=db, clock=clock or StandingClock(), chance=lambda: 1.0))

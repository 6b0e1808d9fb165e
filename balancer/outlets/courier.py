"""A courier serves one outlet: it writes letters of what the journal has, sends what is due, and says when to look."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from random import SystemRandom

import structlog

from balancer.domain.errors import ConflictError, GoneError, UndeliveredError, UnreachableError, UnsendableError
from balancer.domain.instant import Clock
from balancer.outlets.outlet import Mindful, Outlet
from balancer.services.note_not_told import note_not_told
from balancer.store import journal, leases, outbox
from balancer.store.database import Database, Session
from balancer.store.leases import Lease
from balancer.store.tables_outbox import LetterRow

_log = structlog.get_logger("balancer.outlets")
# Every connected side is to be told within a second.
LOOK_EVERY_SECONDS = 0.1
_STEPS_AT_ONCE = 500
_LETTERS_AT_ONCE = 50


class NoLongerOursError(ConflictError):
    """Somebody else speaks by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What couriers stand on: the database, the time, the lease by which they alone may speak, and chance (0 to 1)."""

    database: Database
    clock: Clock
    lease: Lease | None = None
    chance: Callable[[], float] = SystemRandom().random


class Courier:
    """Serves one outlet; not safe for several threads."""

    def __init__(self, outlet: Outlet, ground: Ground) -> None:
        self.outlet = outlet
        self._ground = ground
        self._failures = 0
        self._not_before = 0.0
        self._known_well = False
        self._has_taken = False
        # an earlier process may have given letters up
        self._is_in_doubt = True

    def step(self) -> float:
        """Write and send what there is; return for how many seconds to wait until the next look.

        Raises
        ------
        NoLongerOursError
            If the lease has passed to somebody else: they speak now, and whoever goes on would say things twice.
        """
        self.write()
        self.give_up_old()
        if time.monotonic() >= self._not_before:
            self.send()
        return LOOK_EVERY_SECONDS

    # --- writing -----------------------------------------------------------------------------------------------------

    def write(self) -> None:
        """Write letters of everything that the journal has by now."""
        while self._is_behind():
            self._write_some()

    def _is_behind(self) -> bool:
        with self._ground.database.session() as session:
            cursor = outbox.cursor_of(session, self.outlet.name)
            if cursor is None:
                return True
            try:
                return bool(journal.since(session, cursor, limit=1).items)
            except GoneError:
                return True

    def _write_some(self) -> None:
        """Write the letters of some steps and move the cursor: both, or neither."""
        now, name = self._ground.clock.now(), self.outlet.name
        with self._ground.database.transaction() as session:
            self._require_lease(session)
            cursor = outbox.cursor_of(session, name)
            try:
                steps = None if cursor is None else journal.since(session, cursor, limit=_STEPS_AT_ONCE)
            except GoneError:
                _log.warning("outlet.missed_steps", outlet=name)
                steps = None
            # first the mark, then the look: what commits in between is looked at again, and is no news then
            outbox.move_cursor(session, name, journal.mark(session) if steps is None else steps.mark, now)
            letters = (
                self.outlet.anew(session, now) if steps is None else self.outlet.letters(session, steps.items, now)
            )
            outbox.write(session, name, letters, now)

    def _write_again(self, session: Session) -> None:
        """Write how things stand of which letters were given up, if the outlet knows which those are."""
        now = self._ground.clock.now()
        if isinstance(self.outlet, Mindful):
            self._require_lease(session)
            outbox.write(session, self.outlet.name, self.outlet.again(session, now), now)

    def _require_lease(self, session: Session) -> None:
        try:
            if self._ground.lease is not None:
                leases.require(session, self._ground.lease)
        except ConflictError as error:
            raise NoLongerOursError(str(error)) from error

    # --- sending -----------------------------------------------------------------------------------------------------

    def give_up_old(self) -> None:
        """Give up what has waited for longer than the outlet's patience.

        How things stand is written anew at once, and waits for whoever was not there: else an outlet that has given
        everything up would have nothing left to try, and not find out that they are back.
        """
        now = self._ground.clock.now()
        before = now - timedelta(hours=self.outlet.patience.hours)
        with self._ground.database.session() as session:
            if not outbox.has_old(session, self.outlet.name, before):
                return
        with self._ground.database.transaction() as session:
            self._require_lease(session)  # before any letter, as whoever writes them
            number = outbox.give_up_old(session, self.outlet.name, before, now)
            self._write_again(session)
        _log.error("letters.dead", outlet=self.outlet.name, letters=number, why="too old")

    def send(self) -> None:
        """Send every letter that is due, the oldest first, until nobody is there to take them.

        Once they are taken again after a time of trouble, what was given up meanwhile is written anew, once: not after
        each that is rejected, or whoever rejects everything about a study would be sent it for ever.
        """
        self._has_taken = False
        while letters := self._due():
            for letter in letters:
                if not self._send(letter):
                    return
        if self._has_taken and self._is_in_doubt:
            with self._ground.database.transaction() as session:
                self._write_again(session)
            self._is_in_doubt = False

    def _due(self) -> list[LetterRow]:
        with self._ground.database.session() as session:
            return list(outbox.due(session, self.outlet.name, self._ground.clock.now(), limit=_LETTERS_AT_ONCE))

    def _send(self, letter: LetterRow) -> bool:
        """Send one letter and enter what became of it; tell whether others may be sent now."""
        self._require_lease_still()
        try:
            self.outlet.send(letter)
        except UnreachableError as error:
            self._note_unreachable(str(error))
            return False
        except UnsendableError as error:
            self._give_up(letter, str(error), refused=True)
        except UndeliveredError as error:
            self._put_off(letter, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the letter is kept, and the others are sent
            _log.exception("letter.failed", outlet=self.outlet.name, letter=letter.id)
            self._put_off(letter, f"could not be sent: {type(error).__name__}")
        else:
            with self._ground.database.transaction() as session:
                outbox.take(session, letter.id or 0, self._ground.clock.now())
            self._has_taken = True
        self._note_reached()
        return True

    def _require_lease_still(self) -> None:
        lease = self._ground.lease
        if lease is None:
            return
        with self._ground.database.session() as session:
            if not leases.is_ours(session, lease):
                raise NoLongerOursError("somebody else leads")

    def _put_off(self, letter: LetterRow, error: str) -> None:
        patience, tries = self.outlet.patience, letter.tries + 1
        if tries >= patience.tries:
            self._is_in_doubt = True
            self._give_up(letter, error)
            return
        wait = timedelta(seconds=patience.wait_after(tries, self._ground.chance()))
        with self._ground.database.transaction() as session:
            outbox.put_off(session, letter.id or 0, error, next_at=self._ground.clock.now() + wait)
        _log.warning("letter.not_taken", outlet=self.outlet.name, letter=letter.id, tries=tries, why=error)

    def _give_up(self, letter: LetterRow, error: str, *, refused: bool = False) -> None:
        """Give a letter up; of what was refused a person is told, for it is not said again by itself."""
        now = self._ground.clock.now()
        with self._ground.database.transaction() as session:
            outbox.give_up(session, letter.id or 0, error, now)
            if refused and isinstance(self.outlet, Mindful):
                note_not_told(session, letter, error, now)
        _log.error("letter.dead", outlet=self.outlet.name, letter=letter.id, why=error)

    def _note_unreachable(self, error: str) -> None:
        self._failures += 1
        self._is_in_doubt = True
        wait = self.outlet.patience.wait_after(self._failures, self._ground.chance())
        self._not_before = time.monotonic() + wait
        if self._failures == 1:
            self._known_well = False
            _log.error("outlet.unreachable", outlet=self.outlet.name, why=error)
            with self._ground.database.transaction() as session:
                outbox.note_failing(session, self.outlet.name, error, self._ground.clock.now())

    def _note_reached(self) -> None:
        if self._failures:
            _log.info("outlet.reached", outlet=self.outlet.name)
        self._failures, self._not_before = 0, 0.0
        if not self._known_well:
            with self._ground.database.transaction() as session:
                outbox.note_reached(session, self.outlet.name)
            self._known_well = True

"""What must follow readings: a provisional report is verified, and readings that differ are decided between.

``follow_ups`` compares what a study has with what it needs, so that asking it twice asks for nothing twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.outcome import Outcome, are_discordant

_OVER = frozenset({ReadState.DONE, ReadState.WITHDRAWN})
# In this order: nobody verifies while another may still read blind, and nobody decides between what is not verified.
_STAGES = (ReadKind.INTERPRETATION, ReadKind.VERIFICATION, ReadKind.ARBITRATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A read of a study, as far as what follows depends on it.

    ``of``: which reading a verification is of. ``wanted``: what it follows still stands. ``here``: it was completed
    here, or its reader has said here what it came to; of what is done at its source alone nobody tells us.
    """

    number: int
    state: ReadState
    kind: ReadKind = ReadKind.INTERPRETATION
    done_at: datetime | None = None
    outcome: Outcome | None = None
    provisional: bool = False
    of: int | None = None
    wanted: bool = True
    here: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUps:
    """What is to be done about a study: readings to verify, whether to arbitrate, what is no longer needed.

    ``unsaid`` are readings whose outcome nobody has said, so that the study's readings cannot be compared.
    """

    verify: tuple[int, ...] = ()
    arbitrate: bool = False
    moot: tuple[int, ...] = ()
    unsaid: tuple[int, ...] = ()


def follow_ups(reads: Collection[Reading]) -> FollowUps:
    """Return what must follow these reads of a study and does not yet, and what need not follow any more.

    * Each provisional reading needs a verification that is not older than it.
    * Readings are compared when all are done and none waits to be verified. A verifier's outcome stands for the
      reading; if they say none, they have agreed to it.
    * Of two readings or more that differ, somebody else decides, once.
    """
    readings = [read for read in reads if read.kind is ReadKind.INTERPRETATION and read.state is not ReadState.EXCLUDED]
    readings = [read for read in readings if read.state is not ReadState.WITHDRAWN]
    following = [read for read in reads if read.kind is not ReadKind.INTERPRETATION and read.wanted]
    verifying = {read.number: _verification(read, following) for read in readings}
    done = [read for read in readings if read.state is ReadState.DONE]
    moot = [
        read.number
        for read in following
        if read.state not in _OVER and any(read.of == of.number and not of.provisional for of in done)
    ]
    arbitrate, needless, unsaid = _compared(readings, verifying, following)
    return FollowUps(
        verify=tuple(read.number for read in done if read.provisional and verifying[read.number] is None),
        arbitrate=arbitrate,
        moot=(*moot, *needless),
        unsaid=unsaid,
    )


def _verification(reading: Reading, following: Iterable[Reading]) -> Reading | None:
    """Return the verification of a reading as it stands now; one of what it was before is none."""
    of_it = [read for read in following if read.of == reading.number]
    current = [read for read in of_it if read.state is not ReadState.DONE or not _is_older(read, reading)]
    return current[-1] if current else None


def _is_older(one: Reading, other: Reading) -> bool:
    return one.done_at is not None and other.done_at is not None and one.done_at < other.done_at


def _compared(
    readings: Sequence[Reading], verifying: Mapping[int, Reading | None], following: Iterable[Reading]
) -> tuple[bool, tuple[int, ...], tuple[int, ...]]:
    """Return whether to arbitrate, arbitrations that are no longer needed, and readings whose outcome is not known."""
    final = [_final(read, verifying[read.number]) for read in readings]
    ours = [read for read in final if read is not None and read.here]
    if None in final or len(ours) < 2:
        return False, (), ()
    arbitrations = [read for read in following if read.kind is ReadKind.ARBITRATION]
    known = [read.outcome for read in ours if read.outcome is not None]
    unsaid = tuple(read.number for read in ours if read.outcome is None)
    if not are_discordant(known):
        needless = () if unsaid else tuple(read.number for read in arbitrations if read.state not in _OVER)
        return False, needless, unsaid
    standing = [
        read
        for read in arbitrations
        if read.state is not ReadState.DONE or not any(_is_older(read, reading) for reading in ours)
    ]
    return not standing, (), unsaid


def _final(reading: Reading, verification: Reading | None) -> Reading | None:
    """Return a reading with the outcome that stands; ``None`` while it is still to be done or verified."""
    if reading.state is not ReadState.DONE:
        return None
    if not reading.provisional:
        return reading
    if verification is None or verification.state is not ReadState.DONE:
        return None
    return Reading(
        number=reading.number,
        state=reading.state,
        done_at=verification.done_at,
        outcome=verification.outcome or reading.outcome,
        here=reading.here,
    )


class Kinded(Protocol):
    """Whatever has a kind of read."""

    @property
    def kind(self) -> ReadKind: ...  # noqa: D102


Item = TypeVar("Item", bound=Kinded)


def now_and_later(reads: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return which of a study's open reads can be done now, all of one kind, and which wait for those.

    So the reads of a study that take part in a plan are alike: they take as long and are due at the same time.
    """
    kinds = {read.kind for read in reads}
    if len(kinds) <= 1:
        return list(reads), []
    stage = next((kind for kind in _STAGES if kind in kinds), None)
    return [read for read in reads if read.kind is stage], [read for read in reads if read.kind is not stage]

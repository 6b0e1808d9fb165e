"""Whose a study is, as another system is to show it: one person for each part, and how far they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.receiver import ALWAYS, News, Part

_NAMED = frozenset({ReadState.ALLOCATED, ReadState.CLAIMED, ReadState.DONE})
_OVER = frozenset({ReadState.DONE, ReadState.WITHDRAWN, ReadState.EXCLUDED})


class OrderStatus(StrEnum):
    """How far a study is, in the words of HL7 table 0038 (ORC-5)."""

    SCHEDULED = "SC"
    IN_PROCESS = "IP"
    COMPLETE = "CM"
    CANCELLED = "CA"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedRead:
    """A read, and whose it is.

    ``confirmed``: its source had said that it was done before it asked for the study again.
    """

    number: int
    kind: ReadKind
    state: ReadState
    reporter_id: str | None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Who has which part of a study, by GMC or HCPC number, and how far it is."""

    owners: Mapping[Part, str] = field(default_factory=dict)
    status: OrderStatus = OrderStatus.SCHEDULED


def ownership(reads: Sequence[OwnedRead], *, withholds_blind: bool = False) -> Ownership:
    """Return whose a study is, by its reads.

    Of several reads that are the same part of it the last that somebody has counts. Of a study that has come back,
    whoever read it before is no part of it while it is read again: the first of those who read it now is its first.
    """
    counted = _counted(reads)
    owners: dict[Part, str] = {}
    readings = 0
    for read in sorted(counted, key=lambda read: read.number):
        readings += read.kind is ReadKind.INTERPRETATION
        if read.reporter_id is not None and read.state in _NAMED:
            owners[_part(read.kind, readings)] = read.reporter_id
    if withholds_blind and _is_read_blind(counted):
        owners = {}
    return Ownership(owners=owners, status=_status(reads))


def _counted(reads: Sequence[OwnedRead]) -> list[OwnedRead]:
    """Return the reads without readings that are withdrawn, and if any other is still asked for those of before.

    Else those of before are what there is: a study that came back for nothing stays theirs who read it.
    """
    kept = [read for read in reads if read.kind is not ReadKind.INTERPRETATION or read.state is not ReadState.WITHDRAWN]
    now = [read for read in kept if not read.confirmed]
    asked_for = [read for read in now if read.kind is ReadKind.INTERPRETATION and read.state is not ReadState.EXCLUDED]
    return now if asked_for else kept


def _part(kind: ReadKind, readings: int) -> Part:
    if kind is ReadKind.INTERPRETATION:
        return Part.FIRST if readings == 1 else Part.SECOND
    return Part.VERIFIER if kind is ReadKind.VERIFICATION else Part.ARBITER


def _is_read_blind(reads: Sequence[OwnedRead]) -> bool:
    images = [read.state for read in reads if read.kind is ReadKind.INTERPRETATION]
    return len(images) > 1 and not set(images) <= _OVER


def _status(reads: Sequence[OwnedRead]) -> OrderStatus:
    states = {read.state for read in reads}
    if ReadState.CLAIMED in states:
        return OrderStatus.IN_PROCESS
    if not states <= _OVER:
        return OrderStatus.SCHEDULED
    return OrderStatus.COMPLETE if ReadState.DONE in states else OrderStatus.CANCELLED


def news(before: Ownership | None, now: Ownership, tells: Collection[News], *, uncertain: bool = False) -> News | None:
    """Return what is news of a study to somebody who was last told ``before``, if they are told of such.

    Whoever was never told of a study that is over is told nothing. If it is ``uncertain`` whether they heard
    ``before``, they may believe that or anything earlier: however it stands is news then, also if nobody has it.
    """
    if before is None and now.status in {OrderStatus.COMPLETE, OrderStatus.CANCELLED}:
        return None
    if before is None and not now.owners and not uncertain:
        return None
    before = before or Ownership()
    what = _how_it_stands(before, now) if uncertain else _what(before, now)
    return what if what in {*tells, *ALWAYS} else None


def _what(before: Ownership, now: Ownership) -> News | None:
    if now.status is OrderStatus.CANCELLED:
        return News.CANCELLED if before.status is not now.status else None
    if now.status is OrderStatus.COMPLETE:  # who has read it is what the report says
        return News.COMPLETED if before.status is not now.status else None
    if now.owners != before.owners:
        if not now.owners:
            return News.UNASSIGNED
        return News.REASSIGNED if before.owners else News.ASSIGNED
    return News.OPENED if now.owners and now.status is not before.status else None


def _how_it_stands(before: Ownership, now: Ownership) -> News:
    if now.status is OrderStatus.CANCELLED:
        return News.CANCELLED
    if now.status is OrderStatus.COMPLETE:
        return News.COMPLETED
    if not now.owners:
        return News.UNASSIGNED
    return News.REASSIGNED if before.owners and before.owners != now.owners else News.ASSIGNED

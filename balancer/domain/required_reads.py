"""The reads that a study needs, against those we know of: done elsewhere, new, or needed again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from balancer.domain.life import ReadEvent, ReadState

_S = ReadState
# Of reads that are one too many and that nobody has named as done, the first of these goes: what is not to be read at
# all, or the one that is left would be that, and the study be read by nobody. A source that names nobody
# has most likely a provider's report, whom it cannot name; if not, one report too many costs less than a study that is
# left with a provider who has done theirs, on nobody's list until the date on which it was to be back.
_GOES_FIRST = (_S.EXCLUDED, _S.SENT_OUT, _S.UNALLOCATED, _S.PARKED, _S.ALLOCATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownRead:
    """A read of a study as we have it; ``confirmed``: its source has said that it is done.

    ``follows``: it is no reading of the images but follows some (verifies, arbitrates), which no source counts.
    ``wanted``: what it follows still asks for it.
    """

    number: int
    state: ReadState
    reporter_id: str | None = None
    confirmed: bool = False
    follows: bool = False
    wanted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What a source's word changes: events by read number, reads of ours that it confirms, and numbers to add."""

    events: tuple[tuple[int, ReadEvent], ...] = ()
    confirmed: tuple[int, ...] = ()
    added: tuple[int, ...] = ()


def adjust(reads: Collection[KnownRead], required: int, done_by: Collection[str]) -> Adjustment:
    """Return what to change so that ``required`` reads of an open study are left, whoever ``done_by`` has done theirs.

    A read done here counts as left until its source counts it out. Of too many, those go first whose reporter the
    source names: done here, then with one of ``done_by``; then those done here by others, then what a provider has,
    then what nobody has. A claimed one never goes. If it is with one of ``done_by`` it is the one that is over, and no
    other goes in its place: once the claim has ended it is one too many, and goes by how that was. Of too few,
    withdrawn ones return before new ones are added.

    Reads that follow readings are counted by no source: they are not left over, no reading is added for want of them,
    and those that went with their study return with it.
    """
    again = [read.number for read in reads if read.follows and read.wanted and read.state is _S.WITHDRAWN]
    following = tuple((number, ReadEvent.REOPEN) for number in sorted(again))
    readings = [read for read in reads if not read.follows]
    left = [read for read in readings if read.state is not _S.WITHDRAWN and not read.confirmed]
    if len(left) >= required:
        over = list(_going(left, frozenset(done_by)))[: len(left) - required]
        going = [(read, event) for read, event in over if read.state is not _S.CLAIMED]
        return Adjustment(
            events=(*((read.number, event) for read, event in going if event is not None), *following),
            confirmed=tuple(read.number for read, event in going if event is None),
        )
    missing = required - len(left)
    returning = sorted(read.number for read in readings if read.state is _S.WITHDRAWN)[:missing]
    last = max((read.number for read in reads), default=0)
    return Adjustment(
        events=(*((number, ReadEvent.REOPEN) for number in returning), *following),
        added=tuple(range(last + 1, last + 1 + missing - len(returning))),
    )


def close(reads: Iterable[KnownRead]) -> tuple[tuple[int, ReadEvent], ...]:
    """Return what happens to the reads of a study that its source no longer asks for: what is done stays done."""
    over = {_S.DONE, _S.WITHDRAWN, _S.CLAIMED}
    return tuple((read.number, ReadEvent.WITHDRAW) for read in reads if read.state not in over)


def _going(left: Collection[KnownRead], done_by: frozenset[str]) -> Iterator[tuple[KnownRead, ReadEvent | None]]:
    """Yield the reads in the order in which they go, each with the event; ``None`` for one done here already.

    And for one whose reporter still has it open, though the source has their report: it is over, and stays till then.
    """
    done = sorted((read for read in left if read.state is _S.DONE), key=lambda read: read.number)
    for read in done:
        if read.reporter_id in done_by:
            yield read, None
    for read in left:
        if read.state is _S.CLAIMED and read.reporter_id in done_by:
            yield read, None
    named = [read for read in left if read.reporter_id in done_by and read.state not in {_S.DONE, _S.CLAIMED}]
    for read in sorted(named, key=lambda read: read.number):
        yield read, ReadEvent.REPORT
    # that somebody else's was done here is not what the source has said: it may never have heard of it
    for read in done:
        if read.reporter_id not in done_by:
            yield read, None
    others = [read for read in left if read not in named and read.state in _GOES_FIRST]
    for read in sorted(others, key=lambda read: (_GOES_FIRST.index(read.state), -read.number)):
        yield read, ReadEvent.WITHDRAW

"""After a batch: the reads of its studies are what the source says is still to be done."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from balancer.domain.actor import job
from balancer.domain.life import ASKED_AGAIN, CLOCKS_DIFFER, LATE_IMAGES, UNPLANNED, ReadEvent, ReadKind, ReadState
from balancer.domain.required_reads import Adjustment, KnownRead, adjust, close
from balancer.domain.states import StudyState
from balancer.services.back_from_provider import end_sent_out
from balancer.services.follow_reads import note_not_followed_up
from balancer.services.put_in_force import away
from balancer.store import claims, follow_ups, instructions, intake, queue, reads
from balancer.store.database import Session
from balancer.store.intake import RequiredReads
from balancer.store.reads import Move, Standing
from balancer.store.tables import FeedRow

_INTAKE = job("intake")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAbout:
    """The batch whose word is taken: of which feed, when its extract was made, and when it is taken."""

    feed: FeedRow
    batch_id: int
    extracted_at: datetime | None
    now: datetime


def keep_reads(
    session: Session, about: BatchAbout, study_ids: Collection[int], *, silent_on: Iterable[int] = ()
) -> None:
    """Bring the reads of these studies, and of those the batch brought, in line with what is known of them now.

    Reads that are new are added, those that come back are where they stood (unless that was with a provider who is done
    with them: ``back_from_provider``), those done elsewhere are done, those of closed studies are withdrawn, and those
    done here are confirmed where the source has counted them out later. One that was done here before the study's last
    images were made is to be done again, at once.
    ``silent_on`` are studies that the source no longer asks for and that somebody has open: what nobody has open is
    withdrawn, and the claimant is told.
    """
    silent = set(silent_on)
    required = intake.required_reads(session, {*study_ids, *silent}, about.feed.trust, about.batch_id)
    found = reads.locked_reads(session, [item.study_id for item in required])
    coming_back = [item.study_id for item in required if item.state is StudyState.OPEN and item.study_id not in silent]
    moot = follow_ups.moot(session, found.keys())
    changes = {
        item.study_id: _change(item, found.get(item.study_id, []), moot, gone=item.study_id in silent)
        for item in required
    }
    here = end_sent_out(session, about.feed, _returning(required, found, changes), about.now, batch_id=about.batch_id)
    places = _Places(session, coming_back, here)
    moves: list[Move] = []
    added: list[tuple[int, int]] = []
    confirmed: list[int] = []
    late: list[Move] = []
    again: dict[tuple[int, int], tuple[str, str | None]] = {}
    for item in required:
        known, change = found.get(item.study_id, []), changes[item.study_id]
        moves += _moves(item, known, change, places, about.now)
        late += _late(item, known, change, moot)
        added += [(item.study_id, number) for number in change.added]
        again |= _again(item, known, change.added)
        confirmed += _confirmed(item, known, change, about, moot)
    reads.move_all(session, moves, by=_INTAKE, now=about.now, why=f"batch {about.batch_id}")
    _note_what_goes(session, moves, moot, about.now)
    reads.move_all(session, late, by=_INTAKE, now=about.now, why=LATE_IMAGES)
    reads.add_reads(session, added, now=about.now, again=again)
    reads.confirm(session, confirmed, now=about.now)
    claims.note_seen(session, about.batch_id)
    claims.note_withdrawn(session, silent, now=about.now)


def _change(item: RequiredReads, known: Sequence[Standing], moot: Collection[int], *, gone: bool) -> Adjustment:
    ours = [_known(read, moot) for read in known]
    if gone or item.state is not StudyState.OPEN:
        return Adjustment(events=close(ours))
    return adjust(ours, item.reads, item.done_by)


def _known(read: Standing, moot: Collection[int]) -> KnownRead:
    return KnownRead(
        number=read.number,
        state=read.state,
        reporter_id=read.reporter_id,
        confirmed=read.confirmed_at is not None,
        follows=read.kind is not ReadKind.INTERPRETATION,
        wanted=read.id not in moot,
    )


def _returning(
    required: Iterable[RequiredReads], found: Mapping[int, Sequence[Standing]], changes: Mapping[int, Adjustment]
) -> dict[int, datetime]:
    """Return the reads that are asked for again, by internal number, with when their studies were acquired."""
    return {
        read.id: item.acquired_at
        for item in required
        for read in found.get(item.study_id, ())
        if (read.number, ReadEvent.REOPEN) in changes[item.study_id].events
    }


def _follows(read: Standing) -> bool:
    return read.kind is not ReadKind.INTERPRETATION


def _note_what_goes(session: Session, moves: Iterable[Move], moot: Collection[int], now: datetime) -> None:
    """Bring to notice what goes with its study before a provisional report is verified or readings are decided on."""
    for move in moves:
        if _follows(move.read) and move.to is ReadState.WITHDRAWN and move.read.id not in moot:
            row, study = reads.locked_read(session, move.read.id)
            note_not_followed_up(session, row, study, _INTAKE, now)


class _Places:
    """Where reads that come back still have their places: on somebody's list, or where a person put them.

    ``here`` says why some are read here that were with a provider.
    """

    def __init__(self, session: Session, study_ids: Collection[int], here: Mapping[int, str]) -> None:
        self._here = here
        self._away = away(session, study_ids)
        self._holders = queue.holders(session, study_ids)
        self._barred = queue.barred(session, study_ids) if self._holders else {}
        self._pinned = instructions.pins(session) if self._holders else {}

    def again(self, read: Standing, done_by: Collection[str]) -> tuple[ReadState, dict[str, Any]]:
        """Return the state in which a read comes back, with its columns."""
        if read.id in self._away:
            return self._away[read.id]
        if read.id in self._here:
            return ReadState.UNALLOCATED, {"reason": self._here[read.id], "again": self._here[read.id]}
        holder = self.of(read, done_by)
        if holder is None:
            return ReadState.UNALLOCATED, {"reason": UNPLANNED}
        return ReadState.ALLOCATED, {"reporter_id": holder}

    def of(self, read: Standing, done_by: Collection[str]) -> str | None:
        """Return who has a place for the read, and may still have it."""
        place = read.study_id, read.number
        holder = self._holders.get(place)
        if holder is not None and self._pinned.get(place, holder) != holder:
            return None
        return None if holder in {*done_by, *self._barred.get(read.study_id, ())} else holder


def _moves(
    item: RequiredReads, known: Sequence[Standing], change: Adjustment, places: _Places, now: datetime
) -> Iterator[Move]:
    by_number = {read.number: read for read in known}
    for number, event in change.events:
        read = by_number[number]
        to, columns = ReadState.WITHDRAWN, dict[str, Any]()
        if event is ReadEvent.REPORT:
            to = ReadState.DONE
            columns = {"reporter_id": read.reporter_id, "done_at": now, "confirmed_at": now}
        elif event is ReadEvent.REOPEN:
            to, columns = places.again(read, item.done_by)
        yield Move(read=read, event=event, to=to, columns=columns)


def _late(item: RequiredReads, known: Sequence[Standing], change: Adjustment, moot: Collection[int]) -> Iterator[Move]:
    """Yield what becomes of reads that were done without the study's last images, and are still wanted."""
    for read in known:
        if read.id in moot:
            continue
        waits = read.state is ReadState.DONE and read.confirmed_at is None and read.number not in change.confirmed
        if waits and item.state is StudyState.OPEN and _has_later_images(item, read):
            columns: dict[str, Any] = {"reason": LATE_IMAGES, "confirmed_at": None, "again": LATE_IMAGES}
            columns["read_before_by"] = read.reporter_id
            yield Move(read=read, event=ReadEvent.DISPUTE, to=ReadState.UNALLOCATED, columns=columns)


def _has_later_images(item: RequiredReads, read: Standing) -> bool:
    return read.done_at is not None and item.acquired_at > read.done_at + CLOCKS_DIFFER


def _again(
    item: RequiredReads, known: Sequence[Standing], added: Sequence[int]
) -> dict[tuple[int, int], tuple[str, str | None]]:
    """Return why reads that are added to a study are, and who read it before, if it has been reported before.

    Of several who have read it the last are meant, each for one of the reads.
    """
    done = [read for read in known if read.state is ReadState.DONE]
    if not done or item.state is not StudyState.OPEN:
        return {}
    late = all(_has_later_images(item, read) for read in done)
    readers = [read.reporter_id for read in done if not _follows(read)][-len(added) :] if added else []
    named = dict(zip(added, readers, strict=False))
    why = LATE_IMAGES if late else ASKED_AGAIN
    return {(item.study_id, number): (why, named.get(number)) for number in added}


def _confirmed(
    item: RequiredReads, known: Sequence[Standing], change: Adjustment, about: BatchAbout, moot: Collection[int]
) -> list[int]:
    """Return the reads done here that the source, asked later, no longer counts among those to be done.

    A study that goes before its readings have been followed up confirms none: were it listed again, they would be
    counted as done, and a reading be asked for anew where only what follows is left to do.
    """
    named = set(change.confirmed)
    followed = all(read.state is ReadState.DONE or read.id in moot for read in known if _follows(read))
    if item.state is not StudyState.OPEN and followed:
        named = {read.number for read in known if read.state is ReadState.DONE and read.confirmed_at is None}
    return [
        read.id
        for read in known
        if read.number in named
        and read.done_at is not None
        and about.extracted_at is not None
        and about.extracted_at >= read.done_at
    ]

"""One extract against what the store knows: studies in, studies out, and whether its silence is to be believed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from balancer.domain.errors import BooksError, InvalidValueError
from balancer.domain.feed import FeedKind, IncomingStudy, ParsedExtract
from balancer.domain.states import BatchState, StudyState
from balancer.domain.study import StudyKey
from balancer.services.batch_books import settle, take_extracted_at
from balancer.services.could_be import Suspects
from balancer.services.due_times import DueTimes
from balancer.services.keep_reads import BatchAbout, keep_reads
from balancer.services.outcomes import BatchOutcome
from balancer.services.quarantine_rows import requarantine
from balancer.store import conservation, intake, workitems
from balancer.store.batches import supersede_held
from balancer.store.database import Session
from balancer.store.intake import KnownStudy
from balancer.store.policies import current_policy
from balancer.store.sources import by_workitems
from balancer.store.studies import open_count
from balancer.store.tables import BatchRow, FeedRow

# Clocks of hospitals differ; beyond this an extract claims to come from the future.
_CLOCK_TOLERANCE = timedelta(minutes=15)


class Taking:
    """One batch being taken: its rows in their heaps, and what the store knew of its trust before.

    ``complete``: the batch is all that the feed says; if not, nothing is concluded from what it does not name.
    """

    def __init__(  # noqa: PLR0913 - a batch's own facts
        self,
        session: Session,
        feed: FeedRow,
        batch: BatchRow,
        parsed: ParsedExtract,
        now: datetime,
        *,
        complete: bool = True,
    ) -> None:
        if parsed.problem:  # nothing it may hold can be relied on
            parsed = replace(parsed, rows_read=0, studies=(), duplicates=(), excluded=(), quarantined=())
        self.session = session
        self.feed = feed
        self.batch = batch
        self.batch_id = batch.id or 0
        self.parsed = parsed
        self.now = now
        self.excluded = {row.key.accession_number: row.rule for row in parsed.excluded}
        self.accepted = {study.accession_number: study for study in parsed.studies}
        self._refuse_strangers()
        self.before = open_count(session, feed.trust)
        # what a feed of changes does not name, it says nothing about
        takes_away = complete and (feed.kind is FeedKind.SNAPSHOT or bool(self.excluded))
        named = {*self.accepted, *self.excluded}
        self.known = intake.known_studies(session, feed.trust, named, all_open=takes_away)
        self.touched: set[int] = set()
        self.silent_on: set[int] = set()
        self.others = intake.other_owners(session, feed)
        closed = [study.id for study in self.known.values() if study.state is not StudyState.OPEN]
        self.created = workitems.created_here(session, feed.trust, closed)
        # reckoned before the batch changes anything
        self.done_here = intake.done_here(session, feed.trust) if takes_away else set()
        ours = (study.id for study in self.known.values() if self._is_ours(study))
        self.owned = sum(study_id not in self.done_here for study_id in ours)
        self.due_times = DueTimes(current_policy(session), (study.acquired_at for study in parsed.studies), now)

    def _refuse_strangers(self) -> None:
        """Ensure that every row is of the feed's trust and no study is accepted twice."""
        keys = [*(study.key for study in self.parsed.studies), *(row.key for row in self.parsed.excluded)]
        if any(key.trust != self.feed.trust for key in keys):
            raise InvalidValueError("trust", f"feed {self.feed.name!r} delivers studies of {self.feed.trust} only")
        if len(self.accepted) != len(self.parsed.studies):
            raise BooksError(f"feed {self.feed.name!r}: two accepted rows are of one study")

    def take(self, most_closed: float) -> BatchOutcome:
        """Take what the batch brings, close what it silently closes unless it must be held, and settle its books."""
        counts = self.take_studies()
        closures = self._closures()
        reason = self._why_held(closures, most_closed)
        self.silent_on = set() if reason else self.silent_on
        self.keep_excluded()
        if reason:
            self.batch.state, self.batch.reason, self.batch.waiting = BatchState.HELD, reason, len(closures)
            intake.hold_closures(self.session, self.batch_id, closures)
        else:
            intake.close_studies(self.session, closures, now=self.now)
            counts |= _closed(closures)
            self.touched |= closures.keys()
        self.keep_reads()
        self._take_quarantined(complete=not reason and self.feed.kind is FeedKind.SNAPSHOT)
        self._take_word(reason)
        return self.settle(counts)

    def settle(self, counts: Mapping[str, int]) -> BatchOutcome:
        """Close the batch's books."""
        touched = self.touched | self.silent_on
        return settle(self.session, self.feed, self.batch, counts, open_before=self.before, touched=touched)

    def keep_reads(self) -> None:
        """Bring the reads of everything that the batch has touched in line with what it says."""
        about = BatchAbout(feed=self.feed, batch_id=self.batch_id, extracted_at=self.parsed.extracted_at, now=self.now)
        keep_reads(self.session, about, self.touched, silent_on=self.silent_on)

    def narrow_to(self, studies: Iterable[IncomingStudy], *, duplicates: Iterable[IncomingStudy]) -> None:
        """Take only these of the accepted studies; the others count among the ``duplicates``."""
        self.parsed = replace(self.parsed, studies=tuple(studies), duplicates=tuple(duplicates))
        self.accepted = {study.accession_number: study for study in self.parsed.studies}

    # --- what comes in -----------------------------------------------------------------------------------------------

    def take_studies(self) -> dict[str, int]:
        """Add, change and reopen what the batch states, and return the books' row columns."""
        added: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        reopened: list[dict[str, Any]] = []
        seen: list[int] = []
        for study in self.parsed.studies:
            known = self.known.get(study.accession_number)
            stated = self._stated(study, known)
            if known is None:
                added.append(self._added(study, stated))
            elif known.state is not StudyState.OPEN:
                reopened.append(self._changed(known, study, stated) | self._opened())
            elif known.stated != stated:
                changed.append(self._changed(known, study, stated))
            else:
                seen.append(known.id)
        self.touched.update(row["id"] for row in (*changed, *reopened))
        intake.add_studies(self.session, added)
        intake.change_studies(self.session, changed)
        intake.change_studies(self.session, reopened)
        intake.see_studies(self.session, seen, batch_id=self.batch_id, now=self.now)
        self.touched |= conservation.miscounted(self.session, self.feed.trust, self.batch_id)
        intake.adopt_studies(self.session, self._orphans(), self.feed)
        intake.end_exclusions(self.session, self.feed, self.accepted)
        return {
            "rows_read": self.parsed.rows_read,
            "new": len(added),
            "changed": len(changed) + len(reopened),
            "reopened": len(reopened),
            "unchanged": len(seen),
            "duplicate": len(self.parsed.duplicates),
            "excluded": len(self.parsed.excluded),
            "quarantined": len(self.parsed.quarantined),
        }

    def _stated(self, study: IncomingStudy, known: KnownStudy | None) -> intake.Stated:
        """Return what a row states; if it says not where the images are, whoever created its workitem did."""
        stated = intake.stated_by(study)
        return intake.with_images_of(stated, known) if known is not None and known.id in self.created else stated

    def _added(self, study: IncomingStudy, stated: intake.Stated) -> dict[str, Any]:
        return {
            **intake.columns_of(stated),
            "trust": study.trust,
            "accession_number": study.accession_number,
            "feed": self.feed.name,
            "state": StudyState.OPEN,
            "exclusion_rule": "",
            "clock_started_at": study.acquired_at,
            "due_at": self.due_times.due_at(study.priority, study.acquired_at, study.due_at),
            "first_batch_id": self.batch_id,
            "last_batch_id": self.batch_id,
            "first_seen_at": self.now,
            "last_seen_at": self.now,
            "closed_at": None,
            "reopened_at": None,
        }

    def _changed(self, known: KnownStudy, study: IncomingStudy, stated: intake.Stated) -> dict[str, Any]:
        """Return what changes of a known study; one that has come back keeps the clock it started with.

        A trust that files a study anew often stamps it anew, and its patient has been waiting since the first time.
        """
        started = study.acquired_at
        if known.came_back or known.state is not StudyState.OPEN:
            started = min(started, known.clock_started_at)
        return {
            **intake.columns_of(stated),
            "id": known.id,
            "clock_started_at": started,
            "due_at": self.due_times.due_at(study.priority, started, study.due_at),
            "last_batch_id": self.batch_id,
            "last_seen_at": self.now,
        }

    def _opened(self) -> dict[str, Any]:
        return {
            "feed": self.feed.name,
            "state": StudyState.OPEN,
            "exclusion_rule": "",
            "closed_at": None,
            "reopened_at": self.now,
        }

    def _orphans(self) -> list[int]:
        """Return open studies of the batch whose own feed is no longer listed, or that no feed had listed yet.

        A study that was made known by a workitem is the feed's that lists it: its silence says that it is reported.
        """
        owners = {*self.others, self.feed.name} - {by_workitems(self.feed.trust)}
        known = (self.known.get(number) for number in self.accepted)
        return [item.id for item in known if item and item.state is StudyState.OPEN and item.feed not in owners]

    # --- what goes out -----------------------------------------------------------------------------------------------

    def _closures(self) -> dict[int, str]:
        """Return the open studies that the batch says wait no longer: gone (empty) or excluded by the rule named."""
        if self.parsed.problem:
            return {}
        suspects = Suspects(self.parsed.quarantined)
        present = {*self.accepted, *(study.accession_number for study in self.parsed.duplicates)}
        closures = {}
        for number, study in self.known.items():
            if study.state is not StudyState.OPEN or number in present:
                continue
            if number in self.excluded:
                closures[study.id] = self.excluded[number]
            elif self._is_silent_on(study, suspects):
                closures[study.id] = ""
        return self._but_claimed(closures)

    def _but_claimed(self, closures: Mapping[int, str]) -> dict[int, str]:
        """Return the closures without those of studies that somebody has open: these go when the claim has ended.

        With the next snapshot, or because they have been left out (``close_left_out``).
        """
        free = intake.unclaimed(self.session, closures.keys(), beside=self.touched)
        self.silent_on = closures.keys() - free
        return {study_id: rule for study_id, rule in closures.items() if study_id in free}

    def _is_silent_on(self, study: KnownStudy, suspects: Suspects) -> bool:
        """Tell whether the batch, by not naming an open study, says that it has been reported."""
        key = StudyKey(self.feed.trust, study.accession_number)
        snapshot = self.feed.kind is FeedKind.SNAPSHOT
        return snapshot and self._is_ours(study) and not suspects.include(key, study.local_patient_id)

    def _is_ours(self, study: KnownStudy) -> bool:
        """Tell whether an open study is this feed's to withdraw: its own, or of a feed that is no longer listed."""
        return study.state is StudyState.OPEN and study.feed not in self.others

    def _why_held(self, closures: Mapping[int, str], most_closed: float) -> str:
        """Return in words why nothing is closed before a person has looked; empty if all is well."""
        parsed = self.parsed
        if parsed.problem:
            return parsed.problem
        if self._accepts_nothing():
            return f"no row of {parsed.rows_read} was accepted"
        unexpected = len(closures.keys() - self.done_here)
        return self._why_doubted(unexpected, most_closed) if closures else ""

    def _accepts_nothing(self) -> bool:
        """Tell whether no row was accepted; a change feed may well have nothing to say, or only what to leave out."""
        if self.parsed.studies or self.parsed.duplicates:
            return False
        if self.feed.kind is FeedKind.DELTA:
            return self.parsed.rows_read > 0 and not self.parsed.excluded
        return True

    def _why_doubted(self, closing: int, most_closed: float) -> str:
        extracted_at = self.parsed.extracted_at
        if extracted_at is None and self.feed.kind is FeedKind.SNAPSHOT:
            return "does not say when it was extracted"
        if extracted_at is not None and extracted_at > self.now + _CLOCK_TOLERANCE:
            return f"says that it was extracted in the future, at {extracted_at}"
        if closing > most_closed * self.owned:
            return f"would close {closing} of the feed's {self.owned} open studies, more than {most_closed:.0%}"
        return ""

    # --- what stays --------------------------------------------------------------------------------------------------

    def keep_excluded(self) -> None:
        """Keep the excluded rows with their rule, but those of studies that the same batch also accepts."""
        rows = [row for row in self.parsed.excluded if row.key.accession_number not in self.accepted]
        intake.keep_exclusions(self.session, self.feed, rows, batch_id=self.batch_id, now=self.now)

    def _take_quarantined(self, *, complete: bool) -> None:
        settled = {*self.accepted, *self.excluded, *(study.accession_number for study in self.parsed.duplicates)}
        requarantine(
            self.session,
            self.feed,
            self.parsed.quarantined,
            settled=settled,
            complete=complete,
            batch_id=self.batch_id,
            now=self.now,
        )
        if complete:
            intake.end_other_exclusions(self.session, self.feed, batch_id=self.batch_id)

    def _take_word(self, reason: str) -> None:
        """Enter how recent the feed's word is, and that earlier held batches are moot once a later one says it all."""
        if reason and not self.parsed.studies:
            return
        if self.parsed.extracted_at is not None:
            take_extracted_at(self.feed, self.parsed.extracted_at, self.now)
        if self.feed.kind is FeedKind.SNAPSHOT:
            supersede_held(self.session, self.feed.name, before=self.batch_id, now=self.now)


def _closed(closures: Mapping[int, str]) -> dict[str, int]:
    excluded = sum(1 for rule in closures.values() if rule)
    return {"withdrawn": len(closures) - excluded, "excluded_since": excluded}

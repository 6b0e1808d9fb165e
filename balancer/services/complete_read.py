"""Complete a read: its report is written, and believed until its source contradicts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor, ActorKind
from balancer.domain.errors import ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import CLOCKS_DIFFER, ReadEvent, ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.policy import Policy
from balancer.domain.reporter import Reporter
from balancer.services.claim_read import (
    note_not_entitled,
    note_same_reader,
    require_first_of_study,
    why_not_verify,
)
from balancer.services.follow_reads import follow_readings, locked_study
from balancer.services.hold_over import reporter_as_held
from balancer.store import claims, people, reads
from balancer.store.database import Database, Session
from balancer.store.exceptions import open_exception
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ClaimRow, CompletionRow, ReadRow


def complete_read(  # noqa: PLR0913 - what was done, by whom, on whose word, and what it came to
    db: Database,
    read_id: int,
    reporter_id: str,
    now: datetime,
    *,
    by: Actor,
    outcome: Outcome | None = None,
    provisional: bool = False,
    presumed: str = "",
    claim: ClaimRow | None = None,
) -> bool:
    """Enter that the reporter has done the read; saying so twice is saying so once.

    The second time may say what the ``outcome`` was if the first did not; what has been said is not changed so.

    A report is ``provisional`` if so said, or if its reporter's grade is one whose reports are: somebody else verifies
    it. Readings of one study that differ are decided on by somebody else. Who may not verify has neither verified nor
    decided: what they did is kept beside.

    A completion that comes after the claim has lapsed is accepted if nobody else has claimed the read since. If
    somebody has, or the read is done or no longer to be read, both stand: the completion is kept, an exception tells
    the trust's reporting office, and the answer is ``False``. It is never dropped. So it is if the read came back
    after this reporter had completed it, and they have not opened it since: that is the old word once more, and what
    it says has been doubted. Whoever may not report the study (any more) has done so all the same, and the office is
    told. ``presumed``: the read was open in this name, though nobody had said that it was they who opened it; whoever
    is said to have done it has it. Nor is it lost if the read is by now another's and hidden from this reporter, who
    may still read the study blind: the answer is the same and names nobody.

    What was done under a claim that has ended is no report of images that were made after that, nor of what somebody
    has opened since: it is kept beside as well. ``claim`` is that under which it was done, where the step says so; else
    it is the reporter's last.

    Raises
    ------
    NotFoundError
        If there is no such read or reporter; a reporter whose entitlements have gone is one.
    ConflictError
        If the reporter completes for themselves what they never claimed, or a second read of one study.
    """
    with db.transaction() as session, claims.seeing_what_they_opened(session, read_id, reporter_id):
        person, policy = (
            reporter_as_held(session, people.reporter_anywhere(session, reporter_id), now),
            current_policy(session),
        )
        locked_study(session, reads.read(session, read_id).study_id)
        row, study = reads.locked_read(session, read_id)
        if row.state is ReadState.DONE and row.reporter_id == reporter_id:
            if _say_outcome(session, row, outcome, by, now):
                follow_readings(session, study, policy, now)
            return True
        if by.reporter_id == reporter_id and not claims.had_claimed(session, read_id, reporter_id):
            raise ConflictError(f"the reporter has not claimed the read: it is {row.state}")
        if by.reporter_id == reporter_id:
            require_first_of_study(session, row, reporter_id)
        repeated = claims.is_said_again(session, read_id, reporter_id)
        report = _Report(row, person, policy, outcome, provisional=provisional)
        outdated = _is_outdated(session, row, study, reporter_id, claim)
        accepted = _is_free_for(row, {reporter_id, presumed}) and report.counts and not (repeated or outdated)
        system = by.subject if by.kind is ActorKind.SYSTEM else ""
        claims.add_completion(
            session,
            CompletionRow(
                read_id=read_id,
                reporter_id=reporter_id,
                completed_at=now,
                system=system,
                accepted=accepted,
                outcome=outcome,
                provisional=report.is_provisional,
            ),
        )
        if accepted:
            claims.end_claim(session, read_id, ReadEvent.COMPLETE, now=now)
            done: dict[str, Any] = {
                "reporter_id": reporter_id,
                "done_at": now,
                "confirmed_at": None,
                "outcome": outcome,
                "provisional": report.is_provisional,
            }
            reads.move(session, row, ReadEvent.COMPLETE, ReadState.DONE, by=by, now=now, detail=report.facts, **done)
            note_same_reader(session, row, study, reporter_id, by, now)
            note_not_entitled(session, row, study, person, by, now)
            follow_readings(session, study, policy, now)
        else:
            _keep_beside(session, row, study, reporter_id, by, now, again=repeated)
            report.note(session, study, by, now)
        return accepted


@dataclass(frozen=True, slots=True)
class _Report:
    """What somebody says they have written of a read."""

    row: ReadRow
    person: Reporter
    policy: Policy
    outcome: Outcome | None
    provisional: bool = field(kw_only=True)

    @property
    def is_provisional(self) -> bool:
        """Whether somebody else has to verify it; what verifies or decides is final."""
        by_grade = self.policy.follow_up.is_provisional(self.person.grade)
        return self.row.kind is ReadKind.INTERPRETATION and (self.provisional or by_grade)

    @property
    def counts(self) -> bool:
        """Whether whoever wrote it may write what it is."""
        return not why_not_verify(self.row, self.person, self.policy)

    @property
    def facts(self) -> dict[str, object]:
        """What the audit trail says of it."""
        said: dict[str, object] = {} if self.outcome is None else {"outcome": self.outcome.value}
        return {**said, "provisional": True} if self.is_provisional else said

    def note(self, session: Session, study: StudyRow, by: Actor, now: datetime) -> None:
        """Bring to the trust's reporting office if somebody has done what they may not."""
        why_not = why_not_verify(self.row, self.person, self.policy)
        if why_not:
            kind, detail = ExceptionKind.MAY_NOT_VERIFY, f"{self.person.reporter_id}: {why_not}"
            open_exception(session, kind, self.row.id or 0, study, by=by, now=now, detail=detail)


def _say_outcome(session: Session, row: ReadRow, outcome: Outcome | None, by: Actor, now: datetime) -> bool:
    """Enter the outcome of a read that was done without saying it; ``False`` if there is nothing to enter."""
    if outcome is None or row.outcome is not None:
        return False
    reads.say_outcome(session, row, outcome, by=by, now=now)
    claims.add_outcome(session, row.id or 0, row.reporter_id or "", outcome)
    return True


def _is_outdated(session: Session, row: ReadRow, study: StudyRow, reporter_id: str, claim: ClaimRow | None) -> bool:
    """Tell whether what was done under a claim, the reporter's last if it is not said, is no longer all there is."""
    last = claims.last_of(session, row.id or 0, None if claim is not None else reporter_id)
    under = claim or last
    if under is None or last is None or under.ended_at is None:
        return False
    return last.id != under.id or study.acquired_at > under.ended_at + CLOCKS_DIFFER


def _is_free_for(row: ReadRow, names: Collection[str]) -> bool:
    """Tell whether a read may be completed by whoever these names are: it is theirs, or nobody has it open."""
    if row.state is ReadState.CLAIMED:
        return row.reporter_id in names
    return row.state in {ReadState.ALLOCATED, ReadState.UNALLOCATED}


def _keep_beside(  # noqa: PLR0913, PLR0917
    session: Session, row: ReadRow, study: StudyRow, reporter_id: str, by: Actor, now: datetime, *, again: bool
) -> None:
    whose = f", with {row.reporter_id}" if row.reporter_id else ""
    said = "completed once more" if again else "completed"
    detail = f"{said} by {reporter_id} when it was {row.state}{whose}"
    kind = ExceptionKind.COMPLETED_BESIDE
    open_exception(session, kind, row.id or 0, study, by=by, now=now, detail=detail)

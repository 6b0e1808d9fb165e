"""Claim a read: of all who want it at the same moment one gets it, and the others hear who."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.actor import Actor, ActorKind, job
from balancer.domain.errors import ClaimedError, ConflictError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadEvent, ReadKind, ReadState
from balancer.domain.policy import Policy, ReadingRules
from balancer.domain.reporter import Reporter
from balancer.services.end_claim import end_unread
from balancer.services.hold_over import Readable, StudiesAsHeld, reporter_as_held
from balancer.store import choice, claims, instructions, people, reads
from balancer.store.database import Database, Session
from balancer.store.exceptions import open_exception
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ClaimRow, ReadRow

# Skips are shown in aggregate only: the trail does not say whose brought an exception about.
_NOBODY = job("choice")
_CLAIMS = job("claims")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A read that a reporter has open.

    ``lease_until``: when it ends unless a heartbeat comes, if any can. ``withdrawn``: its source no longer asks for it.
    """

    read_id: int
    reporter_id: str
    claimed_at: datetime
    lease_until: datetime | None
    withdrawn: bool


def claim_read(  # noqa: PLR0913 - what is claimed, for whom, on whose word
    db: Database, read_id: int, reporter_id: str, now: datetime, *, by: Actor, heartbeats: bool = True
) -> Claim:
    """Ensure that ``reporter_id`` has the read open; asking again for what one has renews it.

    A reporter who claims for themselves may take any of the next few on their list (bounded choice); what they pass
    over is counted. On a system's or a manager's word somebody has opened a study, wherever it stands: that is a fact,
    and if they may not report it, an exception too. ``heartbeats``: the client will send some.

    Raises
    ------
    NotFoundError
        If there is no such read or reporter.
    ClaimedError
        If somebody else has it open; it says who.
    ConflictError
        If it is not to be read now, not among the reporter's next few, or they have too many open or another read of
        the study.
    """
    with db.transaction() as session:
        policy = current_policy(session)
        rules = policy.reading
        person = reporter_as_held(session, people.reporter_anywhere(session, reporter_id), now)
        row, study = reads.locked_read(session, read_id)
        lease = now + timedelta(minutes=rules.lease_minutes) if heartbeats else None
        _end_if_over(session, row, study, reporter_id, now)
        if row.state is ReadState.CLAIMED:
            return _again(session, row, reporter_id, lease)
        if by.reporter_id == reporter_id:
            require_first_of_study(session, row, reporter_id)
            claims.take_turn(session, reporter_id)
            require_room(session, reporter_id, rules)
            _require_scope(session, row, study, person, policy, now)
            _require_choice(session, row, person, rules, now)
        return _claim(session, row, study, person, policy, lease, by=by, now=now)


def _claim(  # noqa: PLR0913, PLR0917 - whose it becomes, until when, on whose word
    session: Session,
    row: ReadRow,
    study: StudyRow,
    person: Reporter,
    policy: Policy,
    lease: datetime | None,
    *,
    by: Actor,
    now: datetime,
) -> Claim:
    read_id = row.id or 0
    reads.move(session, row, ReadEvent.CLAIM, ReadState.CLAIMED, by=by, now=now, reporter_id=person.reporter_id)
    system = by.subject if by.kind is ActorKind.SYSTEM else ""
    made = ClaimRow(read_id=read_id, reporter_id=person.reporter_id, system=system, claimed_at=now, lease_until=lease)
    claim = claims.add_claim(session, made)
    note_same_reader(session, row, study, person.reporter_id, by, now)
    note_not_entitled(session, row, study, person, by, now)
    why_not = why_not_verify(row, person, policy)
    if why_not:
        kind, detail = ExceptionKind.MAY_NOT_VERIFY, f"{person.reporter_id}: {why_not}"
        open_exception(session, kind, read_id, study, by=by, now=now, detail=detail)
    return claim_of(claim)


def claim_of(row: ClaimRow) -> Claim:
    """Return the claim that a row states."""
    return Claim(
        read_id=row.read_id,
        reporter_id=row.reporter_id,
        claimed_at=row.claimed_at,
        lease_until=row.lease_until,
        withdrawn=row.withdrawn_at is not None,
    )


def why_outside(study: Readable, person: Reporter, now: datetime) -> str:
    """Return in words why a reporter may not report a study (H1 to H3); empty if they may."""
    if study.trust not in person.trusts:
        return f"not entitled at {study.trust}"
    until = person.entitled_until(study.trust)
    if until is not None and until <= now:
        return f"the entitlement at {study.trust} has expired"
    if person.modalities and study.modality not in person.modalities:
        return f"{study.modality} is outside the scope"
    if not person.level(study.subspecialty, study.modality):
        return f"{study.subspecialty} is outside the scope"
    if person.reporter_id in study.excluded:
        return "excluded from the study"
    return ""


def _why_steered(session: Session, row: ReadRow, reporter_id: str) -> str:
    """Return in words what a person has decided that speaks against this reporter's having the read, if anything."""
    pinned = instructions.pins(session, row.study_id).get((row.study_id, row.number), reporter_id)
    if pinned != reporter_id:
        return "pinned to somebody else"
    return "barred from the study" if (row.study_id, reporter_id) in instructions.bars(session, [row.study_id]) else ""


def why_not_verify(row: ReadRow | reads.Standing, person: Reporter, policy: Policy) -> str:
    """Return in words why a reporter may not verify or arbitrate, if the read is that; empty if they may."""
    if row.kind is ReadKind.INTERPRETATION or policy.follow_up.may_verify(person.grade):
        return ""
    return f"{row.kind} is not for a {person.grade or 'reporter without a grade'}"


def require_first_of_study(session: Session, row: ReadRow, reporter_id: str) -> None:
    """Ensure that a reporter has neither open nor done another read of the study: the readings are independent (H9).

    Raises
    ------
    ConflictError
        If they have.
    """
    if claims.has_another(session, row, reporter_id):
        raise ConflictError(f"the reporter has another read of the study: this one is {row.state}, for somebody else")


def note_same_reader(  # noqa: PLR0913, PLR0917 - whose reads, on whose word
    session: Session, row: ReadRow, study: StudyRow, reporter_id: str, by: Actor, now: datetime
) -> None:
    """Bring it to the trust's reporting office if a reporter has two reads of one study, open or done."""
    if claims.has_another(session, row, reporter_id):
        detail = f"{reporter_id} has another read of the study"
        open_exception(session, ExceptionKind.SAME_READER, row.id or 0, study, by=by, now=now, detail=detail)


def note_not_entitled(  # noqa: PLR0913, PLR0917 - who opened or did what, on whose word
    session: Session, row: ReadRow, study: StudyRow, person: Reporter, by: Actor, now: datetime
) -> None:
    """Bring it to the trust's reporting office if somebody who may not report it has opened or done a read."""
    why_not = why_outside(StudiesAsHeld(session, now).of(study), person, now) or _why_steered(
        session, row, person.reporter_id
    )
    if why_not:
        detail = f"{person.reporter_id}: {why_not}"
        kind = ExceptionKind.CLAIMANT_NOT_ENTITLED
        open_exception(session, kind, row.id or 0, study, by=by, now=now, detail=detail)


def require_claim(session: Session, row: ReadRow, reporter_id: str) -> ClaimRow:
    """Return the live claim of a read, which must be this reporter's.

    Raises
    ------
    ClaimedError
        If it is somebody else's.
    ConflictError
        If nobody has it open.
    """
    claim = claims.live_claim(session, row.id or 0)
    if claim is None:
        taken = claims.was_taken_over(session, row.id or 0, reporter_id)
        why = "a manager has taken the read over" if taken else "nobody has claimed the read"
        raise ConflictError(f"{why}: it is {row.state}")
    if claim.reporter_id != reporter_id:
        raise somebody_elses(session, claim.reporter_id)
    return claim


def somebody_elses(session: Session, reporter_id: str) -> ClaimedError:
    """Return the error that says who has a read open."""
    name = people.name_of(session, reporter_id)
    return ClaimedError(f"{name} ({reporter_id}) has claimed the read", reporter_id)


def _end_if_over(session: Session, row: ReadRow, study: StudyRow, reporter_id: str, now: datetime) -> None:
    """End somebody else's claim whose lease has run out and that the job has not come to yet."""
    claim = claims.live_claim(session, row.id or 0) if row.state is ReadState.CLAIMED else None
    if claim is None or claim.reporter_id == reporter_id or claim.lease_until is None or claim.lease_until > now:
        return
    end_unread(session, row, study, claim, ReadEvent.LAPSE, by=_CLAIMS, now=now, why="no heartbeat")


def _again(session: Session, row: ReadRow, reporter_id: str, lease: datetime | None) -> Claim:
    claim = require_claim(session, row, reporter_id)
    if claim.lease_until is not None:  # one that has no lease by now belongs to a system that cannot renew it
        claim.lease_until = None if lease is None else max(claim.lease_until, lease)
    return claim_of(claim)


def next_few(session: Session, person: Reporter, rules: ReadingRules, now: datetime) -> list[choice.Offered]:
    """Return the next reads that a reporter may choose from: those first on their list that they may report by now.

    One that they may not (their entitlement has ended since the list was made) is for the next run to place elsewhere;
    it keeps nobody from what comes after it.
    """
    waiting = choice.offered(session, person.reporter_id, now)
    held = StudiesAsHeld(session, now)
    return [item for item in waiting if not why_outside(held.of(item.study), person, now)][: rules.choice]


def require_room(session: Session, reporter_id: str, rules: ReadingRules) -> None:
    """Ensure that a reporter may open one more read; ``ConflictError`` if they have as many open as anybody may."""
    if claims.open_claims(session, reporter_id) >= rules.most_claims:
        raise ConflictError(f"{rules.most_claims} reads are open already: complete or release one first")


def _require_choice(session: Session, row: ReadRow, person: Reporter, rules: ReadingRules, now: datetime) -> None:
    """Ensure that a reporter takes one of the next few, and count what they pass over."""
    offered = next_few(session, person, rules, now)
    numbers = [item.read_id for item in offered]
    if row.id not in numbers and _is_pinned_to(session, row, person.reporter_id):
        return
    if row.id not in numbers:
        raise ConflictError(f"the read is {row.state}, and not among the next {rules.choice} on the reporter's list")
    for item in offered[: numbers.index(row.id)]:
        skips = choice.skip(session, item.read_id, now)
        if skips >= rules.skips_noticed:
            kind, detail = ExceptionKind.SKIPPED_OFTEN, f"passed over {skips} times"
            open_exception(session, kind, item.read_id, item.study, by=_NOBODY, now=now, detail=detail)


def _is_pinned_to(session: Session, row: ReadRow, reporter_id: str) -> bool:
    """Tell whether a read is pinned to a reporter, who may open it though no plan has put it on their list yet."""
    return instructions.pins(session, row.study_id).get((row.study_id, row.number)) == reporter_id


def _require_scope(  # noqa: PLR0913, PLR0917 - who may read what, by what is held at which instant
    session: Session, row: ReadRow, study: StudyRow, person: Reporter, policy: Policy, now: datetime
) -> None:
    why_not = why_not_verify(row, person, policy) or why_outside(StudiesAsHeld(session, now).of(study), person, now)
    if why_not:
        raise ConflictError(f"the reporter may not report it: {why_not}; the read is {row.state}")

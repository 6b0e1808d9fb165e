"""Follow readings up: a provisional report is verified, and somebody decides between readings that differ."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from balancer.domain.actor import Actor, job
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.follow_up import FollowUps, follow_ups
from balancer.domain.life import ReadEvent, ReadKind, ReadState
from balancer.domain.policy import Policy
from balancer.domain.states import StudyState
from balancer.services.urgency import class_held, is_emergency
from balancer.store import claims, reads, runs
from balancer.store import follow_ups as following
from balancer.store.database import Session
from balancer.store.exceptions import open_exception
from balancer.store.scope import unlimited
from balancer.store.tables import StudyRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow

_FOLLOWING = job("follow-up")


def locked_study(session: Session, study_id: int) -> None:
    """Lock every read of a study, also those that the session's caller may not see.

    What one reading asks for depends on the others: of two that are completed at once, the second sees the first.
    """
    with unlimited(session) as whole:
        reads.locked_reads(whole, [study_id])


def follow_readings(session: Session, study: StudyRow, policy: Policy, now: datetime) -> None:
    """Ensure that what a study's readings ask for is to be done, and nothing that they no longer ask for.

    The caller has locked the study's reads (``locked_study``). For an emergency a run is asked for.
    """
    session.flush()
    with unlimited(session) as whole:
        needed = follow_ups(following.readings(whole, study))
        ids = {row.number: row.id or 0 for row in following.reads_of(whole, study)}
        reported = {row.number: row.done_at for row in following.reads_of(whole, study)}
    for number in needed.verify:
        _verify(session, study, ids[number], reported[number] or now, policy, now)
    if needed.arbitrate:
        share = policy.follow_up.arbitration_share
        follows = FollowUpRow(read_id=0, share=share, began_at=now)
        added = following.add_follow_up(session, study, ReadKind.ARBITRATION, follows, by=_FOLLOWING, now=now)
        _note_closed(session, added, study, now)
    _end(session, [ids[number] for number in needed.moot], now)
    _bring_up(session, study, needed, [ids[number] for number in needed.unsaid], now)
    if (needed.verify or needed.arbitrate) and is_emergency(session, study, now):
        runs.ask_for_run(session, now=now, reason="a report of an emergency is to be followed up")


def _verify(  # noqa: PLR0913, PLR0917 - which report, since when, by which rules
    session: Session, study: StudyRow, of_read_id: int, reported_at: datetime, policy: Policy, now: datetime
) -> None:
    target_at, stopped = policy.verification_target(class_held(session, study, now), reported_at)
    follows = FollowUpRow(
        read_id=0,
        of_read_id=of_read_id,
        share=policy.follow_up.verification_share,
        began_at=reported_at,
        target_at=target_at,
        clock_stopped=stopped,
    )
    added = following.add_follow_up(session, study, ReadKind.VERIFICATION, follows, by=_FOLLOWING, now=now)
    _note_closed(session, added, study, now)


def _note_closed(session: Session, read_id: int, study: StudyRow, now: datetime) -> None:
    """Bring up a read that is to follow others of a study that is no longer open: no plan will have it.

    Should the study be listed again, that read is what is left to do, and not its readings once more.
    """
    if study.state is StudyState.OPEN:
        return
    kind, detail = ExceptionKind.NOT_FOLLOWED_UP, f"it is to be followed up, and the study is {study.state}"
    open_exception(session, kind, read_id, study, by=_FOLLOWING, now=now, detail=detail)
    with unlimited(session) as whole:
        readings = [row for row in following.reads_of(whole, study) if row.kind is ReadKind.INTERPRETATION]
        reads.doubt_confirmed(whole, [row.id or 0 for row in readings])


def _end(session: Session, read_ids: Iterable[int], now: datetime) -> None:
    """End follow-ups that nothing asks for any more; whoever has one open is told with their next heartbeat."""
    for read_id in read_ids:
        following.no_longer_wanted(session, read_id)
        row, _ = reads.locked_read(session, read_id)
        if row.state is ReadState.CLAIMED:
            claims.tell_withdrawn(session, read_id, now=now)
        else:
            why = "what it followed no longer asks for it"
            reads.move(session, row, ReadEvent.WITHDRAW, ReadState.WITHDRAWN, by=_FOLLOWING, now=now, why=why)


def _bring_up(session: Session, study: StudyRow, needed: FollowUps, unsaid: list[int], now: datetime) -> None:
    if needed.unsaid and not needed.arbitrate:
        kind, detail = ExceptionKind.OUTCOME_UNSAID, "the readings cannot be compared: an outcome has not been said"
        open_exception(session, kind, unsaid[0], study, by=_FOLLOWING, now=now, detail=detail)


def note_not_followed_up(session: Session, row: ReadRow, study: StudyRow, by: Actor, now: datetime) -> None:
    """Bring it to the trust's reporting office if a study goes whose readings were to be followed up."""
    if row.kind is ReadKind.INTERPRETATION or study.state is StudyState.EXCLUDED:
        return
    if row.id in following.moot(session, [row.study_id]):
        return
    what = "verified" if row.kind is ReadKind.VERIFICATION else "arbitrated"
    kind, detail = ExceptionKind.NOT_FOLLOWED_UP, f"its source no longer asks for the study, which was not {what} here"
    open_exception(session, kind, row.id or 0, study, by=by, now=now, detail=detail)

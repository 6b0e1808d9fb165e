"""End the claims that nobody keeps alive, and bring those that nobody can to somebody's notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from balancer.domain.actor import job
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.instant import LONDON
from balancer.domain.life import ReadEvent
from balancer.services.each_read import each_read
from balancer.services.end_claim import end_unread
from balancer.store import claims, reads
from balancer.store.database import Database
from balancer.store.exceptions import is_resolved_since, open_exception
from balancer.store.policies import current_policy
from balancer.store.tables_life import ClaimRow

_JOB = job("claims")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapses:
    """How many claims have lapsed, and how many were brought to somebody's notice."""

    lapsed: int
    noticed: int


def lapse_claims(db: Database, now: datetime) -> Lapses:
    """End every claim whose lease ran out by ``now``; its read goes back where it stood.

    A claim by a system that sends no heartbeats does not lapse: once it is older than the policy's hours it becomes an
    exception, and a manager may release it or give it to somebody else; once somebody has seen to that exception it is
    the next when it is as old again. But if its source has withdrawn the study
    (reported there, most often in that very system) it ends as long after as a lease lasts, and the read goes.
    """
    with db.session() as session:
        rules = current_policy(session).reading
        patience = timedelta(minutes=rules.lease_minutes)
        over = sorted({*claims.lapsed(session, now), *claims.silent_and_withdrawn(session, now - patience)})
        before = now - timedelta(hours=rules.claim_hours)
        old = [row.read_id for row in claims.silent_since(session, before)]
    return Lapses(
        lapsed=each_read(over, lambda read_id: _lapse(db, read_id, now, patience), job=_JOB.name),
        noticed=each_read(old, lambda read_id: _notice(db, read_id, now, before), job=_JOB.name),
    )


def _lapse(db: Database, read_id: int, now: datetime, patience: timedelta) -> bool:
    """End one claim, unless a heartbeat, or its source's word that it asks for the study, came in the meantime."""
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        claim = claims.live_claim(session, read_id)
        if claim is None or not _is_over(claim, now, patience):
            return False
        why = "no heartbeat" if claim.lease_until is not None else "its source has withdrawn the study"
        end_unread(session, row, study, claim, ReadEvent.LAPSE, by=_JOB, now=now, why=why)
        return True


def _is_over(claim: ClaimRow, now: datetime, patience: timedelta) -> bool:
    if claim.lease_until is not None:
        return claim.lease_until <= now
    return claim.withdrawn_at is not None and claim.withdrawn_at <= now - patience


def _notice(db: Database, read_id: int, now: datetime, before: datetime) -> bool:
    with db.transaction() as session:
        row, study = reads.locked_read(session, read_id)
        claim = claims.live_claim(session, read_id)
        if claim is None or claim.lease_until is not None:
            return False
        if is_resolved_since(session, ExceptionKind.CLAIMED_TOO_LONG, read_id, max(claim.claimed_at, before)):
            return False
        detail = f"open at {claim.reporter_id} since {claim.claimed_at.astimezone(LONDON):%a %d %b %Y %H:%M}"
        kind = ExceptionKind.CLAIMED_TOO_LONG
        return open_exception(session, kind, row.id or 0, study, by=_JOB, now=now, detail=detail)

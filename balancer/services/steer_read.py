"""What a manager decides about one read: whose it is, and whether it is read here at all, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from balancer.domain.actor import Actor
from balancer.domain.errors import UntimelyError
from balancer.domain.instruction import Instruction, InstructionKind
from balancer.services.put_in_force import decide
from balancer.store import reads
from balancer.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What every decision says beside what it decides: why, until when if not for good, and in which draft if in one.

    ``reason`` names no patient.
    """

    reason: str
    expires_at: datetime | None = None
    draft_id: int | None = None


def pin_read(  # noqa: PLR0913 - what is pinned to whom, by whom and why
    db: Database, read_id: int, reporter_id: str, now: datetime, *, by: Actor, said: Said
) -> Instruction:
    """Ensure that a read is this reporter's or nobody's (H7), in place of an earlier pin of it.

    It leaves the list of anybody else at once; a run is asked for. A pin overrides nothing else and cannot be forced.

    Raises
    ------
    NotFoundError
        If there is no such read or reporter.
    ClaimedError
        If somebody else has it open; it says who.
    ConflictError
        If it is not to be read, or not by this reporter; it says why.
    """
    return decide_about_read(db, InstructionKind.PIN, read_id, now, by=by, said=said, reporter_id=reporter_id)


def bar_reporter(  # noqa: PLR0913 - who is barred from what, by whom and why
    db: Database, read_id: int, reporter_id: str, now: datetime, *, by: Actor, said: Said
) -> Instruction:
    """Ensure that a reporter is not offered any read of this one's study (H6); what they have open they may report.

    It leaves their list at once; a run is asked for.

    Raises
    ------
    NotFoundError
        If there is no such read.
    """
    return decide_about_read(db, InstructionKind.BAR, read_id, now, by=by, said=said, reporter_id=reporter_id)


def exclude_read(  # noqa: PLR0913 - what is excluded, by whom, with whose approval and why
    db: Database, read_id: int, now: datetime, *, by: Actor, said: Said, approver: str
) -> Instruction:
    """Take a read out of the queue because it is not to be read here; it comes back when the decision ends.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ConflictError
        If it does not wait to be read: somebody has it open, or has done it.
    """
    return decide_about_read(db, InstructionKind.EXCLUDE, read_id, now, by=by, said=said, value={"approver": approver})


def send_out_read(  # noqa: PLR0913 - what goes, why, to whom and until when
    db: Database, read_id: int, now: datetime, *, by: Actor, said: Said, provider: str, due_back_at: datetime
) -> Instruction:
    """Give a read to a provider outside the network; if it is not back in time, the reporting office is told.

    Raises
    ------
    NotFoundError
        If there is no such read.
    UntimelyError
        If ``due_back_at`` is not after ``now``.
    ConflictError
        If somebody has it open, or it is not to be read.
    """
    if due_back_at <= now:
        raise UntimelyError("due_back_at", "must lie in the future")
    value = {"provider": provider, "sent_at": now.isoformat(), "due_back_at": due_back_at.isoformat()}
    return decide_about_read(db, InstructionKind.SEND_OUT, read_id, now, by=by, said=said, value=value)


def decide_about_read(  # noqa: PLR0913 - what is decided about what, by whom and why
    db: Database,
    kind: InstructionKind,
    read_id: int,
    now: datetime,
    *,
    by: Actor,
    said: Said,
    reporter_id: str | None = None,
    value: dict[str, Any] | None = None,
) -> Instruction:
    """Enter a decision about a read, or its study, and do what it says.

    Raises
    ------
    NotFoundError
        If there is no such read.
    ConflictError
        If it cannot be done; it says why.
    """
    with db.transaction() as session:
        study = reads.study_of(session, reads.read(session, read_id).study_id)
        given = Instruction(
            kind=kind,
            trust=study.trust,
            reason=said.reason,
            author=by.subject,
            made_at=now,
            study_id=study.id,
            read_id=None if kind is InstructionKind.BAR else read_id,
            reporter_id=reporter_id,
            value=value or {},
            expires_at=said.expires_at,
            draft_id=said.draft_id,
        )
        return decide(session, given, by=by, now=now)

"""Bring it to the trust's reporting office that a system outside refuses to be told whose a study is.

What it shows may be wrong until the study's next step, and nobody would know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from balancer.domain.actor import job
from balancer.domain.exceptional import ExceptionKind
from balancer.store import meant, reads
from balancer.store.database import Session
from balancer.store.exceptions import exceptions, open_exception
from balancer.store.pages import Cut
from balancer.store.tables_outbox import LetterRow

_OUTLETS: Final = job("outlets")
# A system that refuses everything has one cause, not a thousand: the list of letters that were given up has them all.
MOST_OPEN: Final = 50


def note_not_told(session: Session, letter: LetterRow, error: str, now: datetime) -> None:
    """Open an exception about the study of a letter that was refused, if it is about one."""
    if letter.study_id is None:
        return
    study, kind = reads.study_of(session, letter.study_id), ExceptionKind.NOT_TOLD
    found = meant.reads_of(session, letter.study_id)
    if not found or exceptions(session, Cut(limit=1), trust=study.trust, kind=kind).total >= MOST_OPEN:
        return
    detail = f"{letter.outlet}: {error}"
    open_exception(session, kind, found[0].id or 0, study, by=_OUTLETS, now=now, detail=detail)
